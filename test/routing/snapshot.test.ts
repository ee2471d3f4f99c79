import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/core/index.js';
import {
  buildSnapshot,
  decide,
  NumberTable,
  nextSnapshot,
  type ProxySessionResource,
  type RoutingResources,
  type Snapshot,
} from '../../src/routing/index.js';
import { BRANCH, configOf, DOMAIN, HQ, inbound, liveOf, outbound, plain } from './fixtures.js';

/** A snapshot made of the one before it, after any sequence of changes, is the snapshot built anew. */

const NUMBERS = Array.from({ length: 12 }, (_, index) => `+120655501${String(index).padStart(2, '0')}`);
const IDS = [HQ, BRANCH, 'extra00000000000000001'];

/** Valid resources of which one member is drawn anew. The others stay the same objects. */
interface Change {
  readonly what: 'connector' | 'remove' | 'carrier' | 'group' | 'numbers' | 'proxies' | 'settings' | 'nothing';
  readonly which: number;
  readonly value: number;
}

const change: fc.Arbitrary<Change> = fc.record({
  what: fc.constantFrom('connector', 'remove', 'carrier', 'group', 'numbers', 'proxies', 'settings', 'nothing'),
  which: fc.nat(2),
  value: fc.nat(1000),
});

type Connector = RoutingResources['voiceConnectors'][number];

function connector(id: string, value: number, phoneNumbers: readonly string[]): Connector {
  const [one] = configOf({
    domain: DOMAIN,
    voiceConnectors: [
      {
        id,
        name: `${id} ${value}`,
        requireEncryption: value % 11 === 0,
        termination: {
          cidrAllowedList: [`10.0.${value % 3}.0/24`],
          callingRegions: value % 2 ? ['US'] : ['US', 'GB'],
          cpsLimit: 1 + (value % 5),
          disabled: value % 13 === 0,
        },
        origination: { routes: [{ host: `10.0.0.${1 + (value % 4)}`, weight: 1 + (value % 9) }, { host: '10.9.9.9' }] },
      },
    ],
  }).voiceConnectors;
  return { ...one!, phoneNumbers };
}

const carrier = (name: string, value: number) =>
  configOf({
    carriers: [
      {
        name,
        hosts: [{ host: `192.0.2.${1 + (value % 5)}`, weight: 1 + (value % 7) }, { host: '192.0.2.77' }],
        prefixes: [['+'], ['+1'], ['+1', '+44'], ['+1415']][value % 4],
        priority: 1 + (value % 2),
        sources: [`192.0.${value % 3}.0/24`],
        disabled: value % 10 === 0,
      },
    ],
  }).carriers[0]!;

const session = (value: number): ProxySessionResource => ({
  id: `s${value}`,
  voiceConnectorId: HQ,
  participants: [
    { phoneNumber: '+14155550001', proxyPhoneNumber: NUMBERS[value % 12]! },
    { phoneNumber: '+14155550002', proxyPhoneNumber: NUMBERS[value % 7]! },
  ],
});

/** Gives each number to the owner that `value` says: a connector, the group, nobody. */
function dealt(now: RoutingResources, which: number, value: number): RoutingResources {
  const moved = new Set(NUMBERS.filter((_, index) => (value >> (index % 8)) & 1));
  const owners = [...now.voiceConnectors.map(({ id }) => id), ...now.voiceConnectorGroups.map(({ name }) => name), ''];
  const to = owners[which % owners.length]!;
  const listOf = (owner: string, list: readonly string[]): readonly string[] => {
    const next = [...list.filter((e164) => !moved.has(e164)), ...(owner === to ? moved : [])];
    return next.length === list.length && next.every((e164) => list.includes(e164)) ? list : next;
  };
  const again = <One extends { readonly phoneNumbers: readonly string[] }>(one: One, owner: string): One => {
    const phoneNumbers = listOf(owner, one.phoneNumbers);
    return phoneNumbers === one.phoneNumbers ? one : { ...one, phoneNumbers };
  };
  return {
    ...now,
    voiceConnectors: now.voiceConnectors.map((one) => again(one, one.id)),
    voiceConnectorGroups: now.voiceConnectorGroups.map((one) => again(one, one.name)),
  };
}

