import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SeededRandom } from '../../src/core/index.js';
import { mutate } from './mutate.js';
import type { FuzzTarget } from './targets.js';

/** What a run found; times in milliseconds, memory in MiB after a full collection. */
export interface FuzzReport {
  readonly inputs: number;
  readonly elapsedMs: number;
  readonly slowestMs: number;
  readonly heapMiB: readonly number[];
}

/** An input that made a target fail, in a form that can be put into a test. */
export class FuzzFailure extends Error {
  constructor(target: string, input: Buffer, cause: unknown) {
    super(`${target}: ${String(cause)}\ninput (base64): ${input.toString('base64')}`, { cause });
    this.name = 'FuzzFailure';
  }
}

const SAMPLES = 10;
const SUSPECT_MS = 10;
const REPEATS = 3;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heapMiB(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return Math.round((heapUsed + external) / 2 ** 18) / 4;
}

/** Runs `inputs` mutated inputs. Throws FuzzFailure at the first that breaks an assertion. */
export function fuzz(target: FuzzTarget, inputs: number, seed: number): FuzzReport {
  const random = new SeededRandom(seed);
  const memory: number[] = [];
  const started = performance.now();
  let slowestMs = 0;
  for (let count = 1; count <= inputs; count++) {
    slowestMs = Math.max(slowestMs, timedRun(target, mutate(random, target.seeds), random));
    if (count % Math.ceil(inputs / SAMPLES) === 0) memory.push(heapMiB());
  }
  return { inputs, elapsedMs: performance.now() - started, slowestMs, heapMiB: memory };
}

/** Milliseconds of one run; one that looks slow is run again, since the machine may have been busy elsewhere. */
function timedRun(target: FuzzTarget, input: Buffer, random: SeededRandom): number {
  const run = (): number => {
    const started = performance.now();
    try {
      target.run(input, random);
    } catch (error) {
      throw new FuzzFailure(target.name, input, error);
    }
    return performance.now() - started;
  };
  let fastest = run();
  for (let repeat = 0; repeat < REPEATS && fastest > SUSPECT_MS; repeat++) fastest = Math.min(fastest, run());
  return fastest;
}
