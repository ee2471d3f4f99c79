import { endPattern, settledLost, settledReceived } from './loss-pattern.js';
import { AT, state } from './source-state.js';

/**
 * Which of the last 128 packets came: tells a duplicate from a late packet, and settles each packet's fate (received or
 * lost) as it leaves. 128 covers everything that the sequence rules still take as late (RFC 3550 A.1, MAX_MISORDER).
 *
 *     extended number   … 871 │ 872 ……………………… 999 │          bit = number mod 128
 *                    settled ◄┘  window            highest
 */
export const WINDOW_PACKETS = 128;
const WINDOW_BIT_WORDS = WINDOW_PACKETS / 32;

/** Starts with `extended` as the first packet. */
export function startWindow(at: number, extended: number): void {
  state.fill(0, at + AT.bits, at + AT.bits + WINDOW_BIT_WORDS);
  state[at + AT.windowFirst] = extended;
  state[at + AT.windowHighest] = extended;
  set(at, extended);
}

/** Moves up to `extended`, which came; those skipped are missing until they come late. */
export function advanceWindow(at: number, extended: number, records: Float64Array, base: number): void {
  for (let number = state[at + AT.windowHighest]! + 1; number <= extended; number++) {
    settle(at, number - WINDOW_PACKETS, records, base);
    clear(at, number);
  }
  state[at + AT.windowHighest] = extended;
  set(at, extended);
}

/** Notes a packet at or below the highest; false when it is there already, or is from before the window. */
export function fillWindow(at: number, extended: number): boolean {
  if (extended <= state[at + AT.windowHighest]! - WINDOW_PACKETS || has(at, extended)) return false;
  set(at, extended);
  if (extended < state[at + AT.windowFirst]!) state[at + AT.windowFirst] = extended;
  return true;
}

/** Settles all that is left. */
export function flushWindow(at: number, records: Float64Array, base: number): void {
  const highest = state[at + AT.windowHighest]!;
  for (let number = highest - WINDOW_PACKETS + 1; number <= highest; number++) settle(at, number, records, base);
  state[at + AT.windowFirst] = highest + 1;
  endPattern(at, records, base);
}

function settle(at: number, number: number, records: Float64Array, base: number): void {
  if (number < state[at + AT.windowFirst]!) return;
  if (has(at, number)) settledReceived(at, records, base);
  else settledLost(at, records, base);
}

const wordOf = (at: number, number: number): number => at + AT.bits + ((number >>> 5) & 3);

function has(at: number, number: number): boolean {
  return (state[wordOf(at, number)]! & (1 << (number & 31))) !== 0;
}

function set(at: number, number: number): void {
  const word = wordOf(at, number);
  state[word] = state[word]! | (1 << (number & 31));
}

function clear(at: number, number: number): void {
  const word = wordOf(at, number);
  state[word] = state[word]! & ~(1 << (number & 31));
}
