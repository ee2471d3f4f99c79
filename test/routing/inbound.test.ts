import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/core/index.js';
import { type Decision, decide, type ProxySessionResource, type RequestFacts } from '../../src/routing/index.js';
import {
  BRANCH,
  decideWith,
  HQ,
  inbound,
  type LiveNumbers,
  liveOf,
  outbound,
  plain,
  snapshotOf,
  summary,
} from './fixtures.js';

const ROUTE = [`route:${HQ}/10.0.0.1:5060/UDP`];

interface Row {
  readonly name: string;
  readonly config?: object;
  readonly facts?: RequestFacts;
  readonly live?: LiveNumbers;
  readonly expected: string | string[];
  readonly also?: Partial<Decision> | object;
}

/** HQ first, Branch second; the group's number fails over from one to the other. */
function group(more: object = {}, hq: object = {}) {
  const base = plain({ hq });
  const branch = { id: BRANCH, name: 'Branch', origination: { routes: [{ host: '10.9.0.1', protocol: 'TCP' }] } };
  const items = [
    { voiceConnectorId: HQ, priority: 1 },
    { voiceConnectorId: BRANCH, priority: 2 },
  ];
  return {
    ...base,
    voiceConnectors: [...base.voiceConnectors, branch],
    voiceConnectorGroups: [{ name: 'Main', items, phoneNumbers: ['+12065550177'], ...more }],
  };
}

const BOTH = [`route:${HQ}/10.0.0.1:5060/UDP`, `route:${BRANCH}/10.9.0.1:5060/TCP`];

const tables: Readonly<Record<string, readonly Row[]>> = {
  carrier: [
    { name: 'by source block', expected: ROUTE, also: { direction: 'Inbound', voiceConnectorId: HQ } },
    {
      name: 'by certificate name',
      config: plain({ carrier: { tlsNames: ['SIP.carrier.example'] } }),
      facts: inbound({
        source: { address: '198.51.100.1', port: 5061, protocol: 'TLS' },
        tlsPeerNames: ['sip.carrier.example'],
      }),
      expected: ROUTE,
    },
    {
      name: 'not recognised',
      facts: inbound({ source: { address: '198.51.100.1', port: 5060, protocol: 'UDP' } }),
      expected: '403 request.unknown-source',
    },
    {
      name: 'not recognised, silence',
      config: { ...plain(), sip: { unknownSource: 'drop' } },
      facts: inbound({ source: { address: '198.51.100.1', port: 5060, protocol: 'UDP' } }),
      expected: 'drop request.unknown-source',
    },
    {
      name: 'disabled carriers are strangers',
      config: plain({ carrier: { disabled: true } }),
      expected: '403 request.unknown-source',
    },
  ],
  offer: [
    { name: 'clear', expected: ROUTE, also: { encryptionOfCaller: 'off' } },
    { name: 'SRTP', facts: inbound({ offer: 'RTP/SAVP' }), expected: ROUTE, also: { encryptionOfCaller: 'required' } },
    { name: 'no audio', facts: inbound({ offer: 'unusable' }), expected: '488 media.unusable-offer' },
    {
      name: 'clear where SRTP is required',
      config: plain({ carrier: { encryption: 'required' } }),
      expected: '488 inbound.srtp-required',
      also: { warning: 304 },
    },
    {
      name: 'late offer where SRTP is required',
      config: plain({ carrier: { encryption: 'required' } }),
      facts: inbound({ offer: 'none' }),
      expected: ROUTE,
      also: { encryptionOfCaller: 'required' },
    },
  ],
  number: [
    { name: 'E.164', expected: ROUTE, also: { calledNumber: '+12065550100', callingNumber: '+442079460958' } },
    {
      name: 'assigned but for the plus',
      facts: inbound({ to: '12065550100' }),
      expected: ROUTE,
      also: { calledNumber: '+12065550100' },
    },
    {
      name: 'national of the default country',
      config: { ...plain(), numbers: { defaultCountry: 'US' } },
      facts: inbound({ to: '2065550100', from: '4155550123' }),
      expected: ROUTE,
      also: { calledNumber: '+12065550100', callingNumber: '+14155550123' },
    },
    {
      name: 'national of the carrier',
      config: plain({ carrier: { numberFormat: 'national:US' } }),
      facts: inbound({ to: '2065550100' }),
      expected: ROUTE,
    },
    {
      name: 'without plus, caller too',
      config: plain({ carrier: { numberFormat: 'e164-without-plus' } }),
      facts: inbound({ to: '12065550100', from: '442079460958' }),
      expected: ROUTE,
      also: { callingNumber: '+442079460958' },
    },
    {
      name: 'anonymous caller',
      facts: inbound({ from: 'anonymous' }),
      expected: ROUTE,
      also: { callingNumber: 'anonymous' },
    },
    {
      name: 'of a carrier we registered with: it calls our contact',
      config: plain({ carrier: { credentials: { username: 'trunk7', password: 'p' } } }),
      facts: inbound({ to: 'trunk7', toUser: '+12065550100' }),
      expected: ROUTE,
      also: { calledNumber: '+12065550100' },
    },
    {
      name: 'of a carrier we registered with under another name',
      config: plain({ carrier: { credentials: { username: 'trunk7', password: 'p' } } }),
      facts: inbound({ to: 'trunk8', toUser: '+12065550100' }),
      expected: '404 inbound.number-invalid',
    },
    { name: 'no number', facts: inbound({ to: 'bob' }), expected: '404 inbound.number-invalid' },
    {
      name: 'national and no country known',
      facts: inbound({ to: '2065550100' }),
      expected: '404 inbound.number-invalid',
    },
    { name: 'not assigned', facts: inbound({ to: '+12065550999' }), expected: '404 inbound.number-unassigned' },
  ],
  origination: [
    { name: 'set', expected: ROUTE },
    { name: 'not set', config: plain({ hq: { origination: undefined } }), expected: '480 inbound.no-route' },
    { name: 'without routes', config: plain({ origination: { routes: [] } }), expected: '480 inbound.no-route' },
    {
      name: 'disabled',
      config: plain({ origination: { disabled: true } }),
      expected: '480 inbound.origination-disabled',
    },
    {
      name: 'every route down is tried all the same',
      live: { targets: { [ROUTE[0]!]: { state: 'down' } } },
      expected: ROUTE,
    },
    {
      name: 'encrypted connector: TLS and SRTP whatever the route says, a target once',
      config: plain({
        hq: { requireEncryption: true },
        origination: {
          routes: [
            { host: '10.0.0.1', protocol: 'UDP' },
            { host: '10.0.0.1', protocol: 'TCP' },
          ],
        },
      }),
      expected: [`route:${HQ}/10.0.0.1:5060/TLS`],
      also: { plan: [{ protocol: 'TLS', encryption: 'required' }] },
    },
  ],
  group: [
    {
      name: 'by priority',
      config: group(),
      facts: inbound({ to: '+12065550177' }),
      expected: BOTH,
      also: { voiceConnectorId: HQ },
    },
    {
      name: 'the first one’s routes are down',
      config: group(),
      facts: inbound({ to: '+12065550177' }),
      live: { targets: { [BOTH[0]!]: { state: 'down' } } },
      expected: [...BOTH].reverse(),
      also: { voiceConnectorId: BRANCH },
    },
    {
      name: 'the first one is disabled',
      config: group({}, { origination: { disabled: true, routes: [{ host: '10.0.0.1' }] } }),
      facts: inbound({ to: '+12065550177' }),
      expected: [BOTH[1]!],
      also: { voiceConnectorId: BRANCH },
    },
  ],
  'the node': [
    { name: 'no port', live: { mediaPortsFree: 0 }, expected: '503 media.no-port' },
    { name: 'draining', live: { draining: true }, expected: '503 node.draining' },
    { name: 'overloaded', live: { overloaded: true }, expected: '503 node.overloaded' },
  ],
};

