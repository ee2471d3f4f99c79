/**
 * Time, as the protocol core sees it: a monotonic clock, a wall clock and one-shot timers, all from outside.
 * Production uses `systemScheduler`; tests and the simulation use `VirtualTime`.
 */

/** A pending one-shot callback. */
export interface Timer {
  /** Stops the timer; calling it again, or after it fired, does nothing. */
  cancel(): void;
}

export interface Scheduler {
  /** Monotonic milliseconds, fractional; only differences mean anything. */
  nowMs(): number;
  /** Milliseconds since the Unix epoch, UTC. */
  wallMs(): number;
  /** Runs `callback` once, `delayMs` (≥ 0, however long) from now. */
  after(delayMs: number, callback: () => void): Timer;
}

/** What a timer of the event loop can hold; a longer one would fire at once. 24.8 days. */
const LONGEST_MS = 2 ** 31 - 1;

class SystemTimer implements Timer {
  #handle: NodeJS.Timeout | undefined;
  constructor(delayMs: number, callback: () => void) {
    this.#wait(delayMs, callback);
  }
  cancel(): void {
    clearTimeout(this.#handle);
  }
  #wait(delayMs: number, callback: () => void): void {
    if (delayMs <= LONGEST_MS) this.#handle = setTimeout(callback, delayMs);
    else this.#handle = setTimeout(() => this.#wait(delayMs - LONGEST_MS, callback), LONGEST_MS);
  }
}

/** The machine's clock and the event loop's timers. */
export const systemScheduler: Scheduler = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, callback) => new SystemTimer(delayMs, callback),
};
