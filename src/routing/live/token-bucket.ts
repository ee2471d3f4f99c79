import type { Scheduler } from '../../core/index.js';

/** A clock: monotonic milliseconds. */
export type Clock = Pick<Scheduler, 'nowMs'>;

/**
 * Calls per second: a token bucket that holds one second's worth and starts full, so that over any T seconds no more
 * than rate × T + rate calls pass, and exactly so many where more are asked for (±1).
 *
 *     level ▲ rate ┬──╲  burst          refilled by rate × elapsed, never above `rate`
 *             1    ┼───╲╱╲╱╲╱╲╱╲ sustained: one call each 1/rate s
 *             0    ┴──────────────────► time
 */
export class TokenBucket {
  readonly #clock: Clock;
  #ratePerSecond: number;
  /** Time at which the bucket will be full again: what is missing is (fullAt − now) × rate, without summing errors. */
  #fullAtMs: number;
  /** Last time read: a bucket that was full then is full now, and the clock need not be asked. */
  #seenMs: number;

  /** @param ratePerSecond ≥ 1, refill and size */
  constructor(ratePerSecond: number, clock: Clock) {
    this.#ratePerSecond = ratePerSecond;
    this.#clock = clock;
    this.#fullAtMs = clock.nowMs();
    this.#seenMs = this.#fullAtMs;
  }

  get ratePerSecond(): number {
    return this.#ratePerSecond;
  }

  /** Whole calls that may be placed now. */
  available(): number {
    if (this.#fullAtMs <= this.#seenMs) return this.#ratePerSecond;
    this.#seenMs = this.#clock.nowMs();
    return Math.max(0, Math.floor(this.#level(this.#seenMs)));
  }

  /** Takes one call's token; false, and nothing taken, where there is none. */
  take(): boolean {
    if (this.available() < 1) return false;
    this.force();
    return true;
  }

  /** Takes a token also where there is none: an emergency call is never refused but counts for those after it. */
  force(): void {
    const nowMs = this.#clock.nowMs();
    this.#fullAtMs = Math.max(this.#fullAtMs, nowMs) + 1000 / this.#ratePerSecond;
  }

  /** Changes the rate; what is missing from the bucket stays missing, in calls, but never more than all. */
  setRate(ratePerSecond: number): void {
    if (ratePerSecond === this.#ratePerSecond) return;
    const nowMs = this.#clock.nowMs();
    const missing = Math.min(ratePerSecond, this.#ratePerSecond - this.#level(nowMs));
    this.#ratePerSecond = ratePerSecond;
    this.#fullAtMs = nowMs + (missing * 1000) / ratePerSecond;
  }

  /** Calls in the bucket; a whisker is added so that a call due exactly now is not lost to rounding. */
  #level(nowMs: number): number {
    const missing = (Math.max(0, this.#fullAtMs - nowMs) * this.#ratePerSecond) / 1000;
    return this.#ratePerSecond - missing + 1e-6;
  }
}
