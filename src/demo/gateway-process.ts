import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import { embeddedDefaults } from '../config/index.js';
import { systemScheduler } from '../core/index.js';
import { freePort } from './free-port.js';

/** The real gateway as its own process, on the embedded defaults plus one carrier and one Voice Connector. */

export const ADDRESS = '127.0.0.1';
export const CONNECTOR_ID = 'demo00voice00connector';
export const OFFICE_NUMBER = '+12065550100';
export const FAR_NUMBER = '+12025550122';

const READY_LIMIT_MS = 20_000;
const POLL_MS = 50;

export interface GatewayProcess {
  readonly configFile: string;
  readonly logFile: string;
  readonly sipPort: number;
  readonly metricsUrl: string;
  readonly process: ChildProcess;
  /** Ends it; resolves when it has gone. */
  stop(): Promise<void>;
}

/**
 * Writes `<directory>/gateway.yaml` and starts `bin/trunkline serve` with it. Ports of the embedded defaults are kept
 * where they are free; the next free ones are taken where they are not.
 * @param root         directory of the clone
 * @param carrierPort  where the demonstration carrier listens
 */
export async function startGatewayProcess(
  root: string,
  directory: string,
  carrierPort: number,
): Promise<GatewayProcess> {
  mkdirSync(directory, { recursive: true });
  const sipPort = await freePort(5060, ADDRESS);
  const metricsPort = await freePort(9090, ADDRESS);
  const apiPort = await freePort(8080, ADDRESS);
  const configFile = join(directory, 'gateway.yaml');
  writeFileSync(configFile, configText(directory, { sipPort, metricsPort, apiPort, carrierPort }));
  const logFile = join(directory, 'gateway.log');
  const log = openSync(logFile, 'w');
  const process = spawn(join(root, 'bin', 'trunkline'), ['serve', '--config', configFile], {
    cwd: root,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const ended = new Promise<void>((resolve) => {
    process.once('exit', () => resolve());
    process.once('error', () => resolve());
  });
  const stop = async (): Promise<void> => {
    process.kill('SIGINT');
    await ended;
  };
  await untilReady(process, logFile);
  return { configFile, logFile, sipPort, metricsUrl: `http://${ADDRESS}:${metricsPort}/metrics`, process, stop };
}

interface Ports {
  readonly sipPort: number;
  readonly metricsPort: number;
  readonly apiPort: number;
  readonly carrierPort: number;
}

const HEADER = '# Written by npm run demo: the embedded defaults, one carrier and one Voice Connector.\n';

function configText(directory: string, ports: Ports): string {
  const { media } = embeddedDefaults();
  return (
    HEADER +
    dump({
      dataDir: directory,
      sip: { listen: [`udp://${ADDRESS}:${ports.sipPort}`, `tcp://${ADDRESS}:${ports.sipPort}`] },
      media: { listen: media.listen, ports: `${media.ports.low}-${media.ports.high}` },
      api: { listen: `http://${ADDRESS}:${ports.apiPort}` },
      metrics: { listen: `http://${ADDRESS}:${ports.metricsPort}` },
      carriers: [{ name: 'demo-carrier', hosts: [{ host: ADDRESS, port: ports.carrierPort, protocol: 'UDP' }] }],
      voiceConnectors: [
        {
          id: CONNECTOR_ID,
          name: 'Demo office',
          termination: { cidrAllowedList: [`${ADDRESS}/32`], callingRegions: ['US'], cpsLimit: 10 },
          logging: { enableSIPLogs: true, enableMediaMetricLogs: true },
          phoneNumbers: [OFFICE_NUMBER],
        },
      ],
    })
  );
}

async function untilReady(process: ChildProcess, logFile: string): Promise<void> {
  const endMs = systemScheduler.nowMs() + READY_LIMIT_MS;
  while (!readFileSync(logFile, 'utf8').includes('"gateway ready"')) {
    if (process.exitCode !== null || systemScheduler.nowMs() > endMs) {
      process.kill('SIGINT');
      throw new Error(`the gateway did not start; it said:\n${readFileSync(logFile, 'utf8').trim()}`);
    }
    await wait(POLL_MS);
  }
}

/** Waits `ms` of real time. */
export const wait = (ms: number): Promise<void> => new Promise((resolve) => systemScheduler.after(ms, resolve));
