import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findCodec, G711_WITHOUT_CONCEALMENT } from '../../../src/rtp/codec/index.js';
import {
  burstRatio,
  effectiveImpairment,
  meanOpinionScore,
  transmissionRating,
} from '../../../src/rtp/quality/e-model.js';
import { estimateMos, type MosInput } from '../../../src/rtp/quality/e-model-estimate.js';

interface Vector {
  readonly codec: string;
  readonly Ie: number;
  readonly Bpl: number;
  readonly oneWayDelayMs: number;
  readonly lossPct: number;
  readonly burstR: number;
  readonly full: { readonly R: number; readonly mos: number };
}
const facts = JSON.parse(readFileSync(new URL('../../vectors/emodel.json', import.meta.url), 'utf8')) as {
  readonly defaults: { readonly R: number; readonly mos: number };
  readonly codecs: Readonly<Record<string, { readonly Ie?: number; readonly Bpl: number | null }>>;
  readonly rToMos: readonly { readonly R: number; readonly mos: number }[];
  readonly vectors: readonly Vector[];
};

const clean: MosInput = { encoding: 'PCMU', rttUs: 20_000, jitterUs: 0, expected: 500, lost: 0, meanLossRun: null };

describe('E-model, full chain (G.107)', () => {
  it('gives R 93.2 with every input at its default', () => {
    expect(transmissionRating(0, 0)).toBeCloseTo(facts.defaults.R, 2);
    expect(meanOpinionScore(transmissionRating(0, 0))).toBeCloseTo(facts.defaults.mos, 3);
  });

  it.each(facts.rToMos)('maps R $R to MOS $mos (Annex B)', ({ R, mos }) => {
    expect(Math.abs(meanOpinionScore(R) - mos)).toBeLessThanOrEqual(0.001);
  });

  it.each(facts.vectors)('$codec at $oneWayDelayMs ms, $lossPct % lost, BurstR $burstR', (vector) => {
    const codec = { ie: vector.Ie, bpl: vector.Bpl, source: '', confidence: 'tabulated' } as const;
    const r = transmissionRating(vector.oneWayDelayMs, effectiveImpairment(codec, vector.lossPct, vector.burstR)!);
    expect(Math.abs(r - vector.full.R)).toBeLessThanOrEqual(0.01);
    expect(Math.abs(meanOpinionScore(r) - vector.full.mos)).toBeLessThanOrEqual(0.01);
  });
});

describe('burst ratio (G.107 §7.5)', () => {
  it('is 1 when the mean run is what random loss gives', () => {
    expect(burstRatio(0.1, 1 / 0.9)).toBeCloseTo(1, 12);
  });
  it('grows with the mean run', () => {
    expect(burstRatio(0.05, 4)).toBeCloseTo(3.8, 12);
  });
  it('never falls below 1, and is 1 without loss', () => {
    expect(burstRatio(0.5, 1)).toBe(1);
    expect(burstRatio(0, null)).toBe(1);
  });
});

describe('score of a measured stream', () => {
  it('takes half the round trip, the codec frame and the de-jitter buffer as one-way delay', () => {
    const { inputs } = estimateMos({ ...clean, rttUs: 100_000, jitterUs: 15_000 })!;
    expect(inputs).toMatchObject({ rttMs: 100, codecDelayMs: 20, dejitterMs: 30, oneWayDelayMs: 100 });
  });

  it('assumes one packet of de-jitter at least and 200 ms at most', () => {
    expect(estimateMos({ ...clean, ptimeMs: 30 })!.inputs.dejitterMs).toBe(30);
    expect(estimateMos({ ...clean, jitterUs: 900_000 })!.inputs.dejitterMs).toBe(200);
  });

  it('is bounded to 1.0 and 4.4', () => {
    expect(estimateMos({ ...clean, rttUs: 0, dejitterMs: 0, ptimeMs: 1 })!.mos).toBeLessThanOrEqual(4.4);
    expect(estimateMos({ ...clean, rttUs: 4_000_000, lost: 400, meanLossRun: 20 })!.mos).toBe(1);
  });

  it('rates lost packets lower, bursts lower still, and lower without concealment', () => {
    const spread = estimateMos({ ...clean, lost: 25, meanLossRun: 1.05 })!.mos;
    const bursty = estimateMos({ ...clean, lost: 25, meanLossRun: 5 })!.mos;
    const bare = estimateMos({ ...clean, lost: 25, meanLossRun: 1.05, impairment: G711_WITHOUT_CONCEALMENT })!.mos;
    expect(spread).toBeLessThan(estimateMos(clean)!.mos);
    expect(bursty).toBeLessThan(spread);
    expect(bare).toBeLessThan(spread - 1);
  });

  it('counts an unknown round trip as none and says so', () => {
    expect(estimateMos({ ...clean, rttUs: null })!.inputs).toMatchObject({ rttMs: null, oneWayDelayMs: 40 });
  });

  it.each([
    ['an unknown codec', { ...clean, encoding: 'X-SECRET' }],
    ['a wide-band codec that no table rates', { ...clean, encoding: 'OPUS' }],
    ['loss where the wide-band codec has no Bpl', { ...clean, encoding: 'G722', lost: 1, meanLossRun: 1 }],
    ['an event stream', { ...clean, encoding: 'telephone-event' }],
    ['nothing expected', { ...clean, expected: 0 }],
    ['loss where the codec has no Bpl', { ...clean, encoding: 'GSM', lost: 1, meanLossRun: 1 }],
  ])('is absent for %s', (_, input) => {
    expect(estimateMos(input)).toBeUndefined();
  });

  it('is given for a codec without Bpl while nothing is lost', () => {
    expect(estimateMos({ ...clean, encoding: 'GSM' })!.mos).toBeCloseTo(3.66, 1);
  });

  it.each([
    ['PCMU', 'G.711 with PLC (G.711 App. I)'],
    ['G729', 'G.729A + VAD'],
    ['G723', 'G.723.1 6.3 + VAD'],
    ['AMR', 'GSM-EFR / AMR 12.2'],
    ['GSM', 'GSM-FR'],
    ['GSM-HR-08', 'GSM-HR'],
    ['G726-32', 'G.726 32k'],
    ['G726-16', 'G.726 16k'],
    ['G728', 'G.728 16k'],
    ['ILBC', 'iLBC 15.2k'],
  ])('%s has the tabulated figures of %s', (encoding, row) => {
    const { ie, bpl } = findCodec(encoding)!.impairment!;
    expect({ Ie: ie, Bpl: bpl ?? null }).toEqual({ Ie: facts.codecs[row]!.Ie, Bpl: facts.codecs[row]!.Bpl });
  });
});
