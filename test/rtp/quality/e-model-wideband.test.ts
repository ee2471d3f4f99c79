import { describe, expect, it } from 'vitest';
import { findCodec } from '../../../src/rtp/codec/index.js';
import { effectiveImpairment } from '../../../src/rtp/quality/e-model.js';
import { widebandRating, widebandScore } from '../../../src/rtp/quality/e-model-wideband.js';
import { estimateMos } from '../../../src/rtp/quality/index.js';

describe('wide-band E-model (G.107.1)', () => {
  // Worked by hand from the formulas of §7.4; the echoes are all that is left of a perfect connection.
  it.each([
    [0, 128.846315],
    [50, 128.255018],
    [150, 127.421331],
  ])('rates %d ms of delay and nothing else at %d', (delayMs, r) => {
    expect(widebandRating(delayMs, 0)).toBeCloseTo(r, 4);
  });

  it('weighs delay beyond 100 ms 1.29 times as the narrow-band scale does', () => {
    // X = 1 at 200 ms: 25 (2^(1/6) − 3 (1 + 3⁻⁶)^(1/6) + 2) = 3.044414.
    const atKnee = widebandRating(100, 0);
    const at200 = widebandRating(200, 0);
    expect(atKnee - at200).toBeGreaterThan(1.29 * 3.044414);
    expect(atKnee - at200).toBeLessThan(1.29 * 3.044414 + 1);
  });

  it.each([
    [-3, 1],
    [0, 1],
    [64.5, 2.575],
    [116.1, 4.339],
    [129, 4.5],
    [150, 4.5],
  ])('maps R %d to MOS %d (Annex A)', (r, mos) => {
    expect(widebandScore(r)).toBeCloseTo(mos, 6);
  });

  // MOS of each mode of AMR-WB without loss or delay, by the Ie of G.113 table IV.1.
  it.each([
    [1, 4.49],
    [8, 4.42],
    [13, 4.34],
    [26, 4.02],
    [41, 3.51],
  ])('scores an Ie of %d alone at %d', (ie, mos) => {
    expect(widebandScore(129 - ie)).toBeCloseTo(mos, 1);
    expect(Math.abs(widebandScore(129 - ie) - mos)).toBeLessThanOrEqual(0.005);
  });

  it('takes packet loss by the formula of the narrow-band scale, with 95 in it and not 129', () => {
    const both = { ie: 20, bpl: 4.3, source: '', confidence: 'tabulated' } as const;
    expect(effectiveImpairment(both, 2, 1)).toBeCloseTo(20 + (75 * 2) / 6.3, 9);
  });
});

describe('score of a wide-band stream', () => {
  const clean = { rttUs: 20_000, jitterUs: 0, expected: 500, lost: 0, meanLossRun: null };

  it.each(['G722', 'AMR-WB'])('%s is rated on its own scale and says so', (encoding) => {
    const { mos, r, inputs } = estimateMos({ ...clean, encoding })!;
    expect(inputs).toMatchObject({ ie: 13, bpl: null, confidence: 'tabulated' });
    expect(inputs.chain).toContain('G.107.1');
    expect(r).toBeGreaterThan(114);
    expect(r).toBeLessThanOrEqual(116);
    expect(mos).toBeCloseTo(4.32, 1);
  });

  it('is none of the narrow-band scale: R 115 there would be the best there is', () => {
    const wide = estimateMos({ ...clean, encoding: 'G722' })!;
    const best = estimateMos({ ...clean, encoding: 'PCMU' })!;
    expect(wide.mos).toBeLessThan(best.mos);
  });

  it('keeps narrow-band figures that are given from outside on the narrow-band scale', () => {
    const impairment = findCodec('PCMU')!.impairment!;
    expect(estimateMos({ ...clean, encoding: 'G722', impairment })!.inputs.chain).not.toContain('G.107.1');
  });
});
