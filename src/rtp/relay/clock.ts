import { type Scheduler, systemScheduler } from '../../core/index.js';

/** Reads of the engine's clock and of the process-wide one, taken together: what makes two threads tell the same time. */
export interface ClockPair {
  readonly nowMs: number;
  readonly hrtimeMs: number;
}

/** The monotonic clock that all threads of the process share, milliseconds. `performance.now()` starts anew in each. */
function hrtimeMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

export const readClocks = (scheduler: Scheduler): ClockPair => ({ nowMs: scheduler.nowMs(), hrtimeMs: hrtimeMs() });

/** This thread's timers, with a monotonic clock that agrees with the scheduler that `pair` was read from. */
export function alignedScheduler(pair: ClockPair): Scheduler {
  const offsetMs = pair.nowMs - pair.hrtimeMs + hrtimeMs() - performance.now();
  return { ...systemScheduler, nowMs: () => performance.now() + offsetMs };
}
