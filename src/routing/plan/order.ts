import type { Random } from '../../core/index.js';

/**
 * Order of trying: tiers of one priority, lowest number first; inside a tier a draw by weight without replacement, so
 * that the share of first places follows the weights (RFC 2782's rule for SRV records, with every weight above 0).
 */

export interface Ranked<Value> {
  readonly value: Value;
  readonly priority: number;
  /** > 0 */
  readonly weight: number;
}

export interface Tier<Value> {
  readonly priority: number;
  readonly values: readonly Value[];
  readonly weights: readonly number[];
  readonly totalWeight: number;
}

export type Tiers<Value> = readonly Tier<Value>[];

/** Groups by priority, ascending; inside a tier the given order is kept. */
export function tiersOf<Value>(ranked: readonly Ranked<Value>[]): Tiers<Value> {
  const byPriority = new Map<number, Ranked<Value>[]>();
  for (const one of ranked) {
    const tier = byPriority.get(one.priority);
    if (tier) tier.push(one);
    else byPriority.set(one.priority, [one]);
  }
  return [...byPriority]
    .sort(([a], [b]) => a - b)
    .map(([priority, tier]) => ({
      priority,
      values: tier.map((one) => one.value),
      weights: tier.map((one) => one.weight),
      totalWeight: tier.reduce((sum, one) => sum + one.weight, 0),
    }));
}

/**
 * Draws of tiers, one tier after another: its values one by one, each chosen when it is asked for, so that who needs two
 * of twenty pays for two. The last one takes no random number.
 */
export class Draw<Value> {
  readonly #random: Random;
  #tier: Tier<Value> = NOTHING;
  /** Weights of what is not drawn yet, 0 for what is: the tier's own until a third value is asked for. */
  #left: readonly number[] = NOTHING.weights;
  /** For `#left`, of one tier after another. */
  readonly #scratch: number[] = [];
  #weightLeft = 0;
  #valuesLeft = 0;
  #last = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Leaves the tier before, if any, and begins this one. */
  begin(tier: Tier<Value>): void {
    this.#tier = tier;
    this.#left = tier.weights;
    this.#weightLeft = tier.totalWeight;
    this.#valuesLeft = tier.values.length;
    this.#last = 0;
  }

  /** The next value; undefined once all are drawn. */
  next(): Value | undefined {
    const { values } = this.#tier;
    if (this.#valuesLeft === 0) return undefined;
    if (this.#valuesLeft < values.length && values.length > 2) this.#takeAway(this.#last);
    this.#last = this.#valuesLeft > 1 ? this.#pick() : this.#lastOne();
    this.#valuesLeft--;
    return values[this.#last];
  }

  #takeAway(index: number): void {
    const { weights } = this.#tier;
    const left = this.#scratch;
    if (this.#left === weights) for (let at = 0; at < weights.length; at++) left[at] = weights[at]!;
    left[index] = 0;
    this.#left = left;
    this.#weightLeft -= weights[index]!;
  }

  /** Index of the value whose share of the remaining weight holds a point drawn in it; what was drawn weighs 0. */
  #pick(): number {
    const left = this.#left;
    const { length } = this.#tier.values;
    // 32 bits are plenty: weights are at most 100, tiers a few hundred.
    const point = (this.#random.uint32() / 0x1_0000_0000) * this.#weightLeft;
    let passed = 0;
    for (let index = 0; index < length; index++) {
      passed += left[index]!;
      if (point < passed) return index;
    }
    return this.#theOneLeft();
  }

  #lastOne(): number {
    const { length } = this.#tier.values;
    return length <= 2 ? length - 1 - this.#last : this.#theOneLeft();
  }

  #theOneLeft(): number {
    return this.#left.findIndex((weight) => weight > 0);
  }
}

const NOTHING: Tier<never> = { priority: 0, values: [], weights: [], totalWeight: 0 };

/**
 * A tier's values in drawn order, all of them.
 * @returns a list that may be the tier's own: it must not be changed
 */
export function drawn<Value>(tier: Tier<Value>, random: Random): readonly Value[] {
  if (tier.values.length === 1) return tier.values;
  const draw = new Draw<Value>(random);
  draw.begin(tier);
  return tier.values.map(() => draw.next()!);
}

/** Those that are up, then those that are down, at most `limit`. */
export function downLast<Value>(up: readonly Value[], down: readonly Value[], limit: number): readonly Value[] {
  if (down.length === 0 && up.length <= limit) return up;
  return [...up, ...down].slice(0, limit);
}
