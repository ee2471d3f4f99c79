import type { TransportName } from '../flow.js';
import type { NaptrRecord } from './dns-port.js';

/** NAPTR services and SRV labels of the transports: RFC 3263 §4.1, RFC 7118 §8.4 and the IANA registry of SIP services. */

const NAPTR_SERVICES: Readonly<Record<string, TransportName>> = {
  'SIP+D2U': 'udp',
  'SIP+D2T': 'tcp',
  'SIPS+D2T': 'tls',
  'SIP+D2W': 'ws',
  'SIPS+D2W': 'wss',
};

/** SRV owner prefixes; the registry has none for WebSocket, whose servers are found by NAPTR or by name and port. */
const SRV_PREFIXES: Partial<Record<TransportName, string>> = {
  udp: '_sip._udp.',
  tcp: '_sip._tcp.',
  tls: '_sips._tcp.',
};

/** Transports to look for where neither URI nor NAPTR says which, in order of preference (RFC 3263 §4.1). */
export const SRV_SEARCH: readonly TransportName[] = ['udp', 'tcp', 'tls'];

export const isSecure = (transport: TransportName): boolean => transport === 'tls' || transport === 'wss';

/** Owner name of the SRV records of a transport, where it has one. */
export function srvName(transport: TransportName, host: string): string | undefined {
  const prefix = SRV_PREFIXES[transport];
  return prefix && prefix + host;
}

export interface Service {
  readonly transport: TransportName;
  /** Where to go on: SRV records there (flag `s`) or addresses (flag `a`). */
  readonly next: 'srv' | 'address';
  readonly replacement: string;
}

/**
 * The services of NAPTR records that we can use, in their order (RFC 3403 §4.1): unknown services, other flags and
 * what `usable` refuses fall out.
 */
export function servicesOf(records: readonly NaptrRecord[], usable: (transport: TransportName) => boolean): Service[] {
  const services: Service[] = [];
  for (const record of [...records].sort((a, b) => a.order - b.order || a.preference - b.preference)) {
    const transport = NAPTR_SERVICES[record.service.toUpperCase()];
    const flag = record.flags.toLowerCase();
    if (!transport || !usable(transport) || (flag !== 's' && flag !== 'a')) continue;
    services.push({ transport, next: flag === 's' ? 'srv' : 'address', replacement: hostName(record.replacement) });
  }
  return services;
}

/** A host name as a key: lower case, without the root's dot. */
export const hostName = (name: string): string => name.toLowerCase().replace(/\.$/, '');

/** The transport a URI asks for, lifted to its secure twin where TLS is required (RFC 3261 §26.2.2, RFC 7118 §5). */
export function securedTransport(transport: TransportName): TransportName {
  if (transport === 'ws' || transport === 'wss') return 'wss';
  return 'tls';
}
