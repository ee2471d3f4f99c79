import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../src/core/index.js';
import {
  acceptSdesAnswer,
  type CryptoLine,
  DEFAULT_SUITES,
  isCryptoFault,
  isSdesAnswer,
  negotiateSdes,
  offerSdes,
  parseCrypto,
  SrtpContext,
  SUITES,
  serializeCrypto,
} from '../../../src/rtp/srtp/index.js';

interface Line {
  readonly line: string;
  readonly valid: boolean;
  readonly expect: string;
  readonly masterKey?: string;
  readonly masterSalt?: string;
}
const { lines } = JSON.parse(readFileSync(new URL('../../vectors/sdes.json', import.meta.url), 'utf8')) as {
  readonly lines: readonly Line[];
};

const KEY = 'inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz';
const SUITE = 'AES_CM_128_HMAC_SHA1_80';
const random = () => new SeededRandom(4568);
const answerTo = (offer: readonly string[], policy = {}) => negotiateSdes(offer, policy, random());
const reasonsFor = (offer: readonly string[], policy = {}) =>
  answerTo(offer, policy).refused.map(({ reason }) => reason);

describe('crypto lines (RFC 4568 §9.1)', () => {
  it.each(lines)('valid $valid: $expect, $line', ({ line, valid, masterKey, masterSalt }) => {
    const parsed = parseCrypto(line);
    expect(isCryptoFault(parsed)).toBe(!valid);
    if (isCryptoFault(parsed)) return;
    if (masterKey) expect(parsed.keys[0]!.key.toString('hex')).toBe(masterKey + masterSalt);
    expect(parseCrypto(serializeCrypto(parsed))).toEqual(parsed);
  });

  it('reads tag, lifetime and MKI', () => {
    const line = parseCrypto(lines[0]!.line) as CryptoLine;
    expect(line).toMatchObject({ tag: 1, suite: SUITE, sessionParameters: [] });
    expect(line.keys[0]).toMatchObject({ lifetimePackets: 2 ** 20, mki: { value: 1n, lengthBytes: 32 } });
    expect(parseCrypto(`a=crypto:3 ${SUITE} ${KEY}|1048576`)).toMatchObject({ keys: [{ lifetimePackets: 1048576 }] });
    expect(parseCrypto(`a=crypto:3 ${SUITE} ${KEY}|1:4`)).toMatchObject({ keys: [{ mki: { lengthBytes: 4 } }] });
  });

  it('reads a key whose base64 padding was left out', () => {
    const key = Buffer.alloc(46, 3).toString('base64').replace(/=+$/, '');
    expect(parseCrypto(`1 AES_256_CM_HMAC_SHA1_80 inline:${key}`)).toMatchObject({
      keys: [{ key: Buffer.alloc(46, 3) }],
    });
  });

  it('refuses several keys that nothing tells apart', () => {
    expect(parseCrypto(`a=crypto:1 ${SUITE} ${KEY};${KEY}`)).toHaveProperty('fault');
  });

  it('stays calm over arbitrary text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (text) => {
        parseCrypto(text);
        parseCrypto(`a=crypto:1 ${SUITE} inline:${text}`);
      }),
    );
    expect(parseCrypto(`a=crypto:1 ${SUITE} ${'x'.repeat(100_000)}`)).toHaveProperty('fault');
  });
});

