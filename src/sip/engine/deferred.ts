import type { Scheduler } from '../../core/index.js';

/**
 * Tasks that run after the current event, in the same turn: what is ordered while a message is handled starts when its
 * handling is done, at no cost in time. Outside of any event a task waits for a timer of length 0.
 */
export class Deferred {
  readonly #scheduler: Scheduler;
  readonly #run: (task: () => void) => void;
  #tasks: (() => void)[] = [];
  #depth = 0;
  #armed = false;

  /** @param run performs a task and deals with what it throws */
  constructor(scheduler: Scheduler, run: (task: () => void) => void) {
    this.#scheduler = scheduler;
    this.#run = run;
  }

  add(task: () => void): void {
    this.#tasks.push(task);
    if (this.#depth > 0 || this.#armed) return;
    this.#armed = true;
    this.#scheduler.after(0, () => {
      this.#armed = false;
      this.#drain();
    });
  }

  /** An event begins; every `enter` needs its `leave`. */
  enter(): void {
    this.#depth++;
  }

  leave(): void {
    if (--this.#depth === 0 && this.#tasks.length > 0) this.#drain();
  }

  #drain(): void {
    this.#depth++;
    for (let task = this.#tasks.shift(); task; task = this.#tasks.shift()) this.#run(task);
    this.#depth--;
  }
}
