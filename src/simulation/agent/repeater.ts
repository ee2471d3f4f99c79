import type { Timer } from '../../core/index.js';

/** RFC 3261 §17.1.1.1 and what follows from it, as the peers have it. */
export const T1_MS = 500;
export const T2_MS = 4000;
export const PATIENCE_MS = 64 * T1_MS;

export interface RepeaterParts {
  /** Sets a timer that dies with its owner. */
  readonly after: (delayMs: number, run: () => void) => Timer;
  readonly send: () => void;
  /** Longest interval; undefined: nothing is repeated, only the end is waited for. */
  readonly capMs: number | undefined;
  readonly onExpired: () => void;
}

/** Sends something again after T1, then doubling up to a cap, until it is stopped; after 64×T1 it has expired. */
export class Repeater {
  readonly #parts: RepeaterParts;
  #intervalMs = T1_MS;
  #repeat: Timer | undefined;
  readonly #expire: Timer;

  constructor(parts: RepeaterParts) {
    this.#parts = parts;
    this.#expire = parts.after(PATIENCE_MS, () => {
      this.stop();
      parts.onExpired();
    });
    this.#arm();
  }

  /** From now on the longest interval is waited (a provisional response to another request than INVITE). */
  slowDown(): void {
    this.#intervalMs = T2_MS;
  }

  stop(): void {
    this.#repeat?.cancel();
    this.#expire.cancel();
  }

  #arm(): void {
    const { after, send, capMs } = this.#parts;
    if (capMs === undefined) return;
    this.#repeat = after(this.#intervalMs, () => {
      this.#intervalMs = Math.min(2 * this.#intervalMs, capMs);
      send();
      this.#arm();
    });
  }
}
