import { describe, expect, it } from 'vitest';
import type { Decision, RequestFacts } from '../../src/routing/index.js';
import { BRANCH, DOMAIN, decideWith, HQ, type LiveNumbers, outbound, plain, summary } from './fixtures.js';

const MAIN = ['carrier:main/192.0.2.1:5060/UDP'];

interface Row {
  readonly name: string;
  readonly config?: object;
  readonly facts?: RequestFacts;
  readonly live?: LiveNumbers;
  readonly expected: string | string[];
  /** Further members of the decision. */
  readonly also?: Partial<Decision> | object;
}

const at = (host: string, user = '+14155550123'): RequestFacts['requestUri'] => ({
  scheme: 'sip',
  user,
  host,
  port: undefined,
});
const from = (address: string, protocol: RequestFacts['source']['protocol'] = 'UDP') => ({
  address,
  port: 5060,
  protocol,
});
const twoConnectors = (second: object = {}) => {
  const base = plain();
  return { ...base, voiceConnectors: [...base.voiceConnectors, { id: BRANCH, name: 'Branch', ...second }] };
};
const users = { credentials: [{ username: 'pbx', password: 'secret' }] };
const encrypted = plain({ hq: { requireEncryption: true } });

/** Each row of design §4's table, both verdicts. */
const tables: Readonly<Record<string, readonly Row[]>> = {
  'whose request': [
    { name: 'by Request-URI host', expected: MAIN, also: { voiceConnectorId: HQ, direction: 'Outbound' } },
    { name: 'by To host', facts: outbound({ requestUri: at('203.0.113.10') }), expected: MAIN },
    {
      name: 'by TLS server name',
      facts: outbound({
        requestUri: at('203.0.113.10'),
        toHost: 'pbx',
        tlsServerName: `${HQ}.${DOMAIN}`.toUpperCase(),
        source: from('10.0.0.7', 'TLS'),
      }),
      expected: MAIN,
    },
    {
      name: 'by the one allowlist that holds the source',
      facts: outbound({ requestUri: at('203.0.113.10'), toHost: 'pbx' }),
      expected: MAIN,
    },
    {
      name: 'two allowlists hold the source',
      config: twoConnectors({ termination: { cidrAllowedList: ['10.0.0.7'], callingRegions: ['US'] } }),
      facts: outbound({ requestUri: at('203.0.113.10'), toHost: 'pbx' }),
      expected: '403 request.ambiguous',
      also: { direction: undefined, voiceConnectorId: undefined },
    },
    {
      name: 'two allowlists hold the source, the request names one',
      config: twoConnectors({ termination: { cidrAllowedList: ['10.0.0.7'], callingRegions: ['US'] } }),
      expected: MAIN,
    },
    {
      name: 'no connector of that name',
      facts: outbound({ requestUri: at(`unknown.${DOMAIN}`), toHost: 'x' }),
      expected: '404 termination.no-such-connector',
    },
    {
      name: 'a source nobody knows',
      facts: outbound({ requestUri: at('203.0.113.10'), toHost: 'x', source: from('198.51.100.1') }),
      expected: '403 request.unknown-source',
    },
    {
      name: 'a source nobody knows, silence',
      config: { ...plain(), sip: { unknownSource: 'drop' } },
      facts: outbound({ requestUri: at(`unknown.${DOMAIN}`), toHost: 'x', source: from('198.51.100.1') }),
      expected: 'drop request.unknown-source',
    },
    {
      name: 'a foreign Request-URI host is not ours',
      facts: outbound({ requestUri: at('198.51.100.99'), toHost: 'x' }),
      expected: '403 request.unknown-source',
    },
    {
      name: 'a carrier’s source that names a connector it may not use is inbound',
      facts: outbound({ requestUri: at(`${HQ}.${DOMAIN}`, '+12065550100'), source: from('192.0.2.9') }),
      expected: [`route:${HQ}/10.0.0.1:5060/UDP`],
      also: { direction: 'Inbound' },
    },
  ],
  'termination set and enabled': [
    { name: 'set', expected: MAIN },
    { name: 'not set', config: plain({ hq: { termination: undefined } }), expected: '403 termination.not-configured' },
    { name: 'disabled', config: plain({ termination: { disabled: true } }), expected: '403 termination.disabled' },
  ],
  encryption: [
    {
      name: 'TLS and SRTP',
      config: encrypted,
      facts: outbound({ source: from('10.0.0.7', 'TLS'), offer: 'RTP/SAVP' }),
      expected: MAIN,
      also: { encryptionOfCaller: 'required' },
    },
    {
      name: 'TLS and a late offer',
      config: encrypted,
      facts: outbound({ source: from('10.0.0.7', 'TLS'), offer: 'none' }),
      expected: MAIN,
      also: { encryptionOfCaller: 'required' },
    },
    {
      name: 'secure WebSocket',
      config: encrypted,
      facts: outbound({ source: from('10.0.0.7', 'WSS'), offer: 'RTP/SAVP' }),
      expected: MAIN,
    },
    {
      name: 'clear transport',
      config: encrypted,
      facts: outbound({ source: from('10.0.0.7', 'TCP'), offer: 'RTP/SAVP' }),
      expected: '403 termination.tls-required',
    },
    {
      name: 'clear media',
      config: encrypted,
      facts: outbound({ source: from('10.0.0.7', 'TLS') }),
      expected: '488 termination.srtp-required',
      also: { warning: 304 },
    },
    {
      name: 'clear media beside SRTP',
      config: encrypted,
      facts: outbound({ source: from('10.0.0.7', 'TLS'), offer: 'both' }),
      expected: '488 termination.srtp-required',
    },
    {
      name: 'not required: SRTP is answered with SRTP',
      facts: outbound({ offer: 'RTP/SAVP' }),
      expected: MAIN,
      also: { encryptionOfCaller: 'required' },
    },
    {
      name: 'not required: both',
      facts: outbound({ offer: 'both' }),
      expected: MAIN,
      also: { encryptionOfCaller: 'offered' },
    },
    { name: 'not required: clear', expected: MAIN, also: { encryptionOfCaller: 'off' } },
    {
      name: 'no audio',
      facts: outbound({ offer: 'unusable' }),
      expected: '488 media.unusable-offer',
      also: { warning: 304 },
    },
  ],
  'allowed sources': [
    { name: 'in the list', expected: MAIN },
    { name: 'IPv4-mapped IPv6 of the list', facts: outbound({ source: from('::ffff:10.0.0.9') }), expected: MAIN },
    {
      name: 'not in the list',
      facts: outbound({ source: from('10.0.1.7') }),
      expected: '403 termination.source-denied',
    },
    {
      name: 'not in the list, silence',
      config: { ...plain(), sip: { unknownSource: 'drop' } },
      facts: outbound({ source: from('10.0.1.7') }),
      expected: 'drop termination.source-denied',
    },
    {
      name: 'not in the list, though credentials are right',
      config: plain({ termination: users }),
      facts: outbound({ source: from('10.0.1.7'), authentication: { state: 'valid', username: 'pbx' } }),
      expected: '403 termination.source-denied',
    },
    {
      name: 'empty list and no credentials',
      config: plain({ termination: { cidrAllowedList: [] } }),
      expected: '403 termination.source-denied',
    },
    {
      name: 'empty list and credentials',
      config: plain({ termination: { cidrAllowedList: [], ...users } }),
      facts: outbound({ source: from('198.51.100.1'), authentication: { state: 'valid', username: 'pbx' } }),
      expected: MAIN,
    },
    {
      name: 'IPv6',
      config: plain({ termination: { cidrAllowedList: ['2001:db8::/32'] } }),
      facts: outbound({ source: from('2001:db8:1::9') }),
      expected: MAIN,
    },
  ],
  credentials: [
    {
      name: 'right',
      config: plain({ termination: users }),
      facts: outbound({ authentication: { state: 'valid', username: 'pbx' } }),
      expected: MAIN,
    },
    {
      name: 'none sent',
      config: plain({ termination: users }),
      expected: '401 termination.credentials-missing',
      also: { challenge: { stale: false } },
    },
    {
      name: 'wrong',
      config: plain({ termination: users }),
      facts: outbound({ authentication: { state: 'invalid' } }),
      expected: '401 termination.credentials-invalid',
      also: { challenge: { stale: false } },
    },
    {
      name: 'right, but another connector’s',
      config: plain({ termination: users }),
      facts: outbound({ authentication: { state: 'valid', username: 'other' } }),
      expected: '401 termination.credentials-invalid',
    },
    {
      name: 'old nonce',
      config: plain({ termination: users }),
      facts: outbound({ authentication: { state: 'stale' } }),
      expected: '401 termination.credentials-stale',
      also: { challenge: { stale: true } },
    },
    {
      name: 'replayed',
      config: plain({ termination: users }),
      facts: outbound({ authentication: { state: 'replayed' } }),
      expected: '401 termination.credentials-replayed',
      also: { challenge: { stale: false } },
    },
    {
      name: 'banned',
      config: plain({ termination: users }),
      facts: outbound({ authentication: { state: 'banned' } }),
      expected: '403 termination.source-banned',
    },
    { name: 'not set, not asked for', facts: outbound({ authentication: { state: 'invalid' } }), expected: MAIN },
  ],
  'called number': [
    { name: 'E.164', expected: MAIN, also: { calledNumber: '+14155550123' } },
    {
      name: 'visual separators',
      facts: outbound({ to: '+1 (415) 555-01.23' }),
      expected: MAIN,
      also: { calledNumber: '+14155550123' },
    },
    {
      name: 'tel: URI',
      facts: outbound({ requestUri: { ...at(`${HQ}.${DOMAIN}`, '+1-415-555-0123'), scheme: 'tel' } }),
      expected: MAIN,
      also: { calledNumber: '+14155550123' },
    },
    {
      name: 'tel: with phone-context',
      facts: outbound({ to: '415-555-0123;phone-context=+1' }),
      expected: MAIN,
      also: { calledNumber: '+14155550123' },
    },
    {
      name: 'user parameters',
      facts: outbound({ to: '+14155550123;npdi' }),
      expected: MAIN,
      also: { calledNumber: '+14155550123' },
    },
    { name: 'no plus', facts: outbound({ to: '14155550123' }), expected: '484 termination.number-incomplete' },
    {
      name: 'national, not allowed',
      facts: outbound({ to: '4155550123' }),
      expected: '484 termination.number-incomplete',
    },
    {
      name: 'national, allowed',
      config: plain({ termination: { nationalNumbersOf: 'US' } }),
      facts: outbound({ to: '(415) 555-0123' }),
      expected: MAIN,
      also: { calledNumber: '+14155550123' },
    },
    {
      name: 'international prefix, allowed',
      config: plain({ termination: { nationalNumbersOf: 'US', callingRegions: ['GB'] } }),
      facts: outbound({ to: '011442079460958' }),
      expected: MAIN,
      also: { calledNumber: '+442079460958' },
    },
    {
      name: 'too short for national',
      config: plain({ termination: { nationalNumbersOf: 'US' } }),
      facts: outbound({ to: '555' }),
      expected: '484 termination.number-incomplete',
    },
    { name: 'empty', facts: outbound({ to: '' }), expected: '484 termination.number-incomplete' },
    { name: 'a name', facts: outbound({ to: 'alice' }), expected: '484 termination.number-incomplete' },
    { name: 'leading zero', facts: outbound({ to: '+04155550123' }), expected: '484 termination.number-incomplete' },
    { name: '16 digits', facts: outbound({ to: '+1234567890123456' }), expected: '484 termination.number-incomplete' },
    { name: 'plus inside', facts: outbound({ to: '+1415+5550123' }), expected: '484 termination.number-incomplete' },
  ],
  'calling plan': [
    { name: 'US', expected: MAIN },
    { name: 'Canada, same code', facts: outbound({ to: '+14165550123' }), expected: MAIN },
    {
      name: 'Jamaica, same code',
      facts: outbound({ to: '+18765550123' }),
      expected: '403 termination.country-not-allowed',
    },
    {
      name: 'another country',
      facts: outbound({ to: '+442079460958' }),
      expected: '403 termination.country-not-allowed',
    },
    { name: 'no country', facts: outbound({ to: '+999123456' }), expected: '403 termination.country-unknown' },
    {
      name: 'no regions at all',
      config: plain({ termination: { callingRegions: [] } }),
      expected: '403 termination.country-not-allowed',
    },
    {
      name: 'blocked prefix',
      config: plain({ termination: { blockedPrefixes: ['+1415555'] } }),
      expected: '403 termination.number-blocked',
    },
    {
      name: 'another blocked prefix',
      config: plain({ termination: { blockedPrefixes: ['+1415556'] } }),
      expected: MAIN,
    },
  ],
  'caller ID': [
    { name: 'From is assigned', expected: MAIN, also: { callingNumber: '+12065550100' } },
    {
      name: 'P-Asserted-Identity goes first',
      facts: outbound({ from: 'anonymous', assertedUser: '+12065550101' }),
      expected: MAIN,
      also: { callingNumber: '+12065550101' },
    },
    {
      name: 'P-Asserted-Identity is not assigned, From is',
      facts: outbound({ assertedUser: '+12065559999' }),
      expected: '403 termination.caller-id-denied',
    },
    {
      name: 'P-Asserted-Identity is no number',
      facts: outbound({ assertedUser: 'reception' }),
      expected: MAIN,
      also: { callingNumber: '+12065550100' },
    },
    {
      name: 'not assigned',
      facts: outbound({ from: '+12065559999' }),
      expected: '403 termination.caller-id-denied',
      also: { reason: 'Caller ID +12065559999 is not assigned to this Voice Connector' },
    },
    {
      name: 'not a number',
      facts: outbound({ from: 'anonymous' }),
      expected: '403 termination.caller-id-denied',
      also: { reason: 'Caller ID anonymous is not assigned to this Voice Connector' },
    },
    {
      name: 'line breaks do not reach the reason',
      facts: outbound({ from: 'x\r\nEvil: 1' }),
      expected: '403 termination.caller-id-denied',
      also: { reason: 'Caller ID x??Evil: 1 is not assigned to this Voice Connector' },
    },
    {
      name: 'replaced by the default',
      config: plain({ termination: { defaultPhoneNumber: '+12065550101' } }),
      facts: outbound({ from: 'anonymous' }),
      expected: MAIN,
      also: { callingNumber: '+12065550101' },
    },
    {
      name: 'assigned to another connector',
      config: twoConnectors({ phoneNumbers: ['+12065550150'] }),
      facts: outbound({ from: '+12065550150' }),
      expected: '403 termination.caller-id-denied',
    },
    {
      name: 'assigned to a group of the connector',
      config: {
        ...plain(),
        voiceConnectorGroups: [{ name: 'G', items: [{ voiceConnectorId: HQ }], phoneNumbers: ['+12065550177'] }],
      },
      facts: outbound({ from: '+12065550177' }),
      expected: MAIN,
    },
    {
      name: 'national, where allowed',
      config: plain({ termination: { nationalNumbersOf: 'US' } }),
      facts: outbound({ from: '2065550100' }),
      expected: MAIN,
      also: { callingNumber: '+12065550100' },
    },
  ],
  'fraud brakes': [
    {
      name: 'high-risk range',
      config: plain({ termination: { callingRegions: ['CU'] } }),
      facts: outbound({ to: '+5372345678' }),
      expected: '403 fraud.high-risk-prefix',
    },
    {
      name: 'high-risk range, allowed',
      config: plain({ termination: { callingRegions: ['CU'], allowedHighRiskPrefixes: ['+53'] } }),
      facts: outbound({ to: '+5372345678' }),
      expected: MAIN,
    },
    {
      name: 'high-risk range, brakes off',
      config: { ...plain({ termination: { callingRegions: ['CU'] } }), fraud: { enabled: false } },
      facts: outbound({ to: '+5372345678' }),
      expected: MAIN,
    },
    { name: 'held', live: { traffic: { held: true } }, expected: '403 fraud.country-held' },
    { name: 'attempts', live: { traffic: { attempts: 50000 } }, expected: '403 fraud.attempts-exceeded' },
    { name: 'minutes', live: { traffic: { minutes: 60000 } }, expected: '403 fraud.minutes-exceeded' },
    { name: 'calls at once', live: { traffic: { activeCalls: 1000 } }, expected: '403 fraud.concurrency-exceeded' },
    {
      name: 'near a limit',
      live: { traffic: { attempts: 49_999, minutes: 59_999, activeCalls: 999 } },
      expected: MAIN,
    },
  ],
  limits: [
    { name: 'one token left', live: { tokens: { [`connector:${HQ}`]: 1 } }, expected: MAIN },
    { name: 'no token', live: { tokens: { [`connector:${HQ}`]: 0 } }, expected: '503 termination.cps-exceeded' },
    {
      name: 'one place left',
      config: plain({ termination: { maxCalls: 5 } }),
      live: { active: { [`connector:${HQ}`]: 4 } },
      expected: MAIN,
    },
    {
      name: 'no place',
      config: plain({ termination: { maxCalls: 5 } }),
      live: { active: { [`connector:${HQ}`]: 5 } },
      expected: '503 termination.concurrency-exceeded',
    },
    {
      name: 'default limit',
      live: { active: { [`connector:${HQ}`]: 1000 } },
      expected: '503 termination.concurrency-exceeded',
    },
  ],
  carriers: [
    { name: 'one serves', expected: MAIN },
    { name: 'none serves', config: plain({ carrier: { prefixes: ['+44'] } }), expected: '404 termination.no-route' },
    { name: 'disabled', config: plain({ carrier: { disabled: true } }), expected: '404 termination.no-route' },
    { name: 'half-open', live: { targets: { [MAIN[0]!]: { state: 'half-open' } } }, expected: MAIN },
    {
      name: 'all down',
      live: { targets: { [MAIN[0]!]: { state: 'down' } } },
      expected: '503 termination.carriers-down',
    },
    {
      name: 'down until a Retry-After',
      live: { nowMs: 1000, targets: { [MAIN[0]!]: { state: 'down', retryAtMs: 18_500 } } },
      expected: '503 termination.carriers-down',
      also: { retryAfterSeconds: 18 },
    },
    { name: 'at its CPS', live: { tokens: { 'carrier:main': 0 } }, expected: '503 termination.carriers-full' },
    {
      name: 'at its calls',
      config: plain({ carrier: { maxCalls: 2 } }),
      live: { active: { 'carrier:main': 2 } },
      expected: '503 termination.carriers-full',
    },
  ],
  'the node': [
    { name: 'one port pair free', live: { mediaPortsFree: 1 }, expected: MAIN },
    { name: 'no port', live: { mediaPortsFree: 0 }, expected: '503 media.no-port' },
    { name: 'draining', live: { draining: true }, expected: '503 node.draining' },
    { name: 'overloaded', live: { overloaded: true }, expected: '503 node.overloaded' },
  ],
};

