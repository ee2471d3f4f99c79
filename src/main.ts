import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { pino } from 'pino';
import { ConfigFile, type LoadOutcome, loadConfig } from './config/index.js';
import {
  checkCommand,
  emergencyCheckCommand,
  explained,
  loadOrExplain,
  type Output,
  parseCommand,
  remoteCommand,
  routeCommand,
  USAGE,
  UsageError,
} from './control/index.js';
import { GatewayError } from './core/index.js';
import { startGateway } from './gateway/index.js';

const output: Output = { out: (text) => process.stdout.write(text), err: (text) => process.stderr.write(text) };

async function main(): Promise<number> {
  if (process.argv[2] === 'demo') return demo(process.argv.slice(3));
  const command = parseCommand(process.argv.slice(2));
  switch (command.name) {
    case 'help':
      output.out(USAGE);
      return 0;
    case 'version':
      output.out(`trunkline ${version()}\n`);
      return 0;
    case 'check':
      return checkCommand(command.config, command.json, output);
    case 'route':
      return routeCommand(command.config, command.route, command.dataDir, command.json, output);
    case 'emergency-check':
      return emergencyCheckCommand(command.config, command.check, command.json, output);
    case 'reload':
    case 'drain':
    case 'calls':
    case 'call':
    case 'capture':
    case 'hold':
      return remoteCommand(command, output);
    case 'serve':
      return serve(command.config);
  }
}

/** The demonstration is a program of its own, which runs this one as its gateway. */
function demo(args: readonly string[]): Promise<number> {
  const program = fileURLToPath(new URL('./demo/main.js', import.meta.url));
  const child = spawn(process.execPath, [program, ...args], { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status) => resolve(status ?? 1));
  });
}

const version = (): string =>
  (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version;

function explainedOutcome(path: string | undefined, outcome: LoadOutcome): LoadOutcome {
  explained(path, output, outcome);
  return outcome;
}

/** Runs until SIGTERM or SIGINT; SIGHUP reloads. */
async function serve(path: string | undefined): Promise<number> {
  // On one processor the threads that help to collect young objects take turns on it, which costs more than they save.
  if (availableParallelism() === 1) setFlagsFromString('--no-parallel-scavenge');
  const file = path === undefined ? undefined : new ConfigFile(path, process.env);
  const config = loadOrExplain(path, output, () => file?.load() ?? loadConfig(undefined, process.env));
  if (!config) return 2;
  const logger = pino({ level: config.logs.level, base: null, timestamp: pino.stdTimeFunctions.isoTime });
  process.on('uncaughtException', (error) => logger.error({ err: error }, 'internal fault, process goes on'));
  process.on('unhandledRejection', (error) => logger.error({ err: error }, 'internal fault, process goes on'));
  const gateway = await startGateway(config, logger, {
    ...(path !== undefined && { file: path }),
    ...(file && { load: async (signal) => explainedOutcome(path, await file.loadBeside(signal)) }),
  });
  process.on('SIGHUP', () => {
    gateway.reload('SIGHUP').then(
      (changes) => logger.info({ changes: changes.length }, 'configuration reloaded'),
      (err: unknown) => logger.error({ err }, 'configuration not reloaded, nothing was changed'),
    );
  });
  const ended = new Promise<string>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT']) process.on(name, () => resolve(name));
  });
  logger.info(
    {
      listeners: gateway.listeners,
      metrics: gateway.metricsUrl,
      api: gateway.apiUrl,
      domain: config.domain,
      pid: process.pid,
    },
    'gateway ready',
  );
  const signal = await ended;
  if (signal === 'SIGTERM') {
    logger.info({ calls: gateway.callsActive, drainSeconds: config.drainSeconds }, 'draining');
    await gateway.drain(config.drainSeconds);
  }
  await gateway.stop();
  logger.info({}, 'gateway stopped');
  return 0;
}

main().then(
  (status) => process.exit(status),
  (error: unknown) => {
    if (error instanceof UsageError) output.err(`trunkline: ${error.message}\n`);
    else if (error instanceof GatewayError) output.err(`trunkline: ${error.code}: ${error.message}\n`);
    else output.err(`trunkline: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(error instanceof UsageError ? 2 : 1);
  },
);
