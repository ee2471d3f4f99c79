/**
 * G.711 µ-law and A-law by table (ITU-T G.711, tables 1a–2b).
 *
 *   µ-law byte, inverted on the wire        A-law byte, even bits inverted (0x55)
 *   +-+-+-+-+-+-+-+-+                       +-+-+-+-+-+-+-+-+
 *   |s| seg | step  |                       |s| seg | step  |
 *   +-+-+-+-+-+-+-+-+                       +-+-+-+-+-+-+-+-+
 *
 * Linear samples are signed 16 bit: G.711's 14 (µ) and 13 (A) bits shifted up. The encoder errs by half
 * a step at most, and encode(decode(byte)) gives the byte back (µ-law's negative zero aside).
 */

const MU_BIAS = 132;
const MU_CLIP = 32635;

function muLawLevel(byte: number): number {
  const code = ~byte & 255;
  const magnitude = ((((code & 15) << 3) + MU_BIAS) << ((code >> 4) & 7)) - MU_BIAS;
  return code & 128 ? -magnitude : magnitude;
}

function aLawLevel(byte: number): number {
  const code = byte ^ 0x55;
  const segment = (code >> 4) & 7;
  const step = ((code & 15) << 4) + 8;
  const magnitude = segment === 0 ? step : (step + 256) << (segment - 1);
  return code & 128 ? magnitude : -magnitude;
}

function muLawByte(sample: number): number {
  const magnitude = Math.min(Math.abs(sample), MU_CLIP) + MU_BIAS;
  const segment = 24 - Math.clz32(magnitude);
  const code = (segment << 4) | ((magnitude >> (segment + 3)) & 15);
  return ~(code | (sample < 0 ? 128 : 0)) & 255;
}

function aLawByte(sample: number): number {
  // Negative levels mirror the positive ones, so −1 … −16 share the first step below zero.
  const magnitude = sample < 0 ? ~sample : sample;
  const segment = magnitude < 256 ? 0 : 24 - Math.clz32(magnitude);
  const code = (segment << 4) | ((magnitude >> (segment === 0 ? 4 : segment + 3)) & 15);
  return (code | (sample < 0 ? 0 : 128)) ^ 0x55;
}

const decodeTable = (level: (byte: number) => number) => Int16Array.from({ length: 256 }, (_, byte) => level(byte));

/** Entry `sample & 0xffff` holds the byte of that signed sample. */
const encodeTable = (code: (sample: number) => number) =>
  Uint8Array.from({ length: 65536 }, (_, bits) => code((bits << 16) >> 16));

const MU_DECODE = decodeTable(muLawLevel);
const A_DECODE = decodeTable(aLawLevel);
const MU_ENCODE = encodeTable(muLawByte);
const A_ENCODE = encodeTable(aLawByte);

function decode(table: Int16Array, bytes: Uint8Array): Int16Array {
  const samples = new Int16Array(bytes.length);
  for (let at = 0; at < bytes.length; at++) samples[at] = table[bytes[at]!]!;
  return samples;
}

function encode(table: Uint8Array, samples: Int16Array): Uint8Array {
  const bytes = new Uint8Array(samples.length);
  for (let at = 0; at < samples.length; at++) bytes[at] = table[samples[at]! & 0xffff]!;
  return bytes;
}

/** µ-law bytes to signed 16-bit samples, −32124 to 32124. */
export const decodeMuLaw = (bytes: Uint8Array): Int16Array => decode(MU_DECODE, bytes);

/** A-law bytes to signed 16-bit samples, −32256 to 32256. */
export const decodeALaw = (bytes: Uint8Array): Int16Array => decode(A_DECODE, bytes);

/** Signed 16-bit samples to µ-law; beyond ±32635 they clip. */
export const encodeMuLaw = (samples: Int16Array): Uint8Array => encode(MU_ENCODE, samples);

/** Signed 16-bit samples to A-law. */
export const encodeALaw = (samples: Int16Array): Uint8Array => encode(A_ENCODE, samples);
