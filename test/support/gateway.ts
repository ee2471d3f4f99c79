import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { MetricsText } from './open-metrics.js';
import { freePort, freePorts } from './ports.js';
import { eventually, Program } from './program.js';
import { scratchDirectory } from './scratch.js';

/** The gateway under test: the real process (`node dist/main.js serve`) with a configuration of the test's own. */

export const CONNECTOR = 'abcdef1ghij2klmno3pqr4';
export const OUR_NUMBER = '+12065550100';
export const FAR_NUMBER = '+12025550122';
/** Carriers call from here; customers from 127.0.0.1. */
export const CARRIER_ADDRESS = '127.0.0.2';

type Settings = Record<string, unknown>;

/** Members of a call detail record that tests read; the rest is there too. */
export interface CallRecord {
  readonly TransactionId: string;
  readonly CallId: string;
  readonly Status: 'Completed' | 'Failed';
  readonly StatusMessage: string;
  readonly Direction: string;
  readonly SourcePhoneNumber: string;
  readonly DestinationPhoneNumber: string;
  readonly BillableDurationSeconds: number;
  readonly Trunkline: {
    readonly Recovered: boolean;
    readonly HangupSide: string;
    readonly Code: string;
    readonly Reason: string;
    readonly SipStatus: number;
    readonly PostDialDelayMs: number | null;
    readonly TalkTimeMs: number;
    readonly Attempts: readonly {
      readonly Target: string;
      readonly Code: string | null;
      readonly SipStatus: number | null;
      readonly EndedMs: number | null;
    }[];
    readonly Trace: readonly { readonly check: string; readonly verdict: string; readonly code?: string }[];
    readonly Quality: null | {
      readonly Paths: Readonly<Record<PathName, PathFigures>>;
      readonly Mos: Readonly<
        Record<'customer' | 'remote', { readonly Mean: number | null; readonly LastInputs: unknown }>
      >;
      readonly JitterUs: Readonly<Record<PathName, number | null>>;
      readonly RttUs: Readonly<Record<'customer' | 'remote', number | null>>;
    };
  };
}

export type PathName = 'cust2vc' | 'vc2cust' | 'rem2vc' | 'vc2rem';
export const PATH_NAMES: readonly PathName[] = ['cust2vc', 'vc2cust', 'rem2vc', 'vc2rem'];

export interface PathFigures {
  readonly rtpPackets: number;
  readonly rtpBytes: number;
  readonly packetsLost: number | null;
  readonly reordered?: number;
  readonly duplicates?: number;
}

export type MediaLogLine = Readonly<Record<string, number | string | null>>;

export class GatewayUnderTest {
  readonly #program: Program;
  readonly dataDir: string;
  /** Port of the UDP and the TCP listener, on 127.0.0.1. */
  readonly sipPort: number;
  readonly metricsUrl: string;
  readonly mediaPorts: { readonly first: number; readonly last: number };

  constructor(
    program: Program,
    dataDir: string,
    sipPort: number,
    metricsUrl: string,
    mediaPorts: { readonly first: number; readonly last: number },
  ) {
    this.#program = program;
    this.dataDir = dataDir;
    this.sipPort = sipPort;
    this.metricsUrl = metricsUrl;
    this.mediaPorts = mediaPorts;
  }

  get pid(): number {
    return this.#program.pid!;
  }

  /** What it logged last. */
  tail(count?: number): string {
    return this.#program.tail(count);
  }

  get running(): boolean {
    return this.#program.status === undefined;
  }

  /** Call detail records written so far, in the order the calls ended. */
  records(): CallRecord[] {
    const root = join(this.dataDir, 'records', 'Amazon-Chime-Voice-Connector-CDRs', 'json');
    return filesUnder(root)
      .filter((path) => !path.endsWith('.tmp'))
      .map((path) => JSON.parse(readFileSync(path, 'utf8')) as CallRecord);
  }

  /** Waits until at least `count` records are there. */
  recordsOnceThere(count: number, limitMs = 15_000): Promise<CallRecord[]> {
    return eventually(
      `${count} call detail records (there are ${this.records().length})`,
      () => {
        const records = this.records();
        return records.length >= count && records;
      },
      limitMs,
    );
  }

