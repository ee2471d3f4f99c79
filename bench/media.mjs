// npm run bench:media: RTP packets a second through the media engine and through rtpengine (user space), side by side.
//
//   node bench/media.mjs [--runs N] [--calls N] [--engines typescript,native] [--skip-srtp]
//
// One relay core (0), one load core (1), 1000 calls set up, G.711 of 20 ms. Sustained: fewer than 0.1 % lost over 2 s,
// where later than 100 ms counts as lost. Latency is at half of that. Every round measures each relay once, so that what
// else the machine does falls on all alike; figures are medians over the rounds, and only their ratios carry over.
//
// The load maker and the driver of rtpengine lie outside this repository: in $BENCH_DIR, or ../shared/bench beside it.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    calls: { type: 'string', default: '1000' },
    engines: { type: 'string', default: 'typescript' },
    'skip-srtp': { type: 'boolean', default: false },
  },
});
const runs = Number(options.runs);
const calls = Number(options.calls);
const benchDir = resolve(process.env.BENCH_DIR ?? join(here, '..', '..', 'shared', 'bench'));
const binDir = process.env.BENCH_BIN ?? join(tmpdir(), 'bench-bin');
const say = (text) => process.stderr.write(`${text}\n`);

requireTools();
const outcomes = new Map();
for (let run = 1; run <= runs; run++) {
  for (const [name, measure] of relays()) {
    const outcome = await patiently(measure);
    say(`run ${run} of ${runs}: ${name}: ${JSON.stringify(outcome)}`);
    outcomes.set(name, [...(outcomes.get(name) ?? []), outcome]);
  }
}
report();

/** What else runs may hold a port of the load maker's for a moment: one more try, later. */
async function patiently(measure) {
  try {
    return await measure();
  } catch (error) {
    say(`${error.message.trim()}; trying again in 5 s`);
    await new Promise((resume) => setTimeout(resume, 5000));
    return measure();
  }
}

function requireTools() {
  const missing = [];
  if (!existsSync(join(benchDir, 'relay-pps.sh'))) {
    missing.push(`the load maker: no relay-pps.sh in ${benchDir} (set BENCH_DIR to the directory that holds it)`);
  }
  for (const tool of ['taskset', 'cc', 'rtpengine']) {
    if (spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0) missing.push(`the program ${tool}`);
  }
  if (cpus().length < 2) missing.push('a second core');
  if (missing.length === 0) return;
  for (const what of missing) say(`bench:media needs ${what}`);
  process.exit(2);
}

/** Name and measurement of every relay, in the order of a round. */
function relays() {
  const engines = options.engines.split(',');
  const command = (engine) => `cmd:${join(here, 'relay')} --engine ${engine}`;
  const plain = [
    ['rtpengine', () => sustained('rtpengine')],
    ...engines.map((engine) => [engine, () => sustained(command(engine))]),
  ];
  if (options['skip-srtp']) return plain;
  return [
    ...plain,
    ['rtpengine to SRTP', () => sustained('rtpengine-srtp')],
    ...engines.map((engine) => [`${engine} to SRTP`, () => sustainedSrtp(engine)]),
  ];
}

