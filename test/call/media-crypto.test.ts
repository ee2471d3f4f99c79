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

/** Once SRTP is agreed on, nothing that a peer, or somebody on the way, writes into a description takes it off. */
describe.each(['off', 'offered', 'required'] as const)('a side with keys, encryption %s', (mode) => {
  const KEY = Buffer.alloc(30, 7).toString('base64');
  const LINE = `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`;
  const keyed = (): MediaCrypto => {
    const crypto = new MediaCrypto(mode, new SeededRandom(3));
    crypto.receiveOffer(section(['m=audio 4000 RTP/SAVP 0', LINE]));
    return crypto;
  };
  const clear = section(['m=audio 4000 RTP/AVP 0']);
  const required = expect.objectContaining({ code: 'media.srtp-required', sipStatus: 488 });

  it('refuses an offer in clear, and keeps its keys', () => {
    const crypto = keyed();
    const { keys } = crypto;
    expect(() => crypto.vetOffer(clear)).toThrow(required);
    expect(() => crypto.receiveOffer(clear)).toThrow(required);
    expect(crypto.keys).toBe(keys);
  });

  it.each([
    ['MKI', `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}|2^20|1:4`],
    ['a parameter that takes protection off', `${LINE} UNENCRYPTED_SRTP`],
    ['an unknown suite', `a=crypto:1 NULL_HMAC_SHA1_80 inline:${KEY}`],
  ])('refuses a best-effort offer whose only line has %s', (_, line) => {
    const crypto = keyed();
    expect(() => crypto.receiveOffer(section(['m=audio 4000 RTP/AVP 0', line]))).toThrow(required);
  });

  it('refuses a clear answer to our next offer, which has its key', () => {
    const crypto = keyed();
    expect(crypto.offer()).toMatchObject({ profile: 'RTP/SAVP', crypto: [expect.stringContaining('inline:')] });
    expect(() => crypto.vetAnswer(clear)).toThrow(required);
    expect(() => crypto.receiveAnswer(clear)).toThrow(required);
    expect(crypto.suite).toBe('AES_CM_128_HMAC_SHA1_80');
  });

  it('refuses T.38', () => {
    expect(() => keyed().allowFax()).toThrow(expect.objectContaining({ code: 'media.t38-unencrypted' }));
  });

  it('takes the same key again and keeps ours, takes another and draws a new one', () => {
    const crypto = keyed();
    const { keys } = crypto;
    crypto.receiveOffer(section(['m=audio 4000 RTP/SAVP 0', LINE]));
    expect(crypto.keys).toBe(keys);
    const other = Buffer.alloc(30, 8).toString('base64');
    crypto.receiveOffer(section(['m=audio 4000 RTP/SAVP 0', `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${other}`]));
    expect(crypto.keys!.send.key).not.toEqual(keys!.send.key);
  });

  it('is as new after restart', () => {
    const crypto = keyed();
    crypto.restart('offered');
    crypto.receiveOffer(clear);
    expect(crypto.keys).toBeUndefined();
  });
});

it('of forks that were offered both ways one may answer under SRTP and the next in clear', () => {
  const crypto = new MediaCrypto('offered', new SeededRandom(3));
  const [tag, suite] = crypto.offer().crypto[0]!.split(' ');
  const key = Buffer.alloc(44, 7).toString('base64');
  crypto.receiveAnswer(section(['m=audio 4000 RTP/AVP 0', `a=crypto:${tag} ${suite} inline:${key}`]));
  expect(crypto.suite).toBe(suite);
  crypto.receiveAnswer(section(['m=audio 4002 RTP/AVP 0']));
  expect(crypto.suite).toBe('none');
});

it.each(['RTP/AVP', 'RTP/SAVP', 'RTP/SAVPF'])('answers %s in the profile of the offer', (profile) => {
  const crypto = new MediaCrypto('offered', new SeededRandom(3));
  const key = Buffer.alloc(30, 7).toString('base64');
  crypto.receiveOffer(section([`m=audio 4000 ${profile} 0`, `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${key}`]));
  expect(crypto.answer().profile).toBe(profile);
});
