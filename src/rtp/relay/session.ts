import type { MediaEvent, RemoteDescription, Side } from '../engine.js';
import type { RelayLeg } from './leg.js';

/** Two joined legs, and the watch over their silence. */
export class RelaySession {
  readonly customer: RelayLeg;
  readonly remote: RelayLeg;
  readonly #timeoutMs: number;
  readonly #tell: (event: MediaEvent) => void;
  /** Monotonic ms at which each leg was last heard when its timeout was told: told anew only after it spoke again. */
  readonly #toldAtMs: Record<Side, number> = { customer: -1, remote: -1 };
  #bothSinceMs = -1;

  constructor(customer: RelayLeg, remote: RelayLeg, timeoutMs: number, tell: (event: MediaEvent) => void) {
    this.customer = customer;
    this.remote = remote;
    this.#timeoutMs = timeoutMs;
    this.#tell = tell;
    customer.peer = remote;
    remote.peer = customer;
  }

  describe(side: Side, description: RemoteDescription, nowMs: number): void {
    this[side].describe(description);
    if (this.#bothSinceMs < 0 && this.customer.description && this.remote.description) this.#bothSinceMs = nowMs;
  }

  /** Called every second or so: timeouts, events whose end was lost. */
  onTick(nowMs: number): void {
    for (const leg of [this.customer, this.remote]) {
      leg.onTick(nowMs);
      this.#watch(leg, nowMs);
    }
  }

  finish(): void {
    this.customer.finish();
    this.remote.finish();
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
