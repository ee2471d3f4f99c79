import fc from 'fast-check';
import sdpTransform from 'sdp-transform';
import { describe, expect, it } from 'vitest';
import { type LegOrder, rewriteForLeg, serializeSdp } from '../../../src/sip/sdp/index.js';
import { linesOf, parsed, sdp, withSession } from './support.js';

const order: LegOrder = {
  address: '198.51.100.7',
  rtpPort: 30000,
  rtcpPort: 30001,
  sessionId: 77,
  version: 3,
  username: '-',
};

const rewritten = (lines: string[], changes: Partial<LegOrder> = {}) =>
  rewriteForLeg(parsed(withSession(...lines)), { ...order, ...changes });

const ours = ['v=0', 'o=- 77 3 IN IP4 198.51.100.7', 's=-', 'c=IN IP4 198.51.100.7', 't=0 0'];

describe('rewriteForLeg', () => {
  it('puts our origin, address and port in, and keeps the rest in order', () => {
    const { description, anchored, rejected } = rewritten([
      ...[
        'b=AS:84',
        'a=X-odd:1',
        'm=audio 16384 RTP/AVP 0 101',
        'c=IN IP4 10.0.0.6',
        'b=AS:64',
        'a=rtpmap:0 PCMU/8000',
      ],
      ...[
        'a=rtpmap:101 telephone-event/8000',
        'a=fmtp:101 0-16',
        'a=ptime:20',
        'a=sendrecv',
        'a=silenceSupp:off - - - -',
        'a=label:1',
      ],
    ]);
    expect(linesOf(description)).toEqual([
      ...['v=0', 'o=- 77 3 IN IP4 198.51.100.7', 's=-', 'c=IN IP4 198.51.100.7', 't=0 0', 'b=AS:84', 'a=X-odd:1'],
      ...['m=audio 30000 RTP/AVP 0 101', 'b=AS:64', 'a=rtpmap:0 PCMU/8000'],
      ...[
        'a=rtpmap:101 telephone-event/8000',
        'a=fmtp:101 0-16',
        'a=ptime:20',
        'a=sendrecv',
        'a=silenceSupp:off - - - -',
        'a=label:1',
      ],
    ]);
    expect([anchored, rejected]).toEqual([0, []]);
  });

  it('leaves the given description as it was', () => {
    const text = withSession('m=audio 1 RTP/SAVP 0', 'a=crypto:1 A inline:x', 'm=video 2 RTP/AVP 31');
    const description = parsed(text);
    rewriteForLeg(description, { ...order, crypto: ['1 B inline:y'] });
    expect(serializeSdp(description).toString()).toBe(text);
  });

  it('ends keys, ICE, DTLS, RTCP ports and sources here', () => {
    const { description } = rewritten([
      ...['a=group:BUNDLE 0', 'a=ice-lite', 'a=fingerprint:sha-256 AA:BB', 'a=msid-semantic: WMS', 'k=clear:secret'],
      ...[
        'm=audio 9 UDP/TLS/RTP/SAVPF 0',
        'k=clear:secret',
        'a=candidate:1 1 udp 1 10.0.0.5 9 typ host',
        'a=ice-ufrag:u',
        'a=ice-pwd:p',
      ],
      ...[
        'a=setup:actpass',
        'a=crypto:1 A inline:x',
        'a=rtcp-mux',
        'a=rtcp:9',
        'a=ssrc:1 cname:x',
        'a=msid:a b',
        'a=rtcp-fb:0 nack',
        'a=mid:0',
      ],
      ...['a=end-of-candidates', 'a=tls-id:x', 'a=identity:y', 'a=key-mgmt:mikey z', 'a=sendrecv'],
    ]);
    expect(linesOf(description)).toEqual([...ours, 'm=audio 30000 RTP/AVP 0', 'a=mid:0', 'a=sendrecv', 'a=rtcp:30001']);
  });

  it('sends our keys and further attributes', () => {
    const { description } = rewritten(['m=audio 1 RTP/AVP 0'], {
      ...{
        rtcpPort: 30000,
        crypto: ['1 AEAD_AES_256_GCM inline:k', '2 B inline:l'],
        attributes: ['rtcp-mux', 'setup:passive'],
      },
    });
    expect(linesOf(description).slice(5)).toEqual([
      ...['m=audio 30000 RTP/SAVP 0', 'a=rtcp:30000', 'a=crypto:1 AEAD_AES_256_GCM inline:k', 'a=crypto:2 B inline:l'],
      ...['a=rtcp-mux', 'a=setup:passive'],
    ]);
  });

  it.each([
    ['RTP/AVP', undefined, 'RTP/AVP'],
    ['RTP/SAVP', undefined, 'RTP/AVP'],
    ['RTP/AVPF', undefined, 'RTP/AVPF'],
    ['RTP/SAVPF', ['1 A inline:x'], 'RTP/SAVPF'],
    ['UDP/TLS/RTP/SAVPF', undefined, 'RTP/AVP'],
    ['RTP/AVP', ['1 A inline:x'], 'RTP/SAVP'],
  ])('turns %s with keys %j into %s', (protocol, crypto, expected) => {
    const { description } = rewritten([`m=audio 1 ${protocol} 0`], crypto === undefined ? {} : { crypto });
    expect(description.media[0]!.protocol).toBe(expected);
    expect(
      rewritten([`m=audio 1 ${protocol} 0`], { profile: 'UDP/TLS/RTP/SAVPF' }).description.media[0]!.protocol,
    ).toBe('UDP/TLS/RTP/SAVPF');
  });

  it('refuses other live sections in their place', () => {
    const { description, anchored, rejected } = rewritten([
      ...['m=video 4002 RTP/AVP 99', 'a=rtpmap:99 H264/90000', 'm=audio 4000 RTP/AVP 0', 'm=audio 4004 RTP/AVP 8'],
      ...['m=application 4006 TCP/BFCP *', 'm=video 0 RTP/AVP 31'],
    ]);
    expect(linesOf(description).slice(5)).toEqual([
      ...['m=video 0 RTP/AVP 99', 'a=inactive', 'm=audio 30000 RTP/AVP 0', 'm=audio 0 RTP/AVP 8', 'a=inactive'],
      ...['m=application 0 TCP/BFCP *', 'a=inactive', 'm=video 0 RTP/AVP 31', 'a=inactive'],
    ]);
    expect([anchored, rejected]).toEqual([1, [0, 2, 3]]);
  });

  it('anchors T.38 where no audio is live, and beside audio where it has a port', () => {
    const fax = [
      'm=audio 0 RTP/AVP 0',
      'm=image 5000 udptl t38',
      'a=T38FaxVersion:0',
      'a=T38FaxRateManagement:transferredTCF',
    ];
    const alone = rewritten(fax, { crypto: ['1 A inline:x'] });
    expect(linesOf(alone.description).slice(5)).toEqual([
      ...[
        'm=audio 0 RTP/AVP 0',
        'a=inactive',
        'm=image 30000 udptl t38',
        'a=T38FaxVersion:0',
        'a=T38FaxRateManagement:transferredTCF',
      ],
    ]);
    expect(alone.anchored).toBe(1);
    const both = ['m=audio 4000 RTP/AVP 0', 'm=image 5000 udptl t38'];
    expect(rewritten(both).rejected).toEqual([1]);
    expect(rewritten(both, { imagePort: 30002 }).description.media.map(({ port }) => port)).toEqual([30000, 30002]);
  });

  it('leaves everything refused where everything was', () => {
    const { description, anchored } = rewritten(['m=audio 0 RTP/AVP 0']);
    expect(anchored).toBe(-1);
    expect(description.media[0]!.port).toBe(0);
  });

  it.each([
    [['m=audio 1 RTP/AVP 0', 'c=IN IP4 0.0.0.0'], 'a=sendonly'],
    [['m=audio 1 RTP/AVP 0', 'c=IN IP4 0.0.0.0', 'a=sendrecv'], 'a=sendonly'],
    [['a=recvonly', 'm=audio 1 RTP/AVP 0', 'c=IN IP4 0.0.0.0'], 'a=inactive'],
  ])('turns holding by address in %j into %s', (lines, direction) => {
    const written = linesOf(rewritten(lines).description);
    expect(written.filter((line) => /^a=(sendrecv|sendonly|inactive)$/.test(line))).toEqual([direction]);
    expect(written.join()).not.toContain('0.0.0.0');
  });

  it('writes IPv6 addresses of ours', () => {
    const lines = linesOf(rewritten(['m=audio 1/2 RTP/AVP 0'], { address: '2001:db8::7' }).description);
    expect(lines.slice(1, 4)).toEqual(['o=- 77 3 IN IP6 2001:db8::7', 's=-', 'c=IN IP6 2001:db8::7']);
    expect(lines[5]).toBe('m=audio 30000 RTP/AVP 0');
  });

  it.each([
    'a=X-nat:10.0.0.5:4000',
    'a=x:10.0.0.5.',
    'a=alt:1 1 : a b 172.16.4.4 9',
    'a=x:[2001:DB8::5]:80',
    'a=x:udp:2001:db8::5',
    'a=x:2001:db8:0:0:0:0:0:1:5060',
    'a=x:fe80::1%eth0',
    'a=x:host=PBX.Customer.Example;y',
    'b=X-1.2.3.4:5',
    'i=from 192.168.1.1',
    'u=http://pbx.customer.example/',
    'e=alice@pbx.customer.example',
    'p=+1 617 555-6011',
    'z=0 10.9.8.7',
  ])('lets %j pass at no level', (line) => {
    const text = sdp(
      ...['v=0', 'o=u 1 1 IN IP4 pbx.customer.example', 's=10.0.0.5', line, 'c=IN IP4 10.0.0.5', 't=0 0'],
      ...['m=audio 1 RTP/AVP 0', line, 'm=video 2 RTP/AVP 31', line],
    );
    const { description } = rewriteForLeg(parsed(text), order);
    expect(linesOf(description)).toEqual([...ours, 'm=audio 30000 RTP/AVP 0', 'm=video 0 RTP/AVP 31', 'a=inactive']);
  });

  it('never lets an address of the other side through, wherever it stands', () => {
    const address = fc.oneof(
      fc.ipV4(),
      fc.ipV6().filter((text) => text.length > 4 && !text.includes('.')),
    );
    const name = fc.constantFrom('x-a', 'fmtp', 'rtcp', 'candidate', 'x', 'mid', 'T38Host', 'rtpmap', 'ssrc', 'crypto');
    const joint = fc.constantFrom(':', ' ', '=', ';', '[', '@', '/', 'udp ', 'host=');
    fc.assert(
      fc.property(
        address,
        fc.array(fc.tuple(name, joint, joint), { maxLength: 8 }),
        fc.boolean(),
        (foreign, attributes, atMedia) => {
          fc.pre(foreign !== order.address && foreign !== '0.0.0.0');
          const type = foreign.includes(':') ? 'IP6' : 'IP4';
          const lines = attributes.map(([attribute, before, after]) => `a=${attribute}:1${before}${foreign}${after}9`);
          const text = sdp(
            ...[
              'v=0',
              `o=u 1 1 IN ${type} ${foreign}`,
              's=-',
              `c=IN ${type} ${foreign}`,
              't=0 0',
              ...(atMedia ? [] : lines),
            ],
            ...['m=audio 4000 RTP/AVP 0', ...(atMedia ? lines : []), 'm=video 2 RTP/AVP 31', `c=IN ${type} ${foreign}`],
          );
          const written = serializeSdp(rewriteForLeg(parsed(text), order).description).toString();
          expect(written.includes(foreign)).toBe(false);
          expect(sdpTransform.parse(written).media.map(({ port }) => port)).toEqual([30000, 0]);
        },
      ),
      { seed: 4566, numRuns: 500 },
    );
  });
});
