import { type Random, type Scheduler, type Timer, unit } from '../../core/index.js';
import type { Target } from '../plan/targets.js';
import type { Snapshot } from '../snapshot.js';
import type { TargetHealth } from './target-health.js';

/**
 * When to send OPTIONS to which target: each on its own timer, every `intervalSeconds` while it is up and about every
 * `downIntervalSeconds` while it is not, both jittered so that targets and nodes do not fall into step. Sending is the
 * caller's; one probe of a target is under way at a time.
 *
 *     up:    ├──── 30 s ± 10 % ────┤probe├──── 30 s …          down:  ├─ 5 to 10 s ─┤probe├─ 5 to 10 s …
 */

export interface ProbeSettings {
  readonly intervalSeconds: number;
  readonly downIntervalSeconds: number;
}

/** What came of one OPTIONS: any final response, or its absence (a short reason). */
export type ProbeOutcome =
  | { readonly status: number; readonly retryAfterSeconds?: number }
  | { readonly failure: string };

/** Sends OPTIONS to a target and tells the outcome once, at the latest after the transaction's timeout. */
export type Probe = (target: Target, done: (outcome: ProbeOutcome) => void) => void;

interface Entry {
  target: Target;
  timer: Timer | undefined;
  /** When its timer fires, monotonic ms. */
  dueMs: number;
}

export class HealthProber {
  readonly #settings: ProbeSettings;
  readonly #health: TargetHealth;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #probe: Probe;
  readonly #running = new Map<string, Entry>();

  constructor(settings: ProbeSettings, health: TargetHealth, scheduler: Scheduler, random: Random, probe: Probe) {
    this.#settings = settings;
    this.#health = health;
    this.#scheduler = scheduler;
    this.#random = random;
    this.#probe = probe;
  }

  /** Targets being probed. */
  get size(): number {
    return this.#running.size;
  }

  /** Probes these targets from now on: new ones within the first interval, those gone no more. */
  configure(targets: Iterable<Target>): void {
    const wanted = new Map([...targets].map((target) => [target.targetKey, target]));
    for (const [key, entry] of this.#running) {
      if (wanted.has(key)) continue;
      entry.timer?.cancel();
      this.#running.delete(key);
    }
    for (const [key, target] of wanted) {
      const known = this.#running.get(key);
      if (known) known.target = target;
      else this.#start(key, target);
    }
  }

  /** A target has changed its state by what calls told: its next probe comes at the new state's pace, if that is sooner. */
  changed(targetKey: string): void {
    const entry = this.#running.get(targetKey);
    const pauseMs = this.#pauseMs(targetKey);
    if (!entry?.timer || entry.dueMs <= this.#scheduler.nowMs() + pauseMs) return;
    entry.timer.cancel();
    this.#schedule(targetKey, entry, pauseMs);
  }

  stop(): void {
    this.configure([]);
  }

  /** The first probe of a target comes somewhere in its first interval, so that a start does not send all at once. */
  #start(key: string, target: Target): void {
    const firstMs = unit(this.#random) * this.#settings.intervalSeconds * 1000;
    const entry: Entry = { target, timer: undefined, dueMs: 0 };
    this.#running.set(key, entry);
    this.#schedule(key, entry, firstMs);
  }

  #schedule(key: string, entry: Entry, delayMs: number): void {
    entry.dueMs = this.#scheduler.nowMs() + delayMs;
    entry.timer = this.#scheduler.after(delayMs, () => this.#fire(key));
  }

  #fire(key: string): void {
    const entry = this.#running.get(key);
    if (!entry) return;
    entry.timer = undefined;
    let told = false;
    this.#probe(entry.target, (outcome) => {
      // A target that was taken away, or put in anew, meanwhile: its old probe says nothing.
      if (told || this.#running.get(key) !== entry) return;
      told = true;
      this.#judge(key, outcome);
      this.#schedule(key, entry, this.#pauseMs(key));
    });
  }

  /** Any final response but 408 and 503 is life (design §4). */
  #judge(key: string, outcome: ProbeOutcome): void {
    if ('failure' in outcome) this.#health.missed(key, outcome.failure);
    else if (outcome.status !== 408 && outcome.status !== 503) this.#health.answered(key);
    else this.#health.missed(key, `${outcome.status} to OPTIONS`, outcome.retryAfterSeconds);
  }

  #pauseMs(key: string): number {
    const draw = unit(this.#random);
    const up = this.#health.state(key).state === 'up';
    const seconds = up
      ? this.#settings.intervalSeconds * (0.9 + 0.2 * draw)
      : this.#settings.downIntervalSeconds * (0.625 + 0.625 * draw);
    return seconds * 1000;
  }
}

/** Every target of a snapshot: carrier hosts and routes of enabled originations. */
export function* targetsOf(snapshot: Snapshot): Iterable<Target> {
  for (const carrier of snapshot.carriers.values()) for (const tier of carrier.targets) yield* tier.values;
  for (const { origination } of snapshot.connectors.values()) {
    if (!origination || origination.disabled) continue;
    for (const tier of origination.targets) yield* tier.values;
  }
}
