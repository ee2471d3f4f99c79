import type { Scheduler, Timer } from '../core/index.js';

export interface OverloadLimits {
  /** Delay at which new calls are shed, ms; below T1 = 500 ms, after which peers repeat their requests. */
  readonly enterMs: number;
  /** Delay at which they are taken again. */
  readonly leaveMs: number;
}

export const DEFAULT_OVERLOAD: OverloadLimits = { enterMs: 200, leaveMs: 80 };

const PERIOD_MS = 50;
/** So many looks in a row must find the delay too long: a machine that paused for once is not overloaded. */
const LOOKS = 4;

/**
 * Tells when the node has more work than it can do in time, from what a message waits: in the socket's queue, and for
 * the event loop. Sheds once it stayed over `enterMs` for 200 ms, until it is back under `leaveMs`.
 */
export class OverloadMonitor {
  readonly #scheduler: Scheduler;
  readonly #queueDelayMs: () => number;
  readonly #limits: OverloadLimits;
  #timer: Timer | undefined;
  #overloaded = false;
  #tooLong = 0;
  #lagMs = 0;

  constructor(scheduler: Scheduler, queueDelayMs: () => number, limits: OverloadLimits = DEFAULT_OVERLOAD) {
    this.#scheduler = scheduler;
    this.#queueDelayMs = queueDelayMs;
    this.#limits = limits;
  }

  start(): void {
    const dueMs = this.#scheduler.nowMs() + PERIOD_MS;
    this.#timer = this.#scheduler.after(PERIOD_MS, () => {
      this.#lagMs = this.#scheduler.nowMs() - dueMs;
      this.#judge();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Milliseconds a message waits now. */
  get delayMs(): number {
    return Math.max(this.#lagMs, this.#queueDelayMs());
  }

  get overloaded(): boolean {
    return this.#overloaded;
  }

  #judge(): void {
    const { enterMs, leaveMs } = this.#limits;
    const { delayMs } = this;
    this.#tooLong = delayMs > enterMs ? this.#tooLong + 1 : 0;
    this.#overloaded = this.#overloaded ? delayMs > leaveMs : this.#tooLong >= LOOKS;
  }
}
