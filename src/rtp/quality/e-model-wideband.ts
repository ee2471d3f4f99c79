/**
 * The wide-band E-model (ITU-T G.107.1): a scale of its own, up to 129, for codecs that carry 50 to 7000 Hz.
 *
 *   R = 129 − Id,WB − Ie,eff,WB            MOS = that of G.107 Annex B for R / 1.29 (Annex A)
 *
 *   Is,WB = 0   §7.3, not analysed          Id,WB   talker echo, listener echo, delay   §7.4
 *
 * Ratings of the two scales do not compare; scores do, as far as one person has heard both. G.107.1 leaves the noise that
 * its talker echo refers to undefined: here it is G.107's sum with G.107.1's noise floor, which is worth under 0.01 MOS.
 */
import { allNoise, echoImpairment, echoLoudness, listenerEcho, meanOpinionScore, pureDelay, RLR } from './e-model.js';

/** Names the chain beside each figure it gives. */
export const WIDEBAND_CHAIN =
  'ITU-T G.107.1 full chain, T = Ta = one-way delay, Tr = 2T, other inputs at their defaults';

/** Ro,WB (§7.2). */
const RO = 129;
const SCALE = 1.29;
/** Nfor: noise floor at the receive side, dBmp (G.107.1 table 1). */
const NFOR = -96;
const ROE = -1.5 * (allNoise(NFOR) - RLR);

/** Idte,WB: talker echo (§7.4). */
function talkerEcho(delayMs: number): number {
  const correction = delayMs < 100 ? 0.08 * delayMs + 10 : 18;
  return echoImpairment(ROE, 80 + 3 * (echoLoudness(delayMs) + correction - 14), delayMs);
}

/**
 * Transmission rating of one direction on the wide-band scale.
 * @param oneWayDelayMs mouth to ear, ≥ 0
 * @param impairment Ie,eff,WB, from `effectiveImpairment`: the formula is G.107's
 * @returns R; 128.8 at best with G.107.1's defaults, may fall below 0
 */
export function widebandRating(oneWayDelayMs: number, impairment: number): number {
  const echoes = talkerEcho(oneWayDelayMs) + listenerEcho(2 * oneWayDelayMs, RO);
  return RO - echoes - SCALE * pureDelay(oneWayDelayMs) - impairment;
}

/** MOS of a rating of the wide-band scale (Annex A), 1–4.5. */
export const widebandScore = (r: number): number => meanOpinionScore(r / SCALE);
