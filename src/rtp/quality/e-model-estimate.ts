/**
 * A score for what was measured of one received stream: assembles the E-model's inputs and keeps them beside the score.
 *
 *   one-way delay = RTT / 2  +  codec frame and look-ahead  +  assumed de-jitter buffer
 */
import { type Codec, carriesSpeech, findCodec, type Impairment } from '../codec/index.js';
import { burstRatio, E_MODEL_CHAIN, effectiveImpairment, meanOpinionScore, transmissionRating } from './e-model.js';
import { WIDEBAND_CHAIN, widebandRating, widebandScore } from './e-model-wideband.js';

/** Bounds of the score as shown. */
export const MOS_MIN = 1.0;
export const MOS_MAX = 4.4;

const DEJITTER_MAX_MS = 200;

export interface MosInput {
  /** Encoding name as in rtpmap, any case. */
  readonly encoding: string;
  /** RTP clock of the format; absent: the encoding's usual one. */
  readonly clockRateHz?: number;
  /** Packet time, ms; default: the codec's frame, at least 20 for codecs with shorter frames. */
  readonly ptimeMs?: number;
  /** Round trip, microseconds; null where unknown, and then the path's own delay counts as 0. */
  readonly rttUs: number | null;
  /** Mean interarrival jitter, microseconds; null where unknown. */
  readonly jitterUs: number | null;
  /** Packets expected and lost in the interval. */
  readonly expected: number;
  readonly lost: number;
  /** Mean length of loss runs in packets; null when nothing was lost. */
  readonly meanLossRun: number | null;
  /** What the receiver's buffer holds, ms, where known; default: twice the jitter, one packet at least, 200 ms at most. */
  readonly dejitterMs?: number;
  /** Overrides the codec's own figures, such as `G711_WITHOUT_CONCEALMENT`. */
  readonly impairment?: Impairment;
}

/** Everything the score was computed from. */
export interface MosInputs {
  readonly chain: string;
  readonly encoding: string;
  readonly ie: number;
  readonly bpl: number | null;
  readonly source: string;
  readonly confidence: Impairment['confidence'];
  readonly rttMs: number | null;
  readonly codecDelayMs: number;
  readonly dejitterMs: number;
  readonly oneWayDelayMs: number;
  readonly lossPercent: number;
  readonly burstRatio: number;
}

export interface MosEstimate {
  /** 1.0–4.4. */
  readonly mos: number;
  /** On the scale of the chain that `inputs` name. */
  readonly r: number;
  readonly inputs: MosInputs;
}

const NARROWBAND = { chain: E_MODEL_CHAIN, rate: transmissionRating, score: meanOpinionScore };
const WIDEBAND = { chain: WIDEBAND_CHAIN, rate: widebandRating, score: widebandScore };

/**
 * Estimates the listening quality of one received stream over an interval.
 * @returns undefined where it would have to be invented: unknown codec, no figures for it, loss with unknown
 * robustness, or nothing expected in the interval
 */
export function estimateMos(input: MosInput): MosEstimate | undefined {
  const codec = findCodec(input.encoding, input.clockRateHz);
  const wideband = input.impairment === undefined ? codec?.wideband : undefined;
  const impairment = input.impairment ?? codec?.impairment ?? wideband;
  if (!codec || !impairment || !carriesSpeech(input.encoding) || !(input.expected > 0)) return undefined;
  const lossFraction = Math.min(1, Math.max(0, input.lost / input.expected));
  const bursts = burstRatio(lossFraction, input.meanLossRun);
  const effective = effectiveImpairment(impairment, lossFraction * 100, bursts);
  if (effective === undefined) return undefined;
  const delay = delayParts(codec, input);
  const { chain, rate, score } = wideband ? WIDEBAND : NARROWBAND;
  const r = rate(delay.oneWayDelayMs, effective);
  return {
    mos: Math.min(MOS_MAX, Math.max(MOS_MIN, score(r))),
    r,
    inputs: {
      chain,
      encoding: codec.encoding,
      ie: impairment.ie,
      bpl: impairment.bpl ?? null,
      source: impairment.source,
      confidence: impairment.confidence,
      ...delay,
      lossPercent: lossFraction * 100,
      burstRatio: bursts,
    },
  };
}

function delayParts(codec: Codec, input: MosInput) {
  const ptimeMs = input.ptimeMs ?? Math.max(20, codec.frameMs);
  const codecDelayMs = Math.max(ptimeMs, codec.frameMs) + codec.lookAheadMs;
  const jitterMs = (input.jitterUs ?? 0) / 1000;
  const dejitterMs = input.dejitterMs ?? Math.min(DEJITTER_MAX_MS, Math.max(ptimeMs, 2 * jitterMs));
  const rttMs = input.rttUs === null ? null : input.rttUs / 1000;
  return { rttMs, codecDelayMs, dejitterMs, oneWayDelayMs: (rttMs ?? 0) / 2 + codecDelayMs + dejitterMs };
}
