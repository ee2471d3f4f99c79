import { CidrIndex, CidrSet } from './cidr.js';
import { type NumberList, NumberTable } from './number-table.js';
import { type Tier, type Tiers, tiersOf } from './plan/order.js';
import type { Target } from './plan/targets.js';
import { carrierTargets, routeTargets } from './plan/targets.js';
import { PrefixTrie } from './prefix-trie.js';
import type {
  CarrierResource,
  ConnectorResource,
  FraudResource,
  GroupResource,
  OriginationResource,
  ProxySessionResource,
  RoutingResources,
  TerminationResource,
} from './resources.js';
import { SharedLists } from './shared-lists.js';

/**
 * Everything a decision looks up, indexed when resources change. A snapshot never changes afterwards: a change makes
 * another, of the old one's parts where nothing is new, and the next decision gets that one.
 *
 *     host name ─┐                        number ─► connector or group      "+1206…" ─► carriers, longest prefix first
 *     id        ─┴► ConnectorView          source ─► carrier                 source ─► connectors that allow it
 */
export interface Snapshot {
  /** What it was made of. */
  readonly resources: RoutingResources;
  readonly domain: string;
  readonly unknownSource: 'reject' | 'drop';
  readonly defaultCountry: string | undefined;
  readonly maxAttempts: number;
  readonly emergencyNumbers: ReadonlySet<string>;
  readonly emergencyTestNumbers: ReadonlySet<string>;
  readonly fraud: FraudResource;
  readonly highRisk: PrefixTrie<string>;
  readonly connectors: ReadonlyMap<string, ConnectorView>;
  readonly connectorsByHost: ReadonlyMap<string, ConnectorView>;
  readonly allowlists: CidrIndex<ConnectorView>;
  readonly groups: ReadonlyMap<string, GroupView>;
  readonly numbers: NumberTable;
  readonly carriers: ReadonlyMap<string, CarrierView>;
  readonly carriersByPrefix: PrefixTrie<Tier<CarrierView>>;
  readonly carrierSources: CidrIndex<CarrierView>;
  readonly carriersByTlsName: ReadonlyMap<string, CarrierView>;
  /** Proxy sessions by `<proxy number> <participant's number>`. */
  readonly proxySessions: ReadonlyMap<string, ProxyRoute>;
  readonly proxyNumbers: ReadonlySet<string>;
  /** Indexes of connectors' lists, for the snapshots after this one. */
  readonly lists: ConnectorLists;
}

/** What connectors with equal lists have in common. */
interface ConnectorLists {
  readonly words: SharedLists<ReadonlySet<string>>;
  readonly prefixes: SharedLists<PrefixTrie<string>>;
}

export interface ConnectorView {
  readonly id: string;
  readonly name: string;
  /** `<id>.<domain>` */
  readonly hostName: string;
  readonly requireEncryption: boolean;
  readonly termination: TerminationView | undefined;
  readonly origination: OriginationView | undefined;
  readonly emergency: ConnectorResource['emergency'];
  readonly mediaSources: readonly string[] | undefined;
  /** Blocks its customer may signal from. */
  readonly sources: readonly string[];
}

export interface TerminationView {
  readonly disabled: boolean;
  readonly allowed: CidrSet;
  readonly callingRegions: ReadonlySet<string>;
  readonly cpsLimit: number;
  readonly maxCalls: number;
  readonly defaultPhoneNumber: string | undefined;
  readonly usernames: ReadonlySet<string>;
  readonly nationalNumbersOf: string | undefined;
  readonly blocked: PrefixTrie<string>;
  readonly allowedHighRisk: PrefixTrie<string>;
}

export interface OriginationView {
  readonly disabled: boolean;
  readonly targets: Tiers<Target>;
}

export interface GroupView {
  readonly name: string;
  readonly members: Tiers<ConnectorView>;
  /** Connectors of one priority are shuffled for each call. */
  readonly loadBalanced: boolean;
  readonly memberIds: ReadonlySet<string>;
}

export interface CarrierView {
  readonly name: string;
  readonly resource: CarrierResource;
  readonly targets: Tiers<Target>;
}

export interface ProxyRoute {
  readonly session: ProxySessionResource;
  /** Whom to call, and the number to show him. */
  readonly calledNumber: string;
  readonly presentedNumber: string;
}

/** Indexes resources for decisions. Resources are taken as valid (the configuration and the API check them). */
export const buildSnapshot = (resources: RoutingResources): Snapshot => snapshotAfter(undefined, resources);

/**
 * The snapshot of changed resources: equal to one built anew, but of what is the same object as before only the old
 * index is taken, so that a change costs by what it changes and not by what there is. Changed settings build all anew.
 */
export const nextSnapshot = (previous: Snapshot, resources: RoutingResources): Snapshot =>
  snapshotAfter(sameSettings(previous.resources, resources) ? previous : undefined, resources);

