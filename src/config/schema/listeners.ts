import { isIP } from 'node:net';
import { z } from 'zod';
import { isHostName, parsed } from './scalars.js';

/** Where the node listens: `udp://127.0.0.1:5060`, `http://[::1]:8080`; and the range of media ports. */

export const SIP_TRANSPORTS = ['udp', 'tcp', 'tls', 'ws', 'wss'] as const;
export type SipTransport = (typeof SIP_TRANSPORTS)[number];

export interface SipListener {
  readonly transport: SipTransport;
  /** IP literal without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface HttpListener {
  readonly protocol: 'http' | 'https';
  /** IP literal without brackets, or a host name. */
  readonly host: string;
  readonly port: number;
}

export interface PortRange {
  readonly low: number;
  readonly high: number;
}

export interface UdpAddress {
  readonly host: string;
  readonly port: number;
}

export interface DaemonAddress extends UdpAddress {
  /** Share of the sessions in relation to the others; 0: only when no other is up. */
  readonly weight: number;
}

const AUTHORITY = /^([a-z]+):\/\/(?:\[([0-9a-f:.]+)\]|([^[\]:/@?#]+))(?::(\d{1,5}))?\/?$/i;

interface Authority {
  readonly scheme: string;
  readonly host: string;
  readonly port: number | undefined;
}

function parseAuthority(value: string): Authority | undefined {
  const match = AUTHORITY.exec(value);
  if (!match) return undefined;
  const host = (match[2] ?? match[3] ?? '').toLowerCase();
  if (match[2] !== undefined ? isIP(host) !== 6 : isIP(host) !== 4 && !isHostName(host)) return undefined;
  const port = match[4] === undefined ? undefined : Number(match[4]);
  if (port !== undefined && port > 65535) return undefined;
  return { scheme: match[1]!.toLowerCase(), host, port };
}

const isSipTransport = (scheme: string): scheme is SipTransport =>
  (SIP_TRANSPORTS as readonly string[]).includes(scheme);

function parseSipListener(value: string): SipListener | undefined {
  const authority = parseAuthority(value);
  if (!authority || !isSipTransport(authority.scheme) || isIP(authority.host) === 0) return undefined;
  const secure = authority.scheme === 'tls' || authority.scheme === 'wss';
  return { transport: authority.scheme, host: authority.host, port: authority.port ?? (secure ? 5061 : 5060) };
}

function parseHttpListener(value: string): HttpListener | undefined {
  const authority = parseAuthority(value);
  if (!authority || authority.port === undefined) return undefined;
  if (authority.scheme !== 'http' && authority.scheme !== 'https') return undefined;
  return { protocol: authority.scheme, host: authority.host, port: authority.port };
}

function parsePortRange(value: string): PortRange | undefined {
  const match = /^(\d{1,5})\s*-\s*(\d{1,5})$/.exec(value);
  if (!match) return undefined;
  const range = { low: Number(match[1]), high: Number(match[2]) };
  return range.low >= 1024 && range.high <= 65535 && range.high > range.low ? range : undefined;
}

function parseUdpAddress(value: string): UdpAddress | undefined {
  const authority = parseAuthority(value);
  if (authority?.scheme !== 'udp' || authority.port === undefined) return undefined;
  return { host: authority.host, port: authority.port };
}

/** `udp://host:port?weight=3`; without a weight it is 1. */
function parseDaemonAddress(value: string): DaemonAddress | undefined {
  const [, address, weight] = /^([^?]*)(?:\?weight=(\d{1,4}))?$/.exec(value) ?? [];
  const parsedAddress = address === undefined ? undefined : parseUdpAddress(address);
  return parsedAddress && { ...parsedAddress, weight: Number(weight ?? 1) };
}

/** Port 0 asks the system for a free port; tests use it. */
export const sipListener = () =>
  parsed(
    parseSipListener,
    `a listener <${SIP_TRANSPORTS.join('|')}>://<IP address>:<port>, such as udp://127.0.0.1:5060`,
  );

export const httpListener = () =>
  parsed(parseHttpListener, 'a listener such as http://127.0.0.1:8080 or https://[::1]:8443');

/** `off` gives undefined. */
export const httpListenerOrOff = () =>
  z.union([z.literal('off').transform(() => undefined), httpListener()], {
    error: 'must be a listener such as http://127.0.0.1:9090, or off',
  });

export const portRange = () => parsed(parsePortRange, 'a port range low-high within 1024-65535, such as 10000-20000');

export const daemonAddress = () =>
  parsed(parseDaemonAddress, 'an address such as udp://127.0.0.1:22222 or udp://127.0.0.1:22222?weight=2');

export const udpAddress = () => parsed(parseUdpAddress, 'an address such as udp://127.0.0.1:22222');

const bracketed = (host: string): string => (isIP(host) === 6 ? `[${host}]` : host);

export const formatSipListener = (listener: SipListener): string =>
  `${listener.transport}://${bracketed(listener.host)}:${listener.port}`;

export const formatHttpListener = (listener: HttpListener): string =>
  `${listener.protocol}://${bracketed(listener.host)}:${listener.port}`;
