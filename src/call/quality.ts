import { estimateMos, type PayloadFormat, type SessionFigures, type Side } from '../rtp/index.js';
import type { PathTotals } from './events.js';

/**
 * Interval quality of a call: computed once from two readings of the media session, then the same numbers go to the
 * media log, the metrics and the record.
 *
 *   cust2vc, rem2vc   measured here
 *   vc2cust, vc2rem   counts are ours; loss and jitter are the far end's RTCP reports, null until one came
 */

export type Path = 'cust2vc' | 'vc2cust' | 'rem2vc' | 'vc2rem';
export const PATHS: readonly Path[] = ['cust2vc', 'vc2cust', 'rem2vc', 'vc2rem'];

export interface PathQuality {
  /** Of the interval. */
  readonly rtpPackets: number;
  readonly rtpBytes: number;
  readonly rtcpPackets: number;
  readonly rtcpBytes: number;
  /** Cumulative for the call; null while unknown. */
  readonly packetsLost: number | null;
  /** Lost in the interval, never negative; null while unknown. */
  readonly packetsLostInterval: number | null;
  /** Microseconds: mean of the interval where measured here, last report where the far end's. */
  readonly jitterUs: number | null;
}

export interface MosQuality {
  /** 1.0–4.4 */
  readonly mos: number;
  /** Inputs of the E-model, as they went in. */
  readonly inputs: Readonly<Record<string, unknown>>;
}

export interface IntervalQuality {
  readonly paths: Readonly<Record<Path, PathQuality>>;
  /** Round trip between us and each side, microseconds, mean of the interval; null while unknown. */
  readonly rttUs: Readonly<Record<Side, number | null>>;
  /** Of what each side sends us; null without media or with an unknown codec. */
  readonly mos: Readonly<Record<Side, MosQuality | null>>;
}

type LegFigures = SessionFigures['customer'];

/**
 * Quality of the interval between two readings; `previous` is undefined for the first.
 * @param ptimesMs packet time of what each side sends, where known
 */
export function intervalQuality(
  previous: SessionFigures | undefined,
  current: SessionFigures,
  formats: Readonly<Record<Side, readonly PayloadFormat[]>>,
  ptimesMs: Readonly<Partial<Record<Side, number>>> = {},
): IntervalQuality {
  return {
    paths: {
      cust2vc: received(previous?.customer, current.customer),
      vc2cust: sent(previous?.customer, current.customer),
      rem2vc: received(previous?.remote, current.remote),
      vc2rem: sent(previous?.remote, current.remote),
    },
    rttUs: { customer: roundTrip(current.customer), remote: roundTrip(current.remote) },
    mos: {
      customer: mosOf(current.customer, formats.customer, ptimesMs.customer),
      remote: mosOf(current.remote, formats.remote, ptimesMs.remote),
    },
  };
}

const roundTrip = (leg: LegFigures): number | null => leg.rttMeanUs ?? leg.rttUs;

function received(previous: LegFigures | undefined, current: LegFigures): PathQuality {
  const before = previous?.received;
  const now = current.received;
  return {
    rtpPackets: now.packets - (before?.packets ?? 0),
    rtpBytes: now.bytes - (before?.bytes ?? 0),
    rtcpPackets: now.rtcpPackets - (before?.rtcpPackets ?? 0),
    rtcpBytes: now.rtcpBytes - (before?.rtcpBytes ?? 0),
    packetsLost: now.packets === 0 ? null : now.lost,
    packetsLostInterval: now.packets === 0 || now.lost === null ? null : Math.max(0, now.lost - (before?.lost ?? 0)),
    jitterUs: now.jitterMeanUs ?? now.jitterUs,
  };
}

function sent(previous: LegFigures | undefined, current: LegFigures): PathQuality {
  const before = previous?.sent;
  const now = current.sent;
  return {
    rtpPackets: now.packets - (before?.packets ?? 0),
    rtpBytes: now.bytes - (before?.bytes ?? 0),
    rtcpPackets: now.rtcpPackets - (before?.rtcpPackets ?? 0),
    rtcpBytes: now.rtcpBytes - (before?.rtcpBytes ?? 0),
    packetsLost: now.reportedLost,
    packetsLostInterval: now.reportedLost === null ? null : Math.max(0, now.reportedLost - (before?.reportedLost ?? 0)),
    jitterUs: now.reportedJitterUs,
  };
}

function mosOf(leg: LegFigures, formats: readonly PayloadFormat[], ptimeMs: number | undefined): MosQuality | null {
  const { payloadType, intervalExpected, intervalLost, meanLossRun, jitterMeanUs } = leg.received;
  const format = formats.find((candidate) => candidate.payloadType === payloadType);
  if (!format) return null;
  const estimate = estimateMos({
    encoding: format.encoding,
    clockRateHz: format.clockRateHz,
    ...(ptimeMs !== undefined && { ptimeMs }),
    rttUs: roundTrip(leg),
    jitterUs: jitterMeanUs,
    expected: intervalExpected,
    lost: intervalLost,
    meanLossRun,
  });
  if (!estimate) return null;
  return { mos: Math.round(estimate.mos * 100) / 100, inputs: { ...estimate.inputs } };
}

/** Cumulative figures of each path, from a reading and the totals at the one before. */
export function pathTotals(
  figures: SessionFigures,
  before?: Readonly<Record<Path, PathTotals>>,
): Record<Path, PathTotals> {
  return {
    cust2vc: receivedTotals(figures.customer, before?.cust2vc),
    vc2cust: sentTotals(figures.customer),
    rem2vc: receivedTotals(figures.remote, before?.rem2vc),
    vc2rem: sentTotals(figures.remote),
  };
}

function receivedTotals({ received: now }: LegFigures, before: PathTotals | undefined): PathTotals {
  return {
    rtpPackets: now.packets,
    rtpBytes: now.bytes,
    rtcpPackets: now.rtcpPackets,
    rtcpBytes: now.rtcpBytes,
    packetsLost: now.packets === 0 ? null : now.lost,
    reordered: now.reordered,
    duplicates: now.duplicates,
    jitterMaxUs: larger(before?.jitterMaxUs ?? null, now.jitterMaxUs),
    burstDensity: now.burstDensity,
    gapDensity: now.gapDensity,
    dropped: now.dropped,
  };
}

/** The engine tells the largest of the interval. */
const larger = (one: number | null, other: number | null): number | null =>
  one === null || other === null ? (one ?? other) : Math.max(one, other);

function sentTotals({ sent: now }: LegFigures): PathTotals {
  return {
    rtpPackets: now.packets,
    rtpBytes: now.bytes,
    rtcpPackets: now.rtcpPackets,
    rtcpBytes: now.rtcpBytes,
    packetsLost: now.reportedLost,
    ...(now.reportedVoip && { reportedVoip: now.reportedVoip }),
  };
}
