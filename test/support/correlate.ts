/** How alike received sound is to what was sent, delay and level aside. */

const FRAME = 80;
const WINDOW = 4000;
const FAINT = 200;

/** Root mean square of the samples; digital silence gives 0, full scale about 23170. */
export function level(samples: Int16Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return samples.length === 0 ? 0 : Math.sqrt(sum / samples.length);
}

export interface Likeness {
  /** −1 to 1; above 0.95 for the same speech through G.711, near 0 for other speech. */
  readonly correlation: number;
  /** Samples by which `received` lags `sent`; negative where its beginning is missing. */
  readonly delaySamples: number;
}

/**
 * Finds the delay (up to `maxDelaySamples` either way) at which the two sounds' levels, 10 ms each, are most alike,
 * then compares the samples half a second at a time, each with its own best delay near that one: a jitter buffer
 * that slips a frame costs nothing. The correlation is the median over the half seconds that are not silent.
 */
export function likeness(sent: Int16Array, received: Int16Array, maxDelaySamples = 16_000): Likeness {
  const frames = Math.ceil(maxDelaySamples / FRAME);
  const coarse = bestDelay(envelope(sent), envelope(received), -frames, frames);
  const delaySamples = coarse.delay * FRAME;
  const windows: number[] = [];
  for (let at = 0; at + WINDOW <= received.length; at += WINDOW) {
    const window = received.subarray(at, at + WINDOW);
    if (level(window) < FAINT) continue;
    windows.push(bestDelay(sent, window, delaySamples - at - 4 * FRAME, delaySamples - at + 4 * FRAME).correlation);
  }
  windows.sort((a, b) => a - b);
  return { correlation: windows[Math.floor(windows.length / 2)] ?? 0, delaySamples };
}

/** Level of each 10 ms. */
function envelope(samples: Int16Array): Float64Array {
  const frames = Math.floor(samples.length / FRAME);
  return Float64Array.from({ length: frames }, (_, frame) =>
    level(samples.subarray(frame * FRAME, (frame + 1) * FRAME)),
  );
}

type Series = Int16Array | Float64Array;

function bestDelay(sent: Series, received: Series, from: number, to: number) {
  let best = { correlation: -1, delay: 0 };
  for (let delay = from; delay <= to; delay++) {
    const correlation = correlationAt(sent, received, delay);
    if (correlation > best.correlation) best = { correlation, delay };
  }
  return best;
}

/** Pearson correlation of sent[i] and received[i + delay] over their overlap, which must be half of `received`. */
function correlationAt(sent: Series, received: Series, delay: number): number {
  const start = Math.max(0, -delay);
  const count = Math.min(sent.length, received.length - delay) - start;
  if (count < received.length / 2 || count < 2) return -1;
  let sumX = 0;
  let sumY = 0;
  let sumXx = 0;
  let sumYy = 0;
  let sumXy = 0;
  for (let at = start; at < start + count; at++) {
    const x = sent[at]!;
    const y = received[at + delay]!;
    sumX += x;
    sumY += y;
    sumXx += x * x;
    sumYy += y * y;
    sumXy += x * y;
  }
  const spread = Math.sqrt((sumXx - (sumX * sumX) / count) * (sumYy - (sumY * sumY) / count));
  return spread === 0 ? 0 : (sumXy - (sumX * sumY) / count) / spread;
}
