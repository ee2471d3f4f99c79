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
  /** Runs `callback` once, `delayMs` (≥ 0) from now. */
  after(delayMs: number, callback: () => void): Timer;
}

class SystemTimer implements Timer {
  readonly #handle: NodeJS.Timeout;
  constructor(delayMs: number, callback: () => void) {
    this.#handle = setTimeout(callback, delayMs);
  }
  cancel(): void {
    clearTimeout(this.#handle);
  }
}

/** The machine's clock and the event loop's timers. */
export const systemScheduler: Scheduler = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, callback) => new SystemTimer(delayMs, callback),
};
