import { describe, expect, it } from 'vitest';
import { VirtualTime } from '../../../src/core/index.js';
import { type HealthChange, TargetHealth } from '../../../src/routing/index.js';

const KEY = 'carrier:main/192.0.2.1:5060/UDP';

function setUp(probed = true) {
  const time = new VirtualTime();
  const changes: string[] = [];
  const note = (change: HealthChange) => changes.push(`${change.from} > ${change.to}: ${change.reason}`);
  const health = new TargetHealth({ missesToDown: 3, answersToUp: 2, restMs: 30_000, probed }, time, note);
  const miss = (count = 1) => {
    for (let at = 0; at < count; at++) health.missed(KEY, 'no response');
  };
  return { time, changes, health, miss, state: () => health.state(KEY).state };
}

describe('target health', () => {
  it('is up until the third miss in a row', () => {
    const { health, miss, state, changes } = setUp();
    expect(state()).toBe('up');
    miss(2);
    health.answered(KEY);
    miss(2);
    expect(state()).toBe('up');
    miss();
    expect(state()).toBe('down');
    expect(changes).toEqual(['up > down: 3 misses: no response']);
  });

  it('is half-open after one answer and up after two', () => {
    const { health, miss, state, changes } = setUp();
    miss(3);
    health.answered(KEY);
    expect(state()).toBe('half-open');
    health.answered(KEY);
    expect(state()).toBe('up');
    expect(changes.slice(1)).toEqual(['down > half-open: an answer', 'half-open > up: 2 answers']);
  });

  it('falls back to down when it misses while half-open, and needs two answers again', () => {
    const { health, miss, state } = setUp();
    miss(3);
    health.answered(KEY);
    miss();
    expect(state()).toBe('down');
    health.answered(KEY);
    expect(state()).toBe('half-open');
    health.answered(KEY);
    expect(state()).toBe('up');
    miss(2);
    expect(state()).toBe('up');
  });

  it('lets one call probe it while half-open', () => {
    const { health, miss, state } = setUp();
    miss(3);
    health.answered(KEY);
    health.claim(KEY);
    expect(state()).toBe('down');
    health.release(KEY);
    expect(state()).toBe('half-open');
    health.claim(KEY);
    health.answered(KEY, true);
    expect(state()).toBe('up');
  });

  it('is kept out by Retry-After for that long, at most 60 s, without going down', () => {
    const { time, health, state } = setUp();
    health.missed(KEY, '503', 20);
    expect(health.state(KEY)).toEqual({ state: 'down', retryAtMs: 20_000 });
    time.advance(20_000);
    expect(state()).toBe('up');
    health.missed(KEY, '503', 86_400);
    expect(health.state(KEY).retryAtMs).toBe(80_000);
    time.advance(60_000);
    expect(state()).toBe('up');
  });

  it('without OPTIONS is tried again after its rest', () => {
    const { time, health, miss, state } = setUp(false);
    miss(3);
    expect(health.state(KEY)).toEqual({ state: 'down', retryAtMs: 30_000 });
    time.advance(30_000);
    expect(state()).toBe('half-open');
    health.claim(KEY);
    expect(state()).toBe('down');
    miss();
    expect(state()).toBe('down');
    time.advance(30_000);
    health.claim(KEY);
    health.answered(KEY, true);
    expect(state()).toBe('up');
  });

  it('forgets what is no longer configured', () => {
    const { health, miss, state } = setUp();
    miss(3);
    health.keepOnly(new Set());
    expect(state()).toBe('up');
    expect([...health.debugView()]).toEqual([]);
  });
});
