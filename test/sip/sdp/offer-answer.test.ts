import { describe, expect, it } from 'vitest';
import { checkAnswer, checkNextOffer, commonFormats, isUnchanged } from '../../../src/sip/sdp/index.js';
import { parsed, withSession } from './support.js';

const check = (offer: string[], answer: string[]) =>
  checkAnswer(parsed(withSession(...offer)), parsed(withSession(...answer)))?.code;

describe('checkAnswer (RFC 3264 §6)', () => {
  it.each([
    [['m=audio 1 RTP/AVP 0 8'], ['m=audio 2 RTP/AVP 8']],
    [['m=audio 1 RTP/AVP 0'], ['m=audio 0 RTP/AVP 0']],
    [
      ['m=audio 1 RTP/AVP 96', 'a=rtpmap:96 opus/48000/2'],
      ['m=audio 2 RTP/AVP 111', 'a=rtpmap:111 OPUS/48000/2'],
    ],
    [
      ['m=audio 1 RTP/AVP 0', 'm=video 3 RTP/AVP 31'],
      ['m=audio 1 RTP/AVP 0 8', 'm=video 0 RTP/AVP 31'],
    ],
    [['m=image 1 udptl t38'], ['m=image 2 UDPTL t38']],
  ])('takes %j answered by %j', (offer, answer) => {
    expect(check(offer, answer)).toBeUndefined();
  });

  it.each([
    [['m=audio 1 RTP/AVP 0', 'm=video 3 RTP/AVP 31'], ['m=audio 1 RTP/AVP 0'], 'sdp.media-count'],
    [['m=audio 1 RTP/AVP 0'], ['m=audio 1 RTP/AVP 0', 'm=audio 1 RTP/AVP 0'], 'sdp.media-count'],
    [
      ['m=audio 1 RTP/AVP 0', 'm=video 3 RTP/AVP 31'],
      ['m=video 3 RTP/AVP 31', 'm=audio 1 RTP/AVP 0'],
      'sdp.media-type',
    ],
    [['m=audio 0 RTP/AVP 0'], ['m=audio 1 RTP/AVP 0'], 'sdp.media-type'],
    [['m=audio 1 RTP/SAVP 0'], ['m=audio 1 RTP/AVP 0'], 'sdp.transport'],
    [['m=audio 1 RTP/AVP 0'], ['m=audio 1 RTP/AVP 8'], 'sdp.no-common-format'],
  ])('refuses %j answered by %j', (offer, answer, code) => {
    expect(check(offer, answer)).toBe(code);
  });

  it('gives the common formats in the order of the answer', () => {
    const [offered] = parsed(withSession('m=audio 1 RTP/AVP 0 8 18')).media;
    const [answered] = parsed(withSession('m=audio 1 RTP/AVP 18 3 0')).media;
    expect(commonFormats(offered!, answered!).map(({ payloadType }) => payloadType)).toEqual([18, 0]);
  });
});

describe('later offers (RFC 3264 §8)', () => {
  const voice = parsed(withSession('m=audio 1 RTP/AVP 0'));

  it('may add lines and change the kind of one, but not drop any', () => {
    expect(checkNextOffer(voice, parsed(withSession('m=audio 1 RTP/AVP 0', 'm=image 3 udptl t38')))).toBeUndefined();
    expect(checkNextOffer(voice, parsed(withSession('m=image 3 udptl t38')))).toBeUndefined();
    expect(checkNextOffer(voice, parsed(withSession()))?.code).toBe('sdp.media-count');
  });

  it('are the same description as before while the origin says so', () => {
    expect(isUnchanged(voice, parsed(withSession('m=audio 9 RTP/AVP 0')))).toBe(true);
    expect(isUnchanged(voice, parsed(withSession('m=audio 1 RTP/AVP 0').replace('2890844527', '2890844528')))).toBe(
      false,
    );
  });
});
