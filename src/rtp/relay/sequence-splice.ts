import { MAX_MISORDER } from '../stream/index.js';

/** Changes remembered for packets that come late: more than the packets of an event within the reach of misorder. */
const CHANGES = 64;

/**
 * Sequence numbers of a stream from which packets are left out and into which others are put: what its receiver gets has
 * no holes but those that were lost on the way, so that it conceals and reports nothing that was not.
 *
 *     in    10   11   12   13   14            in    10   11             12   13
 *                 ╳    ╳                                    ┌put in┐
 *     out   10             11   12            out   10   11   12   13   14   15
 *
 * A packet that comes late gets the number that it would have had in its place.
 */
export class SequenceSplice {
  /** uint32, −1 before a stream is known */
  ssrc = -1;
  /** Highest number that came, counted on over its 16 bits. */
  #highest = 0;
  /** Number that leaves minus number that came, from the last change on. */
  #offset = 0;
  /** Number from which a change holds, and the offset before it; the oldest make room. */
  readonly #changedAt = new Float64Array(CHANGES);
  readonly #offsetBefore = new Float64Array(CHANGES);
  #changes = 0;

  /** Takes up a stream whose last packet bore this number. */
  start(ssrc: number, sequence: number): void {
    this.ssrc = ssrc;
    this.#highest = sequence + 0x10000;
    this.#offset = 0;
    this.#changes = 0;
  }

  /** Whether a packet is not the stream's next, but a late one or a duplicate. */
  isLate(sequence: number): boolean {
    const ahead = (sequence - this.#highest) & 0xffff;
    return ahead === 0 || ahead > 0x10000 - MAX_MISORDER;
  }

  /** @returns the number under which a packet leaves */
  pass(sequence: number): number {
    const ahead = (sequence - this.#highest) & 0xffff;
    if (ahead === 0 || ahead > 0x10000 - MAX_MISORDER) {
      const number = this.#highest - ((0x10000 - ahead) & 0xffff);
      return (number + this.#offsetAt(number)) & 0xffff;
    }
    this.#highest += ahead;
    return (this.#highest + this.#offset) & 0xffff;
  }

  /** A packet does not go on. One that comes late left its hole before. */
  leaveOut(sequence: number): void {
    if (this.isLate(sequence)) return;
    this.#highest += (sequence - this.#highest) & 0xffff;
    this.#change(this.#highest, -1);
  }

  /** @returns the number of a packet put in after the last */
  putIn(): number {
    this.#change(this.#highest + 1, 1);
    return (this.#highest + this.#offset) & 0xffff;
  }

  #change(from: number, by: number): void {
    const slot = this.#changes++ % CHANGES;
    this.#changedAt[slot] = from;
    this.#offsetBefore[slot] = this.#offset;
    this.#offset += by;
  }

  #offsetAt(number: number): number {
    let offset = this.#offset;
    const oldest = Math.max(0, this.#changes - CHANGES);
    for (let change = this.#changes - 1; change >= oldest; change--) {
      if (this.#changedAt[change % CHANGES]! <= number) break;
      offset = this.#offsetBefore[change % CHANGES]!;
    }
    return offset;
  }
}
