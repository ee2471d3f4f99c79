import type {
  CarrierResource,
  ConnectorResource,
  FailoverResource,
  OriginationResource,
  RoutingResources,
} from '../resources.js';
import type { FailoverRules, PlannedAttempt } from '../types.js';
import type { Ranked } from './order.js';

/** Targets: what of a planned attempt is the same for every call, made once for each host and route. */
export interface Target extends Omit<PlannedAttempt, 'calledNumber' | 'callingNumber'> {
  /** Blocks its owner signals from, and blocks its media come from: a carrier's; none for a route. */
  readonly sources: readonly string[];
  readonly mediaSources: readonly string[];
}

/** Final statuses that let the next attempt follow: 408 and every 5xx but 501 and 505 (design §4). */
export const DEFAULT_FAILOVER_STATUSES: ReadonlySet<number> = new Set([
  408,
  ...Array.from({ length: 100 }, (_, index) => 500 + index).filter((status) => status !== 501 && status !== 505),
]);

function failoverRules(failover: FailoverResource): FailoverRules {
  const statuses = failover.statuses === undefined ? DEFAULT_FAILOVER_STATUSES : new Set(failover.statuses);
  return { statuses, afterRinging: failover.afterRinging };
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** `carrier:main/192.0.2.1:5060/UDP`; a port left to DNS is left out. */
export function targetKey(
  kind: 'carrier' | 'route',
  owner: string,
  host: string,
  port: number | undefined,
  protocol: string,
): string {
  return `${kind}:${owner}/${bracketed(host)}${port === undefined ? '' : `:${port}`}/${protocol}`;
}

/** Each target once, at its best priority: two routes that differ in protocol only are one when both become TLS. */
function distinct(targets: readonly Ranked<Target>[]): Ranked<Target>[] {
  const byKey = new Map<string, Ranked<Target>>();
  for (const target of [...targets].sort((a, b) => a.priority - b.priority)) {
    if (!byKey.has(target.value.targetKey)) byKey.set(target.value.targetKey, target);
  }
  return [...byKey.values()];
}

export function carrierTargets(carrier: CarrierResource, resources: RoutingResources): Ranked<Target>[] {
  const { sip, limits } = resources;
  return distinct(
    carrier.hosts.map(({ host, port, protocol, priority, weight }) => ({
      priority,
      weight,
      value: {
        targetKey: targetKey('carrier', carrier.name, host, port, protocol),
        kind: 'carrier' as const,
        owner: carrier.name,
        host,
        port,
        protocol,
        callerIdIn: carrier.callerIdIn,
        encryption: carrier.encryption,
        ...credentialsOf(carrier),
        headers: Object.entries(carrier.addHeaders),
        removeHeaders: carrier.removeHeaders,
        noResponseTimeoutMs: sip.noResponseTimeoutMs,
        connectTimeoutMs: sip.connectTimeoutMs,
        ringTimeoutSeconds: carrier.ringTimeoutSeconds ?? limits.ringTimeoutSeconds,
        failover: failoverRules(carrier.failover),
        sources: carrier.sources,
        mediaSources: carrier.mediaSources,
      },
    })),
  );
}

/** What answers the carrier's challenges, of its realm where one is named. */
const credentialsOf = ({ credentials, realm }: CarrierResource) =>
  credentials && { credentials: realm === undefined ? credentials : { ...credentials, realm } };

/** Routes of a connector. An encrypted connector uses TLS and SRTP whatever the route's protocol says (design §4). */
export function routeTargets(
  connector: ConnectorResource,
  origination: OriginationResource,
  resources: RoutingResources,
): Ranked<Target>[] {
  const { sip, limits } = resources;
  const targets = origination.routes.map((route) => {
    const protocol = connector.requireEncryption ? ('TLS' as const) : route.protocol;
    return {
      priority: route.priority,
      weight: route.weight,
      value: {
        targetKey: targetKey('route', connector.id, route.host, route.port, protocol),
        kind: 'route' as const,
        owner: connector.id,
        host: route.host,
        port: route.port,
        protocol,
        callerIdIn: ['From', 'P-Asserted-Identity'] as const,
        encryption: connector.requireEncryption ? ('required' as const) : ('off' as const),
        headers: [['X-VoiceConnector-ID', connector.id]] as const,
        removeHeaders: [],
        noResponseTimeoutMs: sip.noResponseTimeoutMs,
        connectTimeoutMs: sip.connectTimeoutMs,
        ringTimeoutSeconds: route.ringTimeoutSeconds ?? limits.ringTimeoutSeconds,
        failover: failoverRules(route.failover),
        sources: [],
        mediaSources: [],
      },
    };
  });
  return distinct(targets);
}
