import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'vitest';

/** Programs run by tests: started, watched line by line, and ended for certain. */

export interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const PIPE_GRACE_MS = 500;

export class Program {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #lines: string[] = [];
  readonly #watchers = new Set<() => void>();
  #partial = '';
  /** Exit status, or undefined while it runs; −1 when a signal ended it. */
  status: number | undefined;
  readonly ended: Promise<number>;

  constructor(command: string, args: readonly string[], options: ProgramOptions = {}) {
    this.#name = command;
    this.#child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(this);
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => this.#take(text));
    }
    this.ended = new Promise((resolve) => {
      this.#child.once('error', (error) => this.#take(`${error.message}\n`));
      const end = (status: number | null) => {
        if (this.status !== undefined) return;
        this.status = status ?? -1;
        running.delete(this);
        this.#wake();
        resolve(this.status);
      };
      // A grandchild may hold the pipes open after the program itself has gone.
      this.#child.once('exit', (status) => setTimeout(end, PIPE_GRACE_MS, status));
      this.#child.once('close', end);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Every whole line of standard output and standard error so far. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** What it wrote last, for messages of failing tests. */
  tail(count = 40): string {
    return [...this.#lines, this.#partial].slice(-count).join('\n');
  }

  /** Resolves with the first line, from the `from`th on, that `matches`; rejects at its end or after `limitMs`. */
  async line(matches: (line: string) => boolean, limitMs = 10_000, from = 0): Promise<string> {
    let at = from;
    const deadlineMs = performance.now() + limitMs;
    for (;;) {
      for (; at < this.#lines.length; at++) if (matches(this.#lines[at]!)) return this.#lines[at]!;
      const leftMs = deadlineMs - performance.now();
      if (this.status !== undefined) throw new Error(`${this.#name} ended with ${this.status}:\n${this.tail()}`);
      if (leftMs <= 0) throw new Error(`${this.#name} did not say it in ${limitMs} ms:\n${this.tail()}`);
      await this.#news(leftMs);
    }
  }

  /** Sends a signal; nothing happens once it has ended. */
  signal(name: NodeJS.Signals): void {
    if (this.status === undefined) this.#child.kill(name);
  }

  /** Asks it to end, then makes it end after `graceMs`; resolves with its exit status. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', graceMs = 5000): Promise<number> {
    this.signal(signal);
    const timer = setTimeout(() => this.signal('SIGKILL'), graceMs);
    const status = await this.ended;
    clearTimeout(timer);
    return status;
  }

  /** Waits for its own end; after `limitMs` it is killed and this rejects. */
  async finish(limitMs: number): Promise<number> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.signal('SIGKILL');
    }, limitMs);
    const status = await this.ended;
    clearTimeout(timer);
    if (late) throw new Error(`${this.#name} still ran after ${limitMs} ms:\n${this.tail()}`);
    return status;
  }

  #take(text: string): void {
    const parts = (this.#partial + text).split(/\r?\n|\r/);
    this.#partial = parts.pop() ?? '';
    this.#lines.push(...parts);
    this.#wake();
  }

  #wake(): void {
    for (const wake of [...this.#watchers]) wake();
  }

  #news(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#watchers.delete(done);
        resolve();
      };
      const timer = setTimeout(done, limitMs);
      this.#watchers.add(done);
    });
  }
}

const running = new Set<Program>();
const endAll = (): void => {
  for (const program of running) program.signal('SIGKILL');
};
process.once('exit', endAll);
// A worker that is stopped from outside does not come to its 'exit'.
process.once('SIGTERM', () => {
  endAll();
  process.exit(143);
});

/** Whether a command of that name can be run. */
export function hasCommand(name: string): boolean {
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return directories.some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Skips the test, saying why, where a command is missing. */
export function needs(context: TestContext, ...commands: readonly string[]): void {
  const missing = commands.filter((command) => !hasCommand(command));
  if (missing.length > 0) skip(context, `${missing.join(', ')} not installed`);
}

/** Skips the test with a reason that the test command prints. */
export function skip(context: TestContext, reason: string): never {
  Object.assign(context.task.meta, { skipReason: reason });
  context.skip(reason);
}

/** Polls until `probe` gives something; rejects after `limitMs` with what was waited for. */
export async function eventually<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  limitMs = 10_000,
): Promise<T> {
  const deadlineMs = performance.now() + limitMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadlineMs) throw new Error(`${what}: not within ${limitMs} ms`);
    await pause(25);
  }
}

/** Waits `ms` of real time. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
