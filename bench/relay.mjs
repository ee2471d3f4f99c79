// Runs the packet path of a media engine on fixed ports, without signalling or port pool: see bench/relay.
//
//   --engine typescript   the relay host in this process's one thread, as a worker runs it
//   --engine native       the compiled path, in a thread of its own (on the same core, where the process is pinned)
//   --srtp                what leaves towards the second port of each pair is sealed (AES_CM_128_HMAC_SHA1_80)
//
// Each port's peer is described at its REMOTE_PORT, latching and full statistics on, as in a call.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  options: { engine: { type: 'string', default: 'typescript' }, srtp: { type: 'boolean', default: false } },
  allowPositionals: true,
});
if (!['typescript', 'native'].includes(values.engine) || positionals.length !== 1) {
  process.stderr.write('usage: bench/relay [--engine typescript|native] [--srtp] MAP\n');
  process.exit(2);
}

const { SystemRandom, systemScheduler } = await import('../dist/core/index.js');
const { LEG_BYTES } = await import('../dist/rtp/relay/layout.js');

const rows = readFileSync(positionals[0], 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split(' ').map(Number));
const remoteOf = new Map(rows.map(([port, , remote]) => [port, remote]));
const calls = rows.filter(([port, partner]) => port < partner);

const key = Buffer.from('0123456789abcdef0123456789abcd');
const suite = 'AES_CM_128_HMAC_SHA1_80';
const srtp = { receive: { suite, key }, send: { suite, key } };

const waiting = new Map();
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
await Promise.all(calls.map(([port, partner], id) => open(id, port, partner)));
process.stdout.write('ready\n');

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

async function open(id, port, partner) {
  const address = '127.0.0.1';
  const legs = {
    customer: { slot: 2 * id, address, rtpPort: port },
    remote: { slot: 2 * id + 1, address, rtpPort: partner },
  };
  const opened = new Promise((resolve) => waiting.set(id, resolve));
  thread.post({ kind: 'open', id, legs, timeoutMs: 3_600_000 });
  await opened;
  thread.post({ kind: 'describe', id, side: 'customer', description: description(port, false) });
  thread.post({ kind: 'describe', id, side: 'remote', description: description(partner, values.srtp) });
}

function description(port, sealed) {
  return {
    address: '127.0.0.1',
    rtpPort: remoteOf.get(port),
    direction: 'sendrecv',
    formats: [{ payloadType: 0, encoding: 'PCMU', clockRateHz: 8000 }],
    ...(sealed && { srtp }),
  };
}
