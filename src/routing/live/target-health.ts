import type { TargetState } from '../types.js';
import type { Clock } from './token-bucket.js';

/**
 * Health of routes and carrier hosts (design §4), a table of states:
 *
 *             3 misses                      answer
 *     ┌──────┐ ──────────────────► ┌──────┐ ───────────────► ┌───────────┐
 *     │  up  │                     │ down │ ◄─────────────── │ half-open │  one call may probe it
 *     └──────┘ ◄─────────┐         └──────┘       miss       └───────────┘
 *         ▲              │ (rest over, where no OPTIONS are sent: down ─► half-open)  │
 *         └──────────────┴──────────────── 2 answers, or a call that got through ─────┘
 *
 * An answer is any final response but 408 and 503, to OPTIONS or to a call; no response, 408, 503 and transport errors
 * are misses. A 503 with Retry-After also keeps the target out for that long, at most 60 s, whatever its state.
 */

export interface HealthThresholds {
  readonly missesToDown: number;
  readonly answersToUp: number;
  /** With OPTIONS off a target that is down is tried again after this. */
  readonly restMs: number;
  /** OPTIONS are sent, so that only they bring a target from down to half-open. */
  readonly probed: boolean;
}

export type HealthState = TargetState['state'];

export interface HealthChange {
  readonly targetKey: string;
  readonly from: HealthState;
  readonly to: HealthState;
  /** Why, one short phrase: `3 misses`, `503 Retry-After 20 s`. */
  readonly reason: string;
}

interface Target {
  state: HealthState;
  misses: number;
  answers: number;
  downAtMs: number;
  keptOutUntilMs: number;
  /** A call is probing it: others see it down meanwhile. */
  claimed: boolean;
}

export const MAX_RETRY_AFTER_SECONDS = 60;

const UP: TargetState = { state: 'up' };
const DOWN: TargetState = { state: 'down' };
const HALF_OPEN: TargetState = { state: 'half-open' };

export class TargetHealth {
  readonly #thresholds: HealthThresholds;
  readonly #clock: Clock;
  readonly #onChange: (change: HealthChange) => void;
  readonly #targets = new Map<string, Target>();
  /** Those of them that may be other than up: mostly none, and then no decision looks anything up. */
  readonly #troubled = new Map<string, Target>();

  /** @param onChange told of each change of state; must not throw */
  constructor(thresholds: HealthThresholds, clock: Clock, onChange: (change: HealthChange) => void = () => {}) {
    this.#thresholds = thresholds;
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** State as a decision sees it; a target never heard of is up. */
  state(targetKey: string): TargetState {
    const target = this.#troubled.size === 0 ? undefined : this.#troubled.get(targetKey);
    if (!target) return UP;
    const nowMs = this.#clock.nowMs();
    if (target.keptOutUntilMs > nowMs) return { state: 'down', retryAtMs: target.keptOutUntilMs };
    if (target.state === 'up') {
      this.#troubled.delete(targetKey);
      return UP;
    }
    if (target.claimed) return DOWN;
    if (target.state === 'half-open' || this.#rested(target, nowMs)) return HALF_OPEN;
    return this.#thresholds.probed ? DOWN : { state: 'down', retryAtMs: target.downAtMs + this.#thresholds.restMs };
  }

  /** A final response other than 408 and 503. `byCall`: to an INVITE, which proves more than OPTIONS does. */
  answered(targetKey: string, byCall = false): void {
    const target = this.#targets.get(targetKey);
    if (!target) return;
    target.misses = 0;
    target.claimed = false;
    if (target.state === 'up') return;
    target.answers++;
    if (byCall || target.answers >= this.#thresholds.answersToUp) {
      this.#move(targetKey, target, 'up', byCall ? 'a call got through' : `${target.answers} answers`);
    } else this.#move(targetKey, target, 'half-open', 'an answer');
  }

  /** No response, a transport error, 408, or 503 (`retryAfterSeconds` when it had the header). */
  missed(targetKey: string, reason: string, retryAfterSeconds?: number): void {
    const target = this.#target(targetKey);
    const nowMs = this.#clock.nowMs();
    target.misses++;
    target.answers = 0;
    target.claimed = false;
    if (retryAfterSeconds !== undefined && retryAfterSeconds > 0)
      this.#keepOut(targetKey, target, retryAfterSeconds, nowMs);
    if (target.state === 'half-open' || this.#rested(target, nowMs)) {
      target.downAtMs = nowMs;
      this.#move(targetKey, target, 'down', reason);
    } else if (target.state === 'up' && target.misses >= this.#thresholds.missesToDown) {
      target.downAtMs = nowMs;
      this.#move(targetKey, target, 'down', `${target.misses} misses: ${reason}`);
    }
  }

  /**
   * A call is about to try the target. On one that is half-open the first gets the probe, and others see it down until
   * `answered`, `missed` or `release` is called for it.
   */
  claim(targetKey: string): void {
    const target = this.#targets.get(targetKey);
    if (target && target.state !== 'up' && this.state(targetKey).state === 'half-open') target.claimed = true;
  }

  /** The call ended without telling anything of the target (cancelled before an answer). */
  release(targetKey: string): void {
    const target = this.#targets.get(targetKey);
    if (target) target.claimed = false;
  }

  /** Forgets targets that are no longer configured. */
  keepOnly(targetKeys: ReadonlySet<string>): void {
    for (const targets of [this.#targets, this.#troubled]) {
      for (const key of targets.keys()) if (!targetKeys.has(key)) targets.delete(key);
    }
  }

  /** Targets that have been heard of, for API, metrics and debug views. */
  *debugView(): IterableIterator<{
    readonly targetKey: string;
    readonly state: HealthState;
    readonly misses: number;
    readonly retryAtMs: number | undefined;
  }> {
    for (const [targetKey, target] of this.#targets) {
      const { state, retryAtMs } = this.state(targetKey);
      yield { targetKey, state, misses: target.misses, retryAtMs };
    }
  }

  #rested(target: Target, nowMs: number): boolean {
    return target.state === 'down' && !this.#thresholds.probed && nowMs - target.downAtMs >= this.#thresholds.restMs;
  }

  #keepOut(targetKey: string, target: Target, retryAfterSeconds: number, nowMs: number): void {
    const seconds = Math.min(MAX_RETRY_AFTER_SECONDS, retryAfterSeconds);
    target.keptOutUntilMs = Math.max(target.keptOutUntilMs, nowMs + seconds * 1000);
    this.#troubled.set(targetKey, target);
    this.#onChange({ targetKey, from: target.state, to: 'down', reason: `503 Retry-After ${seconds} s` });
  }

  #target(targetKey: string): Target {
    const known = this.#targets.get(targetKey);
    if (known) return known;
    const fresh: Target = { state: 'up', misses: 0, answers: 0, downAtMs: 0, keptOutUntilMs: 0, claimed: false };
    this.#targets.set(targetKey, fresh);
    return fresh;
  }

  #move(targetKey: string, target: Target, to: HealthState, reason: string): void {
    const from = target.state;
    if (from === to) return;
    target.state = to;
    if (to === 'up') target.answers = 0;
    else this.#troubled.set(targetKey, target);
    this.#onChange({ targetKey, from, to, reason });
  }
}
