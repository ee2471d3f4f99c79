import { describe, expect, it } from 'vitest';
import { OverloadMonitor } from '../../src/call/overload.js';
import { VirtualTime } from '../../src/core/index.js';

describe('overload monitor', () => {
  it('sheds once messages wait too long and takes calls again only when they wait little', () => {
    const time = new VirtualTime();
    let delayMs = 0;
    const monitor = new OverloadMonitor(time, () => delayMs);
    monitor.start();
    const delayed = (delay: number, ms = 200): boolean => {
      delayMs = delay;
      time.advance(ms);
      return monitor.overloaded;
    };
    expect([delayed(0), delayed(200), delayed(201), delayed(150), delayed(81), delayed(79), delayed(150)]).toEqual([
      false,
      false,
      true,
      true,
      true,
      false,
      false,
    ]);
    monitor.stop();
    expect(time.pending).toBe(0);
  });

  it('takes a machine that paused for once for no overload', () => {
    const time = new VirtualTime();
    let delayMs = 900;
    const monitor = new OverloadMonitor(time, () => delayMs);
    monitor.start();
    time.advance(150);
    expect(monitor.overloaded).toBe(false);
    delayMs = 0;
    time.advance(1000);
    expect(monitor.overloaded).toBe(false);
    monitor.stop();
  });
});
