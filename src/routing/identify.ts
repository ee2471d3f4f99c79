import { type Address, parseAddress } from './cidr.js';
import type { CarrierView, ConnectorView, Snapshot } from './snapshot.js';
import type { RequestFacts } from './types.js';

/**
 * Whose request is this (design §4)?
 *
 *     R-URI host, else To host, else TLS server name is a connector's  ─► that connector, outbound …
 *                        … unless only a carrier's source speaks for it ─► the carrier, inbound
 *     source block or certificate name of a carrier                    ─► the carrier, inbound
 *     R-URI host is ours: the one connector whose allowlist holds the source; two: ambiguous
 *     nothing of these                                                  ─► unknown
 */
export type SourceIdentity =
  | { readonly kind: 'connector'; readonly connector: ConnectorView; readonly by: ConnectorSign }
  | { readonly kind: 'carrier'; readonly carrier: CarrierView; readonly by: 'source address' | 'TLS certificate' }
  | { readonly kind: 'ambiguous'; readonly connectorIds: readonly string[] }
  /** `namedHost`: the host under our domain that was asked for and is no connector's. */
  | { readonly kind: 'unknown'; readonly namedHost: string | undefined };

export type ConnectorSign = 'Request-URI host' | 'To host' | 'TLS server name' | 'source address';

/** What of the facts identification reads; digest comes later, because it needs the connector's users. */
export type IdentityFacts = Pick<
  RequestFacts,
  'requestUri' | 'toHost' | 'source' | 'tlsServerName' | 'tlsPeerNames' | 'localAddresses'
>;

export function identifySource(facts: IdentityFacts, snapshot: Snapshot): SourceIdentity {
  return identify(facts, snapshot, parseAddress(facts.source.address));
}

/** `identifySource` with the source address already read. */
export function identify(facts: IdentityFacts, snapshot: Snapshot, source: Address | undefined): SourceIdentity {
  const named = namedConnector(facts, snapshot);
  if (named && mayPlaceCalls(named.connector, source)) return named;
  const speaker = carrierOf(facts, snapshot, source) ?? named;
  if (speaker) return speaker;
  const candidates = isOurs(facts, snapshot) ? snapshot.allowlists.all(source) : [];
  const [only] = candidates;
  if (candidates.length === 1 && only) return { kind: 'connector', connector: only, by: 'source address' };
  if (candidates.length > 1) return { kind: 'ambiguous', connectorIds: candidates.map((one) => one.id).sort() };
  return { kind: 'unknown', namedHost: hostUnderDomain(facts, snapshot) };
}

function namedConnector(
  facts: IdentityFacts,
  snapshot: Snapshot,
): Extract<SourceIdentity, { kind: 'connector' }> | undefined {
  const { connectorsByHost } = snapshot;
  const byUri = connectorsByHost.get(facts.requestUri.host);
  if (byUri) return { kind: 'connector', connector: byUri, by: 'Request-URI host' };
  const byTo = facts.toHost === facts.requestUri.host ? undefined : connectorsByHost.get(facts.toHost);
  if (byTo) return { kind: 'connector', connector: byTo, by: 'To host' };
  const byTls = facts.tlsServerName === undefined ? undefined : connectorsByHost.get(facts.tlsServerName.toLowerCase());
  return byTls && { kind: 'connector', connector: byTls, by: 'TLS server name' };
}

/** By its own means a connector can admit the source: an allowlist that holds it, or users who may come from anywhere. */
function mayPlaceCalls(connector: ConnectorView, source: Address | undefined): boolean {
  const { termination } = connector;
  return termination?.allowed.has(source) || (termination?.allowed.empty && termination.usernames.size > 0) || false;
}

function carrierOf(
  facts: IdentityFacts,
  snapshot: Snapshot,
  source: Address | undefined,
): Extract<SourceIdentity, { kind: 'carrier' }> | undefined {
  const [byAddress] = snapshot.carrierSources.longest(source);
  if (byAddress) return { kind: 'carrier', carrier: byAddress, by: 'source address' };
  for (const name of facts.tlsPeerNames) {
    const byName = snapshot.carriersByTlsName.get(name.toLowerCase());
    if (byName) return { kind: 'carrier', carrier: byName, by: 'TLS certificate' };
  }
  return undefined;
}

/** The R-URI host is the domain itself or one of our addresses (entries may carry a port). */
function isOurs(facts: IdentityFacts, snapshot: Snapshot): boolean {
  const { host } = facts.requestUri;
  if (host === snapshot.domain) return true;
  return facts.localAddresses.some(
    (local) =>
      local === host ||
      (local.startsWith(host) && local.charCodeAt(host.length) === 58) ||
      local.startsWith(`[${host}]`),
  );
}

function hostUnderDomain(facts: IdentityFacts, snapshot: Snapshot): string | undefined {
  const suffix = `.${snapshot.domain}`;
  return [facts.requestUri.host, facts.toHost].find((host) => host.endsWith(suffix));
}
