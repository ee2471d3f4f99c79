import type { CarrierConfig, GatewayConfig, VoiceConnectorConfig, VoiceConnectorGroupConfig } from '../config/index.js';
import type { ProxySessionResource } from '../routing/index.js';
import type { ConnectorEntry, Digests, GroupEntry, NumberEntry } from './codec.js';

/**
 * The configuration in force: settings of the file, resources of the store (declared ones are among them). Passwords
 * of digest users are not known any more, so `credentials` names the users only and `users` holds their digests.
 *
 * It is made anew at each change, but of the old parts: a connector or group that did not change is the same object
 * again, so that whoever indexes it sees at once what is new. Phone numbers, of which there are the most, are followed
 * by what changes and never gone through.
 */
export interface EffectiveConfig extends GatewayConfig {
  readonly proxySessions: readonly ProxySessionResource[];
  /** Digests by connector, then user name. */
  readonly users: ReadonlyMap<string, ReadonlyMap<string, Digests>>;
  /** Calling name of a number of the inventory. */
  readonly callingNameOf: (e164: string) => string | undefined;
}

export interface EffectiveParts {
  readonly carriers: readonly CarrierConfig[];
  readonly connectors: readonly ConnectorEntry[];
  readonly groups: readonly GroupEntry[];
  readonly proxySessions: readonly ProxySessionResource[];
  /** The numbers in the inventory, as they are when they are read. */
  readonly numbers: () => Iterable<NumberEntry>;
  readonly callingNameOf: (e164: string) => string | undefined;
}

/** A number's entry before and after a change; undefined where there was or is none. */
export interface NumberChange {
  readonly before: NumberEntry | undefined;
  readonly after: NumberEntry | undefined;
}

/** Numbers in force by the id of the connector or group they are assigned to. */
export type Assigned = ReadonlyMap<string, readonly string[]>;

/** The assignments after some changes; lists of owners that gain and lose nothing stay the same objects. */
export function assignedAfter(before: Assigned, changes: Iterable<NumberChange>): Assigned {
  const gone = new Map<string, Set<string>>();
  const come = new Map<string, string[]>();
  for (const change of changes) {
    const [from, to] = [ownerOf(change.before), ownerOf(change.after)];
    if (from === to) continue;
    if (from !== undefined) listAt(gone, from, () => new Set<string>()).add(change.before!.e164);
    if (to !== undefined) listAt(come, to, () => []).push(change.after!.e164);
  }
  const after = new Map(before);
  for (const owner of new Set([...gone.keys(), ...come.keys()])) {
    const lost = gone.get(owner);
    const kept = (before.get(owner) ?? NONE).filter((e164) => !lost?.has(e164));
    after.set(owner, kept.concat(come.get(owner) ?? NONE));
  }
  return after;
}

const NONE: readonly string[] = Object.freeze([]);

function listAt<List>(lists: Map<string, List>, key: string, make: () => List): List {
  const known = lists.get(key);
  if (known) return known;
  const list = make();
  lists.set(key, list);
  return list;
}

/** Who has the number in force: nobody, while it waits for its deletion. */
function ownerOf(number: NumberEntry | undefined): string | undefined {
  if (!number?.assignment || number.deletionMs !== undefined) return undefined;
  const { assignment } = number;
  return 'voiceConnectorId' in assignment ? assignment.voiceConnectorId : assignment.voiceConnectorGroupId;
}

/** Builds configurations in force and keeps the parts that the next one may have unchanged. */
export class EffectiveBuilder {
  readonly #connectors = new WeakMap<ConnectorEntry, VoiceConnectorConfig>();
  readonly #groups = new WeakMap<GroupEntry, VoiceConnectorGroupConfig>();

  build(settings: GatewayConfig, parts: EffectiveParts, assigned: Assigned): EffectiveConfig {
    const ids = new Set(parts.connectors.map(({ connector }) => connector.id));
    return {
      ...settings,
      carriers: parts.carriers,
      voiceConnectors: parts.connectors.map((entry) => this.#connector(entry, assigned)),
      voiceConnectorGroups: parts.groups.map((entry) => this.#group(entry, assigned)),
      get phoneNumbers() {
        return inventoryOf(parts.numbers());
      },
      callingNameOf: parts.callingNameOf,
      // A session outlives its connector in the store only: without one there is nobody to place its calls.
      proxySessions: parts.proxySessions.filter(({ voiceConnectorId }) => ids.has(voiceConnectorId)),
      users: new Map(
        parts.connectors
          .filter(({ users }) => Object.keys(users).length > 0)
          .map(({ connector, users }) => [connector.id, new Map(Object.entries(users))]),
      ),
    };
  }

  #connector(entry: ConnectorEntry, assigned: Assigned): VoiceConnectorConfig {
    const phoneNumbers = assigned.get(entry.connector.id) ?? NONE;
    const known = this.#connectors.get(entry);
    if (known?.phoneNumbers === phoneNumbers) return known;
    const inForce = connectorInForce(entry, phoneNumbers);
    this.#connectors.set(entry, inForce);
    return inForce;
  }

  #group(entry: GroupEntry, assigned: Assigned): VoiceConnectorGroupConfig {
    const { id, ...group } = entry;
    const phoneNumbers = assigned.get(id) ?? NONE;
    const known = this.#groups.get(entry);
    if (known?.phoneNumbers === phoneNumbers) return known;
    const inForce = { ...group, phoneNumbers };
    this.#groups.set(entry, inForce);
    return inForce;
  }
}

const inventoryOf = (numbers: Iterable<NumberEntry>) =>
  [...numbers]
    .filter(({ deletionMs }) => deletionMs === undefined)
    .map(({ e164, productType, callingName, name }) => ({ e164, productType, callingName, name }));

function connectorInForce({ connector, users }: ConnectorEntry, phoneNumbers: readonly string[]): VoiceConnectorConfig {
  const { termination } = connector;
  if (!termination) return { ...connector, phoneNumbers };
  const credentials = Object.keys(users).map((username) => ({ username, password: '' }));
  return { ...connector, phoneNumbers, termination: { ...termination, credentials } };
}
