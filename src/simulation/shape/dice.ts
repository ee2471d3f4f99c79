import { below, type Random, unit } from '../../core/index.js';

/** Draws with words: chances, choices, times. */
export class Dice {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** True with this probability, 0–1. */
  chance(share: number): boolean {
    return unit(this.#random) < share;
  }

  /** An integer, `low` to `high` inclusive. */
  between(low: number, high: number): number {
    return low + below(this.#random, high - low + 1);
  }

  one<T>(choices: readonly T[]): T {
    return choices[below(this.#random, choices.length)]!;
  }

  /** One of the names, each as likely as its weight says. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name {
    const rows = Object.entries(weights) as [Name, number][];
    let at = unit(this.#random) * rows.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [name, weight] of rows) {
      at -= weight;
      if (at < 0) return name;
    }
    return rows.at(-1)![0];
  }

  /** Mostly short, sometimes long: exponential around `mean`, at most `most`. */
  exponential(mean: number, most: number): number {
    return Math.min(most, Math.round(-mean * Math.log(1 - unit(this.#random))));
  }
}
