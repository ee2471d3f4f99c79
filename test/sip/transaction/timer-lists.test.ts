import { describe, expect, it } from 'vitest';
import { VirtualTime } from '../../../src/core/index.js';
import { TimerLists } from '../../../src/sip/transaction/index.js';

const scene = () => {
  const time = new VirtualTime();
  const timers = new TimerLists(time, (error) => {
    throw error;
  });
  const fired: string[] = [];
  /** An owner that sets its timer again `again` times. */
  const owner = (name: string, again = 0) => {
    let left = again;
    const self = {
      onTimer: () => {
        fired.push(`${name} ${time.nowMs()}`);
        if (left-- > 0) timers.start(4000, self, 'x');
      },
    };
    return self;
  };
  return { time, timers, fired, owner };
};

describe('timers of one length', () => {
  it('fire when they are due although one that fires sets itself again', () => {
    const { time, timers, fired, owner } = scene();
    timers.start(4000, owner('a', 2), 'x');
    time.advance(300);
    timers.start(4000, owner('b', 1), 'x');
    time.advance(20_000);
    expect(fired).toEqual(['a 4000', 'b 4300', 'a 8000', 'b 8300', 'a 12000']);
    expect([timers.pending, time.pending]).toEqual([0, 0]);
  });

  it('fire when they are due although one that fires stops the only other one and sets a new one', () => {
    const { time, timers, fired, owner } = scene();
    let other = timers.start(4000, owner('never'), 'x');
    timers.stop(other);
    const first = {
      onTimer: () => {
        fired.push('first');
        timers.stop(other);
        timers.start(4000, owner('second'), 'x');
      },
    };
    timers.start(4000, first, 'x');
    other = timers.start(4000, owner('stopped'), 'x');
    time.advance(4000);
    expect(time.pending).toBe(1);
    time.advance(3999);
    expect(fired).toEqual(['first']);
    time.advance(1);
    expect(fired).toEqual(['first', 'second 8000']);
    expect([timers.pending, time.pending]).toEqual([0, 0]);
  });

  it('fire on when the owner of one throws', () => {
    const time = new VirtualTime();
    const errors: unknown[] = [];
    const timers = new TimerLists(time, (error) => errors.push(error));
    const fired: number[] = [];
    timers.start(
      500,
      {
        onTimer: () => {
          throw new Error('owner');
        },
      },
      'x',
    );
    timers.start(500, { onTimer: () => fired.push(time.nowMs()) }, 'x');
    time.advance(500);
    expect(fired).toEqual([500]);
    expect(errors).toEqual([new Error('owner')]);
  });
});
