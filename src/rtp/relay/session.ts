import type { ForkPoint, MediaEvent, RemoteDescription, Side } from '../engine.js';
import type { RingWriter } from '../fork/index.js';
import type { PlayedEvent } from './event-player.js';
import type { RelayLeg } from './leg.js';
import type { Reporter } from './reporter.js';

/** After this long without RTCP from a side we report to the other side in its place, ms. */
const RTCP_SILENCE_MS = 5000;

/** Two joined legs, the watch over their silence, and our own reports. */
export class RelaySession {
  readonly customer: RelayLeg;
  readonly remote: RelayLeg;
  readonly #reporters: Readonly<Record<Side, Reporter>>;
  readonly #timeoutMs: number;
  readonly #tell: (event: MediaEvent) => void;
  /** Monotonic ms at which each leg was last heard when its timeout was told: told anew only after it spoke again. */
  readonly #toldAtMs: Record<Side, number> = { customer: -1, remote: -1 };
  #bothSinceMs = -1;

  /** @param reporters  by the side that they report to */
  constructor(
    legs: Readonly<Record<Side, RelayLeg>>,
    reporters: Readonly<Record<Side, Reporter>>,
    timeoutMs: number,
    tell: (event: MediaEvent) => void,
  ) {
    this.customer = legs.customer;
    this.remote = legs.remote;
    this.#reporters = reporters;
    this.#timeoutMs = timeoutMs;
    this.#tell = tell;
    this.customer.peer = this.remote;
    this.remote.peer = this.customer;
  }

  describe(side: Side, description: RemoteDescription, nowMs: number): void {
    this[side].describe(description);
    if (this.#bothSinceMs < 0 && this.customer.description && this.remote.description) this.#bothSinceMs = nowMs;
  }

  /** Copies what goes by at that point of a side's leg into a fork's queue, until `unfork`. */
  fork(side: Side, id: number, point: ForkPoint, writer: RingWriter): void {
    this[side].fork(id, point, writer);
  }

  unfork(id: number): void {
    this.customer.unfork(id);
    this.remote.unfork(id);
  }

  /** Called a few times a second: timeouts, reports, events whose end was lost. */
  onTick(nowMs: number): void {
    for (const leg of [this.customer, this.remote]) {
      leg.onTick(nowMs);
      this.#watch(leg, nowMs);
      this.#reportTo(leg, nowMs);
    }
  }

  /** Plays a telephone-event to a side's peer; `playOn` is to be called until it returns false. */
  play(side: Side, event: PlayedEvent): void {
    this[side].play(event);
  }

  /** Called every 10 ms while events are played. Returns whether some still are. */
  playOn(nowMs: number): boolean {
    const customer = this.customer.playOn(nowMs);
    return this.remote.playOn(nowMs) || customer;
  }

  finish(): void {
    this.customer.finish();
    this.remote.finish();
  }

  #reportTo(leg: RelayLeg, nowMs: number): void {
    if (!leg.outlet.rtcpOpen || !leg.isRtp || this.#bothSinceMs < 0) return;
    const lastMs = leg.peer.reader.lastReportMs;
    if (lastMs >= 0 && nowMs - lastMs < RTCP_SILENCE_MS) return;
    const reporter = this.#reporters[leg.side];
    const report = reporter.isDue(nowMs) ? reporter.compose(leg.reportFacts, nowMs) : undefined;
    if (report) leg.sendReport(report.datagram, report.middle);
  }

  /** Silence counts from when both sides were described: before that one side has nobody to talk to. */
  #watch(leg: RelayLeg, nowMs: number): void {
    if (this.#bothSinceMs < 0 || !leg.listening) return;
    const heardMs = Math.max(leg.lastHeardMs, this.#bothSinceMs);
    if (nowMs - heardMs < this.#timeoutMs || this.#toldAtMs[leg.side] === heardMs) return;
    this.#toldAtMs[leg.side] = heardMs;
    this.#tell({ kind: 'timeout', side: leg.side });
  }
}
