#!/usr/bin/env node
/**
 * Builds the compiled packet path into build/Release, where this machine can; where it can't, says why in one line and
 * succeeds all the same, since the TypeScript engine does the same work.
 *
 *     npm run build:native -- [--required]
 *
 * node-gyp is the one that npm brings along. Headers are those beside the running Node, so nothing is fetched.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const required = process.argv.includes('--required');

function give(reason) {
  console.error(`native packet path not built: ${reason}`);
  process.exit(required ? 1 : 0);
}

function findNodeGyp() {
  const beside = join(dirname(process.execPath), '..', 'lib', 'node_modules');
  const places = [process.env.npm_config_node_gyp, join(beside, 'npm/node_modules/node-gyp/bin/node-gyp.js')];
  const found = places.find((place) => place && existsSync(place));
  if (found) return found;
  try {
    const modules = execFileSync('npm', ['root', '--global'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const asked = join(modules.trim(), 'npm/node_modules/node-gyp/bin/node-gyp.js');
    return existsSync(asked) ? asked : undefined;
  } catch {
    // No npm on the path: nothing to build with, which the caller says.
    return undefined;
  }
}

if (process.platform !== 'linux') give(`it needs Linux, this is ${process.platform}`);
const nodeGyp = findNodeGyp();
if (!nodeGyp) give('npm, which brings node-gyp, is not installed');
const prefix = [dirname(dirname(process.execPath)), '/usr'].find((place) =>
  existsSync(join(place, 'include/node/node_api.h')),
);
if (!prefix) give('the headers of Node are not installed');
const run = spawnSync(process.execPath, [nodeGyp, 'rebuild', `--nodedir=${prefix}`], { cwd: root, encoding: 'utf8' });
if (run.status !== 0)
  give(
    `node-gyp failed\n${String(run.stderr ?? run.error)
      .trim()
      .split('\n')
      .slice(-25)
      .join('\n')}`,
  );
console.log('native packet path built');
