import type { Scheduler, Timer } from '../../core/index.js';

/**
 * Many timers of few lengths. All timers of one length hang in one list, oldest first, and each list holds a single
 * timer of the scheduler, so that setting and stopping one costs a few pointers and no closure:
 *
 *     500 ms ─► [txn 7 A] ─ [txn 9 A] ─ …      32 s ─► [txn 1 L] ─ [txn 2 J] ─ …
 *       └ one scheduler timer, for the head      └ one scheduler timer
 *
 * Meant for lengths that recur (T1, 2×T1, 64×T1 …); a random length belongs to the scheduler itself.
 */

export interface TimerOwner<Name extends string = string> {
  onTimer(name: Name): void;
}

/** A timer that is set; `TimerLists.stop` unhooks it. */
export class ListTimer {
  prev: ListTimer | undefined;
  next: ListTimer | undefined;
  list: TimerList | undefined;
  constructor(
    readonly owner: TimerOwner<never>,
    readonly name: string,
    readonly dueMs: number,
  ) {}
}

interface TimerList {
  readonly delayMs: number;
  head: ListTimer | undefined;
  tail: ListTimer | undefined;
  armed: Timer | undefined;
  readonly fire: () => void;
}

/** Sums of binary fractions: a timer this near counts as due, else a list could re-arm itself at one instant for ever. */
const ROUNDING_MS = 1e-3;
/** Empty lists kept; more lengths than this are someone's random lengths and are let go when empty. */
const KEPT_LISTS = 32;

export class TimerLists {
  readonly #scheduler: Scheduler;
  readonly #onError: (error: unknown) => void;
  readonly #lists = new Map<number, TimerList>();
  #pending = 0;

  /** @param onError told of whatever an owner throws; the other timers still fire */
  constructor(scheduler: Scheduler, onError: (error: unknown) => void) {
    this.#scheduler = scheduler;
    this.#onError = onError;
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#pending;
  }

  nowMs(): number {
    return this.#scheduler.nowMs();
  }

  /** Calls `owner.onTimer(name)` once, `delayMs` (≥ 0) from now. */
  start<Name extends string>(delayMs: number, owner: TimerOwner<Name>, name: Name): ListTimer {
    const timer = new ListTimer(owner as TimerOwner<never>, name, this.#scheduler.nowMs() + delayMs);
    const list = this.#listOf(delayMs);
    timer.list = list;
    timer.prev = list.tail;
    if (list.tail) list.tail.next = timer;
    else list.head = timer;
    list.tail = timer;
    this.#pending++;
    list.armed ??= this.#scheduler.after(delayMs, list.fire);
    return timer;
  }

  /** Unhooks a timer; one that fired or was stopped is left alone. */
  stop(timer: ListTimer | undefined): void {
    const list = timer?.list;
    if (!timer || !list) return;
    this.#unhook(timer, list);
    if (!list.head) this.#disarm(list);
  }

  #listOf(delayMs: number): TimerList {
    const known = this.#lists.get(delayMs);
    if (known) return known;
    const list: TimerList = {
      delayMs,
      head: undefined,
      tail: undefined,
      armed: undefined,
      fire: () => this.#fire(list),
    };
    this.#lists.set(delayMs, list);
    return list;
  }

  /** What is set anew while the list fires must not arm it: another timer of the list may be due sooner. */
  #fire(list: TimerList): void {
    const nowMs = this.#scheduler.nowMs() + ROUNDING_MS;
    for (let head = list.head; head && head.dueMs <= nowMs; head = list.head) {
      this.#unhook(head, list);
      try {
        (head.owner as TimerOwner).onTimer(head.name);
      } catch (error) {
        this.#onError(error);
      }
    }
    list.armed?.cancel();
    list.armed = undefined;
    if (list.head)
      list.armed = this.#scheduler.after(Math.max(0, list.head.dueMs - this.#scheduler.nowMs()), list.fire);
    else this.#disarm(list);
  }

  #unhook(timer: ListTimer, list: TimerList): void {
    if (timer.prev) timer.prev.next = timer.next;
    else list.head = timer.next;
    if (timer.next) timer.next.prev = timer.prev;
    else list.tail = timer.prev;
    timer.prev = timer.next = timer.list = undefined;
    this.#pending--;
  }

  #disarm(list: TimerList): void {
    list.armed?.cancel();
    list.armed = undefined;
    if (this.#lists.size > KEPT_LISTS) this.#lists.delete(list.delayMs);
  }
}
