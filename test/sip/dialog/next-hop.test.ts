import { describe, expect, it } from 'vitest';
import { flowLeadsTo, locationInside, locationOf, OfferAnswer, samePeer } from '../../../src/sip/dialog/index.js';
import { SipUri } from '../../../src/sip/message/index.js';
import type { Flow, TlsFacts, TransportName } from '../../../src/sip/transport/flow.js';

const flow = (transport: TransportName, address: string, facts: Partial<Flow> = {}): Flow => ({
  transport,
  local: { address: '198.51.100.1', port: 5060 },
  remote: { address, port: 40_000 },
  reliable: transport !== 'udp',
  inbound: true,
  closed: false,
  send: () => {},
  close: () => {},
  ...facts,
});

describe('what is located for a URI', () => {
  it.each([
    ['sip:a@pbx.example', { host: 'pbx.example' }],
    ['sip:a@pbx.example:5070;transport=TCP', { host: 'pbx.example', port: 5070, transport: 'tcp' }],
    ['sips:a@pbx.example', { host: 'pbx.example', secure: true }],
    ['sip:a@pbx.example;maddr=192.0.2.9', { host: '192.0.2.9' }],
    ['sip:a@[2001:db8::1]:5060', { host: '2001:db8::1', port: 5060 }],
    ['sip:a@pbx.example;transport=sctp', { host: 'pbx.example' }],
    ['tel:+1', undefined],
  ])('%s', (uri, expected) => {
    expect(locationOf(SipUri.parse(uri))).toEqual(expected);
  });
});

describe('what is located inside a dialog', () => {
  it.each([
    ['udp', 'sip:a@192.0.2.9', { host: '192.0.2.9' }],
    ['tcp', 'sip:a@192.0.2.9;transport=udp', { host: '192.0.2.9', transport: 'udp' }],
    [
      'tls',
      'sip:a@192.0.2.9;transport=udp',
      { host: '192.0.2.9', transport: 'tls', secure: true, serverName: 'c.example' },
    ],
    [
      'tls',
      'sip:a@192.0.2.9:5071;transport=tls',
      { host: '192.0.2.9', port: 5071, transport: 'tls', secure: true, serverName: 'c.example' },
    ],
  ] as const)('over %s: %s', (transport, uri, expected) => {
    const known = flow(transport, '192.0.2.1', { closed: true });
    expect(locationInside(SipUri.parse(uri), known, 'c.example')).toEqual(expected);
  });
});

describe('the flow of a dialog leads to the next hop', () => {
  it.each<[string, Flow, string, boolean]>([
    ['a WebSocket peer', flow('wss', '203.0.113.5'), 'sip:x@abc.invalid;transport=ws', true],
    ['a WebSocket that is gone', flow('ws', '203.0.113.5', { closed: true }), 'sip:x@abc.invalid', false],
    ['a connection the same host opened', flow('tcp', '203.0.113.5'), 'sip:x@203.0.113.5:5060;transport=tcp', true],
    ['spelt otherwise', flow('tcp', '2001:db8::5'), 'sip:x@[2001:DB8:0:0::0:5];transport=tcp', true],
    ['over TLS', flow('tls', '203.0.113.5'), 'sips:x@203.0.113.5', true],
    [
      'a loopback address that is not ours to speak to',
      flow('udp', '10.0.0.5'),
      'sip:x@127.0.0.1:6379;transport=tcp',
      true,
    ],
    ['the same by maddr', flow('udp', '10.0.0.5'), 'sip:x@pbx.example;maddr=127.0.0.1', true],
    ['no address at all', flow('udp', '203.0.113.5'), 'sip:x@0.0.0.0', true],
    ['IPv6 loopback', flow('udp', '2001:db8::5'), 'sip:x@[0:0:0:0:0:0:0:1]', true],
    ['a peer on this machine', flow('udp', '127.0.0.1'), 'sip:x@127.0.0.2:5080', false],
    ['one for another transport', flow('tcp', '203.0.113.5'), 'sip:x@203.0.113.5:5060', false],
    [
      'one we opened is found by its target',
      flow('tcp', '203.0.113.5', { inbound: false }),
      'sip:x@203.0.113.5;transport=tcp',
      false,
    ],
    ['UDP to the same host', flow('udp', '203.0.113.5'), 'sip:x@203.0.113.5:5062', false],
    ['a phone behind a NAT', flow('udp', '203.0.113.5'), 'sip:x@192.168.1.7:5060', true],
    ['a phone behind a carrier NAT', flow('udp', '203.0.113.5'), 'sip:x@100.64.1.7', true],
    ['an IPv6 phone with a local address', flow('udp', '2001:db8::5'), 'sip:x@[fd00::1]', true],
    ['a phone that thinks it is its own host', flow('udp', '203.0.113.5'), 'sip:x@127.0.0.1', true],
    ['two hosts of one private network', flow('udp', '10.0.0.5'), 'sip:x@10.0.0.6', false],
    ['another public host', flow('tcp', '203.0.113.5'), 'sip:x@203.0.113.6;transport=tcp', false],
    ['a name', flow('tcp', '203.0.113.5'), 'sip:x@pbx.example;transport=tcp', false],
    ['a TLS peer that forgets to say so', flow('tls', '203.0.113.5', { inbound: false }), 'sip:x@203.0.113.5', true],
    ['a TLS peer that names UDP', flow('tls', '203.0.113.5'), 'sip:x@203.0.113.9;transport=udp', true],
    ['a TLS peer by another address', flow('tls', '203.0.113.5'), 'sip:x@203.0.113.9;transport=tls', false],
  ])('%s', (_name, known, uri, expected) => {
    expect(flowLeadsTo(known, SipUri.parse(uri))).toBe(expected);
  });
});

describe('the same peer', () => {
  const tls = (...peerNames: string[]): { tls: TlsFacts } => ({ tls: { peerNames } });

  it('is the same flow, address, or verified name', () => {
    const known = flow('udp', '203.0.113.5');
    expect(samePeer(known, known)).toBe(true);
    expect(samePeer(known, flow('tcp', '203.0.113.5'))).toBe(true);
    expect(samePeer(known, flow('udp', '203.0.113.6'))).toBe(false);
    const named = flow('tls', '203.0.113.5', tls('pbx.example'));
    expect(samePeer(named, flow('tls', '203.0.113.6', tls('x', 'pbx.example')))).toBe(true);
    expect(samePeer(named, flow('tls', '203.0.113.6', tls('other')))).toBe(false);
    expect(samePeer(flow('tls', '203.0.113.5', tls()), flow('tls', '203.0.113.6', tls()))).toBe(false);
  });
});

describe('offer and answer', () => {
  it('take turns, and start anew after a failure', () => {
    const offers = new OfferAnswer();
    const seen = [offers.open];
    for (const step of ['sent', 'received', 'received', 'sent', 'sent', 'reset'] as const) {
      offers[step]();
      seen.push(offers.open);
    }
    expect(seen).toEqual(['none', 'local', 'none', 'remote', 'none', 'local', 'none']);
  });
});
