import type { Scheduler, Timer } from './scheduler.js';

/**
 * A clock that moves only when told to. Timers due at the same instant fire in the order they were set, so a run
 * with the same inputs is the same run. Used by unit tests and the simulation.
 *
 * A binary heap ordered by (due time, insertion number); cancelled entries stay in the heap and are passed over.
 */
export class VirtualTime implements Scheduler {
  #nowMs = 0;
  #order = 0;
  #live = 0;
  readonly #epochMs: number;
  readonly #heap: Entry[] = [];

  /** @param epochMs wall-clock milliseconds at virtual time 0 */
  constructor(epochMs = Date.UTC(2026, 0, 1)) {
    this.#epochMs = epochMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#epochMs + this.#nowMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    const entry: Entry = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback };
    push(this.#heap, entry);
    this.#live++;
    return {
      cancel: () => {
        if (entry.callback) this.#live--;
        entry.callback = undefined;
      },
    };
  }

  /** Timers that are set and have neither fired nor been cancelled. */
  get pending(): number {
    return this.#live;
  }

  /** Milliseconds of the next due timer, or undefined when none is set. */
  get nextDueMs(): number | undefined {
    this.#dropCancelled();
    return this.#heap[0]?.dueMs;
  }

  /** Fires the next timer alone, moving time to it; false when none is set. Lets a caller settle promises in between. */
  step(): boolean {
    this.#dropCancelled();
    if (this.#heap.length === 0) return false;
    this.#fireNext();
    return true;
  }

  /** Moves time forward by `ms`, firing what falls due on the way, in order. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (let due = this.nextDueMs; due !== undefined && due <= endMs; due = this.nextDueMs) this.#fireNext();
    this.#nowMs = endMs;
  }

  /** Fires timers until none is left or `limitMs` of virtual time has passed; returns whether none is left. */
  runUntilIdle(limitMs: number): boolean {
    const endMs = this.#nowMs + limitMs;
    for (let due = this.nextDueMs; due !== undefined; due = this.nextDueMs) {
      if (due > endMs) return false;
      this.#fireNext();
    }
    return true;
  }

  #fireNext(): void {
    const entry = pop(this.#heap);
    if (!entry?.callback) return;
    this.#nowMs = entry.dueMs;
    this.#live--;
    const callback = entry.callback;
    entry.callback = undefined;
    callback();
  }

  #dropCancelled(): void {
    while (this.#heap[0] && !this.#heap[0].callback) pop(this.#heap);
  }
}

interface Entry {
  dueMs: number;
  order: number;
  callback: (() => void) | undefined;
}

const before = (a: Entry, b: Entry): boolean => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);

function push(heap: Entry[], entry: Entry): void {
  let at = heap.push(entry) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(entry, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = entry;
}

function pop(heap: Entry[]): Entry | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (!top || !last || heap.length === 0) return top;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
    if (!before(heap[child]!, last)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
  return top;
}
