import { describe, expect, it } from 'vitest';
import { below, randomBytes, SeededRandom } from '../../../src/core/index.js';
import type { SrtpKeys, SrtpSuite } from '../../../src/rtp/engine.js';
import { loadNative } from '../../../src/rtp/native/index.js';
import { SrtpContext, SrtpFailure, SUITES } from '../../../src/rtp/srtp/index.js';
import { inPlace, masterKeys, packetSets } from '../srtp/vectors.js';

const native = loadNative();
const OPEN = 0;
const SEAL = 1;
const OPEN_RTCP = 2;
const SEAL_RTCP = 3;

/** A native context as a function over buffers. */
function context({ suite, key }: SrtpKeys, sealing: boolean) {
  const handle = native!.createSrtp(suite, key, sealing)!;
  return (operation: 0 | 1 | 2 | 3) => (bytes: Buffer, length: number) =>
    native!.srtp(handle, operation, bytes, length);
}

describe.skipIf(!native).each(packetSets)('$suite in the compiled path', (set) => {
  const keys = masterKeys(set);

  it('seals and opens the vectors across the sequence number wrap', () => {
    const sender = context(keys, true)(SEAL);
    const receiver = context(keys, false)(OPEN);
    for (const { rtp, srtp } of set.rollover) {
      expect(inPlace(rtp, sender)).toBe(srtp);
      expect(inPlace(srtp, receiver)).toBe(rtp);
    }
    for (const { rtp, srtp } of set.more) {
      expect(inPlace(rtp, context(keys, true)(SEAL))).toBe(srtp);
      expect(inPlace(srtp, context(keys, false)(OPEN))).toBe(rtp);
    }
  });

  it('seals and opens the SRTCP vectors', () => {
    const sender = context(keys, true)(SEAL_RTCP);
    for (const { rtcp, srtcp } of set.srtcp.slice(0, 2)) expect(inPlace(rtcp, sender)).toBe(srtcp);
    for (const { rtcp, srtcp } of set.srtcp) expect(inPlace(srtcp, context(keys, false)(OPEN_RTCP))).toBe(rtcp);
  });

  it('refuses what was tampered with, and keeps no state of it', () => {
    const receiver = context(keys, false)(OPEN);
    for (const { srtp, note } of set.tampered.cases) expect(inPlace(srtp, receiver), note).toBeLessThan(0);
    expect(inPlace(set.tampered.base, receiver)).toMatch(/^80000066/);
    expect(inPlace(set.tampered.base, receiver)).toBe(SrtpFailure.replay);
  });
});

describe.skipIf(!native)('SRTP in both paths', () => {
  it.each(Object.keys(SUITES) as SrtpSuite[])('%s: results agree over random packets, good and bad', (suite) => {
    const random = new SeededRandom(7714);
    const keys = { suite, key: randomBytes(random, SUITES[suite].keyBytes + SUITES[suite].saltBytes) };
    const typescript = { sender: new SrtpContext(keys), receiver: new SrtpContext(keys) };
    const sealing = context(keys, true);
    const opening = context(keys, false);
    for (let at = 0; at < 3000; at++) {
      const rtcp = at % 9 === 0;
      const length = 12 + 4 * below(random, 40);
      const plain = randomBytes(random, length + 20);
      plain[0] = 0x80;
      plain.writeUInt32BE(1 + (at % 70), rtcp ? 4 : 8);
      plain.writeUInt16BE((at * 400 + below(random, 80)) & 0xffff, 2);
      const copy = Buffer.from(plain);
      const sealed = rtcp ? typescript.sender.sealRtcp(plain, length) : typescript.sender.seal(plain, length);
      expect(sealing(rtcp ? SEAL_RTCP : SEAL)(copy, length)).toBe(sealed);
      if (sealed < 0) continue;
      expect(copy.equals(plain)).toBe(true);
      if (at % 5 === 0) plain[below(random, sealed)]! ^= 1;
      plain.copy(copy);
      const opened = rtcp ? typescript.receiver.openRtcp(plain, sealed) : typescript.receiver.open(plain, sealed);
      expect(opening(rtcp ? OPEN_RTCP : OPEN)(copy, sealed)).toBe(opened);
      if (opened > 0) expect(copy.subarray(0, opened).equals(plain.subarray(0, opened))).toBe(true);
    }
  });

  it('refuses a key that does not fit its suite', () => {
    expect(native!.createSrtp('AEAD_AES_256_GCM', Buffer.alloc(30), true)).toBeUndefined();
    expect(native!.createSrtp('NULL_HMAC_SHA1_80', Buffer.alloc(30), true)).toBeUndefined();
  });
});
