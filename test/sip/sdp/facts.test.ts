import { describe, expect, it } from 'vitest';
import {
  audioMedia,
  cryptoLines,
  effectiveDirection,
  formatsOf,
  imageMedia,
  inheritedAttribute,
  isHeld,
  isTelephoneEvent,
  mediaAddress,
  packetTimesMs,
  sameCodec,
  statedDirection,
} from '../../../src/sip/sdp/index.js';
import { parsed, sdp, withSession } from './support.js';

const first = (...lines: string[]) => {
  const description = parsed(withSession(...lines));
  return { description, media: description.media[0]! };
};

describe('mediaAddress', () => {
  it.each([
    [
      ['m=audio 4000 RTP/AVP 0'],
      { address: '10.0.0.5', rtpPort: 4000, rtcpPort: 4001, rtcpAddress: '10.0.0.5', rtcpMux: false },
    ],
    [['m=audio 4000 RTP/AVP 0', 'c=IN IP6 2001:db8::1'], { address: '2001:db8::1', addressType: 'IP6' }],
    [['m=audio 4000 RTP/AVP 0', 'a=rtcp:53020'], { rtcpPort: 53020, rtcpAddress: '10.0.0.5' }],
    [['m=audio 4000 RTP/AVP 0', 'a=rtcp:53020 IN IP4 126.16.64.4'], { rtcpPort: 53020, rtcpAddress: '126.16.64.4' }],
    [['m=audio 4000 RTP/AVP 0', 'a=rtcp:99999'], { rtcpPort: 4001 }],
    [['m=audio 4000 RTP/AVP 0', 'a=rtcp:junk'], { rtcpPort: 4001 }],
    [['m=audio 4000 RTP/AVP 0', 'a=rtcp-mux'], { rtcpPort: 4000, rtcpMux: true }],
    [['m=audio 4000/2 RTP/AVP 0', 'c=IN IP4 224.2.1.1/127'], { address: '224.2.1.1' }],
  ])('of %j', (lines, expected) => {
    const { description, media } = first(...lines);
    expect(mediaAddress(description, media)).toMatchObject(expected);
  });

  it('is undefined without c=', () => {
    const description = parsed(sdp('v=0', 'o=a 1 1 IN IP4 192.0.2.1', 's=-', 't=0 0', 'm=audio 1 RTP/AVP 0'));
    expect(mediaAddress(description, description.media[0]!)).toBeUndefined();
  });
});

describe('direction and hold', () => {
  it.each([
    [['m=audio 1 RTP/AVP 0'], 'sendrecv', 'sendrecv', false],
    [['a=sendonly', 'm=audio 1 RTP/AVP 0'], 'sendonly', 'sendonly', true],
    [['a=sendonly', 'm=audio 1 RTP/AVP 0', 'a=recvonly'], 'recvonly', 'recvonly', false],
    [['m=audio 1 RTP/AVP 0', 'a=inactive'], 'inactive', 'inactive', true],
    [['m=audio 1 RTP/AVP 0', 'c=IN IP4 0.0.0.0'], 'sendrecv', 'sendonly', true],
    [['m=audio 1 RTP/AVP 0', 'c=IN IP6 ::', 'a=recvonly'], 'recvonly', 'inactive', true],
    [['m=audio 0 RTP/AVP 0'], 'sendrecv', 'inactive', true],
  ])('%j', (lines, stated, effective, held) => {
    const { description, media } = first(...lines);
    expect(statedDirection(description, media)).toBe(stated);
    expect(effectiveDirection(description, media)).toBe(effective);
    expect(isHeld(description, media)).toBe(held);
  });
});

describe('formatsOf', () => {
  it('reads rtpmap and fmtp, and the static types of RFC 3551', () => {
    const { media } = first(
      'm=audio 1 RTP/AVP 0 9 111 101 96',
      'a=rtpmap:111 opus/48000/2',
      'a=fmtp:111 a=1;b=2',
      'a=rtpmap:101 telephone-event/8000',
      'a=fmtp:101 0-16',
    );
    expect(formatsOf(media)).toEqual([
      { payloadType: 0, encoding: 'PCMU', clockRateHz: 8000, channels: 1, fmtp: undefined },
      { payloadType: 9, encoding: 'G722', clockRateHz: 8000, channels: 1, fmtp: undefined },
      { payloadType: 111, encoding: 'opus', clockRateHz: 48000, channels: 2, fmtp: 'a=1;b=2' },
      { payloadType: 101, encoding: 'telephone-event', clockRateHz: 8000, channels: 1, fmtp: '0-16' },
      { payloadType: 96, encoding: '', clockRateHz: 0, channels: 1, fmtp: undefined },
    ]);
    expect(formatsOf(media).map(isTelephoneEvent)).toEqual([false, false, false, true, false]);
  });

  it('lets rtpmap override a static type, and passes over what is no payload type', () => {
    expect(formatsOf(first('m=audio 1 RTP/AVP 3 200 x', 'a=rtpmap:3 L16/16000').media)).toEqual([
      { payloadType: 3, encoding: 'L16', clockRateHz: 16000, channels: 1, fmtp: undefined },
    ]);
  });

  it('has none for other protocols', () => {
    expect(formatsOf(first('m=image 1 udptl t38').media)).toEqual([]);
  });

  it('compares codecs by name, clock and channels', () => {
    const [a, b, c] = formatsOf(
      first('m=audio 1 RTP/AVP 96 97 98', 'a=rtpmap:96 AMR/8000', 'a=rtpmap:97 amr/8000/1', 'a=rtpmap:98 AMR/16000')
        .media,
    );
    expect(sameCodec(a!, b!)).toBe(true);
    expect(sameCodec(a!, c!)).toBe(false);
  });
});

describe('choosing and reading sections', () => {
  it('takes the live audio section, and the live T.38 section', () => {
    const description = parsed(
      withSession('m=video 2 RTP/AVP 31', 'm=audio 0 RTP/AVP 0', 'm=audio 4 RTP/AVP 8', 'm=image 6 UDPTL t38'),
    );
    expect(audioMedia(description)?.port).toBe(4);
    expect(imageMedia(description)?.port).toBe(6);
    expect(audioMedia(parsed(withSession('m=audio 0 RTP/AVP 0')))?.port).toBe(0);
    expect(audioMedia(parsed(withSession('m=audio 1 TCP/MRCPv2 1')))).toBeUndefined();
  });

  it('reads packet times, keys and inherited attributes', () => {
    const { description, media } = first(
      ...[
        'a=ice-ufrag:session',
        'm=image 1 udptl t38',
        'a=ptime:20',
        'a=maxptime:0',
        'a=crypto:1 A inline:x',
        'a=crypto:2 B inline:y',
      ],
      ...['a=T38FaxVersion:3', 'a=T38FaxTranscodingMMR', 'a=label:7', 'a=mid:m'],
    );
    expect(packetTimesMs(media)).toEqual({ ptimeMs: 20, maxptimeMs: undefined });
    expect(cryptoLines(media)).toEqual(['1 A inline:x', '2 B inline:y']);
    expect(inheritedAttribute(description, media, 'ice-ufrag')).toBe('session');
    expect([media.label, media.mid, media.isUdptl, media.isRtp]).toEqual(['7', 'm', true, false]);
  });
});
