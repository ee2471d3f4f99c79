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
  readonly reversed: readonly Value[];
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
      reversed: tier.map((one) => one.value).reverse(),
      weights: tier.map((one) => one.weight),
      totalWeight: tier.reduce((sum, one) => sum + one.weight, 0),
    }));
}

/**
 * A tier's values in drawn order. A tier of one draws no random number, one of two a single one and makes no list.
 * @returns a list that may be the tier's own: it must not be changed
 */
export function drawn<Value>(tier: Tier<Value>, random: Random): readonly Value[] {
  const { values } = tier;
  if (values.length === 1) return values;
  if (values.length === 2) return point(random, tier.totalWeight) < tier.weights[0]! ? values : tier.reversed;
  return drawMany(tier, random);
}

/** A uniform point in [0, total). 32 bits are plenty: weights are at most 100, tiers a few hundred. */
const point = (random: Random, total: number): number => (random.uint32() / 0x1_0000_0000) * total;

function drawMany<Value>({ values, weights, totalWeight }: Tier<Value>, random: Random): readonly Value[] {
  const left = weights.slice();
  const order: Value[] = [];
  let weightLeft = totalWeight;
  while (order.length < values.length) {
    const index = order.length + 1 === values.length ? theOneLeft(left) : drawIndex(left, point(random, weightLeft));
    order.push(values[index]!);
    weightLeft -= left[index]!;
    left[index] = 0;
  }
  return order;
}

/** Index of the value whose share of the remaining weight holds `point`; what was drawn weighs 0. */
function drawIndex(left: readonly number[], point: number): number {
  let passed = 0;
  for (let index = 0; index < left.length; index++) {
    passed += left[index]!;
    if (point < passed) return index;
  }
  return theOneLeft(left);
}

const theOneLeft = (left: readonly number[]): number => left.findIndex((weight) => weight > 0);

/** Those that are up, then those that are down, at most `limit`. */
export function downLast<Value>(up: readonly Value[], down: readonly Value[], limit: number): readonly Value[] {
  if (down.length === 0 && up.length <= limit) return up;
  return [...up, ...down].slice(0, limit);
}
