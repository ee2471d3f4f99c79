import { type CarrierConfig, checkResource, notationOf, type VoiceConnectorConfig } from '../config/index.js';
import { GatewayError } from '../core/index.js';
import type { ProxySessionResource } from '../routing/index.js';
import type { ResourceRow } from './port.js';
import type { Sealer } from './sealer.js';

/**
 * Resources as rows and back. A row holds the file's notation, which the schema reads again, so that a later version's
 * defaults reach old rows; beside it what the notation must not hold: digests for passwords, sealed secrets.
 */

/** HA1 of one user, by algorithm. */
export type Digests = Readonly<Partial<Record<'MD5' | 'SHA-256' | 'SHA-512-256', string>>>;
/** Digests by user name. */
export type Users = Readonly<Record<string, Digests>>;
/** Makes the digests of a password; the realm is the domain. */
export type MakeDigests = (username: string, password: string) => Digests;

/** A connector without its numbers and users, which have rows and members of their own. */
export interface ConnectorEntry {
  readonly connector: VoiceConnectorConfig;
  readonly users: Users;
}

export type Assignment = { readonly voiceConnectorId: string } | { readonly voiceConnectorGroupId: string };

export interface NumberEntry {
  readonly e164: string;
  readonly productType: 'VoiceConnector';
  readonly callingName?: string | undefined;
  readonly name?: string | undefined;
  readonly assignment?: Assignment | undefined;
  readonly orderId?: string | undefined;
  /** In the deletion queue until then, Unix epoch ms. */
  readonly deletionMs?: number | undefined;
}

export interface GroupEntry {
  readonly id: string;
  readonly name: string;
  readonly items: readonly { readonly voiceConnectorId: string; readonly priority: number }[];
  readonly callDistributionType: 'PriorityWeightedDistribution' | 'LoadBalancedDistribution';
}

export interface NumberOrder {
  readonly id: string;
  readonly productType: 'VoiceConnector';
  readonly status: 'Successful' | 'Partial' | 'Failed';
  readonly phoneNumbers: readonly { readonly e164: string; readonly status: 'Acquired' | 'Failed' }[];
  readonly createdMs: number;
}

/** What each kind's rows mean. */
export interface Entries {
  readonly carrier: CarrierConfig;
  readonly 'voice-connector': ConnectorEntry;
  readonly 'voice-connector-group': GroupEntry;
  readonly 'phone-number': NumberEntry;
  readonly 'phone-number-order': NumberOrder;
  readonly 'proxy-session': ProxySessionResource;
  readonly 'fraud-hold': FraudHold;
  readonly setting: unknown;
}

/** A country held for a connector after a fraud limit, until somebody releases it. */
export interface FraudHold {
  readonly voiceConnectorId: string;
  readonly country: string;
  /** Unix epoch ms. */
  readonly sinceMs: number;
}

export function encodeCarrier(carrier: CarrierConfig, sealer: Sealer, sealedBefore: string | undefined): unknown {
  const { credentials, ...rest } = notationOf(carrier) as Record<string, unknown> & {
    credentials?: { username: string; password: string };
  };
  if (!credentials) return { resource: rest };
  const context = carrierContext(carrier.name);
  const same = sealedBefore !== undefined && sealer.open(sealedBefore, context) === credentials.password;
  const sealed = same ? sealedBefore : sealer.seal(credentials.password, context);
  return { resource: rest, username: credentials.username, sealed };
}

export function decodeCarrier(row: ResourceRow, sealer: Pick<Sealer, 'open'>): CarrierConfig {
  const { resource, username, sealed } = row.value as { resource: object; username?: string; sealed?: string };
  const credentials = username !== undefined &&
    sealed !== undefined && { credentials: { username, password: sealer.open(sealed, carrierContext(row.id)) } };
  return readAgain('carrier', row, { ...resource, ...credentials });
}

/** The sealed password of a carrier's row. */
export const sealedOf = (row: ResourceRow | undefined): string | undefined =>
  (row?.value as { sealed?: string } | undefined)?.sealed;

const carrierContext = (name: string): string => `carrier/${name}`;

export function encodeConnector({ connector, users }: ConnectorEntry): unknown {
  const {
    phoneNumbers: _,
    termination,
    ...rest
  } = notationOf(connector) as Record<string, unknown> & {
    termination?: Record<string, unknown>;
  };
  const resource = termination ? { ...rest, termination: { ...termination, credentials: [] } } : rest;
  return { resource, users };
}

export function decodeConnector(row: ResourceRow): ConnectorEntry {
  const { resource, users } = row.value as { resource: object; users: Users };
  return { connector: { ...readAgain('voice-connector', row, resource), id: row.id }, users };
}

/** Takes the passwords out of a connector as the file or a request gives it. */
export function withoutPasswords(connector: VoiceConnectorConfig, make: MakeDigests): ConnectorEntry {
  const { termination } = connector;
  if (!termination) return { connector, users: {} };
  const users = Object.fromEntries(
    termination.credentials.map(({ username, password }) => [username, make(username, password)]),
  );
  return { connector: { ...connector, termination: { ...termination, credentials: [] } }, users };
}

function readAgain<Kind extends 'carrier' | 'voice-connector'>(kind: Kind, row: ResourceRow, value: unknown) {
  const outcome = checkResource(kind, value);
  if (outcome.ok) return outcome.value;
  const [fault] = outcome.faults;
  const message = `${kind} ${row.id} in the store is not valid: ${fault?.path ?? ''} ${fault?.message ?? ''}`;
  throw new GatewayError('store.invalid-row', message, { origin: 'internal' });
}

/** Plain JSON of an entry for audit lines and answers: no digest, no secret. */
export function shown(kind: keyof Entries, entry: unknown): unknown {
  if (entry === undefined) return undefined;
  if (kind === 'voice-connector') return shownConnector(entry as ConnectorEntry);
  if (kind !== 'carrier') return entry;
  const carrier = notationOf(entry) as Record<string, unknown> & { credentials?: { username: string } };
  return carrier.credentials ? { ...carrier, credentials: { username: carrier.credentials.username } } : carrier;
}

function shownConnector({ connector, users }: ConnectorEntry): unknown {
  const {
    phoneNumbers: _,
    termination,
    ...rest
  } = notationOf(connector) as Record<string, unknown> & {
    termination?: Record<string, unknown>;
  };
  const credentials = Object.keys(users).map((username) => ({ username }));
  return termination ? { ...rest, termination: { ...termination, credentials } } : rest;
}
