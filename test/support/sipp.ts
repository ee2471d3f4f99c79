import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import { freePort, freePorts, isHeld } from './ports.js';
import { eventually, Program, pause } from './program.js';
import { scratchDirectory } from './scratch.js';

/** SIPp as caller and as answering side. Each run has a directory of its own for its statistics and error log. */

export interface SippOptions {
  /** Name of a file in test/scenario/sipp, without `.xml`; or the scenario itself. */
  readonly scenario: string | { readonly xml: string };
  /** Where its files go; the caller's to end and remove. Absent: a directory that goes with the test. */
  readonly directory?: string;
  /** Own address and SIP port. */
  readonly address?: string;
  readonly port?: number;
  readonly transport?: 'udp' | 'tcp';
  /** Values of `{{name}}` in the scenario, where SIPp itself takes no keyword. */
  readonly fill?: Readonly<Record<string, string>>;
  /** `-key` values of the scenario. */
  readonly keys?: Readonly<Record<string, string>>;
  /** First media port. */
  readonly mediaPort?: number;
  readonly more?: readonly string[];
}

export interface CallerOptions extends SippOptions {
  /** `address:port` of the gateway; also the host of the Request-URI, unless the key `host` says otherwise. */
  readonly target: string;
  readonly calls: number;
  readonly callsPerSecond: number;
  /** What `<pause/>` takes, ms. */
  readonly pauseMs?: number;
  readonly limitMs?: number;
  /** How long one message is waited for. */
  readonly waitMs?: number;
}

export interface SippResult {
  readonly status: number;
  readonly successful: number;
  readonly failed: number;
  readonly retransmissions: number;
  /** Mean time from INVITE to 200, ms. */
  readonly responseMs: number;
  /** What SIPp wrote to its error log. */
  readonly errors: string;
}

const SCENARIOS = resolve('test/scenario/sipp');

interface Run {
  readonly program: Program;
  readonly directory: string;
  readonly port: number;
}

async function start(options: SippOptions, more: readonly string[]): Promise<Run> {
  const directory = options.directory ?? scratchDirectory();
  const { address = '127.0.0.1', transport = 'udp', keys = {} } = options;
  const port = options.port ?? (await freePort());
  const args = ['-sf', scenarioFile(options, directory), '-i', address, '-p', String(port)];
  args.push('-mi', address, '-mp', String(options.mediaPort ?? (await freePorts(4))));
  args.push('-t', transport === 'udp' ? 'u1' : 't1', '-nostdin', '-trace_err', '-error_file', 'errors.log');
  args.push('-trace_stat', '-stf', 'statistics.csv', '-fd', '1', '-buff_size', '4194304');
  for (const [key, value] of Object.entries(keys)) args.push('-key', key, value);
  const program = new Program('sipp', [...args, ...(options.more ?? []), ...more], { cwd: directory });
  if (options.directory === undefined) onTestFinished(() => void program.stop('SIGKILL'));
  return { program, directory, port };
}

function scenarioFile({ scenario, fill = {} }: SippOptions, directory: string): string {
  const file = join(directory, 'scenario.xml');
  writeFileSync(file, typeof scenario === 'string' ? filled(scenario, fill) : scenario.xml);
  return file;
}

function filled(scenario: string, fill: Readonly<Record<string, string>>): string {
  return readFileSync(join(SCENARIOS, `${scenario}.xml`), 'utf8').replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = fill[name];
    if (value === undefined) throw new Error(`scenario ${scenario} needs ${name}`);
    return value;
  });
}

/** Places calls and waits until all are over. Never rejects for failed calls: read the result. */
export async function runCaller(options: CallerOptions): Promise<SippResult> {
  for (let tries = 1; ; tries++) {
    const { run, status } = await callOnFreePorts(options);
    if (status === 0 || tries === START_TRIES || !foundPortTaken(run)) return result(run, status);
  }
}

const START_TRIES = 3;

/** Somebody else was quicker to one of its ports, so that it never began. */
const foundPortTaken = (run: Run): boolean => run.program.tail(200).includes('Address already in use');

async function callOnFreePorts(options: CallerOptions): Promise<{ run: Run; status: number }> {
  const { target, calls, callsPerSecond, pauseMs = 0, limitMs = 60_000, waitMs = 30_000 } = options;
  const limitSeconds = String(Math.ceil(limitMs / 1000));
  const run = await start({ ...options, keys: { host: target, ...options.keys } }, [
    ...[target, '-m', String(calls), '-r', String(callsPerSecond), '-d', String(pauseMs), '-l', '10000'],
    ...['-timeout', limitSeconds, '-timeout_error', '-recv_timeout', String(waitMs)],
  ]);
  return { run, status: await run.program.finish(limitMs + 10_000) };
}

export class Answerer {
  readonly #run: Run;

  constructor(run: Run) {
    this.#run = run;
  }

  get port(): number {
    return this.#run.port;
  }

  tail(): string {
    return this.#run.program.tail();
  }

  /** Lets running calls end, then stops; resolves with what it counted. */
  async stop(): Promise<SippResult> {
    this.#run.program.signal('SIGUSR1');
    const status = await this.#run.program.finish(15_000);
    return result(this.#run, status);
  }
}

/** Starts an answering side and waits until it listens. */
export async function startAnswerer(options: SippOptions): Promise<Answerer> {
  for (let tries = 1; ; tries++) {
    const run = await start(options, []);
    await eventually(
      `SIPp listens on ${run.port}`,
      () => run.program.status !== undefined || isHeld(options.transport ?? 'udp', run.port),
    );
    // Its media ports come last.
    await pause(MEDIA_PORTS_MS);
    if (run.program.status === undefined) return new Answerer(run);
    if (tries === START_TRIES || !foundPortTaken(run)) throw new Error(`SIPp ended:\n${run.program.tail()}`);
  }
}

const MEDIA_PORTS_MS = 30;

function result(run: Run, status: number): SippResult {
  const row = lastRow(readText(join(run.directory, 'statistics.csv')));
  const count = (name: string) => Number(row[name] ?? 0);
  return {
    status,
    successful: count('SuccessfulCall(C)'),
    failed: count('FailedCall(C)'),
    retransmissions: count('Retransmissions(C)'),
    responseMs: milliseconds(row['ResponseTime1(C)'] ?? ''),
    errors: readText(join(run.directory, 'errors.log')) + (status > 1 || status < 0 ? run.program.tail(15) : ''),
  };
}

function lastRow(csv: string): Record<string, string> {
  const lines = csv.split('\n').filter((line) => line !== '');
  const names = (lines[0] ?? '').split(';');
  const values = (lines.at(-1) ?? '').split(';');
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
}

/** `00:00:01:234567` (hours, minutes, seconds, microseconds) in milliseconds. */
function milliseconds(text: string): number {
  const [hours = 0, minutes = 0, seconds = 0, micros = 0] = text.split(':').map(Number);
  return ((hours * 60 + minutes) * 60 + seconds) * 1000 + micros / 1000;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
