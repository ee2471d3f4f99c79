#!/usr/bin/env node
/**
 * How long signalling waits while the node's resources change: a gateway with 1,000 connectors, 100,000 numbers, 200
 * carriers and 5,000 prefixes in its store is asked OPTIONS every 5 ms; the longest round trip around each change is the
 * stall that a call would have seen.
 *
 *     npm run bench:changes [-- --rounds 5] [--json]
 *
 *     number, connector, carrier    one of them changed over the API
 *     reload, unchanged             the file as it was, with all resources declared in it
 *     reload, one connector         the file with one connector changed
 *     idle                          nothing: what the machine itself does
 *
 * Exit 1 where the median of a change over the API, or of the unchanged reload, is over the goal of 50 ms.
 */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SeededRandom } from '../dist/core/index.js';
import { largeConfiguration, SIZES_TEXT } from './large-configuration.mjs';

const GOAL_MS = 50;
const EVERY_MS = 5;
const SETTLE_MS = 300;
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const KEY = { id: 'bench', secret: 'secret-of-the-bench' };

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, json: { type: 'boolean', default: false } },
});

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function freeTcpPort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Starts the gateway; gives its process and SIP port once it is ready. */
function startGateway(config) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, 'serve', '--config', config], { stdio: ['ignore', 'pipe', 'pipe'] });
    let told = '';
    child.stderr.on('data', (text) => {
      told += text;
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.includes('"gateway ready"')) return;
      const [listener] = JSON.parse(line).listeners;
      resolve({ child, port: Number(/:(\d+)$/.exec(listener)[1]) });
    });
    child.once('error', reject);
    child.once('close', () => reject(new Error(`gateway ended: ${told}`)));
  });
}

/** Asks OPTIONS without end; `longestMs` is the longest wait for an answer since it was last set to 0. */
class Asker {
  longestMs = 0;
  #socket = createSocket('udp4');
  #sentMs = new Map();
  #next = 0;
  #timer;

