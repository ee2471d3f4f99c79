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
 * All that the declared resources follow from, as one text: two files with the same text declare the same rows. The
 * number in front changes when rows are made differently from the same file.
 */
export const declaredText = (config: GatewayConfig, file: string): string =>
  JSON.stringify([
    1,
    file,
    config.account,
    config.domain,
    config.carriers,
    config.voiceConnectors,
    config.voiceConnectorGroups,
    config.phoneNumbers,
  ]);

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

function numberEntries(config: GatewayConfig): Iterable<NumberEntry> {
  const numbers = new Map<string, NumberEntry>();
  for (const number of config.phoneNumbers) numbers.set(number.e164, { ...number });
  const assign = (e164: string, assignment: NonNullable<NumberEntry['assignment']>): void => {
    const known = numbers.get(e164);
    numbers.set(e164, known ? { ...known, assignment } : { e164, productType: 'VoiceConnector', assignment });
  };
  for (const { id, phoneNumbers } of config.voiceConnectors) {
    const assignment = { voiceConnectorId: id };
    for (const e164 of phoneNumbers) assign(e164, assignment);
  }
  for (const { name, phoneNumbers } of config.voiceConnectorGroups) {
    const assignment = { voiceConnectorGroupId: groupId(config.account, name) };
    for (const e164 of phoneNumbers) assign(e164, assignment);
  }
  return numbers.values();
}
