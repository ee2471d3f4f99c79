import { describe, expect, it } from 'vitest';
import { requestFacts } from '../../src/call/request-facts.js';
import { type Flow, type InboundRequest, parseDatagram, SipRequest } from '../../src/sip/index.js';

function factsOf(uri: string, to: string) {
  const head = [
    `INVITE ${uri} SIP/2.0`,
    'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1',
    'From: <sip:+12025550122@c.example>;tag=1',
    `To: <${to}>`,
    'Call-ID: 1',
    'CSeq: 1 INVITE',
  ];
  const outcome = parseDatagram(Buffer.from(`${head.join('\r\n')}\r\n\r\n`));
  if (outcome.kind !== 'message' || !(outcome.message instanceof SipRequest)) throw new Error('no request');
  const remote = { address: '192.0.2.1', port: 5060 };
  const flow = { transport: 'udp', remote } as unknown as Flow;
  return requestFacts({ request: outcome.message, flow } as unknown as InboundRequest, []);
}

describe('the facts of a request', () => {
  it('name IPv6 hosts as sockets do, however they were spelt', () => {
    const { requestUri, toHost } = factsOf('sip:+1@[2001:DB8:0:0::0:5]:5060', 'sip:+1@[2001:0db8::5]');
    expect([requestUri.host, toHost]).toEqual(['2001:db8::5', '2001:db8::5']);
  });

  it('name the user of To, which a carrier that calls our contact has the number in', () => {
    expect(factsOf('sip:trunk7@192.0.2.9', 'sip:%2B12065550100;npdi@c.example').toUser).toBe('+12065550100');
  });
});
