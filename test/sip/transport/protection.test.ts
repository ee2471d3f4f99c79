import { describe, expect, it } from 'vitest';
import { Counters, VirtualTime } from '../../../src/core/index.js';
import {
  BucketTable,
  type GuardLimits,
  noteScanner,
  SourceFilter,
  SourceGuard,
  scannerOf,
  TokenBucket,
  type Verdict,
} from '../../../src/sip/transport/index.js';

const setUp = (verdict: Verdict, more: { denied?: 'drop' | 'answer'; limits?: Partial<GuardLimits> } = {}) => {
  const time = new VirtualTime();
  const counters = new Counters();
  const current = { verdict };
  const guard = new SourceGuard({ admits: () => current.verdict, scheduler: time, counters, ...more });
  /** How many of `count` messages pass. */
  const passed = (count: number, source: (index: number) => string = () => '192.0.2.1'): number => {
    let admitted = 0;
    for (let index = 0; index < count; index++) if (guard.admitMessage(source(index))) admitted++;
    return admitted;
  };
  return { time, counters, guard, current, passed };
};

describe('token buckets', () => {
  it('hold a burst and fill at their rate', () => {
    const time = new VirtualTime();
    const bucket = new TokenBucket({ perSecond: 10, burst: 3 }, time);
    const take = (): boolean[] => Array.from({ length: 4 }, () => bucket.take());
    expect(take()).toEqual([true, true, true, false]);
    time.advance(100);
    expect(take()).toEqual([true, false, false, false]);
    time.advance(10_000);
    expect(take()).toEqual([true, true, true, false]);
  });

  it('are kept for a bounded number of keys, the latest used', () => {
    const table = new BucketTable({ perSecond: 1, burst: 1 }, new VirtualTime(), 2);
    expect([table.take('a'), table.take('b'), table.take('a'), table.take('c')]).toEqual([true, true, false, true]);
    expect(table.size).toBe(2);
    // `b` was forgotten, `a` was not.
    expect([table.take('a'), table.take('b')]).toEqual([false, true]);
  });
});

describe('the guard', () => {
  it('lets allowed sources send what they like', () => {
    const { passed, counters } = setUp('allow');
    expect(passed(10_000)).toBe(10_000);
    expect([...counters.entries()]).toEqual([]);
  });

  it('limits an unknown source, and all of them together however many there are', () => {
    const one = setUp('limited');
    expect(one.passed(1000)).toBe(200);
    one.time.advance(1000);
    expect(one.passed(1000)).toBe(100);
    expect(one.counters.get('sip_messages_dropped', 'rate')).toBe(1700);
    const forged = setUp('limited');
    expect(forged.passed(50_000, (index) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`)).toBe(2000);
    expect(forged.counters.get('sip_messages_dropped', 'rate-overall')).toBe(48_000);
  });

  it('takes 50 messages from a denied source in any second at most, or none', () => {
    const answering = setUp('deny');
    expect(answering.passed(2000)).toBe(25);
    answering.time.advance(1000);
    expect(answering.passed(2000)).toBe(25);
    expect(answering.counters.get('sip_messages_dropped', 'denied')).toBe(3950);
    expect(answering.guard.admitConnection('192.0.2.1')).toBe(true);
    const dropping = setUp('deny', { denied: 'drop' });
    expect(dropping.passed(2000)).toBe(0);
    expect(dropping.guard.admitConnection('192.0.2.1')).toBe(false);
  });

  it('takes an IPv6 /64 for one source: whoever has an address of it has all', () => {
    const one = setUp('limited');
    expect(one.passed(1000, (index) => `2001:db8:0:1::${index.toString(16)}`)).toBe(200);
    expect(one.passed(100, (index) => `2001:db8:0:2::${index.toString(16)}`)).toBe(100);
    const denied = setUp('deny');
    expect(denied.passed(1000, (index) => `2001:db8:0:1:${index.toString(16)}::1`)).toBe(25);
    const answers = Array.from({ length: 100 }, (_, at) => denied.guard.admitAnswer(`2001:db8:0:1::${at}`));
    expect(answers.filter(Boolean)).toHaveLength(25);
  });

  it('sends a denied source no more than that, whatever is answered', () => {
    const { guard, counters, current } = setUp('deny');
    const sent = Array.from({ length: 500 }, () => guard.admitAnswer('192.0.2.1')).filter(Boolean);
    expect(sent).toHaveLength(25);
    expect(counters.get('sip_answers_suppressed')).toBe(475);
    current.verdict = 'allow';
    expect(guard.admitAnswer('192.0.2.1')).toBe(true);
  });

  it('takes a changed verdict for the next message', () => {
    const { passed, current } = setUp('deny', { denied: 'drop' });
    expect(passed(1)).toBe(0);
    current.verdict = 'allow';
    expect(passed(1)).toBe(1);
  });
});

describe('the source filter', () => {
  it.each<[string, Verdict]>([
    ['192.0.2.77', 'allow'],
    ['192.0.2.66', 'deny'],
    ['198.51.100.1', 'limited'],
    ['2001:db8:1::9', 'allow'],
    ['2001:db8:2::9', 'limited'],
  ])('%s: %s', (address, verdict) => {
    const rules = { allow: ['192.0.2.0/24', '2001:db8:1::/48'], deny: ['192.0.2.66'] };
    const filter = new SourceFilter(rules);
    expect(filter.admits(address)).toBe(verdict);
    expect(filter.admits(address)).toBe(verdict);
  });

  it('takes new rules for the next message, and none of them when one is wrong', () => {
    const filter = new SourceFilter({ allow: ['192.0.2.1'], otherwise: 'deny' });
    expect([filter.admits('192.0.2.1'), filter.admits('192.0.2.2')]).toEqual(['allow', 'deny']);
    for (const wrong of ['192.0.2.0/33', 'somewhere', '1.2.3.4/x', '1.2.3.4/8/8', '2001:db8::/129', '']) {
      expect(() => filter.replace({ allow: ['192.0.2.2', wrong] })).toThrow(
        expect.objectContaining({ code: 'config.cidr' }),
      );
    }
    expect(filter.admits('192.0.2.2')).toBe('deny');
    filter.replace({ allow: ['192.0.2.2/32'] });
    expect([filter.admits('192.0.2.1'), filter.admits('192.0.2.2')]).toEqual(['limited', 'allow']);
  });
});

describe('scanners', () => {
  it.each([
    ['friendly-scanner', 'sipvicious'],
    ['SIPVicious v0.3', 'sipvicious'],
    ['sipcli/v1.8', 'sipcli'],
    ['VaxSIPUserAgent/3.1', 'vax'],
    ['Asterisk PBX 20.5', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%s: %s', (userAgent, tool) => {
    expect(scannerOf(userAgent)).toBe(tool);
  });

  it('are counted by tool', () => {
    const counters = new Counters();
    expect([noteScanner(counters, 'sipcli/v1.8'), noteScanner(counters, 'Yealink SIP-T54W')]).toEqual([true, false]);
    expect([...counters.entries()]).toEqual([['sip_scanners', 'sipcli', 1]]);
  });
});
