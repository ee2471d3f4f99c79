import {
  Authenticator,
  CallControl,
  type CallDetailRecord,
  type CallEvent,
  CallRecorder,
  JsonLinesLog,
  MessageTrace,
  optionsProbe,
  Policy,
  SipMessageLog,
} from '../call/index.js';
import {
  Counters,
  GatewayError,
  type Logger,
  type Random,
  type Scheduler,
  SeededRandom,
  silentLogger,
} from '../core/index.js';
import { HealthProber } from '../routing/index.js';
import { type Location, type Locator, type ResolvedTarget, SipCore } from '../sip/index.js';
import { CountedTime } from './counted-time.js';
import { SIMULATED_FAULT, SimulatedMedia } from './media.js';
import type { NetworkHost } from './network/index.js';
import type { Tally } from './tally.js';
import { CARRIERS, DOMAIN, GATEWAY_ADDRESS, simulatedConfig } from './topology.js';

/** Longest call, and the media silence that ends one. */
export const MAX_CALL_SECONDS = 300;
const LOOK_UP_FAILS = 0.01;

export interface GatewayParts {
  readonly time: Scheduler;
  readonly host: NetworkHost;
  readonly seed: number;
  readonly random: Random;
  readonly tally: Tally;
  /** The media engine never fails. */
  readonly soundMedia: boolean;
}

/**
 * The real SIP core and the real call layer, composed as in production, on the simulated network, with the simulated
 * media engine and records kept in memory.
 */
export class SimulatedGateway {
  readonly core: SipCore;
  readonly control: CallControl;
  readonly policy: Policy;
  readonly media: SimulatedMedia;
  readonly recorder: CallRecorder;
  readonly records: CallDetailRecord[] = [];
  readonly counters = new Counters();
  /** Error lines that nothing simulated explains. */
  readonly errors: string[] = [];
  /** Events of the call layer by transactionId, for what has to be told of a call that went wrong. */
  readonly events = new Map<string, string[]>();
  readonly clock: CountedTime;
  readonly #prober: HealthProber;

  constructor({ time, host, seed, random, tally, soundMedia }: GatewayParts) {
    const scheduler = new CountedTime(time);
    this.clock = scheduler;
    const { counters } = this;
    const logger = this.#logger();
    const config = simulatedConfig();
    const gatewayRandom = new SeededRandom(seed);
    this.policy = new Policy(config, scheduler, gatewayRandom, logger);
    this.media = new SimulatedMedia({ time, random, tally, pairs: 20_000, sound: soundMedia });
    this.policy.mediaPortsFree = () => this.media.health().portsFree;
    this.core = new SipCore({
      wire: host,
      locator: new SimulatedLocator(time, random, tally),
      scheduler,
      random: gatewayRandom,
      logger,
      counters,
      options: { userAgent: 'Trunkline' },
    });
    host.receiver = this.core;
    const context = {
      awsAccountId: config.account,
      region: config.region,
      node: 'simulated',
      countryOf: (number: string) => this.policy.countryOf(number),
      nameOf: (number: string) => this.policy.nameOf(number),
    };
    this.recorder = new CallRecorder(context, { put: (record) => this.records.push(record) });
    const noLog = new SipMessageLog(new JsonLinesLog('', scheduler, logger), config.region);
    this.control = new CallControl({
      signaling: this.core,
      media: this.media,
      policy: this.policy,
      authenticator: new Authenticator(this.policy, {
        scheduler,
        random: gatewayRandom,
        counters,
        settings: config.sip.authentication,
      }),
      trace: new MessageTrace({ onResponse: () => {}, logs: () => false, log: noLog }, scheduler),
      scheduler,
      random: gatewayRandom,
      logger,
      counters,
      settings: {
        domain: DOMAIN,
        mediaTimeoutSeconds: 60,
        maxCallSeconds: MAX_CALL_SECONDS,
        intervalSeconds: 60,
        sessionTimer: config.sip.sessionTimer,
        refer: seed % 2 === 0 ? 'pass' : 'refuse',
        earlyDialogs: seed % 3 === 0 ? 'one' : 'each',
      },
      listeners: [this.recorder, { onCallEvent: (event) => this.#note(event) }],
      localAddresses: () => [GATEWAY_ADDRESS, `${GATEWAY_ADDRESS}:5060`],
    });
    this.core.handler = this.control;
    const probe = optionsProbe(this.core, DOMAIN, config.sip.connectTimeoutMs);
    this.#prober = new HealthProber(config.sip.health, this.policy.health, scheduler, gatewayRandom, probe);
    this.#prober.configure(this.policy.targets());
  }

  /** Puts the same configuration in force anew, as a reload does. */
  reload(): void {
    this.policy.reload(simulatedConfig());
    this.#prober.configure(this.policy.targets());
  }

  /** No OPTIONS are sent any more. */
  stopProbing(): void {
    this.#prober.stop();
  }

  #note(event: CallEvent): void {
    const line = `${((event.timeMs - this.clock.wallMs() + this.clock.nowMs()) / 1000).toFixed(3)} ${describe(event)}`;
    const known = this.events.get(event.transactionId);
    if (known) known.push(line);
    else this.events.set(event.transactionId, [line]);
  }

  #logger(): Logger {
    const error = (fields: object, message: string): void => {
      const { err } = fields as { err?: unknown };
      const thrown = err instanceof Error ? err : undefined;
      if (thrown?.message === SIMULATED_FAULT || (thrown as GatewayError)?.code === 'media.failed') return;
      this.errors.push(`${message}: ${thrown?.stack ?? JSON.stringify(fields)}`);
    };
    const logger: Logger = { ...silentLogger, error, child: () => logger };
    return logger;
  }
}

function describe(event: CallEvent): string {
  switch (event.kind) {
    case 'decided':
      return `decided ${event.code}`;
    case 'attempt-started':
      return `attempt ${event.attempt.number} at ${event.attempt.target}`;
    case 'attempt-failed':
      return `attempt ${event.attempt.number} failed: ${event.code} ${event.sipStatus ?? ''}`;
    case 'ended':
      return `ended by ${event.end.side}: ${event.end.code} ${event.end.sipStatus}`;
    default:
      return event.kind;
  }
}

/** Names of the topology, looked up after a while, and now and then not at all. */
class SimulatedLocator implements Locator {
  readonly #time: Scheduler;
  readonly #random: Random;
  readonly #tally: Tally;

  constructor(time: Scheduler, random: Random, tally: Tally) {
    this.#time = time;
    this.#random = random;
    this.#tally = tally;
  }

  locate(where: Location, done: (result: readonly ResolvedTarget[] | GatewayError) => void): void {
    const carrier = CARRIERS.find(({ hostName }) => hostName === where.host);
    if (carrier) {
      this.#time.after(5, () => done(this.#lookUp(carrier.hosts)));
      return;
    }
    done([{ transport: where.transport ?? 'udp', address: where.host, port: where.port ?? 5060 }]);
  }

  #lookUp(hosts: (typeof CARRIERS)[number]['hosts']): readonly ResolvedTarget[] | GatewayError {
    if (this.#random.uint32() / 2 ** 32 < LOOK_UP_FAILS) {
      this.#tally.add('look-ups failed');
      return new GatewayError('dns.timeout', 'no answer from the name server', { origin: 'remote', sipStatus: 503 });
    }
    return hosts.map(({ address, transport }) => ({ transport, address, port: 5060 }));
  }
}
