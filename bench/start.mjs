#!/usr/bin/env node
/**
 * Time from the start of the process to `gateway ready` with 1,000 connectors, 100,000 numbers, 200 carriers and 5,000
 * prefixes:
 *
 *     json, yaml   all declared in one file: first start (nothing in the store), and again with the same file
 *     store        all in the store, as the API makes them; the file declares nothing
 *
 *     npm run bench:start [-- --rounds 3] [--json]
 *
 * Rounds take the cases in turn; the median of each case is printed. Exit 1 where one is over the goal of 3 s.
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { dump } from 'js-yaml';
import Database from 'libsql';
import { SeededRandom } from '../dist/core/index.js';
import { largeConfiguration, SIZES_TEXT } from './large-configuration.mjs';

const GOAL_MS = 3000;
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, json: { type: 'boolean', default: false } },
});

const scratch = mkdtempSync(join(tmpdir(), 'trunkline-start-'));
const random = new SeededRandom(2026);
const resources = largeConfiguration((limit) => Math.floor((random.uint32() / 2 ** 32) * limit));
/** OPTIONS to three thousand hosts that are not there would go on while the next start is measured. */
const settings = {
  domain: resources.domain,
  sip: { listen: ['udp://127.0.0.1:0'], health: { enabled: false } },
  media: { ports: '41000-41100' },
};

const at = (name) => join(scratch, name);
const declared = (directory) => ({ ...settings, dataDir: directory, ...resources });
const writeJson = (path, directory) => writeFileSync(path, JSON.stringify(declared(directory)));
const writeYaml = (path, directory) => writeFileSync(path, dump(declared(directory)));

/** Milliseconds to `gateway ready`; the gateway is ended again. */
function startUp(config) {
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    const child = spawn(process.execPath, [MAIN, 'serve', '--config', config], { stdio: ['ignore', 'pipe', 'pipe'] });
    let readyMs;
    let told = '';
    child.stderr.on('data', (text) => {
      told += text;
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.includes('"gateway ready"')) return;
      readyMs = performance.now() - begin;
      child.kill('SIGINT');
    });
    child.once('error', reject);
    child.once('close', () => (readyMs === undefined ? reject(new Error(`not ready: ${told}`)) : resolve(readyMs)));
  });
}

/** A store that holds everything as the API would have made it, made of one that a file declared. */
function storeOnly(from, directory) {
  cpSync(from, directory, { recursive: true });
  const database = new Database(join(directory, 'trunkline.db'));
  database.exec("UPDATE resources SET owner = NULL; DELETE FROM resources WHERE kind = 'setting'");
  database.close();
}

async function round(number, times) {
  for (const [kind, write] of [
    ['json', writeJson],
    ['yaml', writeYaml],
  ]) {
    const directory = at(`${kind}-${number}`);
    const file = at(`${kind}-${number}.${kind}`);
    write(file, directory);
    note(times, `${kind}, first start`, await startUp(file));
    note(times, `${kind}, again`, await startUp(file));
  }
  const directory = at(`store-${number}`);
  storeOnly(at(`json-${number}`), directory);
  const file = at(`store-${number}.json`);
  writeFileSync(file, JSON.stringify({ ...settings, dataDir: directory }));
  note(times, 'store', await startUp(file));
}

const note = (times, name, ms) => {
  times[name] = [...(times[name] ?? []), ms];
};

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

try {
  const times = {};
  for (let number = 0; number < Number(values.rounds); number++) await round(number, times);
  const medians = Object.entries(times).map(([name, list]) => [name, Math.round(median(list))]);
  const over = medians.filter(([, ms]) => ms > GOAL_MS).map(([name]) => name);
  const megabytes = (name) => (statSync(at(name)).size / 1e6).toFixed(1);
  const machine = `${cpus()[0]?.model} x ${cpus().length}, Node ${process.version}`;
  if (values.json) {
    process.stdout.write(
      `${JSON.stringify({ machine, rounds: Number(values.rounds), medians: Object.fromEntries(medians), times, goalMs: GOAL_MS, over })}\n`,
    );
  } else {
    const rows = medians.map(([name, ms]) => {
      const each = times[name].map((one) => (one / 1000).toFixed(2)).join(', ');
      return `${name.padEnd(20)} ${(ms / 1000).toFixed(2)} s (${each}), ${(ms / GOAL_MS).toFixed(2)} of the goal`;
    });
    const heading = `${SIZES_TEXT} on ${machine}; JSON ${megabytes('json-0.json')} MB, YAML ${megabytes('yaml-0.yaml')} MB`;
    const verdict = over.length === 0 ? 'reached' : `NOT reached: ${over.join('; ')}`;
    process.stdout.write(`${[heading, ...rows, `goal ${GOAL_MS / 1000} s in the median: ${verdict}`].join('\n')}\n`);
  }
  process.exitCode = over.length === 0 ? 0 : 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
