// Runs the packet path of a media engine on fixed ports, without signalling or port pool: see bench/relay.
//
//   --engine typescript   the relay host in this process's one thread, as a worker runs it
//   --engine native       the compiled path, in a thread of its own (on the same core, where the process is pinned)
//   --srtp                what leaves towards the second port of each pair is sealed (AES_CM_128_HMAC_SHA1_80)
//   --fork copied|read    a copy of every packet that is accepted, on every leg, as a capture has it; `copied` lets go of the
//                         copies unread, every 20 ms, `read` makes packets of them for a consumer that does nothing
//
// Each port's peer is described at its REMOTE_PORT, latching and full statistics on, as in a call. On SIGUSR2 garbage is
// collected, and `collected` printed: what is resident then is in use.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const { values, positionals } = parseArgs({
  options: {
    engine: { type: 'string', default: 'typescript' },
    srtp: { type: 'boolean', default: false },
    fork: { type: 'string' },
  },
  allowPositionals: true,
});
const known = ['typescript', 'native'].includes(values.engine) && [undefined, 'copied', 'read'].includes(values.fork);
if (!known || positionals.length !== 1) {
  process.stderr.write('usage: bench/relay [--engine typescript|native] [--srtp] [--fork copied|read] MAP\n');
  process.exit(2);
}

const { SystemRandom, systemScheduler } = await import('../dist/core/index.js');
const { LEG_BYTES } = await import('../dist/rtp/relay/layout.js');
const { FORK, forkMemory } = await import('../dist/rtp/fork/layout.js');
const { RingReader } = await import('../dist/rtp/fork/ring-reader.js');

const calls = readMap(positionals[0]);

const key = Buffer.from('0123456789abcdef0123456789abcd');
const suite = 'AES_CM_128_HMAC_SHA1_80';
const srtp = { receive: { suite, key }, send: { suite, key } };

let waiting = new Map();
const parts = {
  counters: new SharedArrayBuffer(2 * calls.length * LEG_BYTES),
  scheduler: systemScheduler,
  onReport: (report) => {
    if (report.kind === 'opened') waiting.get(report.id)();
    else if (!['event', 'ready'].includes(report.kind)) fail(report);
  },
  onDeath: (error) => {
    throw error;
  },
};
const thread = values.engine === 'native' ? await startNative() : await startTypescript();
const readers = [];
for (const [id, call] of calls.entries()) await open(id, ...call);
if (values.fork) setInterval(() => readers.forEach((read) => read()), 20);
// What was needed to set up is no part of a call.
waiting = new Map();
calls.length = 0;
const collect = collector();
process.on('SIGUSR2', () => {
  for (let pass = 0; pass < 3; pass++) collect();
  process.stdout.write('collected\n');
});
// Threads of compiled code keep no process alive.
setInterval(() => {}, 60_000);
process.stdout.write('ready\n');

/** [port, its remote port, partner's port, its remote port] of each call. */
function readMap(file) {
  const rows = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number));
  const remoteOf = new Map(rows.map(([port, , remote]) => [port, remote]));
  return rows
    .filter(([port, partner]) => port < partner)
    .map(([port, partner]) => [port, remoteOf.get(port), partner, remoteOf.get(partner)]);
}

function collector() {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc');
}

/** Copies of what one side sends; `values.fork` says what becomes of them. */
function fork(id, side, rtpPort) {
  const maxQueued = 16;
  const memory = forkMemory(maxQueued);
  thread.post({ kind: 'fork', id, fork: readers.length, side, point: 'plain', memory, maxQueued });
  const words = new Int32Array(memory);
  const reader = new RingReader(memory, maxQueued, rtpPort);
  const letGo = () => Atomics.store(words, FORK.tailWord, Atomics.load(words, FORK.headWord));
  readers.push(values.fork === 'read' ? () => reader.take(maxQueued) : letGo);
}

/** A port in use, or a fault in the packet path: no figure is better than a wrong one. */
function fail(report) {
  process.stderr.write(`${JSON.stringify(report)}\n`);
  process.exit(1);
}

async function startTypescript() {
  const { startInline } = await import('../dist/rtp/relay/thread.js');
  return startInline(parts, new SystemRandom());
}

async function startNative() {
  const { loadNative } = await import('../dist/rtp/native/loader.js');
  const { NativeThread } = await import('../dist/rtp/native/thread.js');
  const binding = loadNative();
  if (!binding) throw new Error('the compiled path is not built: node src/rtp/native/build.mjs');
  return new NativeThread(parts, { binding, random: new SystemRandom() });
}

async function open(id, port, remotePort, partner, partnersRemote) {
  const address = '127.0.0.1';
  const legs = {
    customer: { slot: 2 * id, address, rtpPort: port },
    remote: { slot: 2 * id + 1, address, rtpPort: partner },
  };
  const opened = new Promise((resolve) => waiting.set(id, resolve));
  thread.post({ kind: 'open', id, legs, timeoutMs: 3_600_000 });
  await opened;
  thread.post({ kind: 'describe', id, side: 'customer', description: description(remotePort, false) });
  thread.post({ kind: 'describe', id, side: 'remote', description: description(partnersRemote, values.srtp) });
  if (!values.fork) return;
  fork(id, 'customer', port);
  fork(id, 'remote', partner);
}

function description(rtpPort, sealed) {
  return {
    address: '127.0.0.1',
    rtpPort,
    direction: 'sendrecv',
    formats: [{ payloadType: 0, encoding: 'PCMU', clockRateHz: 8000 }],
    ...(sealed && { srtp }),
  };
}
