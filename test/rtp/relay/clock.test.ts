import { expect, it } from 'vitest';
import { turnClock } from '../../../src/rtp/relay/clock.js';

it('tells one time for all of a turn of the event loop, and a new one in the next', async () => {
  let nowMs = 100;
  const read = turnClock(() => nowMs);
  expect(read()).toBe(100);
  nowMs = 107;
  await Promise.resolve();
  expect(read()).toBe(100);
  await new Promise((resolve) => setImmediate(resolve));
  expect(read()).toBe(107);
});

it('is read before the loop waits again, where nothing asked in the turn before', async () => {
  let nowMs = 1;
  const read = turnClock(() => nowMs);
  read();
  nowMs = 2;
  await new Promise((resolve) => setTimeout(resolve, 5));
  nowMs = 3;
  expect(read()).toBe(3);
});
