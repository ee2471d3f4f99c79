import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runQuietly } from './run.mjs';

/**
 * Brings a clone into a state in which the gateway runs: npm packages as the lock file says, and `dist/` built from
 * `src/`. Does only what is missing or stale; one process at a time.
 */

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

const LOCK = join(ROOT, '.tmp', 'prepare.lock');
const BUILT = join(ROOT, 'dist', '.built');
const INSTALL_LIMIT_MS = 10 * 60_000;
const BUILD_LIMIT_MS = 5 * 60_000;

/** Installs and builds what is missing. Throws an Error whose message says what failed and shows its output. */
export async function prepare(say) {
  await locked(() => {
    const seenAt = new Date();
    if (!packagesAreCurrent()) installPackages(say);
    if (!buildIsCurrent()) build(say);
    else utimesSync(BUILT, seenAt, seenAt);
  });
}

/** Installs the npm packages of the lock file where they are missing or stale. */
export async function preparePackages(say) {
  await locked(() => {
    if (!packagesAreCurrent()) installPackages(say);
  });
}

/** Builds always. */
export async function rebuild(say) {
  await locked(() => build(say));
}

/** Whether node_modules holds what package-lock.json asks for (packages for other platforms aside). */
export function packagesAreCurrent() {
  const wanted = readLock(join(ROOT, 'package-lock.json'));
  const found = readLock(join(ROOT, 'node_modules', '.package-lock.json'));
  if (!wanted || !found) return false;
  for (const [path, facts] of Object.entries(wanted)) {
    if (path === '' || (facts.optional && !found[path])) continue;
    if (found[path]?.version !== facts.version) return false;
  }
  return true;
}

function readLock(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages ?? {};
  } catch {
    return undefined;
  }
}

function installPackages(say) {
  say('installing npm packages …');
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, output } = runQuietly('npm', args, { cwd: ROOT, timeout: INSTALL_LIMIT_MS });
  if (status !== 0) throw new Error(`npm ci failed:\n${output}`);
}

/** Whether dist/ is newer than everything it is made from. */
export function buildIsCurrent() {
  if (!existsSync(BUILT) || !existsSync(join(ROOT, 'dist', 'main.js'))) return false;
  const builtMs = statSync(BUILT).mtimeMs;
  return newestMs(join(ROOT, 'src')) <= builtMs && statSync(join(ROOT, 'tsconfig.json')).mtimeMs <= builtMs;
}

function newestMs(directory) {
  let newest = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    const ms = entry.isDirectory() ? newestMs(path) : statSync(path).mtimeMs;
    if (ms > newest) newest = ms;
  }
  return newest;
}

function build(say) {
  say('building …');
  const startedAt = new Date();
  const { status, output } = runQuietly(process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc')], {
    cwd: ROOT,
    timeout: BUILD_LIMIT_MS,
  });
  if (status !== 0) throw new Error(`the build failed:\n${output}`);
  buildNative(say);
  mkdirSync(dirname(BUILT), { recursive: true });
  writeFileSync(BUILT, '');
  utimesSync(BUILT, startedAt, startedAt);
}

const NATIVE_SOURCES = join(ROOT, 'src', 'rtp', 'native');
const NATIVE_BUILT = join(ROOT, 'build', 'Release', 'relay.node');

/** The compiled packet path, where this machine can build it; without it the TypeScript engine carries the media. */
function buildNative(say) {
  if (existsSync(NATIVE_BUILT) && statSync(NATIVE_BUILT).mtimeMs > newestMs(NATIVE_SOURCES)) return;
  const script = join(ROOT, 'scripts', 'build-native.mjs');
  const { output } = runQuietly(process.execPath, [script], { cwd: ROOT, timeout: BUILD_LIMIT_MS });
  if (!existsSync(NATIVE_BUILT)) say(output.trim().split('\n')[0] ?? 'native packet path not built');
}

const LOCK_POLL_MS = 200;
const LOCK_LIMIT_MS = INSTALL_LIMIT_MS + BUILD_LIMIT_MS;

async function locked(work) {
  mkdirSync(dirname(LOCK), { recursive: true });
  const deadlineMs = Date.now() + LOCK_LIMIT_MS;
  while (!takeLock()) {
    if (Date.now() > deadlineMs) throw new Error(`another process keeps preparing this clone (${LOCK})`);
    await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
  }
  try {
    await work();
  } finally {
    rmSync(LOCK, { force: true });
  }
}

function takeLock() {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (!holderLives()) rmSync(LOCK, { force: true });
    return false;
  }
}

function holderLives() {
  try {
    process.kill(Number(readFileSync(LOCK, 'utf8')), 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
