import { FIELD } from '../relay/layout.js';
import { JitterEstimator } from './jitter.js';
import { LossPattern } from './loss-pattern.js';
import { ReceptionWindow } from './reception-window.js';
import { ADVANCE, LATE, RESTART, SequenceTracker, STRAY } from './sequence.js';

/** Figures of one source for a report block (RFC 3550 §6.4.1). */
export interface SourceReport {
  readonly fractionLost: number;
  readonly cumulativeLost: number;
  readonly extendedHighest: number;
  readonly jitterTs: number;
}

/**
 * One synchronisation source as received (RFC 3550 §6.4, A.1, A.3). Counts go to the leg's record as they arise, so that
 * the record holds the sum over all sources; what a report block needs of this source alone stays here.
 */
export class Source {
  readonly ssrc: number;
  readonly jitter = new JitterEstimator();
  readonly #record: Float64Array;
  readonly #sequence: SequenceTracker;
  readonly #window: ReceptionWindow;
  #first = 0;
  #received = 0;
  #expectedPrior = 0;
  #receivedPrior = 0;
  /** Middle 32 bits of the last sender report's NTP time, and when it came; 0 when none did. */
  lastSr = 0;
  lastSrMs = 0;
  /** Of the last packet, for extrapolating a sender report. */
  lastTimestamp = 0;
  lastArrivalMs = 0;

  /** @param trusted  the source needs no probation (see SequenceTracker) */
  constructor(ssrc: number, record: Float64Array, trusted: boolean) {
    this.ssrc = ssrc;
    this.#record = record;
    this.#sequence = new SequenceTracker(trusted);
    this.#window = new ReceptionWindow(new LossPattern(record));
  }

  get valid(): boolean {
    return this.#sequence.valid;
  }

  /** Highest sequence number that came, 0–65535. */
  get highest(): number {
    return this.#sequence.extended & 0xffff;
  }

  /** Counts one packet by its sequence number; returns false for one that belongs to no valid sequence. */
  count(sequence: number): boolean {
    const started = this.#sequence.valid;
    const highest = this.#sequence.extended;
    switch (this.#sequence.judge(sequence)) {
      case ADVANCE:
        this.#advance(started, highest);
        return true;
      case LATE:
        this.#late();
        return true;
      case RESTART:
        if (started) this.#window.flush();
        this.#start(this.#sequence.extended - 1);
        this.#advance(true, this.#first);
        return true;
      case STRAY:
        return false;
    }
  }

  #start(extended: number): void {
    this.#first = extended;
    this.#received = 1;
    this.#expectedPrior = 0;
    this.#receivedPrior = 0;
    this.#record[FIELD.expected]!++;
    this.#record[FIELD.received]!++;
    this.#record[FIELD.sources]!++;
    this.#window.start(extended);
  }

  #advance(started: boolean, highest: number): void {
    const extended = this.#sequence.extended;
    if (!started) {
      this.#start(extended);
      return;
    }
    this.#received++;
    this.#record[FIELD.expected]! += extended - highest;
    this.#record[FIELD.received]!++;
    this.#window.advance(extended);
  }

  /** Late and duplicate packets count as received (§6.4.1), so that the loss may fall, even below zero. */
  #late(): void {
    this.#received++;
    this.#record[FIELD.received]!++;
    const number = this.#sequence.current;
    if (!this.#window.fill(number)) {
      this.#record[FIELD.duplicates]!++;
      return;
    }
    this.#record[FIELD.reordered]!++;
    // The first packets came in another order: expectation starts at the lowest, or one loss would go unseen (A.3 keeps
    // the number that came first).
    if (number < this.#first) {
      this.#record[FIELD.expected]! += this.#first - number;
      this.#first = number;
    }
  }

  /** Settles the packets still in the window: the source has ended. */
  finish(): void {
    if (this.#sequence.valid) this.#window.flush();
  }

  /** Report figures since the previous call (A.3: the fraction is of the interval, 0 when negative). */
  report(): SourceReport {
    const expected = this.#sequence.extended - this.#first + 1;
    const fractionLost = fractionLost256(expected - this.#expectedPrior, this.#received - this.#receivedPrior);
    this.#expectedPrior = expected;
    this.#receivedPrior = this.#received;
    return {
      fractionLost,
      cumulativeLost: expected - this.#received,
      extendedHighest: (this.#sequence.extended - 0x10000) % 2 ** 32,
      jitterTs: Math.floor(this.jitter.valueTs),
    };
  }
}

/** Fraction lost in an interval as a report block has it: floor(256 × lost ÷ expected), 0 when negative (A.3). */
export function fractionLost256(expected: number, received: number): number {
  const lost = expected - received;
  return expected > 0 && lost > 0 ? Math.floor((lost * 256) / expected) : 0;
}
