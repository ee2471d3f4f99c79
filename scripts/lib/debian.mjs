import { DEBIAN_PACKAGES } from './debian-packages.mjs';
import { hasCommand, runQuietly } from './run.mjs';

/** Installs the Debian packages that bring missing peers, where root or a password-less sudo allows. */

const STEP_LIMIT_MS = 4 * 60_000;

/**
 * Installs what is missing, quietly and in bounded time.
 * @returns why commands are still missing: one sentence, or undefined when none is
 */
export function installPeers(say) {
  const missing = DEBIAN_PACKAGES.filter(({ command }) => !hasCommand(command));
  if (missing.length === 0) return undefined;
  const names = missing.map((entry) => entry.package);
  const prefix = privilege();
  if (!hasCommand('apt-get')) return `${names.join(', ')} not installed: no apt-get here`;
  if (!prefix) return `${names.join(', ')} not installed: neither root nor sudo without a password`;
  say(`installing Debian packages ${names.join(', ')} …`);
  let failure = install(prefix, names);
  if (failure !== undefined) {
    aptGet(prefix, ['update', '-qq']);
    failure = install(prefix, names);
  }
  const still = missing.filter(({ command }) => !hasCommand(command)).map((entry) => entry.package);
  if (still.length === 0) return undefined;
  return `${still.join(', ')} not installed: ${lastLine(failure ?? 'the package brought no such command')}`;
}

/** What to put before apt-get: nothing for root, sudo where it asks no password; undefined where neither is. */
function privilege() {
  if (process.getuid?.() === 0) return [];
  if (hasCommand('sudo') && runQuietly('sudo', ['-n', 'true'], { timeout: 10_000 }).status === 0) return ['sudo', '-n'];
  return undefined;
}

/** @returns the output of a failure, or undefined */
function install(prefix, names) {
  const { status, output } = aptGet(prefix, ['install', '-y', '-qq', '--no-install-recommends', ...names]);
  return status === 0 ? undefined : output;
}

function aptGet(prefix, args) {
  const line = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-o', 'DPkg::Lock::Timeout=60', ...args];
  return runQuietly(line[0], line.slice(1), { timeout: STEP_LIMIT_MS });
}

const lastLine = (text) => text.trim().split('\n').at(-1) ?? '';
