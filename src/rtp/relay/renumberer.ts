import { MAX_DROPOUT, MAX_MISORDER } from '../stream/index.js';

/**
 * Continues the sequence numbers of a stream over its sender's restarts, for streams that leave sealed: SRTP seals an
 * index once only (RFC 3711 §9.1), so a sender that went back under the same SSRC would be mute until it had caught up.
 *
 *     in     998  999 1000 │  17   18   19      a jump that no loss explains (RFC 3550 A.1)
 *     out    998  999 1000 │1001 1002 1003
 */
export class Renumberer {
  #ssrc = -1;
  #offset = 0;
  #highest = 0;

  /** @returns the sequence number to send `sequence` of `ssrc` under */
  renumber(ssrc: number, sequence: number): number {
    if (ssrc !== this.#ssrc) return this.#start(ssrc, sequence);
    const number = (sequence + this.#offset) & 0xffff;
    const ahead = (number - this.#highest) & 0xffff;
    if (ahead > 0x10000 - MAX_MISORDER) return number;
    if (ahead >= MAX_DROPOUT) return this.#resume(sequence);
    this.#highest = number;
    return number;
  }

  #start(ssrc: number, sequence: number): number {
    this.#ssrc = ssrc;
    this.#offset = 0;
    this.#highest = sequence;
    return sequence;
  }

  #resume(sequence: number): number {
    this.#highest = (this.#highest + 1) & 0xffff;
    this.#offset = (this.#highest - sequence) & 0xffff;
    return this.#highest;
  }
}
