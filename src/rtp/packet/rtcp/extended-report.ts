import type { RtcpSlice } from './header.js';

/**
 * Extended reports (RFC 3611): receiver reference time (§4.4), DLRR (§4.5), statistics summary (§4.6) and VoIP metrics
 * (§4.7). Other blocks are kept by their type alone.
 *
 *     | BT | type-specific | block length in words − 1 | contents |
 */
export interface ExtendedReport {
  readonly type: 'xr';
  readonly ssrc: number;
  readonly blocks: readonly XrBlock[];
}

export type XrBlock = ReceiverReferenceTime | Dlrr | StatisticsSummary | VoipMetrics | OtherXrBlock;

export interface ReceiverReferenceTime {
  readonly kind: 'rrtr';
  readonly ntpSeconds: number;
  readonly ntpFraction: number;
}

export interface Dlrr {
  readonly kind: 'dlrr';
  /** `lastRr` as middle 32 bits of NTP, `delaySinceLastRr` in 1/65536 s */
  readonly reports: readonly { readonly ssrc: number; readonly lastRr: number; readonly delaySinceLastRr: number }[];
}

export interface StatisticsSummary {
  readonly kind: 'statistics';
  readonly ssrc: number;
  readonly beginSequence: number;
  readonly endSequence: number;
  readonly lost: number;
  readonly duplicates: number;
  /** RTP clock units */
  readonly minJitterTs: number;
  readonly maxJitterTs: number;
  readonly meanJitterTs: number;
  readonly deviationJitterTs: number;
}

/** Rates and densities in 1/256; durations and delays in ms; levels in dBm; 127 means unavailable where §4.7 says so. */
export interface VoipMetrics {
  readonly kind: 'voip';
  readonly ssrc: number;
  readonly lossRate: number;
  readonly discardRate: number;
  readonly burstDensity: number;
  readonly gapDensity: number;
  readonly burstDurationMs: number;
  readonly gapDurationMs: number;
  readonly roundTripDelayMs: number;
  readonly endSystemDelayMs: number;
  readonly signalLevelDbm: number;
  readonly noiseLevelDbm: number;
  readonly rerlDb: number;
  readonly gmin: number;
  readonly rFactor: number;
  readonly externalRFactor: number;
  /** MOS × 10 */
  readonly mosLq: number;
  readonly mosCq: number;
  readonly rxConfig: number;
  readonly jitterBufferNominalMs: number;
  readonly jitterBufferMaximumMs: number;
  readonly jitterBufferAbsoluteMaximumMs: number;
}

export interface OtherXrBlock {
  readonly kind: 'other';
  readonly blockType: number;
}

/** A block that runs past the end ends the list; a known block of the wrong size is left out (§3: skip, go on). */
export function decodeExtendedReport(packet: Buffer, slice: RtcpSlice): ExtendedReport | undefined {
  if (slice.body + 4 > slice.end) return undefined;
  const blocks: XrBlock[] = [];
  for (let at = slice.body + 4; at + 4 <= slice.end; ) {
    const next = at + 4 + 4 * packet.readUInt16BE(at + 2);
    if (next > slice.end) break;
    const block = decodeBlock(packet, packet[at]!, at + 4, next);
    if (block) blocks.push(block);
    at = next;
  }
  return { type: 'xr', ssrc: packet.readUInt32BE(slice.body), blocks };
}

function decodeBlock(packet: Buffer, blockType: number, at: number, end: number): XrBlock | undefined {
  switch (blockType) {
    case 4:
      return end - at === 8
        ? { kind: 'rrtr', ntpSeconds: packet.readUInt32BE(at), ntpFraction: packet.readUInt32BE(at + 4) }
        : undefined;
    case 5:
      return (end - at) % 12 === 0 ? decodeDlrr(packet, at, end) : undefined;
    case 6:
      return end - at === 36 ? decodeStatistics(packet, at) : undefined;
    case 7:
      return end - at === 32 ? decodeVoipMetrics(packet, at) : undefined;
    default:
      return { kind: 'other', blockType };
  }
}

function decodeDlrr(packet: Buffer, start: number, end: number): Dlrr {
  const reports = Array.from({ length: (end - start) / 12 }, (_, index) => ({
    ssrc: packet.readUInt32BE(start + 12 * index),
    lastRr: packet.readUInt32BE(start + 12 * index + 4),
    delaySinceLastRr: packet.readUInt32BE(start + 12 * index + 8),
  }));
  return { kind: 'dlrr', reports };
}

function decodeStatistics(packet: Buffer, at: number): StatisticsSummary {
  return {
    kind: 'statistics',
    ssrc: packet.readUInt32BE(at),
    beginSequence: packet.readUInt16BE(at + 4),
    endSequence: packet.readUInt16BE(at + 6),
    lost: packet.readUInt32BE(at + 8),
    duplicates: packet.readUInt32BE(at + 12),
    minJitterTs: packet.readUInt32BE(at + 16),
    maxJitterTs: packet.readUInt32BE(at + 20),
    meanJitterTs: packet.readUInt32BE(at + 24),
    deviationJitterTs: packet.readUInt32BE(at + 28),
  };
}

function decodeVoipMetrics(packet: Buffer, at: number): VoipMetrics {
  return {
    kind: 'voip',
    ssrc: packet.readUInt32BE(at),
    lossRate: packet[at + 4]!,
    discardRate: packet[at + 5]!,
    burstDensity: packet[at + 6]!,
    gapDensity: packet[at + 7]!,
    burstDurationMs: packet.readUInt16BE(at + 8),
    gapDurationMs: packet.readUInt16BE(at + 10),
    roundTripDelayMs: packet.readUInt16BE(at + 12),
    endSystemDelayMs: packet.readUInt16BE(at + 14),
    signalLevelDbm: packet.readInt8(at + 16),
    noiseLevelDbm: packet.readInt8(at + 17),
    rerlDb: packet[at + 18]!,
    gmin: packet[at + 19]!,
    rFactor: packet[at + 20]!,
    externalRFactor: packet[at + 21]!,
    mosLq: packet[at + 22]!,
    mosCq: packet[at + 23]!,
    rxConfig: packet[at + 24]!,
    jitterBufferNominalMs: packet.readUInt16BE(at + 26),
    jitterBufferMaximumMs: packet.readUInt16BE(at + 28),
    jitterBufferAbsoluteMaximumMs: packet.readUInt16BE(at + 30),
  };
}
