import { isIPv6 } from 'node:net';

/** Fields with structure: o= (RFC 8866 §5.2) and c= (§5.7). */

export type AddressType = 'IP4' | 'IP6';

export interface Origin {
  readonly username: string;
  /** Decimal text: it may exceed 2^53. */
  readonly sessionId: string;
  /** Decimal text. */
  readonly version: string;
  readonly addressType: AddressType;
  /** Unicast address or host name. */
  readonly address: string;
}

export interface Connection {
  readonly addressType: AddressType;
  /** Address or host name; a multicast address without its /ttl and /count. */
  readonly address: string;
}

export const addressTypeOf = (address: string): AddressType => (isIPv6(address) ? 'IP6' : 'IP4');

const ORIGIN = /^(\S+) (\d+) (\d+) IN (IP[46]) (\S+) *$/;

export function parseOrigin(value: string): Origin | undefined {
  const match = ORIGIN.exec(value);
  if (match === null) return undefined;
  const [, username, sessionId, version, addressType, address] = match as unknown as string[];
  return {
    username: username!,
    sessionId: sessionId!,
    version: version!,
    addressType: addressType as AddressType,
    address: address!,
  };
}

export const formatOrigin = (origin: Origin): string =>
  `${origin.username} ${origin.sessionId} ${origin.version} IN ${origin.addressType} ${origin.address}`;

const CONNECTION = /^IN (IP[46]) ([^\s/]+)(?:\/\d+){0,2} *$/;

export function parseConnection(value: string): Connection | undefined {
  const match = CONNECTION.exec(value);
  return match === null ? undefined : { addressType: match[1] as AddressType, address: match[2]! };
}

export const formatConnection = (address: string): string => `IN ${addressTypeOf(address)} ${address}`;
