import { type Random, type Scheduler, unit } from '../../core/index.js';
import {
  encodeReceiverReport,
  encodeSenderReport,
  encodeSourceDescription,
  middle32,
  ntpFromWall,
  type ReportBlock,
  SDES_ITEM,
} from '../packet/index.js';
import type { Reception, Source } from '../stream/index.js';
import type { SentStream } from './outlet.js';

/** The least interval between reports, ms (RFC 3550 §6.2), and the compensation of its randomisation (§6.3.1). */
const INTERVAL_MS = 5000;
const COMPENSATION = Math.E - 1.5;

/** A stream that has sent nothing for two intervals is no sender any more (§6.3.5, §6.4). */
const SENDER_MS = 2 * INTERVAL_MS;

/** What a report is written from: the stream that the peer is sent, and the one that it sends. */
export interface ReportFacts {
  /** What leaves towards the peer. */
  readonly sent: SentStream | undefined;
  /** Reception of what leaves towards the peer, on the other leg: for its timestamps. */
  readonly origin: Reception;
  /** Reception of what the peer sends. */
  readonly received: Reception;
  /** CNAME of the other side, if it ever told one. */
  readonly cname: string | undefined;
}

/**
 * Our own RTCP towards one peer, in the place of an other side that sends none: without it the peer would answer nothing,
 * and neither its round trip nor its loss would be known.
 *
 *     other side, silent in RTCP ──RTP──► us ──RTP──► peer
 *                                         us ──SR + SDES──► peer ──RR──► us
 *
 * A sender report speaks with the stream's SSRC and our clock. Where nothing is sent to the peer, a receiver report with
 * an SSRC of our own tells it how its stream was received.
 */
export class Reporter {
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #ssrc: number;
  readonly #cname: string;
  #dueMs: number;
  #toldReceived = -1;

  /** @param cname  16 random characters or so, the same over the session (RFC 7022 §4.2) */
  constructor(scheduler: Scheduler, random: Random, cname: string) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#ssrc = random.uint32();
    this.#cname = cname;
    this.#dueMs = scheduler.nowMs() + INTERVAL_MS;
  }

  /** Whether the time for a report has come. */
  isDue(nowMs: number): boolean {
    return nowMs >= this.#dueMs;
  }

  /** The compound datagram that is due, and the middle of its NTP time if it is an SR; undefined with nothing to tell. */
  compose(
    facts: ReportFacts,
    nowMs: number,
  ): { readonly datagram: Buffer; readonly middle: number | undefined } | undefined {
    // §6.3.1: between half and one and a half times the interval, over e − 3/2
    this.#dueMs = nowMs + (INTERVAL_MS * (0.5 + unit(this.#random))) / COMPENSATION;
    const blocks = this.#blocks(facts.received.current, nowMs);
    const source = facts.sent && facts.origin.find(facts.sent.ssrc);
    const sending = source !== undefined && nowMs - source.lastArrivalMs < SENDER_MS;
    if (!sending && blocks.length === 0) return undefined;
    return sending ? this.#sender(facts, source, blocks, nowMs) : this.#receiver(facts, blocks);
  }

  #sender(facts: ReportFacts, source: Source, blocks: readonly ReportBlock[], nowMs: number) {
    const ntp = ntpFromWall(this.#scheduler.wallMs());
    const elapsedTs = ((nowMs - source.lastArrivalMs) * source.clockRateHz) / 1000;
    const report = encodeSenderReport({
      type: 'sr',
      ssrc: source.ssrc,
      ntpSeconds: ntp.seconds,
      ntpFraction: ntp.fraction,
      rtpTimestamp: Math.floor(source.lastTimestamp + elapsedTs) % 2 ** 32,
      packets: facts.sent!.packets,
      octets: facts.sent!.octets,
      blocks,
    });
    const datagram = Buffer.concat([report, this.#description(source.ssrc, facts.cname)]);
    return { datagram, middle: middle32(ntp.seconds, ntp.fraction) };
  }

  #receiver(facts: ReportFacts, blocks: readonly ReportBlock[]) {
    const report = encodeReceiverReport({ type: 'rr', ssrc: this.#ssrc, blocks });
    return { datagram: Buffer.concat([report, this.#description(this.#ssrc, facts.cname)]), middle: undefined };
  }

  #description(ssrc: number, cname: string | undefined): Buffer {
    const items = [{ type: SDES_ITEM.cname, text: cname ?? this.#cname }];
    return encodeSourceDescription({ type: 'sdes', chunks: [{ ssrc, items }] });
  }

  /** One block on the peer's source, if it has sent since the last report (§6.4). */
  #blocks(source: Source | undefined, nowMs: number): ReportBlock[] {
    if (!source || source.lastArrivalMs === this.#toldReceived) return [];
    this.#toldReceived = source.lastArrivalMs;
    const delayTicks = source.lastSr === 0 ? 0 : Math.floor((nowMs - source.lastSrMs) * 65.536) % 2 ** 32;
    return [{ ssrc: source.ssrc, ...source.report(), lastSr: source.lastSr, delaySinceLastSr: delayTicks }];
  }
}
