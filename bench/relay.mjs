// Runs the packet path of a media engine on fixed ports, without signalling or port pool: see bench/relay.
//
//   --engine typescript   the relay host in this process's one thread, as a worker runs it
//   --engine native       the compiled relay thread (native-sockets: without raw sends)
//   --srtp                what leaves towards the second port of each pair is sealed (AES_CM_128_HMAC_SHA1_80)
//
// Each port's peer is described at its REMOTE_PORT, latching and full statistics on, as in a call.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  options: { engine: { type: 'string', default: 'typescript' }, srtp: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const engines = ['typescript', 'native', 'native-sockets'];
if (!engines.includes(values.engine) || positionals.length !== 1) {
  process.stderr.write(`usage: bench/relay [--engine ${engines.join('|')}] [--srtp] MAP\n`);
  process.exit(2);
}

const { SystemRandom, systemScheduler } = await import('../dist/core/index.js');
const { LEG_BYTES } = await import('../dist/rtp/relay/layout.js');
const { RelayHost } = await import('../dist/rtp/relay/host.js');
const { bindUdpSocket } = await import('../dist/rtp/relay/sockets.js');

const rows = readFileSync(positionals[0], 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split(' ').map(Number));
const remoteOf = new Map(rows.map(([port, , remote]) => [port, remote]));
const calls = rows.filter(([port, partner]) => port < partner);

const key = Buffer.from('0123456789abcdef0123456789abcd');
const suite = 'AES_CM_128_HMAC_SHA1_80';
const srtp = { receive: { suite, key }, send: { suite, key } };
const description = (rtpPort, sealed) => ({
  address: '127.0.0.1',
  rtpPort,
  direction: 'sendrecv',
  formats: [{ payloadType: 0, encoding: 'PCMU', clockRateHz: 8000 }],
  ...(sealed && { srtp }),
});

const waiting = new Map();
const counters = new SharedArrayBuffer(2 * calls.length * LEG_BYTES);
const random = new SystemRandom();
const report = (said) => {
  if (said.kind === 'opened') waiting.get(said.id)();
  else if (said.kind !== 'event' && said.kind !== 'ready') process.stderr.write(`${JSON.stringify(said)}\n`);
};
const handle = values.engine === 'typescript' ? typescriptRelay() : await nativeRelay();

function typescriptRelay() {
  const host = new RelayHost({ counters, scheduler: systemScheduler, random, bind: bindUdpSocket, report });
  return (command) => host.handle(command);
}

async function nativeRelay() {
  const { loadNative } = await import('../dist/rtp/native/index.js');
  const { NativeThread } = await import('../dist/rtp/native/thread.js');
  const binding = loadNative((reason) => {
    process.stderr.write(`native engine: ${reason}\n`);
    process.exit(2);
  });
  const parts = { counters, scheduler: systemScheduler, onReport: report, onDeath: () => process.exit(1) };
  const thread = new NativeThread(parts, { binding, random, raw: values.engine === 'native' });
  return (command) => thread.post(command);
}

const address = '127.0.0.1';
await Promise.all(
  calls.map(async ([port, partner], id) => {
    const opened = new Promise((resolve) => waiting.set(id, resolve));
    const legs = {
      customer: { slot: 2 * id, address, rtpPort: port },
      remote: { slot: 2 * id + 1, address, rtpPort: partner },
    };
    handle({ kind: 'open', id, legs, timeoutMs: 3_600_000 });
    await opened;
    handle({ kind: 'describe', id, side: 'customer', description: description(remoteOf.get(port), false) });
    handle({ kind: 'describe', id, side: 'remote', description: description(remoteOf.get(partner), values.srtp) });
  }),
);
process.stdout.write('ready\n');
