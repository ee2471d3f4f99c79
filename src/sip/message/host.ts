import { isIPv6 } from 'node:net';
import { CLOSE_BRACKET, COLON, HOST, OPEN_BRACKET, parseDecimal } from './chars.js';
import { SipSyntaxError } from './errors.js';

/** A host and optional port as they stand in URIs and Via (hostport, RFC 3261 §25.1). */
export interface HostPort {
  /** Lower case; IPv6 without brackets. */
  host: string;
  port: number | undefined;
}

const UPPER_CASE = /[A-Z]/;

/**
 * Reads `host[:port]`; an IPv6 address must stand in brackets (RFC 5118 §4.2).
 * @throws SipSyntaxError on an empty or malformed host, or a port outside 1–65535
 */
export function parseHostPort(text: string): HostPort {
  if (text.charCodeAt(0) === OPEN_BRACKET) return bracketed(text);
  let at = 0;
  while (at < text.length && HOST[text.charCodeAt(at)] === 1) at++;
  if (at === 0) throw new SipSyntaxError('host: empty or malformed');
  const host = text.slice(0, at);
  return { host: UPPER_CASE.test(host) ? host.toLowerCase() : host, port: portAfter(text, at) };
}

function bracketed(text: string): HostPort {
  const close = text.indexOf(']');
  if (close < 0 || text.charCodeAt(close) !== CLOSE_BRACKET) throw new SipSyntaxError('host: bracket does not close');
  return { host: ipv6(text.slice(1, close)), port: portAfter(text, close + 1) };
}

/** An old grammar produced three colons before an embedded IPv4 part; they mean two (RFC 5118 §4.10). */
function ipv6(literal: string): string {
  const address = literal.replace(/:::(?=\d+\.)/, '::').toLowerCase();
  if (!isIPv6(address) || address.includes('%')) throw new SipSyntaxError('host: malformed IPv6 address');
  return address;
}

function portAfter(text: string, at: number): number | undefined {
  if (at === text.length) return undefined;
  if (text.charCodeAt(at) !== COLON) throw new SipSyntaxError('host: stray character');
  const port = parseDecimal(text.slice(at + 1), 65535);
  if (port < 1) throw new SipSyntaxError('port: not a number from 1 to 65535');
  return port;
}

/** The host as it is written: IPv6 in brackets. */
export const formatHost = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** `host[:port]` as it is written. */
export const formatHostPort = (host: string, port: number | undefined): string =>
  port === undefined ? formatHost(host) : `${formatHost(host)}:${port}`;
