import { below, type Random, SeededRandom, unit } from '../core/index.js';

/**
 * Speech-like sound for demonstration calls and tests: syllables of a buzzing voice through three formant filters,
 * hissing onsets, and the pauses between words and sentences. Nobody's voice, and the same for the same seed.
 *
 *   pulse train (pitch glides) ─► F1 ─► F2 ─► F3 ─► envelope        [hiss] vowel   [hiss] vowel … pause
 */

export const SPEECH_RATE_HZ = 8000;

/** Formant frequencies of five vowels, Hz. */
const VOWELS: readonly (readonly [number, number, number])[] = [
  [730, 1090, 2440],
  [530, 1840, 2480],
  [270, 2290, 3010],
  [570, 840, 2410],
  [300, 870, 2240],
];
const BANDWIDTHS_HZ = [80, 100, 140] as const;
const PEAK = 14_000;

/** `seconds` of speech-like samples at 8 kHz, signed 16 bit, peaking at about −7 dBFS. */
export function speechLike(seed: number, seconds: number): Int16Array {
  const random = new SeededRandom(seed);
  const samples = new Float64Array(Math.round(seconds * SPEECH_RATE_HZ));
  const pitchHz = 95 + below(random, 90);
  let at = Math.round(0.05 * SPEECH_RATE_HZ);
  while (at < samples.length) {
    const syllables = 1 + below(random, 4);
    for (let syllable = 0; syllable < syllables; syllable++) at = addSyllable(samples, at, pitchHz, random);
    at += seconds8k(unit(random) < 0.25 ? 0.35 + 0.4 * unit(random) : 0.05 + 0.1 * unit(random));
  }
  return normalized(samples);
}

const seconds8k = (seconds: number): number => Math.round(seconds * SPEECH_RATE_HZ);

/** Adds one syllable at `at`; returns where it ends. */
function addSyllable(samples: Float64Array, at: number, pitchHz: number, random: Random): number {
  const onset = unit(random) < 0.5 ? seconds8k(0.03 + 0.04 * unit(random)) : 0;
  for (let step = 0; step < onset && at + step < samples.length; step++) {
    samples[at + step]! += 0.12 * (2 * unit(random) - 1) * Math.sin((Math.PI * step) / onset);
  }
  const length = seconds8k(0.12 + 0.13 * unit(random));
  addVowel(samples, at + onset, length, pitchHz * (0.85 + 0.3 * unit(random)), VOWELS[below(random, VOWELS.length)]!);
  return at + onset + length;
}

function addVowel(samples: Float64Array, at: number, length: number, pitchHz: number, vowel: readonly number[]): void {
  const filters = vowel.map((frequencyHz, index) => resonator(frequencyHz, BANDWIDTHS_HZ[index]!));
  let phase = 0;
  for (let step = 0; step < length && at + step < samples.length; step++) {
    phase += (pitchHz * (1 - 0.2 * (step / length))) / SPEECH_RATE_HZ;
    let value = phase >= 1 ? 1 : 0;
    if (phase >= 1) phase -= 1;
    for (const filter of filters) value = filter(value);
    const envelope = Math.min(1, step / 160, (length - step) / 320);
    samples[at + step]! += value * envelope;
  }
}

/** A two-pole filter with unit gain at its centre. */
function resonator(frequencyHz: number, bandwidthHz: number): (input: number) => number {
  const radius = Math.exp((-Math.PI * bandwidthHz) / SPEECH_RATE_HZ);
  const angle = (2 * Math.PI * frequencyHz) / SPEECH_RATE_HZ;
  const a1 = 2 * radius * Math.cos(angle);
  const a2 = -radius * radius;
  const gain = (1 - radius) * Math.sqrt(1 - 2 * radius * Math.cos(2 * angle) + radius * radius);
  let y1 = 0;
  let y2 = 0;
  return (input) => {
    const output = gain * input + a1 * y1 + a2 * y2;
    y2 = y1;
    y1 = output;
    return output;
  };
}

function normalized(samples: Float64Array): Int16Array {
  let peak = 0;
  for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
  const scale = peak === 0 ? 0 : PEAK / peak;
  return Int16Array.from(samples, (sample) => Math.round(sample * scale));
}
