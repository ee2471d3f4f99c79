import { describe, expect, it } from 'vitest';
import { type EncryptionMode, MediaCrypto } from '../../src/call/media-crypto.js';
import { SeededRandom } from '../../src/core/index.js';
import { audioMedia, type MediaSection, parseSdp, SdpError } from '../../src/sip/index.js';

function section(lines: readonly string[]): MediaSection {
  const head = ['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0'];
  const parsed = parseSdp(Buffer.from(`${[...head, ...lines].join('\r\n')}\r\n`));
  if (parsed instanceof SdpError) throw parsed;
  return audioMedia(parsed)!;
}

const offering = (mode: EncryptionMode): MediaCrypto => {
  const crypto = new MediaCrypto(mode, new SeededRandom(3));
  crypto.offer();
  return crypto;
};

/** A session description whose streams are all rejected has no live section; a rejected one may still be given. */
const REJECTED = [
  ['no live stream', undefined],
  ['a stream with port 0', section(['m=audio 0 RTP/SAVP 0'])],
] as const;

describe.each(REJECTED)('an answer with %s', (_, media) => {
  it('is refused with 488 where media must be encrypted', () => {
    expect(() => offering('required').receiveAnswer(media)).toThrow(
      expect.objectContaining({ code: 'media.streams-rejected', sipStatus: 488 }),
    );
  });

  it.each(['off', 'offered'] as const)('passes with encryption %s', (mode) => {
    const crypto = offering(mode);
    crypto.receiveAnswer(media);
    expect(crypto.suite).toBe('none');
  });

  it('passes once keys were agreed: the stream is given up in the call', () => {
    const crypto = offering('required');
    const key = Buffer.alloc(30, 7).toString('base64');
    const offered = crypto.offer().crypto.find((line) => line.includes('AES_CM_128_HMAC_SHA1_80'))!;
    const tag = offered.split(' ', 1)[0];
    const answer = `a=crypto:${tag} AES_CM_128_HMAC_SHA1_80 inline:${key}`;
    crypto.receiveAnswer(section(['m=audio 4000 RTP/SAVP 0', answer]));
    crypto.offer();
    crypto.receiveAnswer(media);
    expect(crypto.suite).toBe('AES_CM_128_HMAC_SHA1_80');
  });
});

it.each([
  ['off', true],
  ['offered', true],
  ['required', false],
] as const)('T.38, which has no encryption, where encryption is %s: allowed %s', (mode, allowed) => {
  const asked = () => offering(mode).allowFax();
  if (allowed) expect(asked).not.toThrow();
  else expect(asked).toThrow(expect.objectContaining({ code: 'media.t38-unencrypted', sipStatus: 488 }));
});

it('an answer in clear is refused with 488 where media must be encrypted', () => {
  expect(() => offering('required').receiveAnswer(section(['m=audio 4000 RTP/AVP 0']))).toThrow(
    expect.objectContaining({ code: 'media.srtp-required', sipStatus: 488 }),
  );
});
