import { checkConfig, type GatewayConfig } from '../config/index.js';
import { GatewayError } from '../core/index.js';

/**
 * Who is there: the gateway, customers with one or several PBX, carriers with one or several hosts.
 *
 *     10.0.c.1 …  PBX of connector c        192.0.2.1  gateway        198.51.k.1 …  hosts of carrier k
 */

export const GATEWAY_ADDRESS = '192.0.2.1';
export const DOMAIN = 'voice.example.com';

export type PeerTransport = 'udp' | 'tcp';

export interface Connector {
  readonly id: string;
  readonly number: string;
  /** PBX in the order of their priority. */
  readonly hosts: readonly PeerPlace[];
  readonly cpsLimit: number;
  /** Its PBX prove who they are. */
  readonly credentials?: Credentials;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface Carrier {
  readonly name: string;
  readonly prefix: string;
  readonly hosts: readonly PeerPlace[];
  readonly credentials?: Credentials;
  readonly narrow?: boolean;
  /** Name that the plan holds in place of the hosts' addresses; it resolves to all of them. */
  readonly hostName?: string;
}

export interface PeerPlace {
  readonly address: string;
  readonly transport: PeerTransport;
}

const id = (name: string): string => name.padEnd(22, '0');

const places = (net: string, transports: readonly PeerTransport[]): PeerPlace[] =>
  transports.map((transport, index) => ({ address: `${net}.${index + 1}`, transport }));

export const CONNECTORS: readonly Connector[] = [
  { id: id('hq'), number: '+12065550100', hosts: places('10.0.1', ['udp', 'udp', 'tcp', 'udp']), cpsLimit: 10_000 },
  { id: id('branch'), number: '+12065550101', hosts: places('10.0.2', ['tcp', 'udp']), cpsLimit: 10_000 },
  {
    id: id('shop'),
    number: '+12065550102',
    hosts: places('10.0.3', ['udp']),
    cpsLimit: 10_000,
    credentials: { username: 'shop', password: 'simulated' },
  },
  { id: id('busy'), number: '+12065550103', hosts: places('10.0.4', ['udp', 'tcp', 'tcp']), cpsLimit: 2 },
];

export const CARRIERS: readonly Carrier[] = [
  { name: 'solo', prefix: '+1201', hosts: places('198.51.1', ['udp']) },
  { name: 'pair', prefix: '+1202', hosts: places('198.51.2', ['udp', 'tcp']) },
  { name: 'trio', prefix: '+1203', hosts: places('198.51.3', ['tcp', 'udp', 'udp']) },
  {
    name: 'named',
    prefix: '+1205',
    hosts: places('198.51.4', ['udp', 'tcp', 'udp']),
    hostName: 'edge.carrier.example',
  },
  {
    name: 'guarded',
    prefix: '+1206',
    hosts: places('198.51.5', ['udp', 'tcp']),
    credentials: { username: 'trunk', password: 'simulated' },
  },
  { name: 'narrow', prefix: '+1207', hosts: places('198.51.6', ['udp', 'udp']), narrow: true },
  { name: 'wide', prefix: '+1', hosts: places('198.51.7', ['udp', 'tcp', 'udp', 'udp']) },
];

/** Carriers that serve a number with this prefix, hosts and all, for whoever wants to know where a call may turn up. */
export const DIALLED_PREFIXES: readonly string[] = CARRIERS.map(({ prefix }) => (prefix === '+1' ? '+1312' : prefix));

/** An address that nobody vouches for. */
export const STRANGER: PeerPlace = { address: '203.0.113.66', transport: 'udp' };

const protocol = ({ transport }: PeerPlace): string => transport.toUpperCase();

const carrierSection = (carrier: Carrier, priority: number) => {
  const { name, prefix, hosts, credentials, narrow, hostName } = carrier;
  const listed = hostName === undefined ? hosts : [{ address: hostName, transport: 'udp' as const }];
  return {
    name,
    prefixes: [prefix],
    priority,
    hosts: listed.map((host, index) => ({
      host: host.address,
      ...(hostName === undefined && { port: 5060 }),
      protocol: protocol(host),
      priority: index + 1,
    })),
    sources: [`${hosts[0]!.address.replace(/\.\d+$/, '')}.0/24`],
    ...(credentials && { credentials }),
    callsPerSecond: narrow ? 2 : 10_000,
    maxCalls: narrow ? 20 : 1_000_000,
    failover: { afterRinging: name === 'wide' },
  };
};

const connectorSection = ({ id, number, hosts, cpsLimit, credentials }: Connector) => ({
  id,
  name: id,
  termination: {
    cidrAllowedList: [`${hosts[0]!.address.replace(/\.\d+$/, '')}.0/24`],
    callingRegions: ['US'],
    cpsLimit,
    maxCalls: 1_000_000,
    ...(credentials && { credentials: [credentials] }),
  },
  origination: {
    routes: hosts.map((host, index) => ({
      host: host.address,
      port: 5060,
      protocol: protocol(host),
      priority: index + 1,
    })),
  },
  phoneNumbers: [number],
});

/** The gateway's configuration, for these peers. */
export function simulatedConfig(): GatewayConfig {
  const outcome = checkConfig({
    domain: DOMAIN,
    limits: { ringTimeoutSeconds: 40 },
    fraud: { perCountry: { attempts: 10_000_000, minutes: 10_000_000, concurrentCalls: 1_000_000 } },
    carriers: CARRIERS.map((carrier, index) => carrierSection(carrier, index + 1)),
    voiceConnectors: CONNECTORS.map(connectorSection),
  });
  if (outcome.ok) return outcome.config;
  const faults = outcome.faults.map(({ path, message }) => `${path}: ${message}`).join('; ');
  throw new GatewayError('simulation.config', faults, { origin: 'internal' });
}
