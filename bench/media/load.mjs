// The load: trials at fixed rates by the load maker on core 1, and the search for the highest rate that holds.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { niceness } from './relays.mjs';

const here = dirname(fileURLToPath(import.meta.url));

/** Builds the load maker and the bare C relay where they are missing or old. */
export function buildTools(benchDir, binDir) {
  mkdirSync(binDir, { recursive: true });
  for (const [source, ...libraries] of [[join(benchDir, 'relay-c.c')], [join(here, 'rtp-load.c'), '-lcrypto']]) {
    const binary = join(binDir, source.replace(/^.*\//, '').replace(/\.c$/, ''));
    if (existsSync(binary) && statSync(binary).mtimeMs > statSync(source).mtimeMs) continue;
    const built = spawnSync('cc', ['-O2', '-o', binary, source, ...libraries], { stdio: 'inherit' });
    if (built.status !== 0) throw new Error(`${source} does not build`);
  }
}

/** Loads one relay. `trial(pps, seconds)` resolves what came of it, `ok` at under 0.1 % lost or late. */
export function loader(relay, binDir) {
  const directory = mkdtempSync(join(tmpdir(), 'bench-media-'));
  const map = join(directory, 'load.map');
  writeFileSync(map, `${relay.flows.map((flow) => flow.join(' ')).join('\n')}\n`);
  let run = 0;
  const trial = (pps, seconds) => {
    const rate = ['-m', map, '-r', Math.round(pps), '-t', seconds, '-w', 0.5];
    const maker = [join(binDir, 'rtp-load'), ...rate, '-P', relay.pid, '-n', run++];
    const before = busyTicks();
    const made = spawnSync('nice', ['-n', niceness, 'taskset', '-c', '1', ...maker].map(String), { encoding: 'utf8' });
    if (made.status !== 0) throw new Error(`the load maker failed: ${made.stderr}`);
    const outcome = JSON.parse(made.stdout);
    if (outcome.forged > 0) throw new Error(`the relay spoilt packets: ${made.stdout}`);
    return {
      ...outcome,
      ok: outcome.loss < 0.001 && outcome.sent_pps > 0.98 * pps,
      slow: outcome.sent_pps <= 0.98 * pps,
      stolen: busyTicks().stolen - before.stolen,
    };
  };
  return { trial, end: () => rmSync(directory, { recursive: true }) };
}

/** Ticks that the machine's owner took from us: figures of such a time are worth less. */
function busyTicks() {
  const [, ...ticks] = readFileSync('/proc/stat', 'utf8').split('\n')[0].split(/\s+/);
  return { stolen: Number(ticks[7]) };
}

/** Ticks of 10 ms, of both cores, that may be stolen from a trial that still says something of the relay. */
const STOLEN_TICKS = 2;
const TRIES = 5;

/** A trial that failed while the machine's owner took processor time is made again; so is, once, a near miss. */
function fairTrial(trial, pps) {
  let outcome = trial(pps, 1.5);
  for (let tries = 1; !outcome.ok && tries < TRIES; tries++) {
    const nearMiss = tries === 1 && outcome.loss < 0.05;
    if (outcome.stolen <= STOLEN_TICKS && !nearMiss) break;
    outcome = trial(pps, 1.5);
  }
  return outcome;
}

/** The highest rate that holds, to 2 %, by halving on a logarithmic scale. */
export function search(trial, low, high) {
  let best;
  trial(low, 0.5);
  while (high / low > 1.02) {
    const middle = Math.sqrt(low * high);
    const outcome = fairTrial(trial, middle);
    if (outcome.ok) [low, best] = [middle, outcome];
    else high = middle;
    // What was lost by the load maker alone was not lost by the relay.
    if (outcome.slow && outcome.loss < 0.001) best = { ...outcome, limited: true };
    if (process.env.BENCH_TRIALS) process.stderr.write(`${JSON.stringify(outcome)}\n`);
  }
  return best;
}
