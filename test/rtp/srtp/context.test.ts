import { describe, expect, it } from 'vitest';
import { below, randomBytes, SeededRandom } from '../../../src/core/index.js';
import type { SrtpSuite } from '../../../src/rtp/engine.js';
import { MAX_SOURCES, SrtpContext, SrtpFailure, SUITES } from '../../../src/rtp/srtp/index.js';
import { hex, inPlace, masterKeys, packetSets } from './vectors.js';

const SUITE_NAMES = Object.keys(SUITES) as SrtpSuite[];

const keysFor = (suite: SrtpSuite, fill = 7) => ({
  suite,
  key: Buffer.alloc(SUITES[suite].keyBytes + SUITES[suite].saltBytes, fill),
});

/** A 172-byte voice packet in a buffer with room for the tag. */
function voice(seq: number, ssrc = 0x11223344): Buffer {
  const packet = Buffer.alloc(204, 0xd5);
  packet.writeUInt16BE(0x8000, 0);
  packet.writeUInt16BE(seq & 0xffff, 2);
  packet.writeUInt32BE((seq * 160) >>> 0, 4);
  packet.writeUInt32BE(ssrc, 8);
  return packet;
}
const VOICE_BYTES = 172;

describe.each(packetSets)('$suite, computed vectors', (set) => {
  it('seals across the sequence number wrap', () => {
    const context = new SrtpContext(masterKeys(set));
    for (const { rtp, srtp } of set.rollover) expect(inPlace(rtp, (b, n) => context.seal(b, n))).toBe(srtp);
    expect(context.rolloverCounter(0xcafebabe)).toBe(1);
  });

  it('opens across the sequence number wrap', () => {
    const context = new SrtpContext(masterKeys(set));
    for (const { rtp, srtp } of set.rollover) expect(inPlace(srtp, (b, n) => context.open(b, n))).toBe(rtp);
    expect(context.rolloverCounter(0xcafebabe)).toBe(1);
  });

  it.each(set.more)('seals and opens: $note', ({ rtp, srtp }) => {
    expect(inPlace(rtp, (b, n) => new SrtpContext(masterKeys(set)).seal(b, n))).toBe(srtp);
    expect(inPlace(srtp, (b, n) => new SrtpContext(masterKeys(set)).open(b, n))).toBe(rtp);
  });

  it('refuses what was tampered with, leaves it as it was and keeps no state', () => {
    const context = new SrtpContext(masterKeys(set));
    for (const { srtp, note } of set.tampered.cases) {
      const packet = hex(srtp);
      expect(context.open(packet, packet.length), note).toBeLessThan(0);
      expect(packet.toString('hex'), note).toBe(srtp);
    }
    expect(context.sources).toBe(0);
    expect(inPlace(set.tampered.base, (b, n) => context.open(b, n))).toMatch(/^80000066decafbadcafebabe/);
  });

  it('opens SRTCP by its explicit index, encrypted or not', () => {
    for (const { rtcp, srtcp } of set.srtcp) {
      expect(inPlace(srtcp, (b, n) => new SrtpContext(masterKeys(set)).openRtcp(b, n))).toBe(rtcp);
    }
  });

  it('seals SRTCP with an index that counts up from 0', () => {
    const context = new SrtpContext(masterKeys(set));
    for (const { rtcp, srtcp } of set.srtcp.slice(0, 2)) {
      expect(inPlace(rtcp, (b, n) => context.sealRtcp(b, n))).toBe(srtcp);
    }
  });
});