for (const [check, rows] of Object.entries(tables)) {
  describe(`termination: ${check}`, () => {
    it.each(rows)('$name', ({ config, facts, live, expected, also }) => {
      const decision = decideWith(facts ?? outbound(), config ?? plain(), live);
      expect(summary(decision)).toEqual(expected);
      if (also) expect(decision).toMatchObject(also);
      if (decision.kind === 'refuse') {
        expect(decision.trace.at(-1)).toMatchObject({ verdict: 'fail', code: decision.code });
        expect(decision.trace.slice(0, -1).some((step) => step.verdict === 'fail')).toBe(false);
        if (decision.status === 503) expect(decision.retryAfterSeconds).toBeGreaterThanOrEqual(1);
        if (decision.status === 401) expect(decision.challenge).toBeDefined();
      }
    });
  });
}

describe('trace', () => {
  it('lists the checks of an admitted call in the order of the design', () => {
    const decision = decideWith(outbound(), plain());
    expect(decision.trace.map((step) => step.check)).toEqual([
      'request.owner',
      'termination.connector',
      'termination.encryption',
      'termination.allowlist',
      'termination.credentials',
      'termination.emergency',
      'termination.number',
      'termination.calling-plan',
      'termination.caller-id',
      'termination.fraud',
      'termination.cps',
      'termination.concurrency',
      'termination.carrier',
      'termination.capacity',
    ]);
  });

  it('answers the first failure when everything after it is wrong too', () => {
    const draining = { draining: true };
    const code = (facts: RequestFacts, config: object = plain(), live: LiveNumbers = draining) => {
      const decision = decideWith(facts, config, live);
      return decision.kind === 'refuse' ? decision.code : 'admitted';
    };
    const wrong = outbound({ to: 'x', from: 'y', source: from('9.9.9.9') });
    expect(code(wrong, plain({ termination: { disabled: true } }))).toBe('termination.disabled');
    expect(code(wrong)).toBe('termination.source-denied');
    expect(code(outbound({ to: 'x', from: 'y' }))).toBe('termination.number-incomplete');
    expect(code(outbound({ to: '+442079460958', from: 'y' }))).toBe('termination.country-not-allowed');
    expect(code(outbound({ from: 'y' }))).toBe('termination.caller-id-denied');
    expect(code(outbound(), plain(), { ...draining, tokens: { [`connector:${HQ}`]: 0 } })).toBe(
      'termination.cps-exceeded',
    );
    expect(code(outbound())).toBe('node.draining');
  });

  it('holds no secret', () => {
    const decision = decideWith(outbound(), plain({ carrier: { credentials: { username: 'u', password: 'hush' } } }));
    expect(JSON.stringify(decision.trace)).not.toContain('hush');
    expect(decision).toMatchObject({ plan: [{ credentials: { username: 'u', password: 'hush' } }] });
  });
});
