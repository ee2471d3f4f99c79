import { parseArgs } from 'node:util';
import { type Figures, tellFigures } from './report.js';
import { simulate } from './simulate.js';
import { Tally } from './tally.js';

/**
 * `npm run simulate -- --calls N --seed S`: plays N calls from seed S on, in worlds of at most 5,000 calls each, one
 * seed after the other; with `--seeds K` it plays N calls in each of K seeds. `--call C` tells the ladder of call C of
 * each. Exit 0 when no invariant broke, 1 when one did, 2 on a wrong option.
 */

const CALLS_PER_WORLD = 5000;

function option(name: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (Number.isInteger(value) && value >= 0 && value < 2 ** 32) return value;
  process.stderr.write(`--${name} must be a whole number from 0 to 4294967295\n`);
  process.exit(2);
}

const { values } = parseArgs({
  options: {
    calls: { type: 'string' },
    seed: { type: 'string' },
    seeds: { type: 'string' },
    call: { type: 'string' },
  },
});
const firstSeed = option('seed', values.seed, 1);
const told = values.call === undefined ? undefined : option('call', values.call, 0);

/** How many calls each seed plays. */
function callsBySeed(): number[] {
  const calls = option('calls', values.calls, CALLS_PER_WORLD);
  if (values.seeds !== undefined) return Array.from({ length: option('seeds', values.seeds, 1) }, () => calls);
  const worlds: number[] = [];
  for (let left = calls; left > 0; left -= CALLS_PER_WORLD) worlds.push(Math.min(left, CALLS_PER_WORLD));
  return worlds;
}

const worlds = callsBySeed();
const outcomes = new Tally();
const faults = new Tally();
const startMs = performance.now();
let messages = 0;
let virtualMs = 0;
let violations = 0;
for (const [index, count] of worlds.entries()) {
  const seed = firstSeed + index;
  const world = await simulate(seed, count, told);
  outcomes.merge(world.outcomes);
  faults.merge(world.faults);
  messages += world.messages;
  virtualMs += world.virtualMs;
  violations += world.violations.length;
  process.stdout.write(
    `seed ${seed}: ${world.calls} calls, ${world.messages} messages, digest ${world.digest.slice(0, 16)}, ` +
      `${world.violations.length} violations\n`,
  );
  if (world.story !== '') process.stdout.write(`${world.story}\n`);
}
const figures: Figures = {
  seeds: worlds.map((_, index) => firstSeed + index),
  calls: worlds.reduce((sum, count) => sum + count, 0),
  messages,
  virtualMs,
  realMs: performance.now() - startMs,
  outcomes,
  faults,
  violations,
};
process.stdout.write(`${tellFigures(figures)}\n`);
process.exitCode = violations === 0 ? 0 : 1;
