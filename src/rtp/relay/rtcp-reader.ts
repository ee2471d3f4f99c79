import {
  middle32,
  type ReportBlock,
  type RtcpPacket,
  SDES_ITEM,
  type SourceDescription,
  type VoipMetrics,
} from '../packet/index.js';
import type { Reception } from '../stream/index.js';
import { FIELD } from './layout.js';
import { SrLedger } from './sr-ledger.js';

/**
 * Reads the RTCP that one peer sends: its sender reports (for the LSR of ours about it), and its report blocks on what it
 * was sent (far-end loss and jitter, round trip).
 */
export class RtcpReader {
  /** Sender reports that went to this peer. */
  readonly ledger = new SrLedger();
  /** Monotonic ms of the peer's last report; −1 when none came. */
  lastReportMs = -1;
  /** Canonical name of the peer's source, as it tells it. */
  cname: string | undefined;
  readonly #record: Float64Array;
  readonly #reception: Reception;

  /** @param reception  of this leg: what the peer sends */
  constructor(record: Float64Array, reception: Reception) {
    this.#record = record;
    this.#reception = reception;
  }

  /** @param sent  the other leg's reception: the stream that this peer is sent */
  read(packets: readonly RtcpPacket[], nowMs: number, sent: Reception): void {
    for (const packet of packets) {
      this.#readOne(packet, nowMs, sent);
    }
  }

  #readOne(packet: RtcpPacket, nowMs: number, sent: Reception): void {
    switch (packet.type) {
      case 'sr':
        this.#noteSenderReport(packet.ssrc, middle32(packet.ntpSeconds, packet.ntpFraction), nowMs);
        this.#readBlocks(packet.blocks, nowMs, sent);
        return;
      case 'rr':
        this.#readBlocks(packet.blocks, nowMs, sent);
        return;
      case 'sdes':
        this.cname = cnameOf(packet) ?? this.cname;
        return;
      case 'xr':
        for (const block of packet.blocks) if (block.kind === 'voip') this.#readVoip(block, sent);
        return;
      case 'bye':
      case 'app':
        return;
    }
  }

  #readBlocks(blocks: readonly ReportBlock[], nowMs: number, sent: Reception): void {
    this.lastReportMs = nowMs;
    for (const block of blocks) this.#readBlock(block, nowMs, sent);
  }

  #noteSenderReport(ssrc: number, middle: number, nowMs: number): void {
    const source = this.#reception.find(ssrc);
    if (!source) return;
    source.lastSr = middle;
    source.lastSrMs = nowMs;
  }

  #readBlock(block: ReportBlock, nowMs: number, sent: Reception): void {
    const record = this.#record;
    const roundTripUs = this.ledger.roundTripUs(block.lastSr, block.delaySinceLastSr, nowMs);
    if (roundTripUs !== undefined) {
      record[FIELD.rttUs] = roundTripUs;
      record[FIELD.rttSumUs]! += roundTripUs;
      record[FIELD.rttCount]!++;
    }
    const source = sent.current;
    if (source === undefined || source.ssrc !== block.ssrc) return;
    const clockRateHz = source.clockRateHz;
    record[FIELD.reports]!++;
    record[FIELD.reportedLost] = Math.max(0, block.cumulativeLost);
    record[FIELD.reportedFractionLost] = block.fractionLost / 256;
    record[FIELD.reportedJitterUs] = clockRateHz > 0 ? (block.jitterTs * 1_000_000) / clockRateHz : -1;
  }
  /** Values that the peer marks unavailable (127) stay marked in the record. */
  #readVoip(metrics: VoipMetrics, sent: Reception): void {
    if (sent.current?.ssrc !== metrics.ssrc) return;
    const record = this.#record;
    record[FIELD.voipReports]!++;
    record[FIELD.voipLossRate] = metrics.lossRate;
    record[FIELD.voipDiscardRate] = metrics.discardRate;
    record[FIELD.voipRFactor] = metrics.rFactor;
    record[FIELD.voipMosCq] = metrics.mosCq;
  }
}

function cnameOf(description: SourceDescription): string | undefined {
  return description.chunks[0]?.items.find((item) => item.type === SDES_ITEM.cname)?.text;
}
