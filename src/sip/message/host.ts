import { isIPv6 } from 'node:net';
import { HOST, readDecimal, skipBlanks } from './chars.js';
import { SipSyntaxError } from './errors.js';
import { bytesOf } from './wire-bytes.js';

/** A host and optional port as they stand in URIs and Via (hostport, RFC 3261 §25.1). */
export interface HostPort {
  /** Lower case; IPv6 without brackets. */
  readonly host: string;
  readonly port: number | undefined;
}

/** A host and port, and where reading stopped. */
export interface ReadHostPort extends HostPort {
  readonly end: number;
}

const MAX_PORT = 65535;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;

/**
 * Reads `host[:port]` from `at`; an IPv6 address must stand in brackets (RFC 5118 §4.2).
 * @throws SipSyntaxError on an empty or malformed host, or a port outside 1–65535
 */
export function readHostPort(bytes: Uint8Array, text: string, start: number, end: number): ReadHostPort {
  if (start < end && bytes[start] === OPEN_BRACKET) return readBracketed(bytes, text, start, end);
  let at = start;
  let classes = 0;
  const members = HOST;
  while (at < end && members[bytes[at]!] !== 0) classes |= members[bytes[at++]!]!;
  if (at === start) throw new SipSyntaxError('host: empty or malformed');
  const host = text.slice(start, at);
  return readPort(bytes, classes > 1 ? host.toLowerCase() : host, at, end);
}

function readBracketed(bytes: Uint8Array, text: string, start: number, end: number): ReadHostPort {
  const close = text.indexOf(']', start);
  if (close < 0 || close >= end) throw new SipSyntaxError('host: bracket does not close');
  return readPort(bytes, ipv6(text.slice(start + 1, close)), close + 1, end);
}

/** An old grammar produced three colons before an embedded IPv4 part; they mean two (RFC 5118 §4.10). */
function ipv6(literal: string): string {
  const address = literal.replace(/:::(?=\d+\.)/, '::').toLowerCase();
  if (!isIPv6(address) || address.includes('%')) throw new SipSyntaxError('host: malformed IPv6 address');
  return address;
}

/** COLON may stand between blanks (§25.1). */
function readPort(bytes: Uint8Array, host: string, at: number, end: number): ReadHostPort {
  const colon = at < end && bytes[at] !== COLON ? skipBlanks(bytes, at, end) : at;
  if (colon >= end || bytes[colon] !== COLON) return { host, port: undefined, end: at };
  const start = skipBlanks(bytes, colon + 1, end);
  let stop = start;
  while (stop < end && bytes[stop]! >= ZERO && bytes[stop]! <= NINE) stop++;
  const port = readDecimal(bytes, start, stop, MAX_PORT);
  if (port < 1) throw new SipSyntaxError('port: not a number from 1 to 65535');
  return { host, port, end: stop };
}

/** Reads a whole text as `host[:port]`. Throws SipSyntaxError like readHostPort, and on anything after it. */
export function parseHostPort(text: string): HostPort {
  const { host, port, end } = readHostPort(bytesOf(text), text, 0, text.length);
  if (end < text.length) throw new SipSyntaxError('host: stray character');
  return { host, port };
}

/** The host as it is written: IPv6 in brackets. */
export const formatHost = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** `host[:port]` as it is written. */
export const formatHostPort = (host: string, port: number | undefined): string =>
  port === undefined ? formatHost(host) : `${formatHost(host)}:${port}`;

/** The one spelling of an IPv6 address that sockets use (RFC 5952); any other host as it is. */
export const canonicalHost = (host: string): string =>
  host.includes(':') && isIPv6(host) ? new URL(`http://[${host}]/`).hostname.slice(1, -1) : host;
