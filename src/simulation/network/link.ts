import { type Random, unit } from '../../core/index.js';

/** How good the way between one peer and the gateway is; both directions alike. */
export interface LinkQuality {
  /** Share of datagrams lost, 0–1. */
  readonly loss: number;
  /** Share of datagrams that arrive twice, 0–1. */
  readonly duplication: number;
  /** One-way delay. */
  readonly delayMs: number;
  /** Extra delay, uniform from 0; more than the gap between two datagrams lets them overtake. */
  readonly jitterMs: number;
}

export const PERFECT_LINK: LinkQuality = { loss: 0, duplication: 0, delayMs: 1, jitterMs: 0 };

/** Rolls the dice of one link. */
export class Link {
  readonly quality: LinkQuality;
  readonly #random: Random;

  constructor(quality: LinkQuality, random: Random) {
    this.quality = quality;
    this.#random = random;
  }

  /** How many copies of a datagram arrive: 0, 1 or 2. */
  copies(): 0 | 1 | 2 {
    const { loss, duplication } = this.quality;
    if (loss > 0 && unit(this.#random) < loss) return 0;
    return duplication > 0 && unit(this.#random) < duplication ? 2 : 1;
  }

  delayMs(): number {
    const { delayMs, jitterMs } = this.quality;
    return jitterMs === 0 ? delayMs : delayMs + unit(this.#random) * jitterMs;
  }
}
