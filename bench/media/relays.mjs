// The relays that are measured, set up with calls: each is started on core 0 and says which flows the load maker is to send.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
export const niceness = process.getuid() === 0 ? '-20' : '0';

/** What the load maker binds: one port a side, all flows of a side share it. */
const [SIDE_A, SIDE_B] = [9000, 9010];
const FIRST_PORT = 40_000;
/** rtpengine's: it wants some seven ports a call. Up to 4,000 calls, it leaves those of the others alone. */
const rtpenginePorts = (calls) => [10_000, calls > 4000 ? 64_999 : 39_999];
const NG_PORT = 22_222;
/** The key of every call, where we choose it (bench/relay has the same). */
const KEY = Buffer.from('0123456789abcdef0123456789abcd');

/**
 * Starts `name` (rtpengine, relay-c, native, typescript; the last two also with +copied or +read, see bench/relay) with `calls` calls for traffic of `kind`:
 * rtp both ways in the clear; seal: in the clear from side A, sealed to side B; open: sealed from side B, in the clear to A.
 * Resolves to { pid, flows, collect, stop }; a flow is [source port, relay port, sink port, send key, receive key].
 */
export async function startRelay(name, kind, calls, { benchDir, binDir, firstPort = FIRST_PORT }) {
  if (name === 'rtpengine') return startRtpengine(kind, calls, benchDir);
  if (name === 'relay-c') return startMapped([join(binDir, 'relay-c'), 'raw'], kind, calls, firstPort);
  const [engine, fork] = name.split('+');
  const options = [...(kind === 'rtp' ? [] : ['--srtp']), ...(fork ? ['--fork', fork] : [])];
  const relay = await startMapped([join(here, '..', 'relay'), '--engine', engine, ...options], kind, calls, firstPort);
  return { ...relay, collect: () => collect(relay) };
}

/** Has garbage collected, so that what is resident is in use. */
async function collect({ pid, says }) {
  const done = says('collected');
  process.kill(pid, 'SIGUSR2');
  await done;
}

/** Starts several relays beside each other, on ports of their own; those that are not loaded cost next to nothing. */
export async function startRelays(names, kind, calls, places) {
  const started = [];
  for (const [at, name] of names.entries()) {
    started.push(await startRelay(name, kind, calls, { ...places, firstPort: FIRST_PORT + 4 * calls * at }));
  }
  return started;
}

/** A relay that takes a flow map and prints `ready`. */
async function startMapped(command, kind, calls, firstPort) {
  const directory = mkdtempSync(join(tmpdir(), 'bench-media-'));
  const map = join(directory, 'relay.map');
  const ports = Array.from({ length: calls }, (_, call) => firstPort + 4 * call);
  const rows = ports.flatMap((port) => [
    [port, port + 2, SIDE_A],
    [port + 2, port, SIDE_B],
  ]);
  writeFileSync(map, `${rows.map((row) => row.join(' ')).join('\n')}\n`);
  const relay = pinned([...command, map]);
  try {
    await relay.says('ready');
  } finally {
    rmSync(directory, { recursive: true });
  }
  const flows = ports.flatMap((port) => mappedFlows(port, kind));
  return { pid: relay.pid, flows, says: relay.says, collect: () => {}, stop: relay.stop };
}

function mappedFlows(port, kind) {
  const key = KEY.toString('hex');
  if (kind === 'seal') return [[SIDE_A, port, SIDE_B, '-', key]];
  if (kind === 'open') return [[SIDE_B, port + 2, SIDE_A, key, '-']];
  return [
    [SIDE_A, port, SIDE_B, '-', '-'],
    [SIDE_B, port + 2, SIDE_A, '-', '-'],
  ];
}

