import type { NumberFormat } from '../config/index.js';
import type { SipProtocol } from './types.js';

/**
 * What routing knows of resources. A `GatewayConfig` has this shape, and so has what the store gives: only the members
 * that decide are named here, passwords are not among them (but for carriers, which we log in to).
 */
export interface RoutingResources {
  /** Outbound host names are `<voiceConnectorId>.<domain>`. */
  readonly domain: string;
  readonly sip: {
    readonly unknownSource: 'reject' | 'drop';
    readonly noResponseTimeoutMs: number;
    readonly connectTimeoutMs: number;
  };
  readonly limits: {
    readonly ringTimeoutSeconds: number;
    readonly maxCallsPerConnector: number;
    readonly maxAttempts: number;
  };
  readonly numbers: { readonly defaultCountry?: string | undefined };
  readonly emergency: { readonly numbers: readonly string[]; readonly testNumbers: readonly string[] };
  readonly fraud: FraudResource;
  readonly carriers: readonly CarrierResource[];
  readonly voiceConnectors: readonly ConnectorResource[];
  readonly voiceConnectorGroups: readonly GroupResource[];
  readonly proxySessions?: readonly ProxySessionResource[];
}

export interface FraudResource {
  readonly enabled: boolean;
  readonly highRiskPrefixes: readonly string[];
  readonly perCountry: { readonly attempts: number; readonly minutes: number; readonly concurrentCalls: number };
  readonly alarmFraction: number;
  readonly hold: boolean;
}

export interface FailoverResource {
  readonly statuses?: readonly number[] | undefined;
  readonly afterRinging: boolean;
}

export interface CarrierResource {
  readonly name: string;
  readonly hosts: readonly {
    readonly host: string;
    readonly port?: number | undefined;
    readonly protocol: SipProtocol;
    readonly priority: number;
    readonly weight: number;
  }[];
  readonly prefixes: readonly string[];
  readonly priority: number;
  readonly weight: number;
  readonly sources: readonly string[];
  readonly tlsNames: readonly string[];
  readonly mediaSources: readonly string[];
  readonly credentials?: { readonly username: string; readonly password: string } | undefined;
  readonly realm?: string | undefined;
  readonly numberFormat: NumberFormat;
  readonly callerIdIn: readonly ('From' | 'P-Asserted-Identity')[];
  readonly encryption: 'off' | 'offered' | 'required';
  readonly callsPerSecond: number;
  readonly maxCalls: number;
  readonly ringTimeoutSeconds?: number | undefined;
  readonly failover: FailoverResource;
  readonly addHeaders: Readonly<Record<string, string>>;
  readonly removeHeaders: readonly string[];
  readonly disabled: boolean;
}

export interface ConnectorResource {
  readonly id: string;
  readonly name: string;
  readonly requireEncryption: boolean;
  readonly termination?: TerminationResource | undefined;
  readonly origination?: OriginationResource | undefined;
  readonly emergency?: { readonly dnis: readonly EmergencyNumber[] } | undefined;
  readonly mediaSources: readonly string[];
  readonly phoneNumbers: readonly string[];
}

export interface TerminationResource {
  readonly cidrAllowedList: readonly string[];
  readonly callingRegions: readonly string[];
  readonly cpsLimit: number;
  readonly maxCalls?: number | undefined;
  readonly defaultPhoneNumber?: string | undefined;
  readonly disabled: boolean;
  readonly credentials: readonly { readonly username: string }[];
  readonly nationalNumbersOf?: string | undefined;
  readonly blockedPrefixes: readonly string[];
  readonly allowedHighRiskPrefixes: readonly string[];
}

export interface OriginationResource {
  readonly routes: readonly {
    readonly host: string;
    readonly port: number;
    readonly protocol: 'UDP' | 'TCP';
    readonly priority: number;
    readonly weight: number;
    readonly ringTimeoutSeconds?: number | undefined;
    readonly failover: FailoverResource;
  }[];
  readonly disabled: boolean;
}

/** Where emergency calls of one country go. */
export interface EmergencyNumber {
  readonly emergencyPhoneNumber: string;
  readonly testPhoneNumber?: string | undefined;
  readonly callingCountry: string;
}

export interface GroupResource {
  readonly name: string;
  readonly items: readonly { readonly voiceConnectorId: string; readonly priority: number }[];
  readonly callDistributionType: 'PriorityWeightedDistribution' | 'LoadBalancedDistribution';
  readonly phoneNumbers: readonly string[];
}

/**
 * Two people who reach each other by a proxy number each and never see the other's: who calls the proxy number is
 * recognised by his own, and the other is called with the proxy number as caller.
 */
export interface ProxySessionResource {
  readonly id: string;
  readonly voiceConnectorId: string;
  readonly participants: readonly [ProxyParticipant, ProxyParticipant];
  /** Unix epoch ms; absent: until it is closed. */
  readonly expiresAtMs?: number | undefined;
}

export interface ProxyParticipant {
  readonly phoneNumber: string;
  /** Number the other participant sees and calls; may be the same for both. */
  readonly proxyPhoneNumber: string;
}
