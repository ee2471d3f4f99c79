import { AT, state } from './source-state.js';

/**
 * Sequence number validation and extension of one source (RFC 3550 appendix A.1).
 *
 *        ◄─ late: < 100 ─►│◄──────── ahead: < 3000 ────────►│◄── too far: ignored until two follow each other ──►
 *     ────────────────────┼─────────────────────────────────┼───────────────────────────────────────────────────
 *                      highest
 *
 * Two departures, both so that no packet that was forwarded goes uncounted. A source that is trusted from its first
 * packet (its address has been matched to the description) starts there, without probation. Where probation applies
 * (a change of source, a restart), all packets of it that belong to the pair that ends it are counted, eight at most;
 * A.1 counts the second of the pair alone.
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
const MAX_STRAYS = 8;
/** What is no farther from the pair that ends a probation is of the same stream. */
const NEAR = MAX_MISORDER / 2 - 1;

/** Makes a block ready. @param trusted  start at the first packet, without probation */
export function startSequence(at: number, trusted: boolean): void {
  state[at + AT.trusted] = trusted ? 1 : 0;
  state[at + AT.candidate] = NONE;
}

/** Judges one sequence number, 0–65535. After RESTART counting starts anew, with what `probation` gives. */
export function judgeSequence(at: number, sequence: number): SequenceVerdict {
  if (state[at + AT.started] === 0) return begin(at, sequence);
  const extended = state[at + AT.extended]!;
  const ahead = (sequence - (extended & 0xffff)) & 0xffff;
  if (ahead < MAX_DROPOUT) {
    state[at + AT.extended] = extended + ahead;
    state[at + AT.current] = extended + ahead;
    if (state[at + AT.candidate] !== NONE) forgive(at);
    return ahead === 0 ? LATE : ADVANCE;
  }
  if (ahead > 0x10000 - MAX_MISORDER) {
    state[at + AT.current] = extended - (0x10000 - ahead);
    return LATE;
  }
  return offerRestart(at, sequence);
}

function begin(at: number, sequence: number): SequenceVerdict {
  if (state[at + AT.trusted] === 0) return offerRestart(at, sequence);
  startAt(at, sequence);
  return ADVANCE;
}

function offerRestart(at: number, sequence: number): SequenceVerdict {
  const proven = sequence === state[at + AT.candidate];
  remember(at, sequence);
  state[at + AT.candidate] = (sequence + 1) & 0xffff;
  return proven ? RESTART : STRAY;
}

/** The last ones are kept. */
function remember(at: number, sequence: number): void {
  const first = at + AT.strays;
  if (state[at + AT.strayCount] === MAX_STRAYS) {
    state.copyWithin(first, first + 1, first + MAX_STRAYS);
    state[at + AT.strayCount] = MAX_STRAYS - 1;
  }
  state[first + state[at + AT.strayCount]!++] = sequence;
}

/** After RESTART: the numbers to count from the start, in order of arrival, the one just judged last. Ends the probation. */
export function probation(at: number): number[] {
  const first = at + AT.strays;
  const numbers = [...state.subarray(first, first + state[at + AT.strayCount]!)];
  const last = numbers.at(-1)!;
  forgive(at);
  const near = numbers.filter((number) => Math.abs(((number - last) << 16) >> 16) <= NEAR);
  startAt(at, near[0]!);
  return near;
}

function forgive(at: number): void {
  state[at + AT.candidate] = NONE;
  state[at + AT.strayCount] = 0;
}

function startAt(at: number, sequence: number): void {
  state[at + AT.started] = 1;
  // One cycle up, so that a late packet from before the start has a number above 0.
  state[at + AT.extended] = state[at + AT.current] = sequence + 0x10000;
}
