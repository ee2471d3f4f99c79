import { createHmac, timingSafeEqual } from 'node:crypto';
import { hexToken, type Random, type Scheduler } from '../../core/index.js';

/**
 * Nonces without state (RFC 7616 §5.2): when one was made, a random part, and a signature over both, the source
 * address and the realm. What must be remembered is only the highest nonce count of each nonce in use.
 *
 *     0000018f3c2a91d4 9b1e22f07ac4d310 5f1c…e2 (32 hex digits)
 *     when, ms         random           HMAC-SHA256(secret, when random source realm), first 128 bits
 */

export type NonceVerdict =
  /** Ours, and young enough. */
  | 'fresh'
  /** Ours for this source, but too old: to be replaced. */
  | 'stale'
  /** Made for another source, or not ours (made before a restart): to be replaced, and no proof of where it is from. */
  | 'foreign';

export interface NonceOptions {
  readonly lifetimeMs: number;
  /** Nonces whose counts are remembered at a time. */
  readonly remembered: number;
}

export const DEFAULT_NONCES: NonceOptions = { lifetimeMs: 300_000, remembered: 50_000 };

const WHEN = 16;
const RANDOM = 16;
const SIGNATURE = 32;

export class Nonces {
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #secret: Buffer;
  readonly #options: NonceOptions;
  /** Highest count by nonce, oldest first. */
  readonly #counts = new Map<string, number>();
  /** Nonces made up to then are no longer taken: the counts of one of them had to be forgotten. */
  #forgottenUntilMs = 0;

  /** @param secret at least 32 random bytes; whoever knows it can make nonces */
  constructor(scheduler: Scheduler, random: Random, secret: Buffer, options: NonceOptions = DEFAULT_NONCES) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#secret = secret;
    this.#options = options;
  }

  make(source: string, realm: string): string {
    const head = hex(this.#scheduler.wallMs()) + hexToken(this.#random, RANDOM / 8);
    return head + this.#sign(head, source, realm);
  }

  judge(nonce: string, source: string, realm: string): NonceVerdict {
    if (nonce.length !== WHEN + RANDOM + SIGNATURE) return 'foreign';
    const head = nonce.slice(0, WHEN + RANDOM);
    const signed = Buffer.from(this.#sign(head, source, realm), 'latin1');
    const given = Buffer.from(nonce.slice(WHEN + RANDOM), 'latin1');
    if (given.length !== signed.length || !timingSafeEqual(given, signed)) return 'foreign';
    const madeMs = Number.parseInt(head.slice(0, WHEN), 16);
    const ageMs = this.#scheduler.wallMs() - madeMs;
    return ageMs >= 0 && ageMs <= this.#options.lifetimeMs && madeMs > this.#forgottenUntilMs ? 'fresh' : 'stale';
  }

  /** Takes a nonce count; false when it is not above all before it (RFC 7616 §3.4: a replay). Only for judged nonces. */
  count(nonce: string, nc: number): boolean {
    const highest = this.#counts.get(nonce);
    if (highest !== undefined && nc <= highest) return false;
    if (highest === undefined) this.#makeRoom();
    this.#counts.set(nonce, nc);
    return true;
  }

  /** Drops expired nonces from the front; where none is expired the oldest goes, and with it all made before it. */
  #makeRoom(): void {
    const oldestMs = this.#scheduler.wallMs() - this.#options.lifetimeMs;
    for (const nonce of this.#counts.keys()) {
      const madeMs = Number.parseInt(nonce.slice(0, WHEN), 16);
      const expired = madeMs < oldestMs;
      if (!expired && this.#counts.size < this.#options.remembered) return;
      this.#counts.delete(nonce);
      if (!expired) this.#forgottenUntilMs = Math.max(this.#forgottenUntilMs, madeMs);
    }
  }

  #sign(head: string, source: string, realm: string): string {
    const text = `${head} ${source} ${realm}`;
    return createHmac('sha256', this.#secret).update(text, 'latin1').digest('hex').slice(0, SIGNATURE);
  }
}

const hex = (ms: number): string => Math.floor(ms).toString(16).padStart(WHEN, '0');
