import type { LossPattern } from './loss-pattern.js';

/**
 * Which of the last 128 packets came: tells a duplicate from a late packet, and settles each packet's fate (received or
 * lost) as it leaves. 128 covers everything that the sequence rules still take as late (RFC 3550 A.1, MAX_MISORDER).
 *
 *     extended number   … 871 │ 872 ……………………… 999 │          bit = number mod 128
 *                    settled ◄┘  window            highest
 */
export const WINDOW_PACKETS = 128;

export class ReceptionWindow {
  readonly #bits = new Int32Array(WINDOW_PACKETS / 32);
  readonly #pattern: LossPattern;
  #first = 0;
  #highest = -1;

  constructor(pattern: LossPattern) {
    this.#pattern = pattern;
  }

  /** Starts with `extended` as the first packet. */
  start(extended: number): void {
    this.#bits.fill(0);
    this.#first = extended;
    this.#highest = extended;
    this.#set(extended);
  }

  /** Moves up to `extended`, which came; those skipped are missing until they come late. */
  advance(extended: number): void {
    for (let number = this.#highest + 1; number <= extended; number++) {
      this.#settle(number - WINDOW_PACKETS);
      this.#bits[(number >>> 5) & 3]! &= ~(1 << (number & 31));
    }
    this.#highest = extended;
    this.#set(extended);
  }

  /** Notes a packet at or below the highest; false when it is there already, or is from before the window. */
  fill(extended: number): boolean {
    if (extended <= this.#highest - WINDOW_PACKETS || this.#has(extended)) return false;
    this.#set(extended);
    if (extended < this.#first) this.#first = extended;
    return true;
  }

  /** Settles all that is left. */
  flush(): void {
    for (let number = this.#highest - WINDOW_PACKETS + 1; number <= this.#highest; number++) this.#settle(number);
    this.#first = this.#highest + 1;
    this.#pattern.end();
  }

  #settle(number: number): void {
    if (number < this.#first) return;
    if (this.#has(number)) this.#pattern.received();
    else this.#pattern.lost();
  }

  #has(number: number): boolean {
    return (this.#bits[(number >>> 5) & 3]! & (1 << (number & 31))) !== 0;
  }

  #set(number: number): void {
    this.#bits[(number >>> 5) & 3]! |= 1 << (number & 31);
  }
}