describe('answering an offer (RFC 4568 §5.1.2)', () => {
  it('takes the first usable line in the order of the offer and answers with its tag and suite', () => {
    const offer = [
      `a=crypto:9 NULL_HMAC_SHA1_80 ${KEY}`,
      `a=crypto:4 ${SUITE} ${KEY}|2^31`,
      `a=crypto:5 AES_CM_128_HMAC_SHA1_32 ${KEY}`,
    ];
    const answer = answerTo(offer);
    if (!isSdesAnswer(answer)) throw new Error('no line was taken');
    expect(answer.refused).toEqual([{ tag: 9, reason: 'unknown suite' }]);
    expect(answer.line).toMatch(/^a=crypto:4 AES_CM_128_HMAC_SHA1_80 inline:[A-Za-z0-9+/]{40}$/);
    expect(answer.receive).toEqual({ suite: SUITE, key: Buffer.from(KEY.slice(7), 'base64') });
    expect(answer.send.key.equals(answer.receive.key)).toBe(false);
    expect(answer.line).toContain(answer.send.key.toString('base64'));
  });

  it.each([
    ['MKI', `a=crypto:1 ${SUITE} ${KEY}|2^20|1:4`, 'MKI is not supported'],
    ['key derivation rate', `a=crypto:1 ${SUITE} ${KEY} KDR=24`, 'session parameter KDR is not supported'],
    [
      'UNENCRYPTED_SRTP',
      `a=crypto:1 ${SUITE} ${KEY} UNENCRYPTED_SRTP`,
      'session parameter UNENCRYPTED_SRTP is not supported',
    ],
    [
      'UNENCRYPTED_SRTCP',
      `a=crypto:1 ${SUITE} ${KEY} UNENCRYPTED_SRTCP`,
      'session parameter UNENCRYPTED_SRTCP is not supported',
    ],
    [
      'UNAUTHENTICATED_SRTP',
      `a=crypto:1 ${SUITE} ${KEY} UNAUTHENTICATED_SRTP`,
      'session parameter UNAUTHENTICATED_SRTP is not supported',
    ],
    ['an unknown parameter', `a=crypto:1 ${SUITE} ${KEY} UNKNOWN=1`, 'session parameter (unknown) is not supported'],
    ['F8', lines[2]!.line, 'unknown suite'],
  ])('passes over a line with %s', (_, line, reason) => {
    expect(reasonsFor([line])).toEqual([reason]);
    expect(isSdesAnswer(answerTo([line, `a=crypto:2 ${SUITE} ${KEY}`]))).toBe(true);
  });

  it('ignores optional parameters, the default FEC order and a window hint, and does not repeat them', () => {
    const answer = answerTo([`a=crypto:1 ${SUITE} ${KEY} -UNKNOWN=1 FEC_ORDER=FEC_SRTP WSH=128`]);
    if (!isSdesAnswer(answer)) throw new Error('no line was taken');
    expect(answer.line.split(' ')).toHaveLength(3);
  });

  it('holds lines to the policy: key length, tag length, list of suites', () => {
    const offer = [`a=crypto:1 ${SUITE} ${KEY}`, `a=crypto:2 AES_CM_128_HMAC_SHA1_32 ${KEY}`];
    expect(reasonsFor(offer, { minimumKeyBits: 256 })).toEqual(
      Array(2).fill('cipher key is shorter than the policy allows'),
    );
    expect(reasonsFor([offer[1]!], { allowShortTags: false })).toEqual([
      'authentication tag is shorter than the policy allows',
    ]);
    expect(reasonsFor(offer, { suites: ['AEAD_AES_128_GCM'] })).toEqual(Array(2).fill('suite is not allowed'));
  });

  it('says what was wrong with unreadable lines without repeating them', () => {
    expect(answerTo(['a=crypto:1 junk']).refused).toEqual([
      { tag: null, reason: 'not a crypto attribute: tag, suite and key parameters expected' },
    ]);
  });
});

describe('offering (RFC 4568 §5.1.1, §5.1.3)', () => {
  it('offers every allowed suite, strongest first, each under its own key', () => {
    const offer = offerSdes({}, random());
    expect(offer.map(({ send }) => send.suite)).toEqual(DEFAULT_SUITES);
    expect(offer.map(({ tag }) => tag)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(new Set(offer.map(({ send }) => send.key.toString('hex').slice(0, 20))).size).toBe(8);
    for (const { send } of offer) {
      expect(send.key.length).toBe(SUITES[send.suite].keyBytes + SUITES[send.suite].saltBytes);
    }
  });

  it('offers only what the policy allows', () => {
    const offer = offerSdes({ minimumKeyBits: 256, allowShortTags: false }, random());
    expect(offer.map(({ send }) => send.suite)).toEqual(['AEAD_AES_256_GCM', 'AES_256_CM_HMAC_SHA1_80']);
  });

  it('meets its own answer: both ends can talk', () => {
    const offer = offerSdes({}, random());
    const answer = negotiateSdes(offer.map(({ line }) => line).slice(2), {}, new SeededRandom(99));
    if (!isSdesAnswer(answer)) throw new Error('no line was taken');
    const keys = acceptSdesAnswer(offer, [answer.line]);
    if ('fault' in keys) throw new Error(keys.fault);
    const packet = Buffer.alloc(60);
    packet[0] = 0x80;
    const sealed = new SrtpContext(keys.send).seal(packet, 30);
    expect(new SrtpContext(answer.receive).open(packet, sealed)).toBe(30);
    const back = new SrtpContext(answer.send).seal(packet, 30);
    expect(new SrtpContext(keys.receive).open(packet, back)).toBe(30);
  });

  it('fails on an answer with no line, two lines, a foreign tag, another suite, our key, or MKI', () => {
    const offer = offerSdes({ suites: [SUITE] }, random());
    const fault = (...answer: string[]) => acceptSdesAnswer(offer, answer);
    const good = `a=crypto:1 ${SUITE} ${KEY}`;
    expect(fault(good)).not.toHaveProperty('fault');
    expect(fault()).toHaveProperty('fault');
    expect(fault(good, good)).toHaveProperty('fault');
    expect(fault(`a=crypto:2 ${SUITE} ${KEY}`)).toEqual({ fault: 'tag was not offered' });
    expect(fault(`a=crypto:1 AES_CM_128_HMAC_SHA1_32 ${KEY}`)).toEqual({
      fault: 'suite differs from the offered line',
    });
    expect(fault(offer[0]!.line)).toEqual({ fault: 'answer repeats our own key' });
    expect(fault(`${good}|1:4`)).toEqual({ fault: 'MKI is not supported' });
    expect(fault(`${good} UNENCRYPTED_SRTP`)).toHaveProperty('fault');
  });
});
