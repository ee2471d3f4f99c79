import { carrierFaults } from './checks/carriers.js';
import { connectorFaults } from './checks/connectors.js';
import { emergencyCodeFaults } from './checks/numbers.js';
import { faultsOf } from './faults.js';
import { keysAt } from './reference.js';
import { carrierSchema } from './schema/carriers.js';
import { groupSchema, phoneNumberSchema, voiceConnectorSchema } from './schema/connectors.js';
import type {
  CarrierConfig,
  ConfigFault,
  GatewayConfig,
  PhoneNumberConfig,
  VoiceConnectorConfig,
  VoiceConnectorGroupConfig,
} from './types.js';

/** Resources one by one, as the API and the store hold them: the same schema and the same rules as in the file. */

export interface ResourceTypes {
  readonly carrier: CarrierConfig;
  readonly 'voice-connector': Omit<VoiceConnectorConfig, 'id'> & { readonly id?: string | undefined };
  readonly 'voice-connector-group': VoiceConnectorGroupConfig;
  readonly 'phone-number': PhoneNumberConfig;
}

export type ConfigResourceKind = keyof ResourceTypes;

const SCHEMAS = {
  carrier: { schema: carrierSchema, section: 'carriers' },
  'voice-connector': { schema: voiceConnectorSchema, section: 'voiceConnectors' },
  'voice-connector-group': { schema: groupSchema, section: 'voiceConnectorGroups' },
  'phone-number': { schema: phoneNumberSchema, section: 'phoneNumbers' },
} as const;

export type ResourceOutcome<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly faults: readonly ConfigFault[] };

/** Reads one resource in the file's notation, defaults filled in. */
export function checkResource<Kind extends ConfigResourceKind>(
  kind: Kind,
  value: unknown,
): ResourceOutcome<ResourceTypes[Kind]> {
  const { schema, section } = SCHEMAS[kind];
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return { ok: true, value: result.data as unknown as ResourceTypes[Kind] };
  return { ok: false, faults: faultsOf(result.error.issues, (path) => keysAt([section, 0, ...path])) };
}

/**
 * Faults between resources as the store holds them: duplicates, names that lead nowhere. Numbers cannot clash there:
 * each is one row with one owner.
 */
export function resourceFaults(config: GatewayConfig): readonly ConfigFault[] {
  return [carrierFaults, connectorFaults, emergencyCodeFaults].flatMap((check) => [...check(config)]);
}