/** rtpengine in user space with one thread, its calls set up over NG. */
async function startRtpengine(kind, calls, benchDir) {
  const { Ng } = await import(join(benchDir, 'ng.mjs'));
  const relay = pinned([
    'rtpengine',
    ...['--config-file=none', '--table=-1', '--interface=127.0.0.1', `--listen-ng=127.0.0.1:${NG_PORT}`],
    ...[
      '--num-threads=1',
      `--port-min=${rtpenginePorts(calls)[0]}`,
      `--port-max=${rtpenginePorts(calls)[1]}`,
      '--foreground',
      '--log-stderr',
    ],
    ...['--log-level=1', '--log-facility=daemon', '--delete-delay=0', '--timeout=600', '--silent-timeout=600'],
  ]);
  try {
    const flows = await rtpengineCalls(new Ng(NG_PORT), kind, calls);
    return { pid: relay.pid, flows, collect: () => {}, stop: relay.stop };
  } catch (error) {
    await relay.stop();
    throw error;
  }
}

async function rtpengineCalls(ng, kind, calls) {
  await ng.ask({ command: 'ping' }, 40);
  const flows = [];
  for (let first = 0; first < calls; first += 8) {
    const batch = Array.from({ length: Math.min(8, calls - first) }, (_, at) => first + at);
    flows.push(...(await Promise.all(batch.map((call) => rtpengineCall(ng, call, kind)))));
  }
  ng.close();
  return flows.flat();
}

async function rtpengineCall(ng, call, kind) {
  const common = {
    'call-id': `call-${process.pid}-${call}`,
    'from-tag': `a${call}`,
    ICE: 'remove',
    replace: ['origin'],
  };
  const offered = await ng.ask({
    ...common,
    command: 'offer',
    sdp: sdp(SIDE_A),
    'transport-protocol': kind === 'rtp' ? 'RTP/AVP' : 'RTP/SAVP',
  });
  const crypto = /^a=crypto:(\d+) AES_CM_128_HMAC_SHA1_80 inline:([^|\s]+)/m.exec(offered.sdp);
  const answered = await ng.ask({ ...common, command: 'answer', 'to-tag': `b${call}`, sdp: sdp(SIDE_B, crypto?.[1]) });
  const [portA, portB] = [answered.sdp, offered.sdp].map((text) => Number(/^m=audio (\d+)/m.exec(text)[1]));
  if (kind === 'seal') return [[SIDE_A, portA, SIDE_B, '-', Buffer.from(crypto[2], 'base64').toString('hex')]];
  if (kind === 'open') return [[SIDE_B, portB, SIDE_A, KEY.toString('hex'), '-']];
  return [
    [SIDE_A, portA, SIDE_B, '-', '-'],
    [SIDE_B, portB, SIDE_A, '-', '-'],
  ];
}

/** A description; with SRTP under our key where the tag of the offer's crypto line is given. */
function sdp(port, tag) {
  return [
    ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'],
    `m=audio ${port} RTP/${tag ? 'SAVP' : 'AVP'} 0`,
    ...['a=rtpmap:0 PCMU/8000', 'a=ptime:20', 'a=sendrecv'],
    ...(tag ? [`a=crypto:${tag} AES_CM_128_HMAC_SHA1_80 inline:${KEY.toString('base64')}`] : []),
    '',
  ].join('\r\n');
}

/** No relay outlives the bench, however that ends. */
const running = new Set();
process.on('exit', () => {
  for (const relay of running) relay.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

/** A process on core 0 alone, with descriptors enough; `says` resolves when its output has `word`. */
function pinned(command) {
  const shell = 'ulimit -n 100000 2>/dev/null; exec "$@"';
  const relay = spawn('nice', ['-n', niceness, 'taskset', '-c', '0', 'sh', '-c', shell, 'relay', ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(relay);
  let errors = '';
  relay.stderr.on('data', (chunk) => {
    errors = (errors + chunk).slice(-2000);
  });
  const ended = new Promise((resolve) => relay.on('exit', resolve));
  const says = (word) =>
    new Promise((resolve, reject) => {
      relay.stdout.on('data', (chunk) => String(chunk).includes(word) && resolve());
      void ended.then(() => reject(new Error(`${command[0]} ended: ${errors}`)));
    });
  const stop = async () => {
    relay.kill('SIGKILL');
    await ended;
    running.delete(relay);
  };
  return { pid: relay.pid, says, stop };
}

/** Resident size of a process, kB. */
export const residentKb = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
