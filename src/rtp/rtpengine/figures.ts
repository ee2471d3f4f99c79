import type { LegFigures, ReceptionFigures, SessionFigures, Side, TransmissionFigures } from '../engine.js';
import { type BencodedMap, listOf, mapOf, numberOf, textOf } from './bencode.js';

/**
 * What an answer to `query` tells, in the port's terms. The daemon counts packets and bytes that came in, and keeps the
 * far ends' reports, by the reporter's SSRC; what it does not measure is null.
 *
 *     tags.customer.medias[0].streams[0] RTP, [1] RTCP ──► received; what one side received went to the other: sent
 *     SSRC.<reporter> ──► loss and jitter the reporter tells of what it hears, and its round trip
 */
interface Counted {
  readonly packets: number;
  readonly bytes: number;
  readonly rtcpPackets: number;
  readonly rtcpBytes: number;
  /** Datagrams it refused, RTCP too, without saying which of its reasons it was. */
  readonly refused: number;
  readonly ssrc: number | null;
  /** Whole seconds of the daemon's clock. */
  readonly lastPacketSeconds: number;
  readonly latched: { readonly address: string; readonly port: number } | undefined;
}

export interface QueryReading {
  readonly counted: Readonly<Record<Side, Counted>>;
  readonly figures: SessionFigures;
}

export function readQuery(answer: BencodedMap): QueryReading {
  const counted = { customer: countedOf(answer, 'customer'), remote: countedOf(answer, 'remote') };
  const leg = (side: Side, other: Side): LegFigures => legFigures(answer, counted[side], counted[other]);
  return { counted, figures: { customer: leg('customer', 'remote'), remote: leg('remote', 'customer') } };
}

function countedOf(answer: BencodedMap, side: Side): Counted {
  const media = mapOf(listOf(mapOf(mapOf(answer.tags)[side]).medias)[0]);
  const [rtp, rtcp] = [0, 1].map((index) => mapOf(listOf(media.streams)[index]));
  const [rtpStats, rtcpStats] = [mapOf(rtp!.stats), mapOf(rtcp!.stats)];
  const packets = heard(rtp!, rtpStats);
  const endpoint = mapOf(rtp!.endpoint);
  const [address, port] = [textOf(endpoint.address), numberOf(endpoint.port)];
  return {
    packets,
    bytes: numberOf(rtpStats.bytes) ?? 0,
    rtcpPackets: heard(rtcp!, rtcpStats),
    rtcpBytes: numberOf(rtcpStats.bytes) ?? 0,
    refused: (numberOf(rtpStats.errors) ?? 0) + (numberOf(rtcpStats.errors) ?? 0),
    ssrc: numberOf(rtp!.SSRC) ?? null,
    lastPacketSeconds: numberOf(rtp!['last packet']) ?? 0,
    latched: packets > 0 && address !== undefined && port !== undefined ? { address, port } : undefined,
  };
}

/** On a stream in clear an error is a packet from a strange source, which was counted before; on a keyed one it was not. */
function heard(stream: BencodedMap, stats: BencodedMap): number {
  const refused = textOf(stream['crypto suite']) === undefined ? (numberOf(stats.errors) ?? 0) : 0;
  return Math.max(0, (numberOf(stats.packets) ?? 0) - refused);
}

function legFigures(answer: BencodedMap, own: Counted, other: Counted): LegFigures {
  const report = own.ssrc === null ? {} : mapOf(mapOf(answer.SSRC)[String(own.ssrc)]);
  // 0 where the sender report that the far end means never passed.
  const rttUs = numberOf(lastReport(report)['round-trip time leg']) || null;
  return {
    received: reception(own),
    sent: transmission(other, report),
    rttUs,
    // The daemon's mean is that of the whole call.
    rttMeanUs: null,
    ...(own.latched && { latched: own.latched }),
  };
}

/** The newest entry of the progression. */
function lastReport(report: BencodedMap): BencodedMap {
  return mapOf(listOf(mapOf(report['MOS progression']).entries).at(-1));
}

const UNMEASURED = {
  lost: null,
  reordered: null,
  duplicates: null,
  jitterUs: null,
  jitterMeanUs: null,
  jitterMaxUs: null,
  intervalExpected: 0,
  intervalLost: 0,
  meanLossRun: null,
  burstDensity: null,
  gapDensity: null,
  payloadType: null,
  lastPacketMs: null,
} as const;

/** The one reason there is for dropped packets: a strange source, or SRTP that does not authenticate. */
export const REFUSED = 'rtpengine';

function reception({ packets, bytes, rtcpPackets, rtcpBytes, ssrc, refused }: Counted): ReceptionFigures {
  const dropped = refused > 0 ? { [REFUSED]: refused } : {};
  return { ...UNMEASURED, packets, bytes, rtcpPackets, rtcpBytes, ssrc, dropped };
}

function transmission(other: Counted, report: BencodedMap): TransmissionFigures {
  const last = lastReport(report);
  const jitterMs = numberOf(last.jitter);
  const lossPercent = numberOf(last['packet loss']);
  return {
    packets: other.packets,
    bytes: other.bytes,
    rtcpPackets: other.rtcpPackets,
    rtcpBytes: other.rtcpBytes,
    reportedLost: numberOf(report['cumulative loss']) ?? null,
    reportedJitterUs: jitterMs === undefined ? null : jitterMs * 1000,
    reportedFractionLost: lossPercent === undefined ? null : lossPercent / 100,
  };
}

/** Figures of a session before its daemon has told any. */
export const NO_FIGURES: SessionFigures = readQuery({}).figures;
