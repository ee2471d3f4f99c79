import { isIP, isIPv4 } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { GatewayError } from '../../core/index.js';
import { DEFAULT_PORTS, type Endpoint, type TransportName } from './flow.js';

/** Addresses as the transports use them: literals without brackets or zone, families, and which of ours faces a peer. */

export type Family = 4 | 6;

/** One place to listen on. */
export interface ListenerSpec extends Endpoint {
  readonly transport: TransportName;
  /** Host or address to show in Via and Contact instead of the socket's; else the one given for all listeners. */
  readonly advertise?: string;
}

const LISTENER_URL = /^(udp|tcp|tls|ws|wss):\/\/(\[[^\]]*\]|[^:/[\]]+)(?::(\d{1,5}))?\/?$/;

/**
 * Reads a listener such as `udp://127.0.0.1:5060` or `tls://[::1]:5061`; port 0 lets the system choose.
 * @throws GatewayError `config.listener` saying what is wrong
 */
export function parseListener(url: string): ListenerSpec {
  const match = LISTENER_URL.exec(url);
  const address = match?.[2]?.replace(/^\[|\]$/g, '');
  if (!match || !address || isIP(address) === 0) throw badListener(url, 'expected transport://address:port');
  const transport = match[1] as TransportName;
  const port = match[3] === undefined ? DEFAULT_PORTS[transport] : Number(match[3]);
  if (port > 65535) throw badListener(url, 'port above 65535');
  return { transport, address, port };
}

const badListener = (url: string, why: string): GatewayError =>
  new GatewayError('config.listener', `listener ${url}: ${why}`, { origin: 'local' });

export const familyOf = (address: string): Family => (isIPv4(address) ? 4 : 6);

/** The address as a peer is known by: no zone, and an IPv4-mapped IPv6 address as IPv4. */
export function plainAddress(raw: string): string {
  if (!raw.includes(':')) return raw;
  const zone = raw.indexOf('%');
  const address = zone < 0 ? raw : raw.slice(0, zone);
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  return mapped?.[1] ?? address;
}

export const isWildcard = (address: string): boolean => address === '0.0.0.0' || address === '::';

export const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1';

/** 128-bit (or 32-bit) value of an IP literal, for prefix comparison. */
function addressBits(address: string): bigint {
  if (isIPv4(address)) return address.split('.').reduce((bits, octet) => (bits << 8n) | BigInt(octet), 0n);
  const [head = '', tail] = plainAddress(address).split('::');
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const middle = new Array<bigint>(Math.max(0, 8 - front.length - back.length)).fill(0n);
  return [...front, ...middle, ...back].reduce((bits, group) => (bits << 16n) | group, 0n);
}

const groups = (text: string): bigint[] =>
  text === ''
    ? []
    : text.split(':').flatMap((group) => {
        if (!group.includes('.')) return [BigInt(`0x${group}`)];
        const bits = addressBits(group);
        return [bits >> 16n, bits & 0xffffn];
      });

/** True when `address` lies in the network of `near` with a prefix of `prefixBits`. Families must be equal. */
export function inNetwork(address: string, near: string, prefixBits: number): boolean {
  const width = isIPv4(near) ? 32 : 128;
  const shift = BigInt(width - prefixBits);
  return familyOf(address) === familyOf(near) && addressBits(address) >> shift === addressBits(near) >> shift;
}

export interface LocalAddress {
  readonly address: string;
  readonly prefixBits: number;
  readonly internal: boolean;
}

/** The machine's own addresses. */
export function localAddresses(source: () => NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces): LocalAddress[] {
  return Object.values(source()).flatMap((infos = []) =>
    infos.map((info) => ({
      address: plainAddress(info.address),
      prefixBits: Number(info.cidr?.split('/')[1] ?? (info.family === 'IPv4' ? 32 : 128)),
      internal: info.internal,
    })),
  );
}

/**
 * Which of our addresses a packet to `remote` leaves from, as far as interface prefixes tell: one in the same network,
 * else the first that is not internal and of the same family, else the loopback address.
 */
export function addressFacing(remote: string, own: readonly LocalAddress[]): string {
  const family = familyOf(remote);
  const candidates = own.filter((local) => familyOf(local.address) === family);
  const near = candidates.find((local) => inNetwork(remote, local.address, local.prefixBits));
  const linkLocal = (local: LocalAddress): boolean => /^fe[89ab]/i.test(local.address);
  const outward = candidates.find((local) => !local.internal && !linkLocal(local)) ?? candidates[0];
  return (near ?? outward)?.address ?? (family === 4 ? '127.0.0.1' : '::1');
}

/**
 * Picks the listener to send from: same family, bound to everything or to an address that can reach the remote one.
 * A loopback address cannot leave the machine, so it serves loopback targets only.
 */
export function chooseBound<T extends Endpoint>(
  bound: readonly T[],
  remote: string,
  own: readonly LocalAddress[],
): T | undefined {
  const family = familyOf(remote);
  const candidates = bound.filter(({ address }) => familyOf(address) === family);
  const only = candidates.length === 1 ? candidates[0] : undefined;
  // The usual case, without looking at interfaces.
  if (only && (!isLoopback(only.address) || isLoopback(remote))) return only;
  const facing = addressFacing(remote, own);
  const score = (listener: T): number => {
    if (listener.address === facing) return 3;
    if (isWildcard(listener.address)) return 2;
    if (isLoopback(listener.address))
      return isLoopback(remote) || own.some((local) => local.address === remote) ? 1 : -1;
    return 1;
  };
  let best: T | undefined;
  for (const listener of candidates) if (score(listener) > (best ? score(best) : -1)) best = listener;
  return best;
}
