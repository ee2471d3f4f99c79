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

/**
 * One look at a clock for each turn of the event loop: what is ready in a turn had come by its start, and must not look
 * later by the work on what was read before it. The compiled path has one a round for the same reason.
 */
export function turnClock(nowMs: () => number): () => number {
  let turnMs = 0;
  let known = false;
  const forget = (): void => {
    known = false;
  };
  return () => {
    if (known) return turnMs;
    known = true;
    setImmediate(forget);
    turnMs = nowMs();
    return turnMs;
  };
}

/**
 * This thread's timers, with a monotonic clock that agrees with the scheduler that `pair` was read from, and stands still
 * within a turn.
 */
export function alignedScheduler(pair: ClockPair): Scheduler {
  const offsetMs = pair.nowMs - pair.hrtimeMs + hrtimeMs() - performance.now();
  return { ...systemScheduler, nowMs: turnClock(() => performance.now() + offsetMs) };
}
