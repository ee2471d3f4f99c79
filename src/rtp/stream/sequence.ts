/**
 * Sequence number validation and extension of one source (RFC 3550 appendix A.1).
 *
 *        ◄─ late: < 100 ─►│◄──────── ahead: < 3000 ────────►│◄── too far: ignored until two follow each other ──►
 *     ────────────────────┼─────────────────────────────────┼───────────────────────────────────────────────────
 *                      highest
 *
 * Two departures, both so that no packet that was forwarded goes uncounted. A source that is trusted from its first
 * packet (its address has been matched to the description) starts there, without probation. Where probation applies
 * (a change of source, a restart), both packets of the pair that ends it are counted; A.1 counts the second alone.
 */
export const MAX_DROPOUT = 3000;
export const MAX_MISORDER = 100;

/** What a packet meant: `stray` ones belong to no valid source and are in no loss figure. */
export const ADVANCE = 0;
export const LATE = 1;
export const STRAY = 2;
export const RESTART = 3;
export type SequenceVerdict = typeof ADVANCE | typeof LATE | typeof STRAY | typeof RESTART;

const NONE = -1;

export class SequenceTracker {
  /** Cycles × 65536 + highest sequence number; only grows until a restart. */
  extended = 0;
  /** Extended number of the packet just judged. */
  current = 0;
  #started = false;
  /** The number that would prove a new source or a restart, NONE when no candidate is pending. */
  #candidate = NONE;

  /** @param trusted  start at the first packet, without probation */
  constructor(trusted: boolean) {
    this.#trusted = trusted;
  }
  readonly #trusted: boolean;

  /** Whether the source has been accepted. */
  get valid(): boolean {
    return this.#started;
  }

  /** Judges one sequence number, 0–65535. After RESTART counting starts anew, with this packet and the one before it. */
  judge(sequence: number): SequenceVerdict {
    if (!this.#started) return this.#begin(sequence);
    const highest = this.extended & 0xffff;
    const ahead = (sequence - highest) & 0xffff;
    if (ahead < MAX_DROPOUT) {
      this.extended += ahead;
      this.current = this.extended;
      this.#candidate = NONE;
      return ahead === 0 ? LATE : ADVANCE;
    }
    if (ahead > 0x10000 - MAX_MISORDER) {
      this.current = this.extended - (0x10000 - ahead);
      return LATE;
    }
    return this.#offerRestart(sequence);
  }

  #begin(sequence: number): SequenceVerdict {
    if (!this.#trusted) return this.#offerRestart(sequence);
    this.#startAt(sequence);
    return ADVANCE;
  }

  #offerRestart(sequence: number): SequenceVerdict {
    if (sequence !== this.#candidate) {
      this.#candidate = (sequence + 1) & 0xffff;
      return STRAY;
    }
    this.#startAt(sequence);
    return RESTART;
  }

  #startAt(sequence: number): void {
    this.#started = true;
    this.#candidate = NONE;
    // One cycle up, so that a late packet from before the start has a number above 0.
    this.extended = this.current = sequence + 0x10000;
  }
}
