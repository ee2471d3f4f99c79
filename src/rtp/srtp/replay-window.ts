/**
 * Packet index and replay window of one synchronisation source (RFC 3711 §3.3.1, §3.3.2, appendix A).
 *
 *              highest − 63                      highest
 *   too old  |  seen? seen? …  seen? seen?  seen  |  ahead: always new
 *
 * `check` decides and changes nothing; `commit` moves the window, and is called only after authentication, so that a
 * forged packet cannot move it.
 */

export const WINDOW_PACKETS = 64;

/** 2^48: where SRTP's index space ends; SRTCP's ends at 2^31. */
const INDEX_LIMIT = 2 ** 48;

/**
 * Guesses the index of a sequence number: the candidate nearest to the highest index seen (appendix A).
 * @param highest highest index seen, or −1 before the first packet, whose rollover counter is 0
 * @returns the 48-bit index; negative where the guess lies before index 0
 */
export function estimateIndex(highest: number, sequenceNumber: number): number {
  if (highest < 0) return sequenceNumber;
  const base = highest - (highest % 65536);
  const ahead = sequenceNumber - (highest % 65536);
  if (ahead < -32768) return base + 65536 + sequenceNumber;
  if (ahead > 32768) return base - 65536 + sequenceNumber;
  return base + sequenceNumber;
}

export class ReplayWindow {
  /** Highest index accepted; −1 before the first. */
  highest = -1;
  /** Bit n: index `highest − n` was accepted; n < 32 in `#recent`, the rest in `#older`. */
  #recent = 0;
  #older = 0;

  /** Whether `index` is neither a repetition nor older than the window. */
  check(index: number): boolean {
    if (index < 0 || index >= INDEX_LIMIT) return false;
    const age = this.highest - index;
    if (age < 0) return true;
    if (age >= WINDOW_PACKETS) return false;
    return age < 32 ? ((this.#recent >>> age) & 1) === 0 : ((this.#older >>> (age - 32)) & 1) === 0;
  }

  /** Accepts an index that `check` allowed. */
  commit(index: number): void {
    const ahead = index - this.highest;
    if (ahead > 0) {
      this.#shift(this.highest < 0 ? WINDOW_PACKETS : ahead);
      this.highest = index;
      this.#recent |= 1;
    } else if (ahead > -32) this.#recent |= 1 << -ahead;
    else this.#older |= 1 << (-ahead - 32);
  }

  #shift(count: number): void {
    if (count >= WINDOW_PACKETS) {
      this.#recent = 0;
      this.#older = 0;
    } else if (count >= 32) {
      this.#older = count === 32 ? this.#recent : this.#recent << (count - 32);
      this.#recent = 0;
    } else {
      this.#older = (this.#older << count) | (this.#recent >>> (32 - count));
      this.#recent <<= count;
    }
  }
}
