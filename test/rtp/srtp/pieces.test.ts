import { createCipheriv, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { randomBytes, SeededRandom } from '../../../src/core/index.js';
import { CounterMode } from '../../../src/rtp/srtp/counter-mode.js';
import { HmacSha1 } from '../../../src/rtp/srtp/hmac-sha1.js';
import { derive, deriveSessionKeys } from '../../../src/rtp/srtp/key-derivation.js';
import { PacketMemory } from '../../../src/rtp/srtp/packet-memory.js';
import { estimateIndex, ReplayWindow } from '../../../src/rtp/srtp/replay-window.js';
import { SUITES } from '../../../src/rtp/srtp/suites.js';
import { CounterModeTransform, GcmTransform } from '../../../src/rtp/srtp/transform.js';
import { hex, inPlace, masterKeys, packetSets, vectors } from './vectors.js';

const { published, replay, tagLengths } = vectors;

describe('AES counter mode (RFC 3711 B.2, RFC 6188 §7)', () => {
  it.each(['aesCm128Keystream', 'aes256Keystream', 'aes192Keystream'])('%s', (name) => {
    const { sessionKey, sessionSalt, blocks } = published[name];
    const cipher = new CounterMode(hex(sessionKey), hex(sessionSalt));
    const bytes = new Uint8Array(65536 * 16);
    cipher.apply(new PacketMemory(bytes).view, 0, bytes.length, 0, 0, 0);
    for (const { counter, keystream } of blocks) {
      expect(Buffer.from(bytes.subarray(16 * counter, 16 * counter + 16)).toString('hex')).toBe(keystream);
    }
  });

  it('has the same keystream in whatever order, size and source packets come', () => {
    const [key, salt] = [Buffer.alloc(16, 7), Buffer.alloc(14, 9)];
    const cipher = new CounterMode(key, salt);
    const random = new SeededRandom(11);
    let low = 65_500;
    let high = 3;
    for (let packet = 0; packet < 3000; packet++) {
      // Mostly the next one; some late, some after a gap, across wraps.
      const step = random.uint32() % 8 === 0 ? (random.uint32() % 24) - 8 : 1;
      low += step;
      if (low > 0xffff) high++;
      low &= 0xffff;
      const ssrc = random.uint32() % 16 === 0 ? 5 : 0xfedcba98;
      const bytes = Buffer.alloc(random.uint32() % 64 === 0 ? 1700 : random.uint32() % 250, packet);
      const iv = Buffer.concat([salt, Buffer.alloc(2)]);
      for (const [at, word] of [
        [4, ssrc],
        [8, high],
      ] as const) {
        iv.writeUInt32BE((iv.readUInt32BE(at) ^ word) >>> 0, at);
      }
      iv.writeUInt16BE(iv.readUInt16BE(12) ^ low, 12);
      const wanted = createCipheriv('aes-128-ctr', key, iv).update(bytes);
      cipher.apply(new PacketMemory(bytes).view, 0, bytes.length, ssrc, high, low);
      expect(bytes.equals(wanted)).toBe(true);
    }
  });
});

describe('key derivation (RFC 3711 B.3, RFC 6188 §7)', () => {
  it.each(['kdfAesCm128', 'kdfAesCm256', 'kdfAesCm192'])('%s', (name) => {
    const { masterKey, masterSalt, cipherKey, salt, authKey20, authKey94 } = published[name];
    const prf = (label: number, count: number) => derive(hex(masterKey), hex(masterSalt), label, count).toString('hex');
    expect(prf(0, cipherKey.length / 2)).toBe(cipherKey);
    expect(prf(1, 20)).toBe(authKey20);
    expect(prf(2, 14)).toBe(salt);
    if (authKey94) expect(prf(1, 94)).toBe(authKey94);
  });

  it.each(packetSets)('$suite', (set) => {
    const { rtp, rtcp } = deriveSessionKeys(masterKeys(set));
    const expected = set.sessionKeys;
    expect(rtp.cipherKey.toString('hex')).toBe(expected.srtpCipherKey);
    expect(rtp.salt.toString('hex')).toBe(expected.srtpSalt);
    expect(rtcp.cipherKey.toString('hex')).toBe(expected.srtcpCipherKey);
    expect(rtcp.salt.toString('hex')).toBe(expected.srtcpSalt);
    if (SUITES[set.suite].aead) return;
    expect(rtp.authKey.toString('hex')).toBe(expected.srtpAuthKey);
    expect(rtcp.authKey.toString('hex')).toBe(expected.srtcpAuthKey);
  });

  it('refuses a key that does not fit its suite', () => {
    expect(() => deriveSessionKeys({ suite: 'AES_CM_128_HMAC_SHA1_80', key: Buffer.alloc(46) })).toThrow(/length/);
  });
});

describe('GCM (RFC 7714 §16, §17)', () => {
  it.each(['aes128', 'aes256'])('RTP, %s', (size) => {
    const { sessionSalt, roc, rtp, [size]: expected } = published.gcmRtp;
    const transform = gcm(expected.sessionKey, sessionSalt);
    const seq = Number.parseInt(rtp.slice(4, 8), 16);
    const ssrc = Number.parseInt(rtp.slice(16, 24), 16);
    const sealed = inPlace(rtp, (b, n) => {
      transform.sealRtp(new PacketMemory(b), 12, n, ssrc, roc, seq);
      return n + 16;
    });
    expect(sealed).toBe(expected.srtp);
    const opened = inPlace(expected.srtp, (b, n) =>
      transform.openRtp(new PacketMemory(b), 12, n - 16, ssrc, roc, seq) ? n - 16 : -1,
    );
    expect(opened).toBe(rtp);
  });

  it.each(['aes128', 'aes256'])('RTCP, %s', (size) => {
    const { sessionSalt, srtcpIndex, rtcp, [size]: expected } = published.gcmRtcp;
    const transform = gcm(expected.sessionKey, sessionSalt);
    const ssrc = Number.parseInt(rtcp.slice(8, 16), 16);
    const sealed = inPlace(rtcp, (b, n) => {
      transform.sealRtcp(new PacketMemory(b), n, ssrc, (0x80000000 | srtcpIndex) >>> 0);
      return n + 20;
    });
    expect(sealed).toBe(expected.srtcp);
  });
});

const gcm = (sessionKey: string, sessionSalt: string) =>
  new GcmTransform({ cipherKey: hex(sessionKey), salt: hex(sessionSalt), authKey: Buffer.alloc(20) });

describe.each(packetSets)('SRTCP of $suite at given indices', (set) => {
  it.each(set.srtcp)('index $index, encrypted $encrypted', ({ index, encrypted, rtcp, srtcp }) => {
    const keys = deriveSessionKeys(masterKeys(set)).rtcp;
    const { aead, rtcpTagBytes } = SUITES[set.suite];
    const transform = aead ? new GcmTransform(keys) : new CounterModeTransform(keys, rtcpTagBytes);
    const ssrc = Number.parseInt(rtcp.slice(8, 16), 16);
    const word = ((encrypted ? 0x80000000 : 0) | index) >>> 0;
    const sealed = inPlace(rtcp, (b, n) => {
      transform.sealRtcp(new PacketMemory(b), n, ssrc, word);
      return n + rtcpTagBytes + 4;
    });
    expect(sealed).toBe(srtcp);
  });
});

it('has the tag lengths of the RFCs', () => {
  for (const [suite, { rtpTagBytes, rtcpTagBytes }] of Object.entries(SUITES)) {
    const expected = tagLengths[suite] ?? tagLengths.AES_256_CM_HMAC_SHA1_32;
    expect({ srtp: rtpTagBytes, srtcp: rtcpTagBytes }, suite).toEqual(expected);
  }
});

describe('HMAC-SHA1', () => {
  it('agrees with the crypto module for every length across three blocks, with and without the trailing word', () => {
    const random = new SeededRandom(2104);
    for (let length = 0; length < 200; length++) {
      const key = randomBytes(random, 20);
      const message = randomBytes(random, length);
      const word = random.uint32();
      const trailer = Buffer.alloc(4);
      trailer.writeUInt32BE(word);
      const hmac = new HmacSha1(key);
      const output = new Uint8Array(20);
      const [{ view }, { view: out }] = [new PacketMemory(message), new PacketMemory(output)];
      hmac.digest(view, length, out);
      expect(Buffer.from(output)).toEqual(createHmac('sha1', key).update(message).digest());
      hmac.digestWithWord(view, length, word, out);
      expect(Buffer.from(output)).toEqual(createHmac('sha1', key).update(message).update(trailer).digest());
    }
  });
});

describe('replay window (RFC 3711 §3.3.2)', () => {
  it.each(replay.cases as { note: string; indices: number[]; accept: boolean[] }[])('$note', ({ indices, accept }) => {
    const window = new ReplayWindow();
    const verdicts = indices.map((index) => {
      const fresh = window.check(index);
      if (fresh) window.commit(index);
      return fresh;
    });
    expect(verdicts).toEqual(accept);
  });

  it('agrees with a set of all indices over a long random walk', () => {
    const random = new SeededRandom(64);
    const window = new ReplayWindow();
    const seen = new Set<number>();
    let highest = -1;
    for (let round = 0; round < 20000; round++) {
      const step = (random.uint32() % 180) - 90;
      const index = Math.max(0, highest + (round % 97 === 0 ? step * 40 : step));
      const fresh = index > highest || (highest - index < 64 && !seen.has(index));
      expect(window.check(index)).toBe(fresh);
      if (fresh) {
        window.commit(index);
        seen.add(index);
        highest = Math.max(highest, index);
      }
    }
  });
});

describe('index estimate (RFC 3711 appendix A)', () => {
  it.each([
    [-1, 5, 5],
    [65535, 0, 65536],
    [65536, 65535, 65535],
    [65536 * 7 + 100, 99, 65536 * 7 + 99],
    [65536 * 7 + 100, 65000, 65536 * 6 + 65000],
    [65536 * 7 + 40000, 100, 65536 * 8 + 100],
    [65536 * 7 + 32768, 0, 65536 * 7],
    [10, 65000, 65000 - 65536],
    [2 ** 47, 1, 2 ** 47 + 1],
  ])('highest %i, sequence number %i → %i', (highest, seq, index) => {
    expect(estimateIndex(highest, seq)).toBe(index);
  });
});
