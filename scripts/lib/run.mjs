import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Small helpers over child processes; nothing but Node's own modules. */

/** Directories where Debian keeps commands that a user's PATH often lacks. */
const SYSTEM_DIRECTORIES = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** Whether a command of that name can be run. */
export function hasCommand(name) {
  const directories = [...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_DIRECTORIES];
  return directories.some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs a command to its end without output; gives its exit status (null when it could not start) and its output. */
export function runQuietly(command, args, options = {}) {
  const done = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const output = `${done.stdout ?? ''}${done.stderr ?? ''}${done.error ? `${done.error.message}\n` : ''}`;
  return { status: done.status, output };
}

/**
 * Runs a command with its output on ours; resolves with its exit status, or with 'timeout' when it was ended after
 * `timeoutMs`.
 */
export function runLoudly(command, args, options = {}) {
  const { timeoutMs, ...rest } = options;
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], ...rest });
    let timedOut = false;
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            child.kill('SIGTERM');
            setTimeout(() => child.kill('SIGKILL'), 5000).unref();
          }, timeoutMs);
    const finish = (status) => {
      clearTimeout(timer);
      resolve(timedOut ? 'timeout' : status);
    };
    child.on('error', (error) => {
      process.stderr.write(`${command}: ${error.message}\n`);
      finish(127);
    });
    child.on('close', (status) => finish(status ?? 1));
  });
}