for (const [check, rows] of Object.entries(tables)) {
  describe(`inbound: ${check}`, () => {
    it.each(rows)('$name', ({ config, facts, live, expected, also }) => {
      const decision = decideWith(facts ?? inbound(), config ?? plain(), live);
      expect(summary(decision)).toEqual(expected);
      if (also) expect(decision).toMatchObject(also);
    });
  });
}

describe('inbound plan', () => {
  it('names the connector to the customer and shows the caller', () => {
    const decision = decideWith(inbound(), plain());
    expect(decision).toMatchObject({
      plan: [
        {
          headers: [['X-VoiceConnector-ID', HQ]],
          callingNumber: '+442079460958',
          calledNumber: '+12065550100',
          noResponseTimeoutMs: 2500,
        },
      ],
    });
  });

  it('shuffles a load-balanced group and keeps the order of another', () => {
    const items = [{ voiceConnectorId: HQ }, { voiceConnectorId: BRANCH }];
    const firsts = (type: string) =>
      new Set(
        Array.from({ length: 40 }, (_, seed) => {
          const decision = decideWith(
            inbound({ to: '+12065550177' }),
            group({ items, callDistributionType: type }),
            {},
            seed,
          );
          return decision.kind === 'admit' ? decision.plan[0]!.owner : 'refused';
        }),
      );
    expect(firsts('PriorityWeightedDistribution')).toEqual(new Set([HQ]));
    expect(firsts('LoadBalancedDistribution')).toEqual(new Set([HQ, BRANCH]));
  });

  it('bounds the remote side’s media where the carrier says so', () => {
    const decision = decideWith(
      inbound(),
      plain({ carrier: { mediaSources: ['192.0.2.0/25'] }, hq: { mediaSources: ['10.0.0.0/8'] } }),
    );
    expect(decision).toMatchObject({ mediaSources: { remote: ['192.0.2.0/25'], customer: ['10.0.0.0/8'] } });
    expect(decideWith(inbound(), plain())).toMatchObject({ mediaSources: {} });
  });
});

