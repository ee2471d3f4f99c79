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
 * Visits a tier's values in drawn order until `visit` gives false. A tier of one draws no random number.
 * @returns false when the visit was stopped
 */
export function drawTier<Value>(tier: Tier<Value>, random: Random, visit: (value: Value) => boolean): boolean {
  const { values, weights } = tier;
  const count = values.length;
  if (count === 1) return visit(values[0]!);
  if (count === 2) return drawPair(tier, random, visit);
  const left = weights.slice();
  let weightLeft = tier.totalWeight;
  for (let drawn = 1; drawn <= count; drawn++) {
    const index = drawn === count ? theOneLeft(left) : drawIndex(left, point(random, weightLeft));
    weightLeft -= left[index]!;
    left[index] = 0;
    if (!visit(values[index]!)) return false;
  }
  return true;
}

/** A uniform point in [0, total). 32 bits are plenty: weights are at most 100, tiers a few hundred. */
const point = (random: Random, total: number): number => (random.uint32() / 0x1_0000_0000) * total;

/** Two values, the commonest tier: one draw, and no list of what is left. */
function drawPair<Value>(
  { values, weights, totalWeight }: Tier<Value>,
  random: Random,
  visit: (value: Value) => boolean,
): boolean {
  const first = point(random, totalWeight) < weights[0]! ? 0 : 1;
  return visit(values[first]!) && visit(values[1 - first]!);
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

/** Visits tier after tier in drawn order until `visit` gives false. */
export function drawTiers<Value>(tiers: Tiers<Value>, random: Random, visit: (value: Value) => boolean): boolean {
  for (const tier of tiers) if (!drawTier(tier, random, visit)) return false;
  return true;
}

/** Those that are up, then those that are down, at most `limit`. */
export function downLast<Value>(up: readonly Value[], down: readonly Value[], limit: number): readonly Value[] {
  if (down.length === 0 && up.length <= limit) return up;
  return [...up, ...down].slice(0, limit);
}