function snapshotAfter(previous: Snapshot | undefined, resources: RoutingResources): Snapshot {
  const before = previous?.resources;
  return {
    resources,
    domain: resources.domain,
    unknownSource: resources.sip.unknownSource,
    defaultCountry: resources.numbers.defaultCountry,
    maxAttempts: resources.limits.maxAttempts,
    emergencyNumbers: new Set(resources.emergency.numbers),
    emergencyTestNumbers: new Set(resources.emergency.testNumbers),
    fraud: resources.fraud,
    highRisk: previous?.highRisk ?? trieOf(resources.fraud.highRiskPrefixes),
    ...(previous && sameMembers(before!.carriers, resources.carriers)
      ? carrierIndexesOf(previous)
      : carrierIndexes(resources)),
    ...ownerIndexes(previous, resources),
    ...(previous && sameMembers(before!.proxySessions ?? [], resources.proxySessions ?? [])
      ? { proxySessions: previous.proxySessions, proxyNumbers: previous.proxyNumbers }
      : proxyIndexes(resources.proxySessions ?? [])),
  };
}

/** The settings that views are made with. */
const sameSettings = (a: RoutingResources, b: RoutingResources): boolean =>
  a.domain === b.domain &&
  a.sip === b.sip &&
  a.limits === b.limits &&
  a.numbers === b.numbers &&
  a.emergency === b.emergency &&
  a.fraud === b.fraud;

const sameMembers = <Member>(a: readonly Member[], b: readonly Member[]): boolean =>
  a === b || (a.length === b.length && a.every((member, index) => member === b[index]));

const carrierIndexesOf = ({ carriers, carriersByPrefix, carrierSources, carriersByTlsName }: Snapshot) => ({
  carriers,
  carriersByPrefix,
  carrierSources,
  carriersByTlsName,
});

function carrierIndexes(resources: RoutingResources) {
  const carriers = carrierViews(resources);
  return {
    carriers: new Map(carriers.map((carrier) => [carrier.name, carrier])),
    carriersByPrefix: carrierTable(carriers),
    carrierSources: sourceIndex(carriers),
    carriersByTlsName: new Map(
      carriers.flatMap((carrier) => carrier.resource.tlsNames.map((name) => [name.toLowerCase(), carrier] as const)),
    ),
  };
}

/** Connectors, groups and their numbers. */
function ownerIndexes(previous: Snapshot | undefined, resources: RoutingResources) {
  const { voiceConnectors, voiceConnectorGroups } = resources;
  const before = previous?.resources;
  if (
    previous &&
    sameMembers(before!.voiceConnectors, voiceConnectors) &&
    sameMembers(before!.voiceConnectorGroups, voiceConnectorGroups)
  ) {
    const { connectors, connectorsByHost, allowlists, groups, numbers, lists } = previous;
    return { connectors, connectorsByHost, allowlists, groups, numbers, lists };
  }
  const lists = previous?.lists ?? newLists();
  const known = new Map(before?.voiceConnectors.map((connector) => [connector.id, connector]));
  const views = voiceConnectors.map((connector) =>
    known.get(connector.id) === connector
      ? previous!.connectors.get(connector.id)!
      : connectorView(connector, resources, lists),
  );
  const connectors = new Map(views.map((view) => [view.id, view]));
  return {
    lists,
    connectors,
    connectorsByHost: new Map(views.map((view) => [view.hostName, view])),
    allowlists: allowlistIndex(views),
    groups: new Map(voiceConnectorGroups.map((group) => [group.name, groupView(group, connectors)])),
    numbers: (previous?.numbers ?? new NumberTable()).after(numberLists(before), numberLists(resources)),
  };
}

/** The numbers of each connector and group. */
const numberLists = (resources: RoutingResources | undefined): readonly NumberList[] => [
  ...(resources?.voiceConnectors ?? []).map(({ id, phoneNumbers }) => ({
    kind: 'connector' as const,
    id,
    phoneNumbers,
  })),
  ...(resources?.voiceConnectorGroups ?? []).map(({ name, phoneNumbers }) => ({
    kind: 'group' as const,
    id: name,
    phoneNumbers,
  })),
];

function proxyIndexes(sessions: readonly ProxySessionResource[]) {
  const proxySessions = proxyRoutes(sessions);
  return {
    proxySessions,
    proxyNumbers: new Set([...proxySessions.keys()].map((key) => key.slice(0, key.indexOf(' ')))),
  };
}

function trieOf(prefixes: readonly string[]): PrefixTrie<string> {
  const trie = new PrefixTrie<string>();
  for (const prefix of prefixes) trie.add(prefix, prefix);
  return trie;
}

