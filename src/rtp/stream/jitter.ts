import { AT, state } from './source-state.js';

/**
 * Interarrival jitter (RFC 3550 §6.4.1, appendix A.8): J += (|D| − J) / 16, over packets in order of arrival.
 *
 * D is taken from differences, so neither the 32-bit timestamp nor the arrival clock can wrap into it. A timestamp step
 * that disagrees with the clock by more than three seconds is a sender that stopped or restarted its clock (hold, new
 * media source), not jitter, and only starts the comparison anew. So does a change of clock rate (RFC 7160 §3).
 */
const DISCONTINUITY_SECONDS = 3;

/**
 * Takes one packet into a source's estimate, which is known (`AT.jitterKnown`) from the second packet on.
 * @param timestamp  RTP timestamp, uint32, wraps
 * @param arrivalMs  milliseconds, fractional, on the injected monotonic clock
 * @param clockRateHz  above 0
 */
export function updateJitter(at: number, timestamp: number, arrivalMs: number, clockRateHz: number): void {
  const priorRateHz = state[at + AT.clockRateHz]!;
  if (clockRateHz === priorRateHz) {
    const elapsedTs = ((arrivalMs - state[at + AT.timedMs]!) * clockRateHz) / 1000;
    const difference = elapsedTs - ((timestamp - state[at + AT.timedTimestamp]!) | 0);
    absorb(at, difference < 0 ? -difference : difference, clockRateHz);
  } else if (priorRateHz > 0) {
    state[at + AT.jitterTs]! *= clockRateHz / priorRateHz;
  }
  state[at + AT.timedTimestamp] = timestamp;
  state[at + AT.timedMs] = arrivalMs;
  state[at + AT.clockRateHz] = clockRateHz;
}

/** Microseconds; 0 before the first packet. */
export function jitterUs(at: number): number {
  const clockRateHz = state[at + AT.clockRateHz]!;
  return clockRateHz === 0 ? 0 : (state[at + AT.jitterTs]! * 1_000_000) / clockRateHz;
}

function absorb(at: number, distance: number, clockRateHz: number): void {
  if (distance > DISCONTINUITY_SECONDS * clockRateHz) return;
  const jitterTs = state[at + AT.jitterTs]!;
  state[at + AT.jitterTs] = jitterTs + (distance - jitterTs) / 16;
  state[at + AT.jitterKnown] = 1;
}
