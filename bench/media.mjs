// npm run bench:media: RTP and SRTP through the media engines and through rtpengine (user space), side by side.
//
//   node bench/media.mjs [--only rtpengine,native,typescript,relay-c] [--kind rtp,seal,open]
//                        [--what max,half,memory,scale,fork] [--rounds N] [--calls N] [--log FILE]
//   node bench/media.mjs --sum FILE
//
// kind   rtp: both ways in the clear   seal: RTP to SRTP   open: SRTP to RTP (one way each, AES_CM_128_HMAC_SHA1_80)
// what   max: packets a second at under 0.1 % lost (later than 100 ms is lost)
//        half: at half of rtpengine's maximum (median of the log), latency and processor time a packet: all relays are up,
//        and take turns of 1.5 s, eight times a round
//        memory: resident size a call, over 10 calls and over all, both after the same traffic
//              (garbage of JavaScript is collected before)
//        scale: calls of 50 packets a second each way, to 100,000 packets a second in all, over 100, 1,000 and 4,900 calls
//        fork: what a copy of each packet costs our engines, at 20,000 packets a second in turns
//
// One relay on core 0, the load on core 1. Every round measures each relay once, so that what else the machine does falls
// on all alike. Each outcome is a line of the log: rounds may be run one by one, and are summed up as medians at the end.
// Only the ratios of one run mean anything.
//
// The load maker is media/rtp-load.c; rtpengine's driver and the bare C relay lie outside this repository: in $BENCH_DIR, or ../shared/bench.
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildTools, loader, search } from './media/load.mjs';
import { residentKb, startRelay, startRelays } from './media/relays.mjs';
import { median, summary } from './media/summary.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: 'rtpengine,native,typescript,relay-c' },
    kind: { type: 'string', default: 'rtp,seal,open' },
    what: { type: 'string', default: 'max,half,memory,scale' },
    rounds: { type: 'string', default: '3' },
    calls: { type: 'string', default: '1000' },
    log: { type: 'string', default: join(tmpdir(), `bench-media-${process.pid}.jsonl`) },
    sum: { type: 'string' },
  },
});
const calls = Number(options.calls);
const places = {
  benchDir: resolve(process.env.BENCH_DIR ?? join(here, '..', '..', 'shared', 'bench')),
  binDir: process.env.BENCH_BIN ?? join(tmpdir(), 'bench-bin'),
};
const say = (text) => process.stderr.write(`${text}\n`);
const TURNS = 8;
/** Calls: four sockets each, and this machine allows a process 20,000. */
const SCALE = [100, 1000, 4900];
/** No core here carries more than some 200,000 packets a second: beyond, more calls share what fewer had. */
const SCALE_PPS = 100_000;
const FORK_PPS = 20_000;
/** Rates between which the maximum is sought. */
const [LOWEST_PPS, HIGHEST_PPS] = [20_000, 300_000];

if (options.sum) {
  process.stdout.write(summary(readLog(options.sum)));
} else {
  requireTools();
  buildTools(places.benchDir, places.binDir);
  for (let round = 1; round <= Number(options.rounds); round++) await measureRound();
  say(`all outcomes: ${options.log}`);
  process.stdout.write(summary(readLog(options.log)));
}

function requireTools() {
  const missing = [];
  if (!existsSync(join(places.benchDir, 'relay-c.c'))) {
    missing.push(`the bare C relay: no relay-c.c in ${places.benchDir} (set BENCH_DIR to the directory that holds it)`);
  }
  for (const tool of ['taskset', 'cc', 'rtpengine']) {
    if (spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0) missing.push(`the program ${tool}`);
  }
  if (cpus().length < 2) missing.push('a second core');
  if (missing.length === 0) return;
  for (const what of missing) say(`bench:media needs ${what}`);
  process.exit(2);
}

