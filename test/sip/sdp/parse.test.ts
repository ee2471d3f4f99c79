import { readFileSync } from 'node:fs';
import sdpTransform from 'sdp-transform';
import { describe, expect, it } from 'vitest';
import { formatsOf, mediaAddress, serializeSdp } from '../../../src/sip/sdp/index.js';
import { parsedRequest } from '../message/support.js';
import { tortureBytes } from '../message/torture.js';
import { faultOf, parsed, sdp, withSession } from './support.js';

const browserOffer = sdp(
  ...[
    'v=0',
    'o=- 4611731400430051336 2 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'a=group:BUNDLE 0 1',
    'a=msid-semantic: WMS s',
  ],
  ...['m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126', 'c=IN IP4 0.0.0.0', 'a=rtcp:9 IN IP4 0.0.0.0'],
  ...['a=candidate:1 1 udp 2122260223 192.0.2.7 54321 typ host generation 0', 'a=ice-ufrag:Xy12', 'a=ice-pwd:abcdefgh'],
  ...['a=fingerprint:sha-256 AA:BB:CC', 'a=setup:actpass', 'a=mid:0', 'a=sendrecv', 'a=rtcp-mux'],
  ...['a=rtpmap:111 opus/48000/2', 'a=rtcp-fb:111 transport-cc', 'a=fmtp:111 minptime=10;useinbandfec=1'],
  ...[
    'a=rtpmap:63 red/48000/2',
    'a=fmtp:63 111/111',
    'a=rtpmap:110 telephone-event/48000',
    'a=rtpmap:126 telephone-event/8000',
  ],
  ...[
    'a=ssrc:1001 cname:x',
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 0.0.0.0',
    'a=mid:1',
    'a=sctp-port:5000',
  ],
);

const trunkOffer = withSession(
  ...[
    'b=AS:84',
    'a=X-odd:kept  as it is ',
    'm=audio 16384 RTP/AVP 0 8 18 101',
    'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:18 G729/8000',
  ],
  ...[
    'a=fmtp:18 annexb=no',
    'a=rtpmap:101 telephone-event/8000',
    'a=fmtp:101 0-16',
    'a=ptime:20',
    'a=maxptime:150',
    'a=sendonly',
  ],
  ...['m=image 4000 udptl t38', 'a=T38FaxVersion:0', 'a=T38FaxUdpEC:t38UDPRedundancy'],
);

