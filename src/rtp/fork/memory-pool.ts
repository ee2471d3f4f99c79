import { FORK, forkMemory, slotsFor } from './layout.js';

/** Memories kept for the next forks, at most. */
const KEPT = 16;

/**
 * Memory of forks that have closed, for those that come: a relay thread lets go of shared memory only when its garbage is
 * collected, which shared memory does not hasten.
 */
export class ForkMemoryPool {
  #free: SharedArrayBuffer[] = [];

  /** Memory of an empty queue for `maxQueued` packets. */
  take(maxQueued: number): SharedArrayBuffer {
    const bytes = FORK.firstSlotByte + slotsFor(maxQueued) * FORK.slotBytes;
    const found = this.#free.find(({ byteLength }) => byteLength === bytes);
    if (!found) return forkMemory(maxQueued);
    this.#free = this.#free.filter((memory) => memory !== found);
    new Uint8Array(found, 0, FORK.firstSlotByte).fill(0);
    return found;
  }

  /** Nobody reads or writes it any more. */
  give(memory: SharedArrayBuffer): void {
    this.#free.push(memory);
    if (this.#free.length > KEPT) this.#free.shift();
  }
}
