/**
 * npm run bench:signalling: calls a second on one core to 0.1 % failures, the gateway beside Kamailio (a stateful proxy,
 * which does half a B2BUA's work) in one run, interleaved; the figure of each is the median of the rounds.
 *
 *   --rounds N      default 3
 *   --seconds N     of load at each rate, default 5
 *   --only NAME     kamailio, trunkline or direct (SIPp to SIPp: the limit of the load makers)
 *   --from N        first rate tried, default 200
 *   --rate N        no search: the gateway alone (or --only NAME) at this rate, `rounds` times `seconds`, and the
 *                   processor time of a call by thread
 *
 * After the rounds the gateway is offered 1.5 and 2 times the best rate it sustained, for twice the seconds: how many
 * calls a second it still serves, and how many it refuses (503 with Retry-After).
 *
 * Needs SIPp, taskset, Kamailio, two cores, and the scenarios of the load makers in BENCH_DIR (default ../shared/bench).
 * The search doubles the rate until one fails, then halves the interval until it is a tenth of the rate.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cost, overload, systems, withSystem } from './signalling-load.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const benchDir = resolve(process.env.BENCH_DIR ?? join(here, '..', '..', 'shared', 'bench'));
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    only: { type: 'string' },
    from: { type: 'string', default: '200' },
    rate: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const firstCps = Number(values.from);
const say = (text) => process.stdout.write(`${text}\n`);
const versionOf = (command, args) =>
  (spawnSync(command, args, { encoding: 'utf8' }).stdout ?? '').trim().split('\n')[0];

if (!existsSync(join(benchDir, 'uac.xml'))) {
  process.stderr.write(`no uac.xml in ${benchDir}; set BENCH_DIR to the directory of the load makers\n`);
  process.exit(2);
}

const all = systems(benchDir, [process.execPath, join(here, 'signalling-gateway.mjs')]);
const names = values.only ? [values.only] : ['kamailio', 'trunkline'];

say(`machine: ${cpus()[0].model}, ${cpus().length} cores; Node ${process.version}; ${versionOf('kamailio', ['-v'])}`);
say(`scenario: uac.xml and uas.xml of ${benchDir}, UDP, ${seconds} s at each rate, no hold`);
say('pinned: the system under test to core 0, SIPp caller and answerer to core 1');
say('gateway: records, journal, SIP message log and media log on');

// Deleted at the very end: see signalling-gateway.mjs.
if (process.env.BENCH_DATA === undefined) {
  const data = mkdtempSync(join(tmpdir(), 'trunkline-signalling-'));
  process.env.BENCH_DATA = data;
  process.on('exit', () => rmSync(data, { recursive: true, force: true }));
}

if (values.rate) {
  const name = values.only ?? 'trunkline';
  await cost(all[name], benchDir, Number(values.rate), seconds, rounds, (outcome) =>
    say(JSON.stringify({ system: name, ...outcome })),
  );
  process.exit(0);
}

const found = Object.fromEntries(names.map((name) => [name, []]));
for (let round = 1; round <= rounds; round++) {
  for (const name of names) {
    const best = await withSystem(all[name], benchDir, seconds, (probe) => search(name, probe));
    found[name].push(best);
    say(JSON.stringify({ round, system: name, sustainedCps: best }));
  }
}
for (const name of names) say(`${name}: ${median(found[name])} calls/s (rounds: ${found[name].join(', ')})`);
if (names.length === 2) {
  const ratio = median(found.trunkline) / median(found.kamailio);
  say(`trunkline / kamailio: ${ratio.toFixed(2)}`);
}

if (names.includes('trunkline')) {
  const limit = Math.max(...found.trunkline);
  const rates = [1.5, 2].map((times) => Math.round(limit * times));
  await overload(all.trunkline, benchDir, rates, seconds * 2, ({ askedCps, ok, failed, retransmissions, meanCps }) => {
    const ofLimit = Math.round((100 * meanCps) / limit) / 100;
    say(JSON.stringify({ offeredCps: askedCps, ok, refused: failed, retransmissions, servedCps: meanCps, ofLimit }));
  });
}

/** The highest good rate: doubling, then bisection to a tenth. */
async function search(name, probe) {
  let good = 0;
  let bad = Number.POSITIVE_INFINITY;
  for (let cps = firstCps; bad === Number.POSITIVE_INFINITY && cps <= 12_800; cps *= 2) {
    if (await tell(name, probe, cps)) good = cps;
    else bad = cps;
  }
  while (Number.isFinite(bad) && bad - good > Math.max(good, bad / 2) / 10) {
    const cps = Math.round((good + bad) / 20) * 10;
    if (cps <= good || cps >= bad) break;
    if (await tell(name, probe, cps)) good = cps;
    else bad = cps;
  }
  return good;
}

async function tell(name, probe, cps) {
  const outcome = await probe(cps);
  say(JSON.stringify({ system: name, ...outcome }));
  return outcome.good;
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
