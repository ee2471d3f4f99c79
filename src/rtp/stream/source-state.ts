/**
 * What packets change of the sources they belong to: a block of words for each source, of all sources of the thread in
 * one array. With a thousand calls nothing of one is in the processor's cache when its packet comes. Of a block it
 * fetches two or three lines; of objects that know one another it would fetch as many places as there are objects.
 *
 *     state │ source │ source │ (free) │ source │ …        `at`: where a block begins
 */
const BLOCK_WORDS = 40;

/** Words of a block. Numbers are extended (cycles × 65536 + sequence number) but where said otherwise. */
export const AT = {
  /** uint32 */
  ssrc: 0,
  /** 1 once the source has been accepted (see sequence.ts). */
  started: 1,
  /** Highest that came; only grows until a restart. */
  extended: 2,
  /** 0–65535: what would prove a new source or a restart; −1 when no candidate is pending. */
  candidate: 3,
  /** Packets that came, late ones and copies included. */
  received: 4,
  /** RTP timestamp (uint32) and monotonic ms of the last packet. */
  timestamp: 5,
  arrivalMs: 6,

  // reception-window.ts: the first number that is in it, the highest, and 128 bits in four words (int32)
  windowFirst: 7,
  windowHighest: 8,
  bits: 9,

  // loss-pattern.ts
  inLossRun: 13,
  openPackets: 14,
  openLost: 15,
  receivedSinceLoss: 16,

  // jitter.ts: the estimate in RTP clock units, and whether it is one; what the last packet that was timed had
  jitterTs: 17,
  jitterKnown: 18,
  timedTimestamp: 19,
  timedMs: 20,
  /** 0 before the first packet that was timed. */
  clockRateHz: 21,

  // now and then
  /** 1: the source starts at its first packet, without probation. */
  trusted: 22,
  /** Of the packet judged last. */
  current: 23,
  /** Where expectation starts. */
  first: 24,
  /** At the last report. */
  expectedPrior: 25,
  receivedPrior: 26,
  /** Packets on probation, 0–65535 and in order of arrival, and how many there are. */
  strays: 27,
  strayCount: 35,
} as const;

export let state = new Float64Array(256 * BLOCK_WORDS);
const free: number[] = [];
let used = 0;

/** A block of zeros; gives where it begins. */
export function takeBlock(): number {
  const at = free.pop();
  if (at !== undefined) {
    state.fill(0, at, at + BLOCK_WORDS);
    return at;
  }
  const next = used;
  used += BLOCK_WORDS;
  if (used > state.length) {
    const larger = new Float64Array(2 * state.length);
    larger.set(state);
    state = larger;
  }
  return next;
}

/** The block may be another source's from now on. */
export function giveBlock(at: number): void {
  free.push(at);
}