describe('proxy phone sessions', () => {
  const session: ProxySessionResource = {
    id: 's1',
    voiceConnectorId: HQ,
    participants: [
      { phoneNumber: '+14155550101', proxyPhoneNumber: '+12065550190' },
      { phoneNumber: '+14155550102', proxyPhoneNumber: '+12065550191' },
    ],
    expiresAtMs: 1000,
  };
  const call = (to: string, from: string, wallMs = 0) =>
    decide(inbound({ to, from }), snapshotOf(plain(), [session]), liveOf({ wallMs }), new SeededRandom(1));

  it('connect the participants without showing either number', () => {
    expect(call('+12065550191', '+14155550101')).toMatchObject({
      kind: 'admit',
      direction: 'Inbound',
      voiceConnectorId: HQ,
      plan: [{ kind: 'carrier', calledNumber: '+14155550102', callingNumber: '+12065550190' }],
    });
    expect(call('+12065550190', '+14155550102')).toMatchObject({
      plan: [{ calledNumber: '+14155550101', callingNumber: '+12065550191' }],
    });
  });

  it('refuse strangers and end', () => {
    expect(summary(call('+12065550191', '+14155559999'))).toBe('403 proxy.not-a-participant');
    expect(summary(call('+12065550191', '+14155550101', 1000))).toBe('404 proxy.session-expired');
  });

  it('leave other calls alone', () => {
    expect(summary(call('+12065550100', '+14155550101'))).toEqual(ROUTE);
  });
});

describe('emergency calls', () => {
  const dnis = [
    { emergencyPhoneNumber: '+12065550911', testPhoneNumber: '+12065550933', callingCountry: 'US' },
    { emergencyPhoneNumber: '+14165550911', callingCountry: 'CA' },
  ];
  const config = plain({ hq: { emergency: { dnis } } });
  const nothingLeft: LiveNumbers = {
    draining: true,
    overloaded: true,
    tokens: { [`connector:${HQ}`]: 0, 'carrier:main': 0 },
    active: { [`connector:${HQ}`]: 1e6, 'carrier:main': 1e6 },
    traffic: { held: true },
  };

  it('go to the routing number of the caller’s country past every limit', () => {
    const decision = decideWith(outbound({ to: '911' }), config, nothingLeft);
    expect(decision).toMatchObject({
      kind: 'admit',
      emergency: true,
      calledNumber: '+12065550911',
      plan: [{ calledNumber: '+12065550911' }],
    });
    expect(decision.trace).toContainEqual(
      expect.objectContaining({ check: 'termination.emergency', code: 'emergency.call' }),
    );
    expect(decision.trace).toContainEqual(expect.objectContaining({ check: 'termination.cps', verdict: 'skip' }));
    const canadian = decideWith(outbound({ to: '911', from: '+14165550100' }), config);
    expect(canadian).toMatchObject({ calledNumber: '+14165550911', callingNumber: '+14165550100' });
  });

  it('of the test code go to the test number and are no emergency', () => {
    expect(decideWith(outbound({ to: '933' }), config)).toMatchObject({
      kind: 'admit',
      emergency: false,
      calledNumber: '+12065550933',
    });
  });

  it('are tried on carriers that are down', () => {
    const down = { targets: { 'carrier:main/192.0.2.1:5060/UDP': { state: 'down' as const } } };
    expect(summary(decideWith(outbound({ to: '911' }), config, down))).toEqual(['carrier:main/192.0.2.1:5060/UDP']);
  });

  it('need no caller ID of the connector', () => {
    expect(decideWith(outbound({ to: '911', from: 'anonymous' }), config)).toMatchObject({
      kind: 'admit',
      callingNumber: 'anonymous',
    });
  });

  it('still need the source, the encryption and a port', () => {
    const stranger = outbound({ to: '911', source: { address: '9.9.9.9', port: 1, protocol: 'UDP' } });
    expect(summary(decideWith(stranger, config))).toBe('403 termination.source-denied');
    expect(summary(decideWith(outbound({ to: '911' }), config, { mediaPortsFree: 0 }))).toBe('503 media.no-port');
  });

  it('without routing numbers go as dialled to a carrier that serves the code, or nowhere', () => {
    expect(summary(decideWith(outbound({ to: '911' }), plain()))).toBe('404 emergency.no-route');
    const served = decideWith(outbound({ to: '911' }), plain({ carrier: { prefixes: ['+', '911'] } }));
    expect(served).toMatchObject({ emergency: true, plan: [{ calledNumber: '911' }] });
  });
});
