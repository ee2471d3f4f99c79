import type { Scheduler, Timer } from '../core/index.js';

export interface OverloadLimits {
  /** Delay at which shedding begins, ms; below T1 = 500 ms, after which peers repeat their requests. */
  readonly enterMs: number;
  /** Delay that is kept while calls are shed, ms. */
  readonly targetMs: number;
}

export const DEFAULT_OVERLOAD: OverloadLimits = { enterMs: 200, targetMs: 80 };

const PERIOD_MS = 50;
/** So many looks in a row must find the delay too long: a machine that paused for once is not overloaded. */
const LOOKS = 4;
/** Share of new calls shed at first. */
const FIRST_SHARE = 0.25;
/** The share grows by so much for each second that the delay grew, and each second for each second it is off the target. */
const PER_GROWTH = 1.5;
const PER_EXCESS = 1.2;
/** … and falls so many times as fast while the delay is below it: room is not to lie idle. */
const PER_ROOM = 4;
/** What is let through at least, so that it shows when there is room again. */
const MOST_SHARE = 0.98;
/** A look moves the share by so much at most: one late look is no reason to shut the door. */
const MOST_STEP = 0.15;

/**
 * Tells when the node has more work than it can do in time, from what a message waits: in the socket's queue, and for
 * the event loop. Once it stayed over `enterMs` for 200 ms a share of the new calls is shed, and the share is steered so
 * that the delay stays near `targetMs` (proportional and integral, as RFC 8033 §4.2 steers a queue): what can be served is
 * served, whatever is offered.
 *
 *     delay  ──►  share += 1.5 × growth of the delay + 1.2 × (delay − target) × time     ──► every 1/share-th call: 503
 *                 share = 0 and delay < target: shedding ends
 */
export class OverloadMonitor {
  readonly #scheduler: Scheduler;
  readonly #queueDelayMs: () => number;
  readonly #limits: OverloadLimits;
  #timer: Timer | undefined;
  #shedding = false;
  #share = 0;
  /** Calls owed to the share so far: one is shed when it comes to 1. */
  #owed = 0;
  #tooLong = 0;
  #lagMs = 0;
  #lastDelayMs = 0;

  constructor(scheduler: Scheduler, queueDelayMs: () => number, limits: OverloadLimits = DEFAULT_OVERLOAD) {
    this.#scheduler = scheduler;
    this.#queueDelayMs = queueDelayMs;
    this.#limits = limits;
  }

  start(): void {
    const dueMs = this.#scheduler.nowMs() + PERIOD_MS;
    this.#timer = this.#scheduler.after(PERIOD_MS, () => {
      this.#lagMs = this.#scheduler.nowMs() - dueMs;
      this.#look();
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

  /** Whether new calls are being shed. */
  get overloaded(): boolean {
    return this.#shedding;
  }

  /** Share of new calls that is shed now, 0–0.98. */
  get share(): number {
    return this.#share;
  }

  /** Asked once for each new call: whether to shed it. Shed calls come evenly spaced. */
  sheds(): boolean {
    if (!this.#shedding) return false;
    this.#owed += this.#share;
    if (this.#owed < 1) return false;
    this.#owed--;
    return true;
  }

  #look(): void {
    const { enterMs, targetMs } = this.#limits;
    const { delayMs } = this;
    const growthMs = delayMs - this.#lastDelayMs;
    this.#lastDelayMs = delayMs;
    if (!this.#shedding) {
      this.#tooLong = delayMs > enterMs ? this.#tooLong + 1 : 0;
      if (this.#tooLong < LOOKS) return;
      this.#shedding = true;
      this.#share = FIRST_SHARE;
      return;
    }
    const offMs = delayMs > targetMs ? delayMs - targetMs : PER_ROOM * (delayMs - targetMs);
    const step = (PER_GROWTH * growthMs) / 1000 + (PER_EXCESS * offMs * PERIOD_MS) / 1e6;
    this.#share = clamp(this.#share + clamp(step, -MOST_STEP, MOST_STEP), 0, MOST_SHARE);
    if (this.#share > 0 || delayMs >= targetMs) return;
    this.#shedding = false;
    this.#tooLong = 0;
  }
}

const clamp = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value));
