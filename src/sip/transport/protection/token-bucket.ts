import type { Scheduler } from '../../../core/index.js';

/** Token buckets: a rate with a burst, for one subject or for a bounded table of them. */

export interface Rate {
  /** Tokens gained each second. */
  readonly perSecond: number;
  /** Most tokens held. */
  readonly burst: number;
}

export class TokenBucket {
  readonly #rate: Rate;
  readonly #scheduler: Scheduler;
  #tokens: number;
  #filledMs: number;

  constructor(rate: Rate, scheduler: Scheduler) {
    this.#rate = rate;
    this.#scheduler = scheduler;
    this.#tokens = rate.burst;
    this.#filledMs = scheduler.nowMs();
  }

  /** Takes one token if there is one. */
  take(): boolean {
    const nowMs = this.#scheduler.nowMs();
    const gained = ((nowMs - this.#filledMs) / 1000) * this.#rate.perSecond;
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + gained);
    this.#filledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

/**
 * One bucket for each key, at most `capacity` of them; the one unused longest makes room. Keys that an attacker can
 * invent (forged UDP sources) therefore need a bucket over all of them as well.
 */
export class BucketTable {
  readonly #rate: Rate;
  readonly #scheduler: Scheduler;
  readonly #capacity: number;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(rate: Rate, scheduler: Scheduler, capacity: number) {
    this.#rate = rate;
    this.#scheduler = scheduler;
    this.#capacity = capacity;
  }

  take(key: string): boolean {
    let bucket = this.#buckets.get(key);
    if (bucket) this.#buckets.delete(key);
    else bucket = new TokenBucket(this.#rate, this.#scheduler);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > this.#capacity) this.#forgetOldest();
    return bucket.take();
  }

  get size(): number {
    return this.#buckets.size;
  }

  #forgetOldest(): void {
    for (const key of this.#buckets.keys()) {
      this.#buckets.delete(key);
      return;
    }
  }
}
