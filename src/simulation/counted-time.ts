import type { Scheduler, Timer } from '../core/index.js';

/** Virtual time as the gateway sees it: counts its timers, so that one left behind is told from a peer's. */
export class CountedTime implements Scheduler {
  /** Timers that are set and have neither fired nor been cancelled. */
  pending = 0;
  readonly #time: Scheduler;

  constructor(time: Scheduler) {
    this.#time = time;
  }

  nowMs(): number {
    return this.#time.nowMs();
  }

  wallMs(): number {
    return this.#time.wallMs();
  }

  after(delayMs: number, callback: () => void): Timer {
    this.pending++;
    let live = true;
    const settle = (): boolean => {
      if (!live) return false;
      live = false;
      this.pending--;
      return true;
    };
    const timer = this.#time.after(delayMs, () => {
      settle();
      callback();
    });
    return {
      cancel: () => {
        if (settle()) timer.cancel();
      },
    };
  }
}
