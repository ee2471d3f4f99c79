import { describe, expect, it } from 'vitest';
import { below, SeededRandom } from '../../src/core/index.js';
import { drawn, PrefixTrie, tiersOf } from '../../src/routing/index.js';
import { decideWith, type LiveNumbers, outbound, plain, summary } from './fixtures.js';

const carriers = (...list: object[]) => ({ ...plain(), carriers: list });
const carrier = (name: string, more: object = {}) => ({ name, hosts: [{ host: `${name}.example` }], ...more });
const names = (config: object, live: LiveNumbers = {}, seed = 1) => {
  const result = summary(decideWith(outbound(), config, live, seed));
  return Array.isArray(result) ? result.map((key) => /:([^/]+)\//.exec(key)![1]) : result;
};

describe('carriers of a plan', () => {
  it('come by longest prefix, then priority, then weight', () => {
    const config = carriers(
      carrier('any'),
      carrier('nanp', { prefixes: ['+1'], priority: 9 }),
      carrier('sf-second', { prefixes: ['+1415'], priority: 2 }),
      carrier('sf', { prefixes: ['+1415'], priority: 1 }),
      carrier('uk', { prefixes: ['+44'] }),
    );
    expect(names(config)).toEqual(['sf', 'sf-second', 'nanp', 'any']);
  });

  it('come once each, at their longest prefix', () => {
    expect(names(carriers(carrier('both', { prefixes: ['+', '+1', '+1415'] }), carrier('other')))).toEqual([
      'both',
      'other',
    ]);
  });

  it('come with hosts by priority, those that are down behind every other carrier', () => {
    const config = carriers(
      {
        name: 'a',
        hosts: [
          { host: '192.0.2.2', priority: 2 },
          { host: '192.0.2.1', priority: 1 },
        ],
      },
      carrier('b', { priority: 2 }),
    );
    expect(summary(decideWith(outbound(), config))).toEqual([
      'carrier:a/192.0.2.1/UDP',
      'carrier:a/192.0.2.2/UDP',
      'carrier:b/b.example/UDP',
    ]);
    const down = { targets: { 'carrier:a/192.0.2.1/UDP': { state: 'down' as const } } };
    expect(summary(decideWith(outbound(), config, down))).toEqual([
      'carrier:a/192.0.2.2/UDP',
      'carrier:b/b.example/UDP',
      'carrier:a/192.0.2.1/UDP',
    ]);
  });

  it('leave out those at their limits and say so', () => {
    const config = carriers(carrier('a'), carrier('b', { priority: 2 }));
    const live = { tokens: { 'carrier:a': 0 } };
    expect(names(config, live)).toEqual(['b']);
    const step = decideWith(outbound(), config, live).trace.find((one) => one.check === 'termination.carrier');
    expect(step!.input).toMatchObject({ full: ['a'] });
  });

  it('are no more than maxAttempts', () => {
    const many = Array.from({ length: 30 }, (_, index) => carrier(`c${index}`));
    expect(names(carriers(...many))).toHaveLength(10);
    expect(names({ ...carriers(...many), limits: { maxAttempts: 3 } })).toHaveLength(3);
  });

  it('get numbers in their own form', () => {
    const dialled = (more: object, to?: string) => {
      const config = carriers(carrier('a', more));
      const decision = decideWith(outbound(to === undefined ? {} : { to }), {
        ...config,
        voiceConnectors: plain({ termination: { callingRegions: ['US', 'GB'] } }).voiceConnectors,
      });
      if (decision.kind === 'refuse') throw new Error(decision.reason);
      return [decision.plan[0]!.calledNumber, decision.plan[0]!.callingNumber];
    };
    expect(dialled({})).toEqual(['+14155550123', '+12065550100']);
    expect(dialled({ numberFormat: 'e164-without-plus' })).toEqual(['14155550123', '12065550100']);
    expect(dialled({ numberFormat: 'national:US' })).toEqual(['4155550123', '2065550100']);
    expect(dialled({ numberFormat: 'national:US' }, '+442079460958')).toEqual(['011442079460958', '2065550100']);
    expect(dialled({ numberFormat: 'national:GB' }, '+442079460958')).toEqual(['02079460958', '0012065550100']);
  });

  it('get the headers, caller ID places, encryption and rules of their resource', () => {
    const config = carriers(
      carrier('a', {
        callerIdIn: ['P-Asserted-Identity'],
        encryption: 'offered',
        addHeaders: { 'X-Trunk': '7' },
        removeHeaders: ['X-*'],
        ringTimeoutSeconds: 20,
        failover: { statuses: [486, 503], afterRinging: true },
      }),
      carrier('b', { priority: 2 }),
    );
    const decision = decideWith(outbound(), config);
    if (decision.kind === 'refuse') throw new Error(decision.reason);
    const [a, b] = decision.plan;
    expect(a).toMatchObject({
      callerIdIn: ['P-Asserted-Identity'],
      encryption: 'offered',
      headers: [['X-Trunk', '7']],
      removeHeaders: ['X-*'],
      ringTimeoutSeconds: 20,
    });
    expect([...a!.failover.statuses]).toEqual([486, 503]);
    expect(a!.failover.afterRinging).toBe(true);
    expect(b!.ringTimeoutSeconds).toBe(60);
    expect([408, 500, 502, 503, 504, 580].every((status) => b!.failover.statuses.has(status))).toBe(true);
    expect([400, 403, 404, 480, 486, 487, 501, 505, 600, 603].some((status) => b!.failover.statuses.has(status))).toBe(
      false,
    );
  });
});

describe('weighted draw', () => {
  it('gives first places in proportion to the weights', () => {
    const tier = tiersOf([1, 2, 7].map((weight) => ({ value: weight, priority: 1, weight })))[0]!;
    const random = new SeededRandom(7);
    const firsts = new Map<number, number>();
    const draws = 20_000;
    for (let draw = 0; draw < draws; draw++) {
      const [first] = drawn(tier, random);
      firsts.set(first!, (firsts.get(first!) ?? 0) + 1);
    }
    // Chi-square against 10 %, 20 %, 70 %; 13.8 is the 0.1 % point for two degrees of freedom.
    const chi = [1, 2, 7].reduce(
      (sum, weight) => sum + (firsts.get(weight)! - (draws * weight) / 10) ** 2 / ((draws * weight) / 10),
      0,
    );
    expect(chi).toBeLessThan(13.8);
  });

  it('gives second places in proportion to what is left', () => {
    const tier = tiersOf([1, 2, 7].map((weight) => ({ value: weight, priority: 1, weight })))[0]!;
    const random = new SeededRandom(11);
    let seconds = 0;
    let oneSecond = 0;
    for (let draw = 0; draw < 20_000; draw++) {
      const order = drawn(tier, random);
      if (order[0] !== 7) continue;
      seconds++;
      if (order[1] === 1) oneSecond++;
    }
    expect(oneSecond / seconds).toBeGreaterThan(0.31);
    expect(oneSecond / seconds).toBeLessThan(0.36);
  });
});

describe('prefix trie', () => {
  it('gives what a plain search over every prefix gives', () => {
    const random = new SeededRandom(3);
    const digits = (length: number) => `+${Array.from({ length }, () => below(random, 3) + 1).join('')}`;
    const prefixes = Array.from({ length: 200 }, () => digits(below(random, 7)));
    const trie = new PrefixTrie<string>();
    for (const prefix of new Set(prefixes)) trie.add(prefix, prefix);
    for (let trial = 0; trial < 500; trial++) {
      const number = digits(9);
      const expected = [...new Set(prefixes)]
        .filter((prefix) => number.startsWith(prefix))
        .sort((a, b) => b.length - a.length);
      expect(trie.all(number)).toEqual(expected);
      expect(trie.longest(number)?.[0]).toBe(expected[0]);
      expect(trie.matches(number)).toBe(expected.length > 0);
    }
  });

  it('finds what is added after it was asked', () => {
    const trie = new PrefixTrie<string>();
    trie.add('+1', 'first');
    expect(trie.all('+1415')).toEqual(['first']);
    trie.add('+141', 'longer');
    trie.add('+1', 'second');
    expect(trie.all('+1415')).toEqual(['longer', 'first', 'second']);
    expect(trie.all('+12')).toEqual(['first', 'second']);
  });

  it('has room for short codes and refuses other text', () => {
    const trie = new PrefixTrie<string>();
    trie.add('*31#', 'code');
    expect(trie.longest('*31#5')).toEqual(['code']);
    expect(() => trie.add('abc', 'x')).toThrow(RangeError);
  });
});
