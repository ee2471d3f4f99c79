import type { Flow } from '../transport/flow.js';
import type { TimerDelays, TimerSettings } from './settings.js';
import type { Action, Growth, Row, TimerName } from './table.js';
import type { ListTimer, TimerLists } from './timer-lists.js';

/**
 * The runner of the tables: looks a row up, moves the state, performs the actions. Each kind of transaction adds what
 * sending and reporting mean to it.
 *
 * A transaction has at most three timers at a time: one that retransmits (A E G), one that gives up (B F H) and one
 * that absorbs (D I J K L M).
 */

const RETRANSMIT = 0;
const GIVE_UP = 1;
const ABSORB = 2;

const SLOT: Readonly<Record<TimerName, 0 | 1 | 2>> = {
  A: RETRANSMIT,
  E: RETRANSMIT,
  G: RETRANSMIT,
  B: GIVE_UP,
  F: GIVE_UP,
  H: GIVE_UP,
  D: ABSORB,
  I: ABSORB,
  J: ABSORB,
  K: ABSORB,
  L: ABSORB,
  M: ABSORB,
};

const EVENT_OF: Readonly<Record<TimerName, string>> = {
  A: 'timerA',
  B: 'timerB',
  D: 'timerD',
  E: 'timerE',
  F: 'timerF',
  G: 'timerG',
  H: 'timerH',
  I: 'timerI',
  J: 'timerJ',
  K: 'timerK',
  L: 'timerL',
  M: 'timerM',
};

type AnyTable = Readonly<Record<string, Readonly<Record<string, Row<string> | undefined>>>>;

/** What the runner needs from the layer. */
export interface RunnerContext {
  readonly timers: TimerLists;
  readonly settings: TimerSettings;
  readonly delays: { readonly reliable: TimerDelays; readonly unreliable: TimerDelays };
}

export abstract class Transaction {
  /** Where messages go; may be replaced when a connection was lost. */
  flow: Flow;
  readonly key: string;
  protected readonly context: RunnerContext;
  readonly #table: AnyTable;
  readonly #delays: TimerDelays;
  #state: string;
  #retransmitMs = 0;
  #retransmit: ListTimer | undefined;
  #giveUp: ListTimer | undefined;
  #absorb: ListTimer | undefined;
  /** A timer of length 0: fires right after the actions of its row. */
  #due: TimerName | undefined;

  protected constructor(context: RunnerContext, table: object, initial: string, key: string, flow: Flow) {
    this.context = context;
    this.#table = table as AnyTable;
    this.#state = initial;
    this.#delays = flow.reliable ? context.delays.reliable : context.delays.unreliable;
    this.key = key;
    this.flow = flow;
  }

  get state(): string {
    return this.#state;
  }

  get terminated(): boolean {
    return this.#state === 'terminated';
  }

  /** Runs one event through the table; an event without a row changes nothing. */
  protected dispatch(event: string): void {
    const row = this.#table[this.#state]![event];
    if (!row) return;
    if (row.next) this.#state = row.next;
    try {
      for (const action of row.actions) this.#perform(action);
    } finally {
      // Whatever the user threw when it was told, the transaction goes its way.
      if (this.#due) this.#fireDue();
      if (row.next === 'terminated') this.onTerminated();
    }
  }

  onTimer(timer: TimerName): void {
    this.#forget(timer);
    this.dispatch(EVENT_OF[timer]);
  }

  /** Milliseconds until the timer that ends this state fires, for debug views. */
  get msLeft(): number | undefined {
    const timer = this.#absorb ?? this.#giveUp;
    return timer && Math.max(0, timer.dueMs - this.context.timers.nowMs());
  }

  protected abstract perform(kind: Action['kind']): void;
  protected abstract onTerminated(): void;

  #perform(action: Action): void {
    switch (action.kind) {
      case 'start':
        this.#start(action.timer, this.#delays[action.timer]);
        return;
      case 'restart':
        this.#start(action.timer, this.#grown(action.growth));
        return;
      case 'stop':
        this.#stop(action.timer);
        return;
      default:
        this.perform(action.kind);
        return;
    }
  }

  #grown(growth: Growth): number {
    const { t2Ms } = this.context.settings;
    if (growth === 'T2') return t2Ms;
    const doubledMs = this.#retransmitMs * 2;
    return growth === 'doubled' ? doubledMs : Math.min(doubledMs, t2Ms);
  }

  #start(timer: TimerName, delayMs: number | undefined): void {
    if (delayMs === undefined) return;
    if (delayMs === 0) {
      this.#due = timer;
      return;
    }
    const slot = SLOT[timer];
    const set = this.context.timers.start(delayMs, this, timer);
    if (slot === RETRANSMIT) {
      this.#retransmitMs = delayMs;
      this.#retransmit = set;
    } else if (slot === GIVE_UP) this.#giveUp = set;
    else this.#absorb = set;
  }

  #stop(timer: TimerName): void {
    const slot = SLOT[timer];
    this.context.timers.stop(slot === RETRANSMIT ? this.#retransmit : slot === GIVE_UP ? this.#giveUp : this.#absorb);
    this.#forget(timer);
  }

  #forget(timer: TimerName): void {
    const slot = SLOT[timer];
    if (slot === RETRANSMIT) this.#retransmit = undefined;
    else if (slot === GIVE_UP) this.#giveUp = undefined;
    else this.#absorb = undefined;
  }

  #fireDue(): void {
    const timer = this.#due!;
    this.#due = undefined;
    this.dispatch(EVENT_OF[timer]);
  }
}
