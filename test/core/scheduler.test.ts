import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemScheduler } from '../../src/core/index.js';

const DAY_MS = 86_400_000;

describe('the timers of the machine', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it.each([1, 24, 25, 60, 365])('fire after %i days, which is more than the event loop holds from 25 on', (days) => {
    const fired = vi.fn();
    systemScheduler.after(days * DAY_MS, fired);
    vi.advanceTimersByTime(days * DAY_MS - 1);
    expect(fired).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fired).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('are stopped in any stretch of a long wait', () => {
    const fired = vi.fn();
    const timer = systemScheduler.after(100 * DAY_MS, fired);
    vi.advanceTimersByTime(60 * DAY_MS);
    timer.cancel();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(100 * DAY_MS);
    expect(fired).not.toHaveBeenCalled();
  });
});