const newLists = (): ConnectorLists => ({
  words: new SharedLists((list) => new Set(list)),
  prefixes: new SharedLists(trieOf),
});

function connectorView(
  connector: ConnectorResource,
  resources: RoutingResources,
  lists: ConnectorLists,
): ConnectorView {
  return {
    id: connector.id,
    name: connector.name,
    hostName: `${connector.id}.${resources.domain}`,
    requireEncryption: connector.requireEncryption,
    termination: connector.termination && terminationView(connector.termination, resources, lists),
    origination: connector.origination && originationView(connector, connector.origination, resources),
    emergency: connector.emergency,
    mediaSources: connector.mediaSources.length > 0 ? connector.mediaSources : undefined,
    sources: connector.termination?.cidrAllowedList ?? [],
  };
}

function terminationView(
  termination: TerminationResource,
  resources: RoutingResources,
  lists: ConnectorLists,
): TerminationView {
  return {
    disabled: termination.disabled,
    allowed: new CidrSet(termination.cidrAllowedList),
    callingRegions: lists.words.of(termination.callingRegions),
    cpsLimit: termination.cpsLimit,
    maxCalls: termination.maxCalls ?? resources.limits.maxCallsPerConnector,
    defaultPhoneNumber: termination.defaultPhoneNumber,
    usernames: lists.words.of(termination.credentials.map((one) => one.username)),
    nationalNumbersOf: termination.nationalNumbersOf,
    blocked: lists.prefixes.of(termination.blockedPrefixes),
    allowedHighRisk: lists.prefixes.of(termination.allowedHighRiskPrefixes),
  };
}

function originationView(
  connector: ConnectorResource,
  origination: OriginationResource,
  resources: RoutingResources,
): OriginationView {
  return { disabled: origination.disabled, targets: tiersOf(routeTargets(connector, origination, resources)) };
}

function carrierViews(resources: RoutingResources): CarrierView[] {
  return resources.carriers
    .filter((carrier) => !carrier.disabled)
    .map((carrier) => ({
      name: carrier.name,
      resource: carrier,
      targets: tiersOf(carrierTargets(carrier, resources)),
    }));
}

/** Carriers by prefix, those of one prefix in tiers of priority. */
function carrierTable(carriers: readonly CarrierView[]): PrefixTrie<Tier<CarrierView>> {
  const byPrefix = new Map<string, CarrierView[]>();
  for (const carrier of carriers) {
    for (const prefix of new Set(carrier.resource.prefixes)) {
      const list = byPrefix.get(prefix);
      if (list) list.push(carrier);
      else byPrefix.set(prefix, [carrier]);
    }
  }
  const trie = new PrefixTrie<Tier<CarrierView>>();
  for (const [prefix, list] of byPrefix) {
    const ranked = list.map((value) => ({ value, priority: value.resource.priority, weight: value.resource.weight }));
    for (const tier of tiersOf(ranked)) trie.add(prefix, tier);
  }
  return trie;
}

function sourceIndex(carriers: readonly CarrierView[]): CidrIndex<CarrierView> {
  const index = new CidrIndex<CarrierView>();
  for (const carrier of carriers) for (const block of carrier.resource.sources) index.add(block, carrier);
  return index;
}

function allowlistIndex(connectors: readonly ConnectorView[]): CidrIndex<ConnectorView> {
  const index = new CidrIndex<ConnectorView>();
  for (const connector of connectors) for (const block of connector.sources) index.add(block, connector);
  return index;
}

function groupView(group: GroupResource, byId: ReadonlyMap<string, ConnectorView>): GroupView {
  const listed = new Set<string>();
  const ranked = group.items.flatMap((item) => {
    const value = listed.has(item.voiceConnectorId) ? undefined : byId.get(item.voiceConnectorId);
    listed.add(item.voiceConnectorId);
    return value ? [{ value, priority: item.priority, weight: 1 }] : [];
  });
  return {
    name: group.name,
    members: tiersOf(ranked),
    loadBalanced: group.callDistributionType === 'LoadBalancedDistribution',
    memberIds: new Set(ranked.map((item) => item.value.id)),
  };
}

/** Each participant's way to the other: keyed by the number he calls and his own. */
function proxyRoutes(sessions: readonly ProxySessionResource[]): ReadonlyMap<string, ProxyRoute> {
  const routes = new Map<string, ProxyRoute>();
  for (const session of sessions) {
    const [a, b] = session.participants;
    for (const [caller, callee] of [
      [a, b],
      [b, a],
    ] as const) {
      // The caller dials what stands for the callee; the callee sees what stands for the caller.
      routes.set(`${callee.proxyPhoneNumber} ${caller.phoneNumber}`, {
        session,
        calledNumber: callee.phoneNumber,
        presentedNumber: caller.proxyPhoneNumber,
      });
    }
  }
  return routes;
}
