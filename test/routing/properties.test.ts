import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/core/index.js';
import { type Decision, decide, explain, type RequestFacts, type TargetState } from '../../src/routing/index.js';
import { BRANCH, DOMAIN, HQ, type LiveNumbers, liveOf, outbound, plain, snapshotOf } from './fixtures.js';

/** Any resources, any request, any live numbers: what must hold of every decision. */

/** True once in eight, so that most combinations get past the early checks. */
const seldom = fc.integer({ min: 0, max: 7 }).map((drawn) => drawn === 0);

const host = fc.integer({ min: 1, max: 4 }).map((last) => `192.0.2.${last}`);
const rank = { priority: fc.integer({ min: 1, max: 3 }), weight: fc.integer({ min: 1, max: 100 }) };
const carrierOf = (name: string) =>
  fc.record({
    name: fc.constant(name),
    hosts: fc.uniqueArray(fc.record({ host, port: fc.constantFrom(5060, 5070), ...rank }), {
      minLength: 1,
      maxLength: 4,
      selector: (one) => `${one.host}:${one.port}`,
    }),
    prefixes: fc.subarray(['+', '+1', '+1415', '+44', '911'], { minLength: 1 }),
    callsPerSecond: fc.constant(5),
    maxCalls: fc.integer({ min: 1, max: 5 }),
    ...rank,
  });
const route = fc.record({
  host: host.map((one) => one.replace('192', '10')),
  protocol: fc.constantFrom('UDP', 'TCP'),
  ...rank,
});
const routes = fc.uniqueArray(route, { maxLength: 5, selector: (one) => `${one.host}/${one.protocol}` });

const config = fc
  .record({
    carriers: fc.tuple(carrierOf('a'), carrierOf('b'), carrierOf('c')),
    termination: fc.record({
      maxCalls: fc.integer({ min: 1, max: 9 }),
      disabled: seldom,
      callingRegions: fc.constantFrom(['US', 'CA'], ['US', 'GB'], ['US'], ['GB']),
    }),
    requireEncryption: seldom,
    hqRoutes: routes,
    branchRoutes: routes,
    callDistributionType: fc.constantFrom('PriorityWeightedDistribution', 'LoadBalancedDistribution'),
  })
  .map((any) => {
    const base = plain({
      termination: any.termination,
      origination: { routes: any.hqRoutes },
      hq: { requireEncryption: any.requireEncryption },
    });
    return {
      ...base,
      carriers: [{ ...any.carriers[0], sources: ['192.0.2.0/24'] }, any.carriers[1], any.carriers[2]],
      voiceConnectors: [
        ...base.voiceConnectors,
        { id: BRANCH, name: 'Branch', origination: { routes: any.branchRoutes } },
      ],
      voiceConnectorGroups: [
        {
          name: 'G',
          items: [{ voiceConnectorId: HQ }, { voiceConnectorId: BRANCH }],
          callDistributionType: any.callDistributionType,
          phoneNumbers: ['+12065550177'],
        },
      ],
    };
  });

/** `usual` three times in four. */
const mostly = <T>(usual: fc.Arbitrary<T>, other: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 3, arbitrary: usual }, { weight: 1, arbitrary: other });
const numbers = fc.constantFrom('+14155550123', '+12065550100', '+12065550177');
const user = mostly(
  numbers,
  fc.oneof(fc.constantFrom('+442079460958', '911', 'anonymous'), fc.string({ maxLength: 20 })),
);
const facts: fc.Arbitrary<RequestFacts> = fc
  .record({
    to: user,
    from: mostly(fc.constant('+12065550100'), user),
    assertedUser: mostly(fc.constant<string | undefined>(undefined), user),
    host: fc.constantFrom(
      `${HQ}.${DOMAIN}`,
      `${HQ}.${DOMAIN}`,
      `${BRANCH}.${DOMAIN}`,
      `nobody.${DOMAIN}`,
      '203.0.113.10',
      'elsewhere',
    ),
    address: fc.constantFrom('10.0.0.7', '10.0.0.7', '192.0.2.9', '192.0.2.9', '198.51.100.1', '::1'),
    protocol: fc.constantFrom('UDP', 'TCP', 'TLS', 'WSS'),
    offer: fc.constantFrom('none', 'RTP/AVP', 'RTP/SAVP', 'RTP/SAVP', 'both', 'unusable'),
  })
  .map((any) =>
    outbound({
      requestUri: { scheme: 'sip', user: any.to, host: any.host, port: undefined },
      toHost: any.host,
      from: any.from,
      assertedUser: any.assertedUser,
      source: { address: any.address, port: 5060, protocol: any.protocol as 'UDP' },
      offer: any.offer as 'none',
    }),
  );

const count = fc.constantFrom(0, 1, 2, 5);
const live: fc.Arbitrary<LiveNumbers> = fc.record({
  draining: seldom,
  overloaded: seldom,
  mediaPortsFree: fc.constantFrom(0, 1, 5, 5),
  tokens: fc.record({ [`connector:${HQ}`]: count, 'carrier:a': count, 'carrier:b': count, 'carrier:c': count }),
  active: fc.record({ [`connector:${HQ}`]: count, 'carrier:a': count, 'carrier:b': count, 'carrier:c': count }),
});

