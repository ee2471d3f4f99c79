import { expect, test } from 'vitest';
import { SeededRandom, VirtualTime } from '../../../src/core/index.js';
import { PortPool, pairCount } from '../../../src/rtp/relay/port-pool.js';

const indexes = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

test('pairs lie wholly within the range and start even', () => {
  expect(pairCount(10000, 20000)).toBe(5000);
  expect(pairCount(10001, 10005)).toBe(2);
  expect(pairCount(10000, 10000)).toBe(0);
  expect(pairCount(10001, 10002)).toBe(0);
});

test('a pair rests in quarantine before it is handed out again', () => {
  const time = new VirtualTime();
  const pool = new PortPool(indexes(2), 30_000, time, new SeededRandom(1));
  const one = pool.take()!;
  const other = pool.take()!;
  expect(new Set([one, other])).toEqual(new Set([0, 1]));
  expect(pool.take()).toBeUndefined();
  pool.give(one);
  expect([pool.inUse, pool.quarantined, pool.free]).toEqual([1, 1, 0]);
  time.advance(29_999);
  expect(pool.take()).toBeUndefined();
  time.advance(1);
  expect(pool.take()).toBe(one);
});

test('the order is random, and no pair is ever out twice', () => {
  const time = new VirtualTime();
  const pool = new PortPool(indexes(500), 1000, time, new SeededRandom(3));
  const out = new Set<number>();
  const order: number[] = [];
  for (let round = 0; round < 20_000; round++) {
    const index = pool.take();
    if (index === undefined || round % 3 === 0) {
      const [given] = out;
      if (given !== undefined) {
        out.delete(given);
        pool.give(given);
      }
    }
    if (index !== undefined) {
      expect(out.has(index)).toBe(false);
      out.add(index);
      order.push(index);
    }
    time.advance(3);
    expect(pool.inUse).toBe(out.size);
    expect(pool.inUse + pool.quarantined + pool.free).toBe(500);
  }
  const steps = order.slice(1).filter((index, at) => index === order[at]! + 1);
  expect(steps.length).toBeLessThan(order.length / 20);
});
