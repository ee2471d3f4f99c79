/**
 * The E-model (ITU-T G.107): from delay, loss and codec to a transmission rating R and a mean opinion score.
 *
 *   R = Ro − Is − Id − Ie,eff + A            MOS = 1 + 0.035 R + R (R − 60)(100 − R) · 7·10⁻⁶
 *
 *   Ro   basic signal-to-noise ratio    §7.2      Id      talker echo, listener echo, delay   §7.4
 *   Is   what goes with the voice       §7.3      Ie,eff  codec and packet loss               §7.5
 *
 * The full chain is computed with T = Ta = one-way delay, Tr = 2 T and G.107's defaults for the rest (A = 0), rather
 * than one of its simplifications. Wide-band codecs have a scale of their own: `e-model-wideband.ts`.
 */
import type { Impairment } from '../codec/codecs.js';

/** Names the chain beside each figure it gives. */
export const E_MODEL_CHAIN = 'ITU-T G.107 full chain, T = Ta = one-way delay, Tr = 2T, other inputs at their defaults';

/** G.107 table 2: default values and permitted ranges. Loudness ratings in dB, noise in dBm0p, room noise in dB(A). */
const SLR = 8;
export const RLR = 2;
const STMR = 15;
const LSTR = 18;
const DS = 3;
export const TELR = 65;
const WEPL = 110;
const QDU = 1;
const NC = -70;
const NFOR = -64;
const PS = 35;
const PR = 35;
const ADVANTAGE = 0;
const OLR = SLR + RLR;

const power = (decibels: number): number => 10 ** (decibels / 10);
const decibels = (ratio: number): number => 10 * Math.log10(ratio);

/** No: all noise, referred to the 0 dBr point (§7.2). @param nfor noise floor at the receive side, dBmp */
export function allNoise(nfor: number): number {
  const sendRoom = PS - SLR - DS - 100 + 0.004 * (PS - OLR - DS - 14) ** 2;
  const effectiveRoom = PR + decibels(1 + power(10 - LSTR));
  const receiveRoom = RLR - 121 + effectiveRoom + 0.008 * (effectiveRoom - 35) ** 2;
  return decibels(power(NC) + power(sendRoom) + power(receiveRoom) + power(nfor + RLR));
}

const NO = allNoise(NFOR);

const RO = 15 - 1.5 * (SLR + NO);

/** Iolr: too low an overall loudness rating (§7.3.1). */
const IOLR = (() => {
  const excess = (OLR + 0.2 * (64 + NO - RLR)) / 8;
  return 20 * ((1 + excess ** 8) ** (1 / 8) - excess);
})();

/** Iq: quantizing distortion (§7.3.3). */
const IQ = (() => {
  const q = 37 - 15 * Math.log10(QDU);
  const g = 1.07 + 0.258 * q + 0.0602 * q ** 2;
  return 15 * Math.log10(1 + 10 ** ((RO - 100) / 15 + 46 / 8.4 - g / 9) + 10 ** (46 / 30 - g / 40));
})();

/** Ist: sidetone, together with early talker echo (§7.3.2). */
function sidetone(delayMs: number): number {
  const masked = -decibels(power(-STMR) + Math.exp(-delayMs / 4) * power(-TELR));
  return (
    12 * (1 + ((masked - 13) / 6) ** 8) ** (1 / 8) -
    28 * (1 + ((masked + 1) / 19.4) ** 35) ** (1 / 35) -
    13 * (1 + ((masked - 3) / 33) ** 13) ** (1 / 13) +
    29
  );
}

/** Idte: talker echo (§7.4); STMR's default lies where no sidetone masking applies. */
function talkerEcho(delayMs: number): number {
  return echoImpairment(-1.5 * (NO - RLR), 80 + 2.5 * (echoLoudness(delayMs) - 14), delayMs);
}

/** TERV: how loud the talker's echo is, dB (§7.4). */
export const echoLoudness = (delayMs: number): number =>
  TELR - 40 * Math.log10((1 + delayMs / 10) / (1 + delayMs / 150)) + 6 * Math.exp(-0.3 * delayMs ** 2);

/** Idte of Roe and Re (§7.4). */
export function echoImpairment(roe: number, re: number, delayMs: number): number {
  const half = (roe - re) / 2;
  return (half + Math.sqrt(half ** 2 + 100) - 1) * (1 - Math.exp(-delayMs));
}

/** Idle: listener echo, over the four-wire loop Tr (§7.4). */
export function listenerEcho(loopMs: number, ro: number): number {
  const half = (ro - 10.5 * (WEPL + 7) * (loopMs + 1) ** -0.25) / 2;
  return half + Math.sqrt(half ** 2 + 169);
}

/** Idd: too long a delay, even without echo (§7.4). */
export function pureDelay(delayMs: number): number {
  if (delayMs <= 100) return 0;
  const x = Math.log2(delayMs / 100);
  return 25 * ((1 + x ** 6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2);
}

/**
 * Ie,eff: codec impairment under packet loss (§7.5).
 * @param lossPercent 0–100
 * @param burstRatio 1 for random loss, above 1 for bursts
 * @returns undefined where packets were lost and the codec's robustness is unknown
 */
export function effectiveImpairment(codec: Impairment, lossPercent: number, burstRatio: number): number | undefined {
  if (lossPercent <= 0) return codec.ie;
  if (codec.bpl === undefined) return undefined;
  return codec.ie + ((95 - codec.ie) * lossPercent) / (lossPercent / burstRatio + codec.bpl);
}

/**
 * Transmission rating R of one direction.
 * @param oneWayDelayMs mouth to ear, ≥ 0
 * @param impairment Ie,eff
 * @returns R; 93.2 at best with G.107's defaults, may fall below 0
 */
export function transmissionRating(oneWayDelayMs: number, impairment: number): number {
  const simultaneous = IOLR + sidetone(oneWayDelayMs) + IQ;
  const delay = talkerEcho(oneWayDelayMs) + listenerEcho(2 * oneWayDelayMs, RO) + pureDelay(oneWayDelayMs);
  return RO - simultaneous - delay - impairment + ADVANTAGE;
}

/** MOS of a rating (Annex B), 1–4.5; the polynomial dips below 1 for R under 6.5, and is held at 1 there. */
export function meanOpinionScore(r: number): number {
  if (r <= 0) return 1;
  if (r >= 100) return 4.5;
  return Math.max(1, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6);
}

/**
 * Burst ratio BurstR (§7.5, note): mean length of observed loss runs over the mean length random loss would give,
 * which at loss probability p is 1 / (1 − p).
 * @param lossFraction p, 0–1
 * @param meanLossRun packets, ≥ 1; null when nothing was lost
 * @returns at least 1: loss spread more evenly than chance is not rated better than chance
 */
export function burstRatio(lossFraction: number, meanLossRun: number | null): number {
  if (meanLossRun === null || lossFraction <= 0) return 1;
  return Math.max(1, meanLossRun * (1 - Math.min(1, lossFraction)));
}
