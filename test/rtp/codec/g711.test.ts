import { describe, expect, it } from 'vitest';
import { decodeALaw, decodeMuLaw, encodeALaw, encodeMuLaw } from '../../../src/rtp/codec/index.js';

const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte);
const everySample = Int16Array.from({ length: 65536 }, (_, bits) => (bits << 16) >> 16);

describe('G.711', () => {
  it('decodes the corner levels of the tables', () => {
    expect([...decodeMuLaw(Uint8Array.of(0xff, 0x7f, 0x80, 0x00, 0xfe))]).toEqual([0, 0, 32124, -32124, 8]);
    expect([...decodeALaw(Uint8Array.of(0xd5, 0x55, 0xaa, 0x2a, 0xd4))]).toEqual([8, -8, 32256, -32256, 24]);
  });

  it('encodes silence and full scale', () => {
    expect([...encodeMuLaw(Int16Array.of(0, 32767, -32768))]).toEqual([0xff, 0x80, 0x00]);
    expect([...encodeALaw(Int16Array.of(0, 32767, -32768, -1))]).toEqual([0xd5, 0xaa, 0x2a, 0x55]);
  });

  it('gives every byte back, the negative zero of µ-law aside', () => {
    const expected = everyByte.slice();
    expected[0x7f] = 0xff;
    expect(encodeMuLaw(decodeMuLaw(everyByte))).toEqual(expected);
    expect(encodeALaw(decodeALaw(everyByte))).toEqual(everyByte);
  });

  it.each([
    // Segments double from 132 (µ-law, with its bias) and 256 (A-law); a segment has 16 steps.
    ['µ-law', encodeMuLaw, decodeMuLaw, (magnitude: number) => 2 ** (Math.floor(Math.log2(magnitude + 132)) - 5), 644],
    [
      'A-law',
      encodeALaw,
      decodeALaw,
      (magnitude: number) => 2 ** Math.max(3, Math.floor(Math.log2(magnitude)) - 5),
      513,
    ],
  ] as const)('%s errs by half a step at most, over every sample', (_, encode, decode, halfStep, clipped) => {
    const decoded = decode(encode(everySample));
    let worst = 0;
    for (let at = 0; at < everySample.length; at++) {
      const sample = everySample[at]!;
      const error = Math.abs(decoded[at]! - sample);
      worst = Math.max(worst, error / (Math.abs(sample) > 32635 ? clipped : halfStep(Math.abs(sample) | 1)));
    }
    expect(worst).toBeLessThanOrEqual(1);
    expect(worst).toBeGreaterThan(0.9);
  });
});