function readLog(file) {
  return readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

async function measureRound() {
  const [relays, kinds, whats] = [options.only, options.kind, options.what].map((list) => list.split(','));
  for (const kind of kinds) {
    const measured = relays.filter((relay) => relay !== 'relay-c' || kind === 'rtp');
    if (whats.includes('max') || whats.includes('half')) await measureRates(measured, kind, whats);
    if (whats.includes('memory')) for (const relay of measured) await measureMemory(relay, kind);
    if (whats.includes('scale') && kind === 'rtp') await measureScale(measured);
    if (whats.includes('fork') && kind === 'rtp') await measureForks(measured);
  }
}

/** Notes one outcome. */
function note(outcome) {
  say(JSON.stringify(outcome));
  appendFileSync(options.log, `${JSON.stringify(outcome)}\n`);
}

/** Sets the relay up, hands its trials to `measure`, and ends it. */
async function withRelay(relay, kind, callCount, measure) {
  const running = await startRelay(relay, kind, callCount, places);
  const load = loader(running, places.binDir);
  try {
    return await measure(load.trial, running);
  } finally {
    load.end();
    await running.stop();
  }
}

/** What of a trial is kept. */
function figures({ recv_pps, pid_us_per_pkt, lat_us, loss, stolen }) {
  return { pps: recv_pps, usPerPacket: pid_us_per_pkt, p50Us: lat_us.p50, p99Us: lat_us.p99, loss, stolen };
}

/** Maxima, then all at half of rtpengine's maximum: of this round, or of the last in the log. */
async function measureRates(relays, kind, whats) {
  if (whats.includes('max')) {
    for (const relay of relays) {
      const best = await withRelay(relay, kind, calls, (trial) => search(trial, LOWEST_PPS, HIGHEST_PPS));
      note({
        what: 'max',
        kind,
        relay,
        calls,
        ...(best ? figures(best) : { pps: 0 }),
        limited: best?.limited === true,
      });
    }
  }
  if (!whats.includes('half')) return;
  const maxima = (existsSync(options.log) ? readLog(options.log) : []).filter(
    ({ what, relay, kind: of }) => what === 'max' && relay === 'rtpengine' && of === kind,
  );
  if (maxima.length === 0) {
    say(`half of what? ${options.log} has no maximum of rtpengine (${kind}): --what max,half, or --log with one`);
    process.exit(2);
  }
  await measureTurns(relays, kind, median(maxima.map(({ pps }) => pps)) / 2);
}

/** All relays at one rate, in turns that follow each other closely: what disturbs one disturbs all. */
async function measureTurns(relays, kind, pps, what = 'half') {
  const running = await startRelays(relays, kind, calls, places);
  const loads = running.map((relay) => loader(relay, places.binDir));
  try {
    for (let turn = 0; turn < TURNS; turn++) {
      for (const [at, relay] of relays.entries()) {
        note({ what, kind, relay, calls, turn, ...figures(loads[at].trial(pps, 1.5)) });
      }
    }
  } finally {
    for (const load of loads) load.end();
    await Promise.all(running.map((relay) => relay.stop()));
  }
}

/** Each call's share of the resident size: of two set-ups that carried the same traffic. */
async function measureMemory(relay, kind) {
  const sizes = [];
  for (const count of [10, calls]) {
    sizes.push(
      await withRelay(relay, kind, count, async (trial, { pid, collect }) => {
        trial(10_000, 2);
        await collect();
        return residentKb(pid);
      }),
    );
  }
  note({ what: 'memory', kind, relay, calls, rssKb: sizes[1], kbPerCall: (sizes[1] - sizes[0]) / (calls - 10) });
}

async function measureScale(relays) {
  for (const count of SCALE) {
    for (const relay of relays) {
      const askedPps = Math.min(100 * count, SCALE_PPS);
      const outcome = await withRelay(relay, 'rtp', count, (trial) => trial(askedPps, 2));
      note({ what: 'scale', kind: 'rtp', relay, calls: count, askedPps, ...figures(outcome) });
    }
  }
}

async function measureForks(relays) {
  const engines = relays.filter((relay) => relay === 'native' || relay === 'typescript');
  await measureTurns(
    engines.flatMap((engine) => [engine, `${engine}+copied`, `${engine}+read`]),
    'rtp',
    FORK_PPS,
    'fork',
  );
}
