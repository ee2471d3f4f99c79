import { describe, expect, it } from 'vitest';
import { SeededRandom, VirtualTime } from '../../../src/core/index.js';
import { HealthProber, type ProbeOutcome, TargetHealth, targetsOf } from '../../../src/routing/index.js';
import { HQ, plain, snapshotOf } from '../fixtures.js';

const KEY = 'carrier:main/192.0.2.1:5060/UDP';
const ROUTE = `route:${HQ}/10.0.0.1:5060/UDP`;

function proberOf(answer: (key: string) => ProbeOutcome | undefined, answerMs = 20) {
  const time = new VirtualTime();
  const health = new TargetHealth({ missesToDown: 3, answersToUp: 2, restMs: 30_000, probed: true }, time);
  const sent: [atMs: number, key: string][] = [];
  const settings = { intervalSeconds: 30, downIntervalSeconds: 8 };
  const prober = new HealthProber(settings, health, time, new SeededRandom(5), (target, done) => {
    sent.push([time.nowMs(), target.targetKey]);
    const outcome = answer(target.targetKey);
    if (outcome) time.after(answerMs, () => done(outcome));
  });
  prober.configure(targetsOf(snapshotOf(plain())));
  const times = (key: string) => sent.filter(([, one]) => one === key).map(([atMs]) => atMs);
  return {
    time,
    health,
    prober,
    sent,
    gaps: (key: string) =>
      times(key)
        .slice(1)
        .map((atMs, index) => atMs - times(key)[index]!),
  };
}

describe('OPTIONS', () => {
  it('go to each target, about every 30 s while it is up', () => {
    const { time, gaps, sent } = proberOf(() => ({ status: 200 }));
    time.advance(600_000);
    expect(new Set(sent.map(([, key]) => key))).toEqual(new Set([KEY, ROUTE]));
    for (const gap of [...gaps(KEY), ...gaps(ROUTE)]) {
      expect(gap).toBeGreaterThanOrEqual(27_000);
      expect(gap).toBeLessThanOrEqual(33_020);
    }
    expect(new Set(gaps(KEY)).size).toBeGreaterThan(5);
  });

  it('mark a silent target down after three misses, then go every 5 to 10 s, and bring it back after two answers', () => {
    let alive = false;
    const { time, health, gaps } = proberOf((key) =>
      key === ROUTE || alive ? { status: 200 } : { failure: 'no response' },
    );
    time.advance(125_000);
    expect(health.state(KEY).state).toBe('down');
    expect(health.state(ROUTE).state).toBe('up');
    const before = gaps(KEY).length;
    time.advance(60_000);
    for (const gap of gaps(KEY).slice(before)) {
      expect(gap).toBeGreaterThanOrEqual(5000);
      expect(gap).toBeLessThanOrEqual(10_020);
    }
    alive = true;
    time.advance(21_000);
    expect(health.state(KEY).state).toBe('up');
  });

  it.each([
    [404, 'up'],
    [405, 'up'],
    [500, 'up'],
    [603, 'up'],
    [408, 'down'],
    [503, 'down'],
  ])('a final %i leaves the target %s', (status, state) => {
    const { time, health } = proberOf(() => ({ status }));
    time.advance(200_000);
    expect(health.state(KEY).state).toBe(state);
  });

  it('honour a Retry-After', () => {
    const { time, health } = proberOf(() => ({ status: 503, retryAfterSeconds: 40 }));
    time.advance(31_000);
    expect(health.state(KEY).state).toBe('down');
  });

  it('come sooner when calls have found the target down', () => {
    const { time, health, prober, sent } = proberOf(() => ({ status: 200 }));
    time.advance(31_000);
    const sentBefore = sent.filter(([, key]) => key === KEY).length;
    for (let miss = 0; miss < 3; miss++) health.missed(KEY, 'no response');
    prober.changed(KEY);
    prober.changed('carrier:nobody/192.0.2.9:5060/UDP');
    time.advance(10_020);
    expect(sent.filter(([, key]) => key === KEY).length).toBe(sentBefore + 1);
    expect(health.state(KEY).state).toBe('half-open');
    time.advance(10_020);
    expect(health.state(KEY).state).toBe('up');
  });

  it('wait for one probe to end before the next', () => {
    const { time, sent } = proberOf(() => undefined);
    time.advance(600_000);
    expect(sent).toHaveLength(2);
  });

  it('stop for targets that are gone and leave no timer behind', () => {
    const { time, prober, sent } = proberOf(() => ({ status: 200 }));
    time.advance(60_000);
    prober.configure(targetsOf(snapshotOf(plain({ carrier: { disabled: true } }))));
    const before = sent.length;
    time.advance(120_000);
    expect(sent.slice(before).every(([, key]) => key === ROUTE)).toBe(true);
    prober.stop();
    expect(prober.size).toBe(0);
    time.advance(1000);
    expect(time.pending).toBe(0);
  });
});
