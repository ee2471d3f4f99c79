import { describe, expect, it } from 'vitest';
import { fuzz } from './harness.js';
import { TARGETS } from './targets.js';

/**
 * Mutated inputs through every parser of sip/message and sip/sdp. A few thousand each in the ordinary run;
 * `FUZZ_MESSAGES=2000000 npx vitest run test/fuzz` runs that many through the message target and a tenth through each
 * of the others, and watches memory. `FUZZ_SEED` chooses another run.
 */

const wanted = Number(process.env.FUZZ_MESSAGES ?? 0);
const seed = Number(process.env.FUZZ_SEED ?? 20260101);
const SHORT_RUN = 4000;
const HANG_MS = 50;
const MAX_GROWTH_MIB = 4;

const inputsFor = (name: string): number =>
  wanted === 0 ? SHORT_RUN : name === 'message' ? wanted : Math.ceil(wanted / 10);

/** Least memory of the later half less that of the earlier: buffers that happen to live at one point do not count. */
function growthMiB(samples: readonly number[]): number {
  const half = samples.length >> 1;
  return Math.min(...samples.slice(half)) - Math.min(...samples.slice(0, half));
}

describe('mutated inputs', () => {
  it.each(TARGETS)(
    '$name: no crash, no hang, no growth',
    (target) => {
      const report = fuzz(target, inputsFor(target.name), seed);
      if (wanted > 0) process.stdout.write(`${JSON.stringify({ target: target.name, seed, ...report })}\n`);
      expect(report.slowestMs).toBeLessThan(HANG_MS);
      if (wanted > 0) expect(growthMiB(report.heapMiB)).toBeLessThan(MAX_GROWTH_MIB);
    },
    wanted === 0 ? 60_000 : 6 * 3_600_000,
  );
});