function changed(now: RoutingResources, { what, which, value }: Change): RoutingResources {
  const id = IDS[which]!;
  switch (what) {
    case 'connector': {
      const known = now.voiceConnectors.find((one) => one.id === id);
      const next = connector(id, value, known?.phoneNumbers ?? []);
      const others = now.voiceConnectors.map((one) => (one.id === id ? next : one));
      return { ...now, voiceConnectors: known ? others : [...others, next] };
    }
    case 'remove':
      // Proxy sessions are placed by HQ: without it there would be none.
      return { ...now, voiceConnectors: now.voiceConnectors.filter((one) => one.id !== id || id === HQ) };
    case 'carrier': {
      const name = `c${which}`;
      const others = now.carriers.filter((one) => one.name !== name);
      return { ...now, carriers: value % 5 === 0 ? others : [...others, carrier(name, value)] };
    }
    case 'group': {
      const items = IDS.filter((_, index) => (value >> index) & 1).map((voiceConnectorId, index) => ({
        voiceConnectorId,
        priority: 1 + (index % 2),
      }));
      const phoneNumbers = now.voiceConnectorGroups[0]?.phoneNumbers ?? [];
      const callDistributionType = value % 3 ? 'PriorityWeightedDistribution' : 'LoadBalancedDistribution';
      return {
        ...now,
        voiceConnectorGroups: value % 9 === 0 ? [] : [{ name: 'G', items, callDistributionType, phoneNumbers }],
      };
    }
    case 'numbers':
      return dealt(now, which, value);
    case 'proxies':
      return { ...now, proxySessions: value % 4 === 0 ? [] : [session(value)] };
    case 'settings':
      return { ...now, limits: { ...now.limits, maxAttempts: 1 + (value % 6) } };
    case 'nothing':
      return { ...now };
  }
}

/** All of a snapshot that can be listed. Tries and address indexes cannot: the decisions ask them. */
const listed = ({ resources: _, numbers, carriersByPrefix: __, highRisk: ___, ...rest }: Snapshot) => ({
  ...rest,
  numbers: [...numbers.entries()].sort(([a], [b]) => (a < b ? -1 : 1)),
});

const requests = [
  ...IDS.flatMap((id) =>
    [0, 1, 2].map((net) =>
      outbound({
        requestUri: { scheme: 'sip', user: '+14155550123', host: `${id}.${DOMAIN}`, port: undefined },
        toHost: 'x',
        from: NUMBERS[net]!,
        source: { address: `10.0.${net}.7`, port: 5060, protocol: 'UDP' },
      }),
    ),
  ),
  outbound({
    to: '+442079460958',
    requestUri: { scheme: 'sip', user: '+442079460958', host: DOMAIN, port: undefined },
  }),
  ...NUMBERS.flatMap((to, index) => [
    inbound({ to, requestUri: { scheme: 'sip', user: to, host: '203.0.113.10', port: 5060 } }),
    inbound({
      from: '+14155550001',
      requestUri: { scheme: 'sip', user: to, host: '203.0.113.10', port: 5060 },
      source: { address: `192.0.${index % 3}.9`, port: 5060, protocol: 'UDP' },
    }),
  ]),
];

const decisions = (snapshot: Snapshot): unknown =>
  requests.map((facts, seed) => JSON.parse(JSON.stringify(decide(facts, snapshot, liveOf(), new SeededRandom(seed)))));

describe('a snapshot made of the one before', () => {
  const start = (): RoutingResources => configOf({ ...plain(), domain: DOMAIN });

  it('is the snapshot built anew, after any sequence of changes', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), (changes) => {
        let resources = start();
        let snapshot = buildSnapshot(resources);
        for (const one of changes) {
          resources = changed(resources, one);
          const before = snapshot;
          const told = listed(before);
          snapshot = nextSnapshot(before, resources);
          const anew = buildSnapshot(resources);
          expect(listed(snapshot)).toEqual(listed(anew));
          expect(decisions(snapshot)).toEqual(decisions(anew));
          expect(listed(before)).toEqual(told);
        }
      }),
      { numRuns: 40, seed: 20 },
    );
  });

  it('takes over what did not change', () => {
    const resources = start();
    const snapshot = buildSnapshot(resources);
    const added = { ...resources, voiceConnectors: [...resources.voiceConnectors, connector(BRANCH, 3, [])] };
    const next = nextSnapshot(snapshot, added);
    expect(next.carriersByPrefix).toBe(snapshot.carriersByPrefix);
    expect(next.connectors.get(HQ)).toBe(snapshot.connectors.get(HQ));
    expect(next.connectors.get(BRANCH)).toBeDefined();
    expect(snapshot.connectors.get(BRANCH)).toBeUndefined();
  });
});

describe('a table of numbers', () => {
  it('gives what a map gives, however many changes ago the number came, moved or went', () => {
    const random = new SeededRandom(5);
    const lists = new Map<string, string[]>([
      ['a', []],
      ['b', []],
    ]);
    const tableLists = () => [...lists].map(([id, phoneNumbers]) => ({ kind: 'connector' as const, id, phoneNumbers }));
    let table = new NumberTable();
    for (let round = 0; round < 400; round++) {
      const before = tableLists();
      const e164 = `+1206555${1000 + (random.uint32() % 300)}`;
      for (const [id, list] of lists)
        if (list.includes(e164))
          lists.set(
            id,
            list.filter((one) => one !== e164),
          );
      const to = ['a', 'b', undefined][random.uint32() % 3];
      if (to) lists.set(to, [...lists.get(to)!, e164]);
      table = table.after(before, tableLists());
    }
    const expected = [...lists].flatMap(([id, list]) => list.map((e164) => [e164, id]));
    expect([...table.entries()].map(([e164, { id }]) => [e164, id]).sort()).toEqual(expected.sort());
    for (const [e164, id] of expected) expect(table.get(e164!)?.id).toBe(id);
    expect(table.has('+12065559999')).toBe(false);
  });
});