/** States of targets drawn from a seed, so that any key has one. */
const withTargets = (numbers: LiveNumbers, seed: number) => ({
  ...liveOf(numbers),
  targetState: (key: string): TargetState => {
    const hash = [...key].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) >>> 0, seed);
    return { state: (['up', 'up', 'half-open', 'down'] as const)[new SeededRandom(hash).uint32() & 3]! };
  },
});

function forEachDecision(
  runs: number,
  check: (decision: Decision, config: never, numbers: LiveNumbers, again: () => Decision, seed: number) => void,
): void {
  fc.assert(
    fc.property(fc.noBias(config), fc.noBias(facts), fc.noBias(live), fc.nat(), (resources, request, numbers, seed) => {
      const snapshot = snapshotOf(resources);
      const view = withTargets(numbers, seed);
      const run = () => decide(request, snapshot, view, new SeededRandom(seed));
      check(run(), resources as never, numbers, run, seed);
    }),
    { numRuns: runs, seed: 12 },
  );
}

describe('every decision', () => {
  it('is the same for the same inputs and seed', () => {
    forEachDecision(300, (decision, _config, _numbers, again) => expect(again()).toEqual(decision));
  });

  it('plans at least one target and none twice', () => {
    let plans = 0;
    forEachDecision(600, (decision) => {
      if (decision.kind === 'refuse') return;
      plans++;
      const keys = decision.plan.map((attempt) => attempt.targetKey);
      expect(keys.length).toBeGreaterThan(0);
      expect(keys.length).toBeLessThanOrEqual(10);
      expect(new Set(keys).size).toBe(keys.length);
    });
    expect(plans).toBeGreaterThan(35);
  });

  it('breaks no limit when it admits', () => {
    let outboundPlans = 0;
    forEachDecision(
      1200,
      (
        decision,
        resources: {
          carriers: { name: string; maxCalls: number }[];
          voiceConnectors: { termination: { maxCalls: number } }[];
        },
        numbers,
      ) => {
        if (decision.kind === 'refuse') return;
        expect(numbers.mediaPortsFree).toBeGreaterThan(0);
        if (decision.emergency) return;
        expect(numbers.draining || numbers.overloaded).toBe(false);
        if (decision.direction === 'Inbound') return;
        outboundPlans++;
        expect(numbers.tokens![`connector:${HQ}`]).toBeGreaterThanOrEqual(1);
        expect(numbers.active![`connector:${HQ}`]).toBeLessThan(resources.voiceConnectors[0]!.termination.maxCalls);
        for (const { owner } of decision.plan) {
          const carrier = resources.carriers.find((one) => one.name === owner)!;
          expect(numbers.tokens![`carrier:${owner}`]).toBeGreaterThanOrEqual(1);
          expect(numbers.active![`carrier:${owner}`]).toBeLessThan(carrier.maxCalls);
        }
      },
    );
    expect(outboundPlans).toBeGreaterThan(15);
  });

  it('tries what is down last', () => {
    forEachDecision(400, (decision, _config, numbers, _again, seed) => {
      if (decision.kind === 'refuse') return;
      const view = withTargets(numbers, seed);
      const down = decision.plan.map((attempt) => view.targetState(attempt.targetKey).state === 'down');
      expect(down.indexOf(true) >= 0 && down.lastIndexOf(false) > down.indexOf(true)).toBe(false);
    });
  });

  it('keeps clear media and transport from an encrypted connector', () => {
    forEachDecision(400, (decision, resources: { voiceConnectors: { requireEncryption: boolean }[] }) => {
      if (decision.kind === 'refuse' || !resources.voiceConnectors[0]!.requireEncryption) return;
      if (decision.direction === 'Outbound') expect(decision.encryptionOfCaller).toBe('required');
      for (const attempt of decision.plan) {
        if (attempt.owner === HQ) expect(attempt).toMatchObject({ protocol: 'TLS', encryption: 'required' });
      }
    });
  });

  it('can be explained in printable text', () => {
    forEachDecision(200, (decision) => expect(explain(decision)).toMatch(/^[\x20-\x7e\n]*$/));
  });
});

describe('explain', () => {
  it('prints one line a check and the outcome', () => {
    const decision = decide(outbound(), snapshotOf(plain()), liveOf(), new SeededRandom(1));
    const text = explain(decision).split('\n');
    expect(text[0]).toBe(`Outbound call +12065550100 -> +14155550123, Voice Connector ${HQ}`);
    expect(text.filter((line) => /^(pass|skip|note|FAIL) /.test(line))).toHaveLength(decision.trace.length);
    expect(text.at(-2)).toBe('=> admitted, 1 target(s):');
    expect(text.at(-1)).toBe('  1. carrier:main/192.0.2.1:5060/UDP  dials +14155550123 as +12065550100');
  });

  it('names the refusal', () => {
    const decision = decide(outbound({ from: '+12065559999' }), snapshotOf(plain()), liveOf(), new SeededRandom(1));
    expect(explain(decision)).toContain('FAIL  termination.caller-id');
    expect(explain(decision)).toContain(
      '=> refused: 403 Caller ID +12065559999 is not assigned to this Voice Connector (termination.caller-id-denied)',
    );
  });
});
