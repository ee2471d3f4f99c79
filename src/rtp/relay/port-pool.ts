import { below, type Random, type Scheduler } from '../../core/index.js';

/**
 * Even/odd port pairs (RFC 3550 §11) of one address, handed out in random order, so that the next port cannot be told
 * from the last one, and kept idle for a while before reuse, so that late packets of one call never reach the next.
 *
 *     free ──take──► in use ──give──► quarantine (in order of release) ──idle time over──► free
 *
 * Pairs are named by their index: RTP port = first + 2 × index.
 */
export class PortPool {
  readonly #free: number[] = [];
  readonly #quarantine: { readonly index: number; readonly untilMs: number }[] = [];
  /** Entries before this one have left the quarantine. */
  #quarantineHead = 0;
  #inUse = 0;
  readonly #quarantineMs: number;
  readonly #scheduler: Scheduler;
  readonly #random: Random;

  constructor(indexes: readonly number[], quarantineMs: number, scheduler: Scheduler, random: Random) {
    this.#free.push(...indexes);
    this.#quarantineMs = quarantineMs;
    this.#scheduler = scheduler;
    this.#random = random;
  }

  get inUse(): number {
    return this.#inUse;
  }

  get quarantined(): number {
    this.#releaseDue();
    return this.#quarantine.length - this.#quarantineHead;
  }

  get free(): number {
    this.#releaseDue();
    return this.#free.length;
  }

  /** A random free pair; undefined when none is free. */
  take(): number | undefined {
    this.#releaseDue();
    if (this.#free.length === 0) return undefined;
    const at = below(this.#random, this.#free.length);
    const index = this.#free[at]!;
    this.#free[at] = this.#free[this.#free.length - 1]!;
    this.#free.pop();
    this.#inUse++;
    return index;
  }

  /** Puts a pair that was taken into quarantine. */
  give(index: number): void {
    this.#inUse--;
    this.#quarantine.push({ index, untilMs: this.#scheduler.nowMs() + this.#quarantineMs });
  }

  #releaseDue(): void {
    const nowMs = this.#scheduler.nowMs();
    const queue = this.#quarantine;
    while (this.#quarantineHead < queue.length && queue[this.#quarantineHead]!.untilMs <= nowMs) {
      this.#free.push(queue[this.#quarantineHead++]!.index);
    }
    if (this.#quarantineHead > 1024 && this.#quarantineHead * 2 > queue.length) {
      queue.splice(0, this.#quarantineHead);
      this.#quarantineHead = 0;
    }
  }
}

/** Indexes of the even/odd pairs that lie wholly within first…last, counted from the first even port. */
export function pairCount(first: number, last: number): number {
  const even = first + (first & 1);
  return Math.max(0, Math.floor((last - even + 1) / 2));
}
