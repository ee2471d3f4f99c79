import { FIELD } from '../relay/layout.js';
import { advanceWindow, fillWindow, flushWindow, startWindow } from './reception-window.js';
import { ADVANCE, judgeSequence, LATE, probation, RESTART, STRAY, startSequence } from './sequence.js';
import { AT, giveBlock, state, takeBlock } from './source-state.js';

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
  /** Its block of `state`; no more its own after `finish`. */
  readonly at = takeBlock();
  /** Middle 32 bits of the last sender report's NTP time, and when it came; 0 when none did. */
  lastSr = 0;
  lastSrMs = 0;

  /** @param trusted  the source needs no probation (see sequence.ts) */
  constructor(ssrc: number, trusted: boolean) {
    this.ssrc = ssrc;
    state[this.at + AT.ssrc] = ssrc;
    startSequence(this.at, trusted);
  }

  /** Of the last packet, for extrapolating a sender report. */
  get lastTimestamp(): number {
    return state[this.at + AT.timestamp]!;
  }

  get lastArrivalMs(): number {
    return state[this.at + AT.arrivalMs]!;
  }

  /** Of the last packet that was timed; 0 before that. */
  get clockRateHz(): number {
    return state[this.at + AT.clockRateHz]!;
  }

  /** Highest sequence number that came, 0–65535. */
  get highest(): number {
    return state[this.at + AT.extended]! & 0xffff;
  }

  /** Settles the packets still in the window: the source has ended. */
  finish(records: Float64Array, base: number): void {
    if (state[this.at + AT.started] !== 0) flushWindow(this.at, records, base);
    giveBlock(this.at);
  }

  /** Report figures since the previous call (A.3: the fraction is of the interval, 0 when negative). */
  report(): SourceReport {
    const { at } = this;
    const expected = state[at + AT.extended]! - state[at + AT.first]! + 1;
    const received = state[at + AT.received]!;
    const fractionLost = fractionLost256(
      expected - state[at + AT.expectedPrior]!,
      received - state[at + AT.receivedPrior]!,
    );
    state[at + AT.expectedPrior] = expected;
    state[at + AT.receivedPrior] = received;
    return {
      fractionLost,
      cumulativeLost: expected - received,
      extendedHighest: (state[at + AT.extended]! - 0x10000) % 2 ** 32,
      jitterTs: Math.floor(state[at + AT.jitterTs]!),
    };
  }
}

/** Counts one packet of a source by its sequence number; returns false for one that belongs to no valid sequence. */
export function countPacket(at: number, sequence: number, records: Float64Array, base: number): boolean {
  const started = state[at + AT.started] !== 0;
  const highest = state[at + AT.extended]!;
  switch (judgeSequence(at, sequence)) {
    case ADVANCE:
      advance(at, started, highest, records, base);
      return true;
    case LATE:
      late(at, records, base);
      return true;
    case RESTART:
      if (started) flushWindow(at, records, base);
      restart(at, records, base);
      return true;
    case STRAY:
      return false;
  }
}

/** Counts what came on probation as what it would have been had the source been known. */
function restart(at: number, records: Float64Array, base: number): void {
  const [, ...others] = probation(at);
  start(at, state[at + AT.extended]!, records, base);
  for (const sequence of others) countPacket(at, sequence, records, base);
}

function start(at: number, extended: number, records: Float64Array, base: number): void {
  state[at + AT.first] = extended;
  state[at + AT.received] = 1;
  state[at + AT.expectedPrior] = 0;
  state[at + AT.receivedPrior] = 0;
  records[base + FIELD.expected]!++;
  records[base + FIELD.received]!++;
  records[base + FIELD.sources]!++;
  startWindow(at, extended);
}

function advance(at: number, started: boolean, highest: number, records: Float64Array, base: number): void {
  const extended = state[at + AT.extended]!;
  if (!started) {
    start(at, extended, records, base);
    return;
  }
  state[at + AT.received]!++;
  records[base + FIELD.expected]! += extended - highest;
  records[base + FIELD.received]!++;
  advanceWindow(at, extended, records, base);
}

/** Late and duplicate packets count as received (§6.4.1), so that the loss may fall, even below zero. */
function late(at: number, records: Float64Array, base: number): void {
  state[at + AT.received]!++;
  records[base + FIELD.received]!++;
  const number = state[at + AT.current]!;
  if (!fillWindow(at, number)) {
    records[base + FIELD.duplicates]!++;
    return;
  }
  records[base + FIELD.reordered]!++;
  // The first packets came in another order: expectation starts at the lowest, or one loss would go unseen (A.3 keeps
  // the number that came first).
  const first = state[at + AT.first]!;
  if (number < first) {
    records[base + FIELD.expected]! += first - number;
    state[at + AT.first] = number;
  }
}

/** Fraction lost in an interval as a report block has it: floor(256 × lost ÷ expected), 0 when negative (A.3). */
export function fractionLost256(expected: number, received: number): number {
  const lost = expected - received;
  return expected > 0 && lost > 0 ? Math.floor((lost * 256) / expected) : 0;
}