  /** Lines of the media log of all connectors. */
  mediaLog(): MediaLogLine[] {
    return filesUnder(join(this.dataDir, 'logs', 'ChimeVoiceConnectorLogs')).flatMap((path) =>
      readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as MediaLogLine),
    );
  }

  async metrics(): Promise<MetricsText> {
    const response = await fetch(`${this.metricsUrl}/metrics`);
    if (!response.ok) throw new Error(`/metrics answered ${response.status}`);
    return new MetricsText(await response.text());
  }

  /** Kills it as a crash would. */
  async kill(): Promise<void> {
    await this.#program.stop('SIGKILL');
  }

  /** Starts a new process with the same configuration and directory. */
  async startAgain(): Promise<GatewayUnderTest> {
    const next = await startProcess(this.dataDir, this.sipPort, this.mediaPorts);
    onTestFinished(() => next.stop().then(() => {}));
    return next;
  }

  /** Ends it with SIGINT (no drain) or SIGTERM; resolves with its exit status. */
  stop(signal: 'SIGINT' | 'SIGTERM' = 'SIGINT', graceMs = 10_000): Promise<number> {
    return this.#program.stop(signal, graceMs);
  }
}

/** Files below a directory, sorted by path; none where it does not exist. */
function filesUnder(directory: string): string[] {
  let entries: ReturnType<typeof readEntries>;
  try {
    entries = readEntries(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return entries
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      return entry.isDirectory() ? filesUnder(path) : [path];
    })
    .sort();
}

const readEntries = (directory: string) => readdirSync(directory, { withFileTypes: true });

const READY_LIMIT_MS = 20_000;

/**
 * Starts a gateway with the given settings over the ones of tests: free ports on loopback, a directory of its own,
 * no health checks. It ends with the test, or, with `keep`, with the process. A call takes four of the `mediaPorts`,
 * which rest for 30 s afterwards.
 */
export async function startGateway(
  settings: Settings,
  options: { keep?: boolean; mediaPorts?: number } = {},
): Promise<GatewayUnderTest> {
  const dataDir = scratchDirectory(options.keep);
  const sipPort = await freePort();
  const { mediaPorts = 80 } = options;
  const mediaPort = await freePorts(mediaPorts);
  const config = merge(
    {
      dataDir,
      drainSeconds: 5,
      sip: { listen: [`udp://127.0.0.1:${sipPort}`, `tcp://127.0.0.1:${sipPort}`], health: { enabled: false } },
      media: { engine: 'typescript', listen: '127.0.0.1', ports: `${mediaPort}-${mediaPort + mediaPorts - 1}` },
      api: { listen: `http://127.0.0.1:${await freePort()}` },
      metrics: { listen: `http://127.0.0.1:${await freePort()}` },
      numbers: { defaultCountry: 'US' },
    },
    settings,
  );
  writeFileSync(join(dataDir, 'gateway.yaml'), JSON.stringify(config, undefined, 2));
  const gateway = await startProcess(dataDir, sipPort, { first: mediaPort, last: mediaPort + mediaPorts - 1 });
  if (!options.keep) onTestFinished(() => gateway.stop().then(() => {}));
  return gateway;
}

async function startProcess(
  dataDir: string,
  sipPort: number,
  mediaPorts: GatewayUnderTest['mediaPorts'],
): Promise<GatewayUnderTest> {
  const program = new Program(process.execPath, ['dist/main.js', 'serve', '--config', join(dataDir, 'gateway.yaml')]);
  const line = await program.line((text) => text.includes('"gateway ready"'), READY_LIMIT_MS);
  const ready = JSON.parse(line) as { readonly metrics: string };
  return new GatewayUnderTest(program, dataDir, sipPort, ready.metrics, mediaPorts);
}

/** Maps are merged, everything else is replaced. */
function merge(base: Settings, over: Settings): Settings {
  const merged: Settings = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isMap(below) && isMap(value) ? merge(below, value) : value;
  }
  return merged;
}

const isMap = (value: unknown): value is Settings =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A connector that customers on 127.0.0.1 may use for calls to the US, with `more` over it. */
export const connector = (more: Settings = {}): Settings =>
  merge(
    {
      id: CONNECTOR,
      name: 'Test',
      termination: { cidrAllowedList: ['127.0.0.1/32'], callingRegions: ['US'], cpsLimit: 1000 },
      logging: { enableSIPLogs: true, enableMediaMetricLogs: true },
      phoneNumbers: [OUR_NUMBER],
    },
    more,
  );

/** A carrier at the given ports of loopback, calling from 127.0.0.2. */
export const carrier = (ports: readonly number[], more: Settings = {}): Settings =>
  merge(
    {
      name: 'main',
      hosts: ports.map((port) => ({ host: '127.0.0.1', port, protocol: 'UDP' })),
      sources: [`${CARRIER_ADDRESS}/32`],
      callsPerSecond: 1000,
    },
    more,
  );
