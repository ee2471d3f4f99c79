import { describe, expect, it } from 'vitest';
import { OverloadMonitor } from '../../src/call/overload.js';
import { VirtualTime } from '../../src/core/index.js';

/** A node that can serve so many calls a second, offered more or fewer; what waits is its queue. */
function node(servedPerSecond: number, queueProbeMs = 100) {
  const time = new VirtualTime();
  let queued = 0;
  let measuredMs = 0;
  const monitor = new OverloadMonitor(time, () => measuredMs);
  monitor.start();
  /** Offers calls for some time; gives the mean served a second, and the longest delay in the second half. */
  const offer = (perSecond: number, seconds: number) => {
    let served = 0;
    let shed = 0;
    let worstMs = 0;
    let due = 0;
    let room = 0;
    for (let ms = 0; ms < seconds * 1000; ms++) {
      for (due += perSecond / 1000; due >= 1; due--) {
        if (monitor.sheds()) shed++;
        else queued++;
      }
      room = Math.min(room + servedPerSecond / 1000, 2);
      if (queued > 0 && room >= 1) {
        queued--;
        served++;
        room--;
      }
      if (ms % queueProbeMs === 0) measuredMs = (1000 * queued) / servedPerSecond;
      if (ms > seconds * 500) worstMs = Math.max(worstMs, (1000 * queued) / servedPerSecond);
      time.advance(1);
    }
    return { servedPerSecond: served / seconds, shed, worstMs };
  };
  return { time, monitor, offer };
}

describe('overload monitor', () => {
  it.each([1.2, 1.5, 2, 4])(
    'serves what can be served when offered %d times as much, and keeps the delay short',
    (times) => {
      const { monitor, offer } = node(400);
      offer(400 * times, 2);
      const outcome = offer(400 * times, 20);
      expect(outcome.servedPerSecond).toBeGreaterThan(0.95 * 400);
      expect(outcome.worstMs).toBeLessThan(400);
      expect(monitor.overloaded).toBe(true);
      monitor.stop();
    },
  );

  it('sheds nothing while the load fits, and takes every call again soon after too many came', () => {
    const { time, monitor, offer } = node(400);
    expect(offer(380, 10).shed).toBe(0);
    offer(1600, 10);
    expect(monitor.overloaded).toBe(true);
    offer(200, 4);
    expect(monitor.overloaded).toBe(false);
    expect(offer(380, 10).shed).toBe(0);
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
    expect([monitor.overloaded, monitor.sheds()]).toEqual([false, false]);
    monitor.stop();
  });

  it('lets some calls through however late it is, so that it shows when there is room', () => {
    const time = new VirtualTime();
    const monitor = new OverloadMonitor(time, () => 5000);
    monitor.start();
    time.advance(10_000);
    expect(Array.from({ length: 100 }, () => monitor.sheds()).filter((sheds) => !sheds).length).toBeGreaterThanOrEqual(
      2,
    );
    monitor.stop();
  });
});