describe.each(SUITE_NAMES)('%s', (suite) => {
  it('opens what it sealed, for every payload length up to an MTU', () => {
    const random = new SeededRandom(3711);
    const sender = new SrtpContext(keysFor(suite));
    const receiver = new SrtpContext(keysFor(suite));
    for (let payload = 0; payload < 1400; payload += payload < 64 ? 1 : 37) {
      const packet = Buffer.concat([voice(payload).subarray(0, 12), randomBytes(random, payload), Buffer.alloc(16)]);
      const plain = Buffer.from(packet.subarray(0, 12 + payload));
      const sealed = sender.seal(packet, 12 + payload);
      expect(sealed).toBe(12 + payload + SUITES[suite].rtpTagBytes);
      if (payload > 8) expect(packet.subarray(12, 12 + payload).equals(plain.subarray(12))).toBe(false);
      expect(receiver.open(packet, sealed)).toBe(12 + payload);
      expect(packet.subarray(0, 12 + payload).equals(plain)).toBe(true);
    }
  });

  it('opens under loss and reordering across five wraps', () => {
    const random = new SeededRandom(5);
    const sender = new SrtpContext(keysFor(suite));
    const receiver = new SrtpContext(keysFor(suite));
    const waiting: Buffer[] = [];
    let opened = 0;
    let sent = 0;
    for (let index = 60000; index < 5 * 65536; index += 1 + below(random, 2000)) {
      for (let burst = 0; burst < 5; burst++) {
        const packet = voice(index + burst);
        expect(sender.seal(packet, VOICE_BYTES)).toBeGreaterThan(0);
        waiting.splice(below(random, waiting.length + 1), 0, packet);
        sent++;
      }
      index += 4;
      while (waiting.length > 5) {
        const length = VOICE_BYTES + SUITES[suite].rtpTagBytes;
        const result = receiver.open(waiting.shift()!, length);
        if (result > 0) opened++;
        else expect(result).toBe(SrtpFailure.replay);
      }
    }
    expect(opened).toBeGreaterThan(sent / 2);
    expect(receiver.rolloverCounter(0x11223344)).toBe(sender.rolloverCounter(0x11223344));
  });

  it('refuses a repeated packet and a repeated report', () => {
    const sender = new SrtpContext(keysFor(suite));
    const receiver = new SrtpContext(keysFor(suite));
    const packet = voice(1);
    const sealed = sender.seal(packet, VOICE_BYTES);
    const copy = Buffer.from(packet);
    expect(receiver.open(packet, sealed)).toBe(VOICE_BYTES);
    expect(receiver.open(copy, sealed)).toBe(SrtpFailure.replay);
    const report = Buffer.alloc(60);
    report.set([0x80, 201, 0, 1, 0, 0, 0, 9]);
    const length = sender.sealRtcp(report, 8);
    const again = Buffer.from(report);
    expect(receiver.openRtcp(report, length)).toBe(8);
    expect(receiver.openRtcp(again, length)).toBe(SrtpFailure.replay);
  });

  it('never seals two packets under one index', () => {
    const sender = new SrtpContext(keysFor(suite));
    expect(sender.seal(voice(9), VOICE_BYTES)).toBeGreaterThan(0);
    const second = voice(9);
    expect(sender.seal(second, VOICE_BYTES)).toBe(SrtpFailure.replay);
    expect(second.equals(voice(9))).toBe(true);
  });

  it('refuses random bytes, short packets and other keys without keeping state', () => {
    const random = new SeededRandom(77);
    const receiver = new SrtpContext(keysFor(suite));
    for (let round = 0; round < 500; round++) {
      const noise = randomBytes(random, below(random, 120));
      if (round % 2 && noise.length > 0) noise[0] = 0x80 | (noise[0]! & 0x3f);
      expect(receiver.open(noise, noise.length)).toBeLessThan(0);
      expect(receiver.openRtcp(noise, noise.length)).toBeLessThan(0);
    }
    const foreign = voice(1);
    const length = new SrtpContext(keysFor(suite, 8)).seal(foreign, VOICE_BYTES);
    expect(receiver.open(foreign, length)).toBe(SrtpFailure.authentication);
    expect(receiver.sources).toBe(0);
  });

  it('keeps a bounded number of sources and goes on serving those it knows', () => {
    const sender = new SrtpContext(keysFor(suite));
    for (let ssrc = 1; ssrc <= MAX_SOURCES; ssrc++) sender.seal(voice(1, ssrc), VOICE_BYTES);
    expect(sender.seal(voice(1, 9999), VOICE_BYTES)).toBe(SrtpFailure.sources);
    expect(sender.seal(voice(2, 1), VOICE_BYTES)).toBeGreaterThan(0);
    expect(sender.sources).toBe(MAX_SOURCES);
  });

  it('says when the buffer has no room for the tag', () => {
    const sender = new SrtpContext(keysFor(suite));
    const tight = voice(1).subarray(0, VOICE_BYTES);
    expect(sender.seal(tight, VOICE_BYTES)).toBe(SrtpFailure.room);
    expect(sender.sealRtcp(Buffer.from([0x80, 201, 0, 1, 0, 0, 0, 9]), 8)).toBe(SrtpFailure.room);
  });
});

it('refuses a key of the wrong length', () => {
  expect(() => new SrtpContext({ suite: 'AEAD_AES_256_GCM', key: Buffer.alloc(30) })).toThrow(/wrong length/);
});