describe('parseSdp and serializeSdp', () => {
  it.each([
    ['a trunk offer', trunkOffer],
    ['a browser offer', browserOffer],
    ['no media', sdp('v=0', 'o=- 0 0 IN IP4 host.example.com', 's=-', 't=0 0')],
    ['bytes above ASCII', withSession('i=Zo\u00c3\u00ab\u00ff', 'm=audio 0 RTP/AVP 0')],
    ['numbers beyond 2^53', sdp('v=0', 'o=a 99999999999999999999 18446744073709551615 IN IP6 ::1', 's= ', 't=0 0')],
    ['multicast with ttl', withSession('m=audio 49170/2 RTP/AVP 31', 'c=IN IP4 224.2.1.1/127/3')],
  ])('write %s as it came', (_, text) => {
    expect(serializeSdp(parsed(text)).toString('latin1')).toBe(text);
    expect(serializeSdp(parsed(Buffer.from(text, 'latin1')))).toEqual(Buffer.from(text, 'latin1'));
  });

  it('take bare line feeds and a missing last line end, and write CRLF', () => {
    const text = trunkOffer.replaceAll('\r\n', '\n').slice(0, -1);
    expect(serializeSdp(parsed(text)).toString('latin1')).toBe(trunkOffer);
  });

  it('take descriptions without s= or t=', () => {
    expect(
      parsed(sdp('v=0', 'o=a 1 1 IN IP4 192.0.2.1', 'c=IN IP4 192.0.2.1', 'm=audio 1 RTP/AVP 0')).media,
    ).toHaveLength(1);
  });

  it.each([
    ['', 'No o= line', 0],
    ['v=1', 'No v=0 line', 1],
    ['o=a 1 1 IN IP4 1.1.1.1', 'No v=0 line', 1],
    [sdp('v=0', 's=-'), 'No o= line', 0],
    [sdp('v=0', 's=-', 'o=a 1 1 IN IP4 1.1.1.1'), 'Misplaced o= line', 3],
    [sdp('v=0', 'o=a 1 IN IP4 1.1.1.1'), 'Malformed o= line', 2],
    [sdp('v=0', 'o=a 1 x IN IP4 1.1.1.1'), 'Malformed o= line', 2],
    [withSession('v=0'), 'More than one v= line', 6],
    [withSession('c=IN IP5 1.1.1.1'), 'Malformed c= line', 6],
    [withSession('m =video 3227 RTP/AVP 31'), 'Malformed line', 6],
    [withSession('nonsense'), 'Malformed line', 6],
    [withSession(''), 'Malformed line', 6],
    [withSession('A=upper'), 'Malformed line', 6],
    [withSession('a=x\ry'), 'Malformed line', 6],
    [withSession('m=audio 70000 RTP/AVP 0'), 'Malformed m= line', 6],
    [withSession('m=audio 1 RTP/AVP'), 'Malformed m= line', 6],
    [withSession('m=audio -1 RTP/AVP 0'), 'Malformed m= line', 6],
    [withSession('m=audio x RTP/AVP 0'), 'Malformed m= line', 6],
  ])('refuse %j', (text, message, line) => {
    const text2 = text === withSession('') ? `${text}a=after\r\n` : text;
    expect(faultOf(text2)).toMatchObject({ code: 'sdp.syntax', sipStatus: 400, message, line });
  });

  it('bound size, lines, media and formats', () => {
    expect(faultOf(`v=0\r\n${'x'.repeat(70000)}`).code).toBe('sdp.too-large');
    expect(faultOf(withSession(...Array.from({ length: 2100 }, () => 'a=x'))).code).toBe('sdp.too-large');
    expect(faultOf(withSession(`m=audio 1 RTP/AVP${' 0'.repeat(257)}`)).code).toBe('sdp.too-large');
    expect(faultOf(withSession(...Array.from({ length: 65 }, () => 'm=audio 0 RTP/AVP 0'))).code).toBe('sdp.too-large');
  });

  it('read the descriptions of the torture messages', () => {
    const description = parsed(parsedRequest(tortureBytes('v6-mult-ip-in-sdp.dat')).body);
    const addresses = description.media.map((media) => mediaAddress(description, media));
    expect(addresses.map((at) => [at?.addressType, at?.address, at?.rtpPort])).toEqual([
      ['IP4', '192.0.2.1', 22334],
      ['IP6', '2001:db8::1', 6024],
    ]);
    expect(parsed(parsedRequest(tortureBytes('v6-ipv6-in-sdp.dat')).body).origin.address).toBe('2001:db8::20');
  });
});

describe('sdp-transform, as an oracle', () => {
  const siprec = readFileSync(new URL('../../vectors/siprec_invite.sip', import.meta.url));
  const siprecSdp = /v=0\r\n[\s\S]*?(?=\r\n--)/.exec(siprec.toString('latin1'))![0];

  it.each([
    ['a trunk offer', trunkOffer],
    ['a browser offer', browserOffer],
    ['a recording offer', `${siprecSdp}\r\n`],
  ])('sees the same in %s', (_, text) => {
    const ours = parsed(text);
    const theirs = sdpTransform.parse(text);
    expect(ours.origin).toMatchObject({ username: theirs.origin.username, address: theirs.origin.address });
    expect(ours.origin.sessionId).toBe(String(theirs.origin.sessionId));
    expect(ours.media).toHaveLength(theirs.media.length);
    for (const [at, media] of ours.media.entries()) {
      const other = theirs.media[at]!;
      expect([media.kind, media.port, media.protocol, media.formats.join(' ')]).toEqual([
        other.type,
        other.port,
        other.protocol,
        String(other.payloads ?? ''),
      ]);
      const address = mediaAddress(ours, media)!;
      expect(address.address).toBe(other.connection?.ip ?? theirs.connection?.ip);
      if (other.rtcp) expect(address.rtcpPort).toBe(other.rtcp.port);
      expect(media.has('rtcp-mux')).toBe(other.rtcpMux === 'rtcp-mux');
      expect(media.attribute('label')).toBe(other.label === undefined ? undefined : String(other.label));
      expect(media.attributes('crypto')).toHaveLength(other.crypto?.length ?? 0);
      expect(media.attributes('candidate')).toHaveLength(other.candidates?.length ?? 0);
      for (const { payload, codec, rate, encoding } of other.rtp) {
        const format = formatsOf(media).find(({ payloadType }) => payloadType === payload)!;
        expect([format.encoding, format.clockRateHz, format.channels]).toEqual([codec, rate, encoding ?? 1]);
        const fmtp = other.fmtp.find((candidate) => candidate.payload === payload);
        expect(format.fmtp).toBe(fmtp?.config);
      }
    }
  });
});
