import { randomFillSync } from 'node:crypto';

/** Randomness from outside: cryptographic in production, seeded in tests and in the simulation. */
export interface Random {
  /** A uniform unsigned 32-bit integer. */
  uint32(): number;
}

/** The operating system's generator, read 4 KiB at a time. */
export class SystemRandom implements Random {
  readonly #pool = new Uint32Array(1024);
  #next = this.#pool.length;

  uint32(): number {
    if (this.#next === this.#pool.length) {
      randomFillSync(this.#pool);
      this.#next = 0;
    }
    const value = this.#pool[this.#next]!;
    this.#pool[this.#next++] = 0;
    return value;
  }
}

/** sfc32: a small seeded generator with a 2^128 state space. Never for secrets. */
export class SeededRandom implements Random {
  #a: number;
  #b: number;
  #c = 0x9e3779b9;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed >>> 0;
    this.#b = Math.floor(seed / 2 ** 32) >>> 0;
    for (let warmUp = 0; warmUp < 15; warmUp++) this.uint32();
  }

  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) >>> 0;
    this.#counter = (this.#counter + 1) >>> 0;
    this.#a = (this.#b ^ (this.#b >>> 9)) >>> 0;
    this.#b = (this.#c + (this.#c << 3)) >>> 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) >>> 0;
    return sum;
  }
}

/** A uniform number in [0, 1) with 53 bits. */
export const unit = (random: Random): number =>
  ((random.uint32() >>> 5) * 0x4000000 + (random.uint32() >>> 6)) / 2 ** 53;

/** A uniform integer in [0, below). `below` is at most 2^32. */
export const below = (random: Random, limit: number): number => Math.floor(unit(random) * limit);

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** `words` × 32 random bits in lower-case hexadecimal: tags, branches, Call-IDs, nonces. */
export function hexToken(random: Random, words = 4): string {
  let token = '';
  for (let word = 0; word < words; word++) {
    const bits = random.uint32();
    token += HEX[bits >>> 24]! + HEX[(bits >>> 16) & 255]! + HEX[(bits >>> 8) & 255]! + HEX[bits & 255]!;
  }
  return token;
}

/** A version 4 UUID (RFC 9562 §5.4). */
export function uuid(random: Random): string {
  const hex = hexToken(random, 4);
  const variant = '89ab'[Number.parseInt(hex[16]!, 16) & 3]!;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** `count` random bytes, for keys and salts; cryptographic when the source is. */
export function randomBytes(random: Random, count: number): Buffer {
  const bytes = Buffer.allocUnsafe(count);
  for (let at = 0; at < count; at += 4) {
    const word = random.uint32();
    for (let byte = 0; byte < 4 && at + byte < count; byte++) bytes[at + byte] = (word >>> (8 * byte)) & 255;
  }
  return bytes;
}
