/**
 * The gateway for the signalling bench: listens on 127.0.0.1:$KPORT (UDP), sends every call to 127.0.0.1:$DPORT, prints
 * `ready`. Records, journal, media log and SIP message log are on, as in service; limits are out of the way.
 * Also the COMMAND of a `sip-cps.sh COMMAND CPS …` run. MEDIA_ENGINE names the media engine (default native: one that is not built, or of another version, ends the bench), NODE_FLAGS
 * gives Node more flags, for a profile. BENCH_DATA names the directory for its data, which is left there: ext4 goes over
 * every inode freed in the last minutes to make a file, so that a bench that deletes its records slows its next gateway.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { KPORT, DPORT } = process.env;
if (!KPORT || !DPORT) {
  process.stderr.write('KPORT and DPORT must be set\n');
  process.exit(2);
}

const { BENCH_DATA } = process.env;
const directory = mkdtempSync(join(BENCH_DATA ?? tmpdir(), 'trunkline-bench-'));
const config = {
  dataDir: directory,
  sip: { listen: [`udp://127.0.0.1:${KPORT}`], health: { enabled: false } },
  media: { engine: process.env.MEDIA_ENGINE ?? 'native', ports: '16384-60999', quarantineSeconds: 0 },
  metrics: { listen: 'http://127.0.0.1:0' },
  api: { listen: 'http://127.0.0.1:0' },
  limits: { maxCallsPerConnector: 1_000_000 },
  fraud: { enabled: false },
  carriers: [
    {
      name: 'bench',
      hosts: [{ host: '127.0.0.1', port: Number(DPORT) }],
      sources: ['127.0.0.9/32'],
      callsPerSecond: 10_000,
      maxCalls: 1_000_000,
    },
  ],
  voiceConnectors: [
    {
      id: 'bench0000connector0001',
      name: 'Bench',
      termination: { cidrAllowedList: ['127.0.0.1/32'], callingRegions: ['US'], cpsLimit: 10_000, maxCalls: 1_000_000 },
      logging: { enableSIPLogs: process.env.SIP_LOG !== 'off', enableMediaMetricLogs: true },
      phoneNumbers: ['+12065550100'],
    },
  ],
};
const file = join(directory, 'gateway.yaml');
writeFileSync(file, JSON.stringify(config));

const logPath = join(directory, 'gateway.log');
const log = openSync(logPath, 'w');
const flags = (process.env.NODE_FLAGS ?? '').split(' ').filter((flag) => flag !== '');
const gateway = spawn(process.execPath, [...flags, join(root, 'dist', 'main.js'), 'serve', '--config', file], {
  stdio: ['ignore', log, log],
});
closeSync(log);

const poll = setInterval(() => {
  if (!readFileSync(logPath, 'utf8').includes('"gateway ready"')) return;
  clearInterval(poll);
  process.stdout.write('ready\n');
}, 50);

let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    stopping = true;
    gateway.kill('SIGINT');
    setTimeout(() => gateway.kill('SIGKILL'), 3000).unref();
  });
}
gateway.on('exit', (status) => {
  clearInterval(poll);
  if (!stopping)
    process.stderr.write(`the gateway ended by itself (${status}):\n${readFileSync(logPath, 'utf8').slice(-4000)}\n`);
  if (BENCH_DATA === undefined) rmSync(directory, { recursive: true, force: true });
  process.exit(stopping ? 0 : 1);
});
