import { derivedConnectorId, type GatewayConfig } from '../config/index.js';
import { type Entries, type GroupEntry, type MakeDigests, type NumberEntry, withoutPasswords } from './codec.js';

/** The resources a file declares, as entries: connectors' and groups' number lists become assignments of numbers. */
export type DeclaredKind = 'carrier' | 'voice-connector' | 'voice-connector-group' | 'phone-number';

export interface Declared<Kind extends DeclaredKind = DeclaredKind> {
  readonly kind: Kind;
  readonly id: string;
  readonly entry: Entries[Kind];
}

/**
 * All that the declared resources follow from, as texts of a few dozen kilobytes: two files with the same texts declare
 * the same rows. The number in front changes when rows are made differently from the same file, or the texts are.
 */
export function* declaredTexts(config: GatewayConfig, file: string): Iterable<string> {
  yield JSON.stringify([2, file, config.account, config.domain]);
  for (const list of [config.carriers, config.voiceConnectors, config.voiceConnectorGroups, config.phoneNumbers]) {
    yield `[${list.length}]`;
    for (let at = 0; at < list.length; at += MEMBERS_A_TEXT) yield JSON.stringify(list.slice(at, at + MEMBERS_A_TEXT));
  }
}

const MEMBERS_A_TEXT = 25;

export function* declaredEntries(config: GatewayConfig, make: MakeDigests): Iterable<Declared> {
  for (const carrier of config.carriers) yield { kind: 'carrier', id: carrier.name, entry: carrier };
  for (const connector of config.voiceConnectors) {
    yield { kind: 'voice-connector', id: connector.id, entry: withoutPasswords(connector, make) };
  }
  for (const group of config.voiceConnectorGroups) {
    const entry = groupEntry(config.account, group);
    yield { kind: 'voice-connector-group', id: entry.id, entry };
  }
  for (const entry of numberEntries(config)) yield { kind: 'phone-number', id: entry.e164, entry };
}

function groupEntry(account: string, group: GatewayConfig['voiceConnectorGroups'][number]): GroupEntry {
  const { name, items, callDistributionType } = group;
  return { id: groupId(account, name), name, items, callDistributionType };
}

const groupId = (account: string, name: string): string => derivedConnectorId(account, `group/${name}`);

/** Numbers of the inventory with their assignments, and those that are only assigned. */
function* numberEntries(config: GatewayConfig): Iterable<NumberEntry> {
  const listed = new Map<string, NumberEntry>(config.phoneNumbers.map((number) => [number.e164, { ...number }]));
  for (const [assignment, phoneNumbers] of assignments(config)) {
    for (const e164 of phoneNumbers) {
      const known = listed.get(e164);
      if (known) listed.set(e164, { ...known, assignment });
      else yield { e164, productType: 'VoiceConnector', assignment };
    }
  }
  yield* listed.values();
}

function* assignments(
  config: GatewayConfig,
): Iterable<[assignment: NonNullable<NumberEntry['assignment']>, phoneNumbers: readonly string[]]> {
  for (const { id, phoneNumbers } of config.voiceConnectors) yield [{ voiceConnectorId: id }, phoneNumbers];
  for (const { name, phoneNumbers } of config.voiceConnectorGroups) {
    yield [{ voiceConnectorGroupId: groupId(config.account, name) }, phoneNumbers];
  }
}
