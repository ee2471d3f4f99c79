import { checkConfig, type GatewayConfig } from '../../src/config/index.js';
import { SeededRandom } from '../../src/core/index.js';
import {
  buildSnapshot,
  type CountryTraffic,
  type Decision,
  decide,
  type LiveView,
  type ProxySessionResource,
  type RequestFacts,
  type TargetState,
} from '../../src/routing/index.js';

/** Resources and requests that routing tests start from. */

export const HQ = 'abcdef1ghij2klmno3pqr4';
export const BRANCH = 'branch0000000000000001';
export const DOMAIN = 'voice.example.com';

/** A connector that may call the US and Canada, one carrier, one route: the plainest working set. */
export const plain = (more: { hq?: object; termination?: object; origination?: object; carrier?: object } = {}) => ({
  domain: DOMAIN,
  carriers: [{ name: 'main', hosts: [{ host: '192.0.2.1', port: 5060 }], sources: ['192.0.2.0/24'], ...more.carrier }],
  voiceConnectors: [
    {
      id: HQ,
      name: 'HQ',
      termination: {
        cidrAllowedList: ['10.0.0.0/24'],
        callingRegions: ['US', 'CA'],
        cpsLimit: 10,
        ...more.termination,
      },
      origination: { routes: [{ host: '10.0.0.1' }], ...more.origination },
      phoneNumbers: ['+12065550100', '+12065550101'],
      ...more.hq,
    },
  ],
});

export function configOf(value: object): GatewayConfig {
  const outcome = checkConfig(value);
  if (!outcome.ok) throw new Error(outcome.faults.map((fault) => `${fault.path}: ${fault.message}`).join('\n'));
  return outcome.config;
}

export const snapshotOf = (value: object, proxySessions: readonly ProxySessionResource[] = []) =>
  buildSnapshot({ ...configOf(value), proxySessions });

/** An INVITE of the connector's PBX to a US number. */
export function outbound(more: Partial<RequestFacts> & { to?: string; from?: string } = {}): RequestFacts {
  const { to, from, ...facts } = more;
  return {
    method: 'INVITE',
    requestUri: { scheme: 'sip', user: to ?? '+14155550123', host: `${HQ}.${DOMAIN}`, port: undefined },
    toHost: `${HQ}.${DOMAIN}`,
    fromUser: from ?? '+12065550100',
    assertedUser: undefined,
    source: { address: '10.0.0.7', port: 5060, protocol: 'UDP' },
    tlsServerName: undefined,
    tlsPeerNames: [],
    localAddresses: ['203.0.113.10', '203.0.113.10:5060'],
    offer: 'RTP/AVP',
    authentication: { state: 'none' },
    ...facts,
  };
}

/** An INVITE of the carrier to one of our numbers. */
export const inbound = (more: Partial<RequestFacts> & { to?: string; from?: string } = {}): RequestFacts =>
  outbound({
    requestUri: { scheme: 'sip', user: more.to ?? '+12065550100', host: '203.0.113.10', port: 5060 },
    toHost: '203.0.113.10',
    from: '+442079460958',
    source: { address: '192.0.2.9', port: 5060, protocol: 'UDP' },
    ...more,
  });

export interface LiveNumbers {
  readonly draining?: boolean;
  readonly overloaded?: boolean;
  readonly mediaPortsFree?: number;
  readonly tokens?: Readonly<Record<string, number>>;
  readonly active?: Readonly<Record<string, number>>;
  readonly targets?: Readonly<Record<string, TargetState>>;
  readonly nowMs?: number;
  readonly wallMs?: number;
  readonly traffic?: Partial<CountryTraffic>;
}

/** A live view of fixed numbers; keys are `connector:<id>` and `carrier:<name>`. */
export function liveOf(numbers: LiveNumbers = {}): LiveView {
  return {
    draining: numbers.draining ?? false,
    overloaded: numbers.overloaded ?? false,
    mediaPortsFree: numbers.mediaPortsFree ?? 100,
    callTokens: (kind, id) => numbers.tokens?.[`${kind}:${id}`] ?? 10,
    activeCalls: (kind, id) => numbers.active?.[`${kind}:${id}`] ?? 0,
    targetState: (key) => numbers.targets?.[key] ?? { state: 'up' },
    nowMs: numbers.nowMs ?? 0,
    wallMs: numbers.wallMs ?? 0,
    countryTraffic: () => ({ attempts: 0, minutes: 0, activeCalls: 0, held: false, ...numbers.traffic }),
  };
}

export const decideWith = (facts: RequestFacts, config: object, live: LiveNumbers = {}, seed = 1): Decision =>
  decide(facts, snapshotOf(config), liveOf(live), new SeededRandom(seed));

/** `404 termination.no-route`, or the targets of the plan. */
export function summary(decision: Decision): string | string[] {
  if (decision.kind === 'refuse') return `${decision.status} ${decision.code}`;
  return decision.plan.map((attempt) => attempt.targetKey);
}