  async start(port) {
    await new Promise((resolve) => this.#socket.bind(0, '127.0.0.1', resolve));
    this.#socket.on('message', (data) => {
      const number = /^Call-ID: *(\d+)-/im.exec(data.toString('latin1'))?.[1];
      const sentMs = this.#sentMs.get(number);
      if (sentMs === undefined) return;
      this.#sentMs.delete(number);
      this.longestMs = Math.max(this.longestMs, performance.now() - sentMs);
    });
    this.#timer = setInterval(() => this.#ask(port), EVERY_MS);
  }

  get waiting() {
    return this.#sentMs.size;
  }

  stop() {
    clearInterval(this.#timer);
    this.#socket.close();
  }

  #ask(port) {
    const number = String(this.#next++);
    const own = `127.0.0.1:${this.#socket.address().port}`;
    const text = [
      `OPTIONS sip:127.0.0.1:${port} SIP/2.0`,
      `Via: SIP/2.0/UDP ${own};branch=z9hG4bKbench${number}`,
      'Max-Forwards: 70',
      `From: <sip:bench@${own}>;tag=${number}`,
      `To: <sip:127.0.0.1:${port}>`,
      `Call-ID: ${number}-bench`,
      'CSeq: 1 OPTIONS',
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n');
    this.#sentMs.set(number, performance.now());
    this.#socket.send(text, port, '127.0.0.1');
  }
}

const scratch = mkdtempSync(join(tmpdir(), 'trunkline-changes-'));
const random = new SeededRandom(2026);
const resources = largeConfiguration((limit) => Math.floor((random.uint32() / 2 ** 32) * limit));
const apiPort = await freeTcpPort();
const configuration = {
  sip: { listen: ['udp://127.0.0.1:0'], health: { enabled: false } },
  media: { ports: '41000-41100' },
  dataDir: scratch,
  api: { listen: `http://127.0.0.1:${apiPort}`, accessKeys: [KEY] },
  metrics: { listen: `http://127.0.0.1:${await freeTcpPort()}` },
  ...resources,
  carriers: [...resources.carriers, { name: 'bench', hosts: [{ host: '127.0.0.1' }], sources: ['127.0.0.0/8'] }],
};
const file = join(scratch, 'gateway.json');
const save = () => writeFileSync(file, JSON.stringify(configuration));

async function api(method, path, body) {
  const authorization = `Basic ${Buffer.from(`${KEY.id}:${KEY.secret}`).toString('base64')}`;
  const order = { method, headers: { authorization }, ...(body && { body: JSON.stringify(body) }) };
  const response = await fetch(`http://127.0.0.1:${apiPort}/trunkline/v1${path}`, order);
  const answer = await response.json();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
  return answer;
}

/** What the API changes is its own: a connector, a carrier and a number beside the declared ones. */
async function prepare() {
  const { id } = await api('POST', '/voice-connectors', { name: 'Bench', termination: { callingRegions: ['US'] } });
  await api('POST', '/carriers', { name: 'bench-api', hosts: [{ host: '127.0.0.1' }], prefixes: ['+999'] });
  await api('POST', '/phone-number-orders', { e164PhoneNumbers: ['+13605550100'] });
  const number = `/phone-numbers/${encodeURIComponent('+13605550100')}/assignment`;
  return {
    idle: () => pause(20),
    number: (round) => (round % 2 ? api('DELETE', number) : api('PUT', number, { voiceConnectorId: id })),
    connector: (round) =>
      api('PUT', `/voice-connectors/${id}/termination`, { callingRegions: ['US'], cpsLimit: 1 + round }),
    carrier: (round) =>
      api('PUT', '/carriers/bench-api', { hosts: [{ host: '127.0.0.1' }], prefixes: ['+999'], maxCalls: 1 + round }),
    'reload, unchanged': () => api('POST', '/reload'),
    'reload, one connector': (round) => {
      configuration.voiceConnectors[7].termination.cpsLimit = 100 + round;
      save();
      return api('POST', '/reload');
    },
  };
}

/** The longest wait for an OPTIONS while `change` is made and settles. */
async function stallOf(asker, change) {
  await pause(SETTLE_MS);
  asker.longestMs = 0;
  await change();
  await pause(SETTLE_MS);
  for (let tries = 0; asker.waiting > 2 && tries < 50; tries++) await pause(20);
  return asker.longestMs;
}

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
save();
const { child, port } = await startGateway(file);
const asker = new Asker();
try {
  await asker.start(port);
  const changes = await prepare();
  const stalls = Object.fromEntries(Object.keys(changes).map((name) => [name, []]));
  for (const [name, change] of Object.entries(changes)) await stallOf(asker, () => change(0)).then(() => name);
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const [name, change] of Object.entries(changes)) {
      stalls[name].push(Math.round(await stallOf(asker, () => change(round))));
    }
  }
  const judged = Object.keys(changes).filter((name) => name !== 'idle' && name !== 'reload, one connector');
  const over = judged.filter((name) => median(stalls[name]) > GOAL_MS);
  const machine = `${cpus()[0]?.model} x ${cpus().length}, Node ${process.version}`;
  if (values.json) process.stdout.write(`${JSON.stringify({ machine, stallsMs: stalls, goalMs: GOAL_MS, over })}\n`);
  else {
    const rows = Object.entries(stalls).map(
      ([name, list]) =>
        `${name.padEnd(22)} median ${median(list)} ms, longest ${Math.max(...list)} ms (${list.join(', ')})`,
    );
    const verdict = over.length === 0 ? 'reached' : `NOT reached: ${over.join('; ')}`;
    const goal = `goal ${GOAL_MS} ms in the median, but for a reload of a changed file: ${verdict}`;
    process.stdout.write(`${[`${SIZES_TEXT} on ${machine}: longest wait of an OPTIONS`, ...rows, goal].join('\n')}\n`);
  }
  process.exitCode = over.length === 0 ? 0 : 1;
} finally {
  asker.stop();
  child.removeAllListeners('close');
  child.kill('SIGINT');
  await new Promise((resolve) => child.once('exit', resolve));
  rmSync(scratch, { recursive: true, force: true });
}
