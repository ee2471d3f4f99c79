import { GatewayError, type VirtualTime } from '../core/index.js';

/** Steps taken in one turn of the event loop; promises are settled after each of them. */
const STEPS_PER_TURN = 64;

/**
 * Fires timers one by one until none is left or `limitMs` of virtual time has passed, settling every promise between
 * two of them, so that a run with promises in it is the same run each time. Gives whether none is left.
 */
export async function drive(time: VirtualTime, limitMs: number): Promise<boolean> {
  const endMs = time.nowMs() + limitMs;
  let thrown: unknown;
  let idle = false;
  const step = (): void => {
    if (idle || thrown !== undefined || time.nowMs() > endMs) return;
    try {
      idle = !time.step();
    } catch (error) {
      thrown = error ?? new GatewayError('simulation.thrown', 'nothing was thrown', { origin: 'internal' });
    }
  };
  while (!idle && thrown === undefined && time.nowMs() <= endMs) {
    // Promises are settled after each of these, before the next.
    for (let count = 0; count < STEPS_PER_TURN; count++) setImmediate(step);
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (thrown !== undefined) throw thrown;
  return idle;
}
