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

/** Makes a block ready. @param trusted  start at the first packet, without probation */
export function startSequence(at: number, trusted: boolean): void {
  state[at + AT.trusted] = trusted ? 1 : 0;
  state[at + AT.candidate] = NONE;
}

/** Judges one sequence number, 0–65535. After RESTART counting starts anew, with this packet and the one before it. */
export function judgeSequence(at: number, sequence: number): SequenceVerdict {
  if (state[at + AT.started] === 0) return begin(at, sequence);
  const extended = state[at + AT.extended]!;
  const ahead = (sequence - (extended & 0xffff)) & 0xffff;
  if (ahead < MAX_DROPOUT) {
    state[at + AT.extended] = extended + ahead;
    state[at + AT.current] = extended + ahead;
    state[at + AT.candidate] = NONE;
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
  if (sequence !== state[at + AT.candidate]) {
    state[at + AT.candidate] = (sequence + 1) & 0xffff;
    return STRAY;
  }
  startAt(at, sequence);
  return RESTART;
}

function startAt(at: number, sequence: number): void {
  state[at + AT.started] = 1;
  state[at + AT.candidate] = NONE;
  // One cycle up, so that a late packet from before the start has a number above 0.
  state[at + AT.extended] = state[at + AT.current] = sequence + 0x10000;
}
