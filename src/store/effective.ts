import type { CarrierConfig, GatewayConfig, VoiceConnectorConfig } from '../config/index.js';
import type { ProxySessionResource } from '../routing/index.js';
import type { ConnectorEntry, Digests, GroupEntry, NumberEntry } from './codec.js';

/**
 * The configuration in force: settings of the file, resources of the store (declared ones are among them). Passwords
 * of digest users are not known any more, so `credentials` names the users only and `users` holds their digests.
 */
export interface EffectiveConfig extends GatewayConfig {
  readonly proxySessions: readonly ProxySessionResource[];
  /** Digests by connector, then user name. */
  readonly users: ReadonlyMap<string, ReadonlyMap<string, Digests>>;
}

export interface EffectiveParts {
  readonly carriers: Iterable<CarrierConfig>;
  readonly connectors: Iterable<ConnectorEntry>;
  readonly groups: Iterable<GroupEntry>;
  readonly numbers: Iterable<NumberEntry>;
  readonly proxySessions: Iterable<ProxySessionResource>;
}

export function effectiveConfig(settings: GatewayConfig, parts: EffectiveParts): EffectiveConfig {
  const numbers = [...parts.numbers].filter((number) => number.deletionMs === undefined);
  const assigned = numbersByOwner(numbers);
  const connectors = [...parts.connectors];
  const ids = new Set(connectors.map(({ connector }) => connector.id));
  return {
    ...settings,
    carriers: [...parts.carriers],
    voiceConnectors: connectors.map((entry) => connectorInForce(entry, assigned)),
    voiceConnectorGroups: [...parts.groups].map(({ id, ...group }) => ({
      ...group,
      phoneNumbers: assigned.get(id) ?? [],
    })),
    phoneNumbers: numbers.map(({ e164, productType, callingName, name }) => ({ e164, productType, callingName, name })),
    // A session outlives its connector in the store only: without one there is nobody to place its calls.
    proxySessions: [...parts.proxySessions].filter(({ voiceConnectorId }) => ids.has(voiceConnectorId)),
    users: new Map(
      connectors
        .filter(({ users }) => Object.keys(users).length > 0)
        .map(({ connector, users }) => [connector.id, new Map(Object.entries(users))]),
    ),
  };
}

function numbersByOwner(numbers: readonly NumberEntry[]): Map<string, string[]> {
  const byOwner = new Map<string, string[]>();
  for (const { e164, assignment } of numbers) {
    if (!assignment) continue;
    const owner = 'voiceConnectorId' in assignment ? assignment.voiceConnectorId : assignment.voiceConnectorGroupId;
    const list = byOwner.get(owner);
    if (list) list.push(e164);
    else byOwner.set(owner, [e164]);
  }
  return byOwner;
}

function connectorInForce({ connector, users }: ConnectorEntry, assigned: Map<string, string[]>): VoiceConnectorConfig {
  const phoneNumbers = assigned.get(connector.id) ?? [];
  const { termination } = connector;
  if (!termination) return { ...connector, phoneNumbers };
  const credentials = Object.keys(users).map((username) => ({ username, password: '' }));
  return { ...connector, phoneNumbers, termination: { ...termination, credentials } };
}
