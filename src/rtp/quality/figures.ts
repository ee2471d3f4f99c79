import type { LegFigures, ReceptionFigures, ReportedVoip, TransmissionFigures } from '../engine.js';
import { copyRecord, DROP_REASONS, FIELD, LEG_WORDS, PAYLOAD_TYPE_SLOTS } from '../relay/layout.js';

const NOTHING = new Float64Array(LEG_WORDS);
/** The copy that is being read; nothing of it outlives a read. */
const copied = new Float64Array(LEG_WORDS);

/**
 * From a leg's record to its figures: the one place where counts become reports, whichever engine counted.
 *
 *     record (grows) ──► copy now ──┬── minus copy at the last interval close ──► interval figures
 *                                   └────────────────────────────────────────────► cumulative figures
 */
export class LegReader {
  readonly #record: Float64Array;
  /** At the last interval close; nothing of its own before the first, which most calls never reach. */
  #base: Float64Array = NOTHING;

  /** @param record  the leg's record, cleared when the leg opened */
  constructor(record: Float64Array) {
    this.#record = record;
  }

  /**
   * @param closeInterval  end the interval: interval figures start anew after this read
   * @param latched  the peer's latched address, which is no number and so comes beside the record
   */
  read(closeInterval: boolean, latched?: { readonly address: string; readonly port: number }): LegFigures {
    copyRecord(this.#record, copied);
    const now = copied;
    const figures: LegFigures = {
      received: reception(now, this.#base, this.#record[FIELD.interval]!),
      sent: transmission(now),
      rttUs: now[FIELD.rttCount]! > 0 ? now[FIELD.rttUs]! : null,
      rttMeanUs: meanBetween(now, this.#base, FIELD.rttSumUs, FIELD.rttCount),
      ...(latched && { latched }),
    };
    if (closeInterval) {
      this.#base = now.slice();
      this.#record[FIELD.interval]!++;
    }
    return figures;
  }

  /** Dropped datagrams so far, by reason; reasons that never occurred are absent. */
  dropped(): Record<string, number> {
    return droppedIn(this.#record);
  }
}

const since = (now: Float64Array, base: Float64Array, word: number): number => now[word]! - base[word]!;

function meanBetween(now: Float64Array, base: Float64Array, sum: number, count: number): number | null {
  const counted = since(now, base, count);
  return counted > 0 ? since(now, base, sum) / counted : null;
}

function reception(now: Float64Array, base: Float64Array, interval: number): ReceptionFigures {
  const expected = since(now, base, FIELD.expected);
  // Duplicates do not make good for losses in the interval; the cumulative figure is RFC 3550's, where they do.
  const distinct = since(now, base, FIELD.received) - since(now, base, FIELD.duplicates);
  const runs = since(now, base, FIELD.lossRuns);
  const gapPackets = now[FIELD.settled]! - now[FIELD.burstPackets]!;
  return {
    packets: now[FIELD.packets]!,
    bytes: now[FIELD.bytes]!,
    rtcpPackets: now[FIELD.rtcpPackets]!,
    rtcpBytes: now[FIELD.rtcpBytes]!,
    lost: Math.max(0, now[FIELD.expected]! - now[FIELD.received]!),
    reordered: now[FIELD.reordered]!,
    duplicates: now[FIELD.duplicates]!,
    jitterUs: known(now[FIELD.jitterUs]!),
    jitterMeanUs: meanBetween(now, base, FIELD.jitterSumUs, FIELD.jitterCount),
    jitterMaxUs: now[FIELD.jitterMaxInterval] === interval ? now[FIELD.jitterMaxUs]! : null,
    intervalExpected: Math.max(0, expected),
    intervalLost: Math.max(0, Math.min(expected, expected - distinct)),
    meanLossRun: runs > 0 ? since(now, base, FIELD.settledLost) / runs : null,
    burstDensity: ratio(now[FIELD.burstLost]!, now[FIELD.burstPackets]!, now[FIELD.settled]!),
    gapDensity: ratio(now[FIELD.settledLost]! - now[FIELD.burstLost]!, gapPackets, now[FIELD.settled]!),
    ssrc: known(now[FIELD.ssrc]!),
    payloadType: mainPayloadType(now, base),
    lastPacketMs: known(now[FIELD.lastPacketMs]!),
    dropped: droppedIn(now),
  };
}

function transmission(now: Float64Array): TransmissionFigures {
  const reported = now[FIELD.reports]! > 0;
  return {
    packets: now[FIELD.sentPackets]!,
    bytes: now[FIELD.sentBytes]!,
    rtcpPackets: now[FIELD.sentRtcpPackets]!,
    rtcpBytes: now[FIELD.sentRtcpBytes]!,
    reportedLost: reported ? now[FIELD.reportedLost]! : null,
    reportedJitterUs: reported ? known(now[FIELD.reportedJitterUs]!) : null,
    reportedFractionLost: reported ? now[FIELD.reportedFractionLost]! : null,
    ...(now[FIELD.voipReports]! > 0 && { reportedVoip: voip(now) }),
  };
}

/** 127 marks a value that the far end does not have (RFC 3611 §4.7.5, §4.7.6). */
function voip(now: Float64Array): ReportedVoip {
  const available = (value: number, scale: number): number | null => (value === 127 ? null : value / scale);
  return {
    lossRate: now[FIELD.voipLossRate]! / 256,
    discardRate: now[FIELD.voipDiscardRate]! / 256,
    rFactor: available(now[FIELD.voipRFactor]!, 1),
    mosCq: available(now[FIELD.voipMosCq]!, 10),
  };
}

const known = (value: number): number | null => (value < 0 ? null : value);

/** A density: unknown before any packet is settled, 0 where there was no burst (or no gap) at all (RFC 3611 §4.7.2). */
function ratio(part: number, whole: number, settled: number): number | null {
  if (settled === 0) return null;
  return whole > 0 ? part / whole : 0;
}

function mainPayloadType(now: Float64Array, base: Float64Array): number | null {
  let most = 0;
  let type: number | null = null;
  for (let slot = 0; slot < PAYLOAD_TYPE_SLOTS; slot++) {
    const word = FIELD.payloadTypes + 2 * slot;
    const packets = since(now, base, word + 1);
    if (packets <= most) continue;
    most = packets;
    type = now[word]! - 1;
  }
  return type;
}

function droppedIn(record: Float64Array): Record<string, number> {
  const dropped: Record<string, number> = {};
  DROP_REASONS.forEach((reason, index) => {
    const count = record[FIELD.dropped + index]!;
    if (count > 0) dropped[reason] = count;
  });
  return dropped;
}
