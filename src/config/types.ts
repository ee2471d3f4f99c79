import type { ParsedGateway } from './schema/gateway.js';
import type { RecordsConfig, StoreConfig } from './schema/operations.js';

/** The types of a loaded configuration, derived from the schema. Everything is deeply read-only and frozen. */

export type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

type Parsed = DeepReadonly<ParsedGateway>;

/** The schema's connector, its id filled in. */
export type VoiceConnectorConfig = Omit<Parsed['voiceConnectors'][number], 'id'> & { readonly id: string };

export type GatewayConfig = Omit<Parsed, 'store' | 'records' | 'logs' | 'voiceConnectors'> & {
  readonly store: StoreConfig;
  readonly records: RecordsConfig;
  readonly logs: LogsConfig;
  readonly voiceConnectors: readonly VoiceConnectorConfig[];
};

export type SipConfig = GatewayConfig['sip'];
export type SipTlsConfig = SipConfig['tls'];
export type SipLimitsConfig = SipConfig['limits'];
export type AuthenticationConfig = SipConfig['authentication'];
export type HealthConfig = SipConfig['health'];
export type SessionTimerConfig = SipConfig['sessionTimer'];
export type MediaConfig = GatewayConfig['media'];
export type LogsConfig = Omit<Parsed['logs'], 'directory'> & { readonly directory: string };
export type MetricsConfig = GatewayConfig['metrics'];
export type ApiConfig = GatewayConfig['api'];
export type AccessKeyConfig = ApiConfig['accessKeys'][number];
export type LimitsConfig = GatewayConfig['limits'];
export type NumbersConfig = GatewayConfig['numbers'];
export type EmergencySettings = GatewayConfig['emergency'];
export type FraudConfig = GatewayConfig['fraud'];
export type CarrierConfig = GatewayConfig['carriers'][number];
export type CarrierHostConfig = CarrierConfig['hosts'][number];
export type CredentialsConfig = NonNullable<CarrierConfig['credentials']>;
export type FailoverConfig = CarrierConfig['failover'];
export type TerminationConfig = NonNullable<VoiceConnectorConfig['termination']>;
export type OriginationConfig = NonNullable<VoiceConnectorConfig['origination']>;
export type OriginationRouteConfig = OriginationConfig['routes'][number];
export type LoggingConfig = VoiceConnectorConfig['logging'];
export type StreamingConfig = NonNullable<VoiceConnectorConfig['streaming']>;
export type EmergencyCallingConfig = NonNullable<VoiceConnectorConfig['emergency']>;
export type VoiceConnectorGroupConfig = GatewayConfig['voiceConnectorGroups'][number];
export type PhoneNumberConfig = GatewayConfig['phoneNumbers'][number];

/** One thing wrong with a configuration. */
export interface ConfigFault {
  /** Where in the file: `voiceConnectors[0].termination.cpsLimit`; empty for the file as a whole. */
  readonly path: string;
  /** What is wrong and what is allowed, one sentence. */
  readonly message: string;
  /** Line of the file, from 1, where it is known. */
  readonly line?: number;
}

export type LoadOutcome =
  | { readonly ok: true; readonly config: GatewayConfig; readonly warnings: readonly ConfigFault[] }
  | { readonly ok: false; readonly faults: readonly ConfigFault[] };
