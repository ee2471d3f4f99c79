import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VirtualTime } from '../../../src/core/index.js';
import { TokenBucket } from '../../../src/routing/index.js';

/** Calls that pass of `asked`, spread evenly over `seconds`. */
function passedOver(rate: number, seconds: number, asked: number): number {
  const time = new VirtualTime();
  const bucket = new TokenBucket(rate, time);
  let passed = 0;
  for (let call = 0; call < asked; call++) {
    if (bucket.take()) passed++;
    time.advance((seconds * 1000) / asked);
  }
  return passed;
}

describe('calls per second', () => {
  it.each([1, 2, 7, 10, 33, 100])('%i/s under three times the load: rate × 30 s and one burst, ±1', (rate) => {
    const passed = passedOver(rate, 30, 90 * rate);
    expect(Math.abs(passed - (rate * 30 + rate))).toBeLessThanOrEqual(1);
  });

  it.each([1, 2, 7, 10, 33, 100])('%i/s asked for at just that rate for 30 s: every call passes', (rate) => {
    expect(passedOver(rate, 30, 30 * rate)).toBe(rate * 30);
  });

  it('lets a burst of one second pass at once, and no more', () => {
    const time = new VirtualTime();
    const bucket = new TokenBucket(10, time);
    const burst = () => Array.from({ length: 30 }, () => bucket.take()).filter(Boolean).length;
    expect(burst()).toBe(10);
    time.advance(99);
    expect(burst()).toBe(0);
    time.advance(1);
    expect(burst()).toBe(1);
    time.advance(60_000);
    expect(burst()).toBe(10);
  });

  it('never lets more than rate × time + burst pass, however they come', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), gaps, (rate, waits) => {
        const time = new VirtualTime();
        const bucket = new TokenBucket(rate, time);
        let passed = 0;
        for (const wait of waits) {
          if (bucket.take()) passed++;
          time.advance(wait);
          if (passed > (rate * time.nowMs()) / 1000 + rate + 0.001) return false;
        }
        return true;
      }),
      { seed: 6 },
    );
  });

  it('keeps what is missing when the rate changes', () => {
    const time = new VirtualTime();
    const bucket = new TokenBucket(10, time);
    for (let call = 0; call < 10; call++) bucket.take();
    bucket.setRate(100);
    expect(bucket.available()).toBe(90);
    bucket.setRate(5);
    expect(bucket.available()).toBe(0);
    time.advance(1000);
    expect(bucket.available()).toBe(5);
  });

  it('an emergency call taken by force counts for those after it', () => {
    const time = new VirtualTime();
    const bucket = new TokenBucket(1, time);
    bucket.force();
    bucket.force();
    time.advance(1000);
    expect(bucket.take()).toBe(false);
    time.advance(1000);
    expect(bucket.take()).toBe(true);
  });
});
