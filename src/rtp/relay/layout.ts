/**
 * The memory that a packet path shares with the reporting side: one record of float64 words for each leg.
 *
 *     SharedArrayBuffer │ leg 0 │ leg 1 │ leg 2 │ …          a leg's slot is the index of its port pair
 *                       └ 96 × 8 bytes, words below ┘
 *
 * One packet path writes a record and nobody else does, but for the two words marked *reader*. Every word only grows
 * while the leg is open, except those marked *now*. The packet path counts and does no more; the arithmetic of reports
 * lies in `quality/figures.ts` and is the same for every engine. Doubles hold counts exactly up to 2^53, are written
 * whole on 64-bit machines, and are plain `double` in C.
 *
 * `version` is odd while the writer is inside an update: a reader that sees it odd, or changed, copies again.
 */
export const LEG_WORDS = 96;
export const LEG_BYTES = LEG_WORDS * 8;

/** Word of each field within a leg's record. */
export const FIELD = {
  // every packet: these lie together
  version: 0,
  /** *reader* Number of the running interval; starts at 1. */
  interval: 1,
  /** Received: RTP (or UDPTL) that was accepted from the peer. */
  packets: 2,
  bytes: 3,
  /** RFC 3550 A.3, summed over all sources: expected by sequence number, and received (duplicates included). */
  expected: 4,
  received: 5,
  /** *now* Monotonic ms on the engine's clock; −1 when none. */
  lastPacketMs: 6,
  /** Packets whose fate is settled: they left the 128-packet window. */
  settled: 7,
  /** *now* µs, of the current source; −1 before its second packet. */
  jitterUs: 8,
  /** Sum over packets of the estimate in µs, how many, and the largest in the interval that `jitterMaxInterval` names. */
  jitterSumUs: 9,
  jitterCount: 10,
  jitterMaxUs: 11,
  jitterMaxInterval: 12,
  /** Sent to the peer. */
  sentPackets: 13,
  sentBytes: 14,
  /** *now* −1 before the first packet. */
  ssrc: 15,
  /** Number of packets carried by payload type, in slots: type + 1 (0: free slot), count. */
  payloadTypes: 16,

  // now and then
  rtcpPackets: 40,
  rtcpBytes: 41,
  reordered: 42,
  duplicates: 43,
  sources: 44,

  // loss pattern of settled packets
  settledLost: 45,
  lossRuns: 46,
  bursts: 47,
  burstPackets: 48,
  burstLost: 49,

  sentRtcpPackets: 50,
  sentRtcpBytes: 51,

  // what the peer's reports say of what it was sent: *now*; `reports` counts them
  reports: 52,
  reportedLost: 53,
  reportedJitterUs: 54,
  reportedFractionLost: 55,

  // round trip between us and the peer: *now*, and sum and count
  rttUs: 56,
  rttSumUs: 57,
  rttCount: 58,

  // the peer's XR VoIP metrics (RFC 3611 §4.7) on what it was sent: *now*; `voipReports` counts them
  voipReports: 59,
  /** 1/256 units, 0–255 */
  voipLossRate: 60,
  voipDiscardRate: 61,
  /** 0–100, 127: unavailable */
  voipRFactor: 62,
  /** MOS × 10, 127: unavailable */
  voipMosCq: 63,

  /** Dropped datagrams by reason, in the order of `DROP_REASONS`. */
  dropped: 64,
} as const;

/** Slots of (type, count); more types than slots are counted in none. */
export const PAYLOAD_TYPE_SLOTS = 12;

/** Why a datagram was not forwarded. The order is the layout: append only. */
export const DROP_REASONS = [
  'source',
  'malformed',
  'srtp-auth',
  'srtp-replay',
  'direction',
  'stun',
  'dtls',
  'not-rtp',
  'rtcp-malformed',
  'undescribed',
  'no-target',
  'peer-direction',
  'srtcp-auth',
  'srtcp-replay',
  'internal',
  'srtp-sources',
  'srtp-seal',
  'telephone-event',
] as const;

export type DropReason = (typeof DROP_REASONS)[number];

/** Word of each reason within the record. */
export const DROP: Readonly<Record<DropReason, number>> = Object.fromEntries(
  DROP_REASONS.map((reason, index) => [reason, FIELD.dropped + index]),
) as Record<DropReason, number>;

/** The view of one leg's record. */
export const legRecord = (buffer: ArrayBufferLike, slot: number): Float64Array =>
  new Float64Array(buffer, slot * LEG_BYTES, LEG_WORDS);

/** Makes a record ready for a new leg. */
export function clearRecord(record: Float64Array): void {
  record.fill(0);
  record[FIELD.interval] = 1;
  record[FIELD.jitterUs] = -1;
  record[FIELD.ssrc] = -1;
  record[FIELD.lastPacketMs] = -1;
  record[FIELD.rttUs] = -1;
}

/** A copy of a record that is whole, or off by one packet after `tries` (an update takes less than a microsecond). */
export function copyRecord(record: Float64Array, into: Float64Array, tries = 8): void {
  for (let attempt = 0; attempt < tries; attempt++) {
    const before = record[FIELD.version]!;
    into.set(record);
    if (before % 2 === 0 && record[FIELD.version] === before) return;
  }
}
