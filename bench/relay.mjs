// Runs the packet path of a media engine on fixed ports, without signalling or port pool: see bench/relay.
//
//   --engine typescript   the relay host in this process's one thread, as a worker runs it
//   --srtp                what leaves towards the second port of each pair is sealed (AES_CM_128_HMAC_SHA1_80)
//
// Each port's peer is described at its REMOTE_PORT, latching and full statistics on, as in a call.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  options: { engine: { type: 'string', default: 'typescript' }, srtp: { type: 'boolean', default: false } },
  allowPositionals: true,
});
if (values.engine !== 'typescript' || positionals.length !== 1) {
  process.stderr.write('usage: bench/relay [--engine typescript] [--srtp] MAP\n');
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
const host = new RelayHost({
  counters: new SharedArrayBuffer(2 * calls.length * LEG_BYTES),
  scheduler: systemScheduler,
  random: new SystemRandom(),
  bind: bindUdpSocket,
  report: (report) => {
    if (report.kind === 'opened') waiting.get(report.id)();
    else if (report.kind !== 'event') process.stderr.write(`${JSON.stringify(report)}\n`);
  },
});

const address = '127.0.0.1';
await Promise.all(
  calls.map(async ([port, partner], id) => {
    const opened = new Promise((resolve) => waiting.set(id, resolve));
    const legs = {
      customer: { slot: 2 * id, address, rtpPort: port },
      remote: { slot: 2 * id + 1, address, rtpPort: partner },
    };
    host.handle({ kind: 'open', id, legs, timeoutMs: 3_600_000 });
    await opened;
    host.handle({ kind: 'describe', id, side: 'customer', description: description(remoteOf.get(port), false) });
    host.handle({ kind: 'describe', id, side: 'remote', description: description(remoteOf.get(partner), values.srtp) });
  }),
);
process.stdout.write('ready\n');
