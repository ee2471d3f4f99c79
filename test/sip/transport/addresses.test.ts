import { afterEach, describe, expect, it } from 'vitest';
import { Counters, silentLogger, systemScheduler } from '../../../src/core/index.js';
import {
  addressFacing,
  chooseBound,
  inNetwork,
  type LocalAddress,
  plainAddress,
} from '../../../src/sip/transport/address.js';
import { parseListener, SipTransports } from '../../../src/sip/transport/index.js';
import { startNode, stopAll } from './support.js';

afterEach(stopAll);

const own: LocalAddress[] = [
  { address: '127.0.0.1', prefixBits: 8, internal: true },
  { address: '::1', prefixBits: 128, internal: true },
  { address: '203.0.113.5', prefixBits: 24, internal: false },
  { address: '10.1.2.3', prefixBits: 16, internal: false },
  { address: 'fe80::1', prefixBits: 64, internal: false },
  { address: '2001:db8:1::5', prefixBits: 64, internal: false },
];

describe('listener URLs', () => {
  it.each([
    ['udp://127.0.0.1:5070', { transport: 'udp', address: '127.0.0.1', port: 5070 }],
    ['tcp://0.0.0.0', { transport: 'tcp', address: '0.0.0.0', port: 5060 }],
    ['tls://[::1]', { transport: 'tls', address: '::1', port: 5061 }],
    ['wss://[2001:db8::1]:8443/', { transport: 'wss', address: '2001:db8::1', port: 8443 }],
    ['ws://127.0.0.1:0', { transport: 'ws', address: '127.0.0.1', port: 0 }],
  ])('%s', (url, expected) => {
    expect(parseListener(url)).toEqual(expected);
  });

  it.each([
    '127.0.0.1:5060',
    'http://127.0.0.1',
    'udp://localhost:5060',
    'udp://::1:5060',
    'tcp://127.0.0.1:70000',
    'tcp://127.0.0.1:5060/x',
  ])('refuses %s', (url) => {
    expect(() => parseListener(url)).toThrow(expect.objectContaining({ code: 'config.listener' }));
  });
});

describe('addresses', () => {
  it('are known without zone and mapping', () => {
    expect(
      ['192.0.2.1', '::ffff:192.0.2.1', '::FFFF:192.0.2.1', 'fe80::1%eth0', '2001:db8::1'].map(plainAddress),
    ).toEqual(['192.0.2.1', '192.0.2.1', '192.0.2.1', 'fe80::1', '2001:db8::1']);
  });

  it.each([
    ['10.1.255.255', '10.1.0.0', 16, true],
    ['10.2.0.0', '10.1.0.0', 16, false],
    ['2001:db8::ffff', '2001:db8::', 112, true],
    ['2001:db8::1:0', '2001:db8::', 112, false],
    ['1.2.3.4', '::', 0, false],
    ['255.255.255.255', '0.0.0.0', 0, true],
  ])('%s in %s/%i: %s', (address, near, bits, expected) => {
    expect(inNetwork(address, near, bits)).toBe(expected);
  });

  it.each([
    ['127.0.0.9', '127.0.0.1'],
    ['10.1.9.9', '10.1.2.3'],
    ['198.51.100.1', '203.0.113.5'],
    ['2001:db8:1::77', '2001:db8:1::5'],
    ['2001:db8:2::1', '2001:db8:1::5'],
    ['fe80::77', 'fe80::1'],
  ])('%s is faced by %s', (remote, local) => {
    expect(addressFacing(remote, own)).toBe(local);
  });

  it('chooses the listener that can reach the target', () => {
    const at = (...addresses: string[]) => addresses.map((address) => ({ address, port: 5060 }));
    expect(chooseBound(at('127.0.0.1', '203.0.113.5', '10.1.2.3'), '10.1.9.9', own)?.address).toBe('10.1.2.3');
    expect(chooseBound(at('127.0.0.1', '203.0.113.5', '10.1.2.3'), '127.0.0.1', own)?.address).toBe('127.0.0.1');
    expect(chooseBound(at('127.0.0.1', '0.0.0.0'), '198.51.100.1', own)?.address).toBe('0.0.0.0');
    expect(chooseBound(at('10.1.2.3'), '198.51.100.1', own)?.address).toBe('10.1.2.3');
    expect(chooseBound(at('127.0.0.1'), '198.51.100.1', own)).toBeUndefined();
    expect(chooseBound(at('127.0.0.1'), '203.0.113.5', own)?.address).toBe('127.0.0.1');
    expect(chooseBound(at('203.0.113.5'), '2001:db8:2::1', own)).toBeUndefined();
  });
});

describe('the hosts a peer may reach us by', () => {
  const hostsOf = (listeners: string[], advertise?: string) =>
    new SipTransports({
      listeners: listeners.map(parseListener),
      ...(advertise && { advertise }),
      scheduler: systemScheduler,
      logger: silentLogger,
      counters: new Counters(),
      ownAddresses: own,
    }).hosts();

  it('are the addresses bound and the one advertised', () => {
    expect(hostsOf(['udp://10.1.2.3:5060', 'tcp://10.1.2.3:5060'], '198.51.100.7')).toEqual([
      '198.51.100.7',
      '10.1.2.3',
    ]);
  });

  it('are all of the machine where a socket takes them all', () => {
    const hosts = hostsOf(['udp://0.0.0.0:5060']);
    expect(hosts).toContain('10.1.2.3');
    expect(hosts).toContain('203.0.113.5');
    expect(hosts.some((host) => host.includes(':'))).toBe(false);
    expect(hosts).not.toContain('0.0.0.0');
  });
});

describe('sentBy', () => {
  const local = (address: string, port = 40_000) => ({ address, port });

  it('is the listener of the same transport, for connections we opened too', async () => {
    const node = await startNode(['udp://127.0.0.1:0', 'tcp://127.0.0.1:0']);
    const { transports } = node;
    expect(transports.sentBy({ transport: 'udp', local: node.at('udp') })).toEqual({
      address: '127.0.0.1',
      port: node.at('udp').port,
    });
    expect(transports.sentBy({ transport: 'tcp', local: local('127.0.0.1') })).toEqual({
      address: '127.0.0.1',
      port: node.at('tcp').port,
    });
  });

  it('is the address that faces the peer where the listener is bound to all', async () => {
    const node = await startNode(['udp://0.0.0.0:0'], { ownAddresses: own });
    const flow = await node.open({ transport: 'udp', address: '10.1.7.7', port: 5060 });
    expect(flow.local.address).toBe('10.1.2.3');
    expect(node.transports.sentBy(flow)).toEqual({ address: '10.1.2.3', port: node.at('udp').port });
  });

  it('is the advertised address where one is given, of its family', async () => {
    const node = await startNode(['udp://127.0.0.1:0'], { advertise: '203.0.113.10' });
    expect(node.transports.sentBy({ transport: 'udp', local: local('127.0.0.1') }).address).toBe('203.0.113.10');
    expect(node.transports.sentBy({ transport: 'udp', local: local('2001:db8::5') }).address).toBe('2001:db8::5');
    const named = await startNode(['udp://127.0.0.1:0'], { advertise: 'sip.trunk.example' });
    expect(named.transports.sentBy({ transport: 'udp', local: local('127.0.0.1') }).address).toBe('sip.trunk.example');
  });
});