/** One relay through the load maker's own search for the highest rate. */
async function sustained(relay) {
  const args = [
    '--calls',
    String(calls),
    '--lo',
    '20000',
    '--hi',
    '400000',
    ...(relay.endsWith('srtp') ? [] : ['--shared']),
  ];
  const child = spawn(join(benchDir, 'relay-pps.sh'), [relay, ...args], {
    env: { ...process.env, BENCH_BIN: binDir },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  let text = '';
  for await (const chunk of child.stdout) text += chunk;
  endGroup(child.pid);
  const line = JSON.parse(text.trim().split('\n').at(-1));
  if (line.error) throw new Error(`${relay}: ${line.error}`);
  return outcomeOf(line.max_pps, line.pid_us_per_pkt, line.lat_at_half_us, line.rss_kb, line.generator_limited);
}

/** A relay whose set-up failed is left running by the driver: ends whatever is left of its process group. */
function endGroup(leader) {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

function outcomeOf(pps, usPerPacket, latency, rssKb, generatorLimited) {
  const latencies = { p50Us: latency?.p50, p99Us: latency?.p99 };
  return { pps, usPerPacket, ...latencies, rssKb, generatorLimited: generatorLimited === true };
}

/** Plain in, sealed out, one way, as the load maker drives rtpengine: its search, over flows that come back sealed. */
async function sustainedSrtp(engine) {
  mkdirSync(binDir, { recursive: true });
  buildGenerator();
  const directory = mkdtempSync(join(tmpdir(), 'bench-media-'));
  const relayMap = join(directory, 'relay.map');
  const loadMap = join(directory, 'load.map');
  const ports = Array.from({ length: calls }, (_, index) => [10000 + 4 * index, 20000 + 2 * index]);
  writeFileSync(
    relayMap,
    lines(
      ports.flatMap(([port, far]) => [
        [port, port + 2, far],
        [port + 2, port, far + 1],
      ]),
    ),
  );
  writeFileSync(loadMap, lines(ports.map(([port, far]) => [far, port, far + 1])));
  const relay = spawn(
    'nice',
    ['-n', niceness(), 'taskset', '-c', '0', join(here, 'relay'), '--engine', engine, '--srtp', relayMap],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  try {
    await new Promise((ready, failed) => {
      relay.stdout.on('data', (chunk) => String(chunk).includes('ready') && ready());
      relay.on('exit', () => failed(new Error(`bench/relay --engine ${engine} ended`)));
    });
    return search((pps, seconds) => load(loadMap, relay.pid, pps, seconds));
  } finally {
    relay.removeAllListeners('exit');
    relay.kill('SIGKILL');
    rmSync(directory, { recursive: true });
  }
}

function buildGenerator() {
  const [source, binary] = [join(benchDir, 'rtpgen.c'), join(binDir, 'rtpgen')];
  if (existsSync(binary) && statSync(binary).mtimeMs > statSync(source).mtimeMs) return;
  const built = spawnSync('cc', ['-O2', '-o', binary, source], { stdio: 'inherit' });
  if (built.status !== 0) throw new Error('the load maker does not build');
}

/** One trial of `-x`: payloads come back sealed, so send times are found by the clear header. */
function load(map, pid, pps, seconds) {
  const args = [
    '-n',
    niceness(),
    'taskset',
    '-c',
    '1',
    join(binDir, 'rtpgen'),
    '-m',
    map,
    '-r',
    String(Math.round(pps)),
  ];
  const trial = spawnSync('nice', [...args, '-t', String(seconds), '-w', '0.5', '-P', String(pid), '-C', '0', '-x'], {
    encoding: 'utf8',
  });
  if (trial.status !== 0) throw new Error(`the load maker failed: ${trial.stderr}`);
  const outcome = JSON.parse(trial.stdout);
  return { ...outcome, ok: outcome.loss < 0.001 && outcome.sent_pps > 0.98 * pps };
}

/** The highest rate that holds, to 3 %, by halving on a logarithmic scale; a failure has one second chance. */
function search(trial) {
  let [low, high] = [20_000, 400_000];
  let best;
  trial(low, 0.5);
  while (high / low > 1.03) {
    const middle = Math.sqrt(low * high);
    let outcome = trial(middle, 2);
    if (!outcome.ok && outcome.loss < 0.05) outcome = trial(middle, 2);
    if (outcome.ok) [low, best] = [middle, outcome];
    else high = middle;
  }
  if (!best) return outcomeOf(0);
  const half = trial(best.recv_pps / 2, 2);
  return outcomeOf(Math.round(best.recv_pps), best.pid_us_per_pkt, half.lat_us, best.rss_kb, false);
}

function niceness() {
  return process.getuid() === 0 ? '-20' : '0';
}

function lines(rows) {
  return `${rows.map((row) => row.join(' ')).join('\n')}\n`;
}

function report() {
  const median = (values) =>
    values.filter((value) => value !== undefined).sort((a, b) => a - b)[Math.floor(values.length / 2)];
  const figures = [...outcomes].map(([name, list]) => {
    const of = (key) => median(list.map((outcome) => outcome[key]));
    return {
      name,
      pps: of('pps'),
      usPerPacket: of('usPerPacket'),
      p50Us: of('p50Us'),
      p99Us: of('p99Us'),
      rssKb: of('rssKb'),
      limited: list.some(({ generatorLimited }) => generatorLimited),
    };
  });
  const base = (name) =>
    figures.find((row) => row.name === (name.endsWith('SRTP') ? 'rtpengine to SRTP' : 'rtpengine'));
  const rows = figures.map((row) => [
    row.name + (row.limited ? ' (load-limited)' : ''),
    row.pps,
    (row.pps / base(row.name).pps).toFixed(2),
    row.usPerPacket?.toFixed(2),
    row.p50Us,
    row.p99Us,
    row.rssKb,
  ]);
  process.stdout.write(`${runs} runs, medians; ${calls} calls; ${cpus()[0].model}; Node ${process.version}\n`);
  for (const row of [['relay', 'pps', 'ratio', 'us/packet', 'p50 us', 'p99 us', 'RSS kB'], ...rows]) {
    process.stdout.write(`${row.map((cell, index) => String(cell).padEnd(index === 0 ? 32 : 11)).join('')}\n`);
  }
  process.stdout.write(`${JSON.stringify({ figures, outcomes: Object.fromEntries(outcomes) })}\n`);
}
