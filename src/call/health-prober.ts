import { type GatewayError, type Random, type Scheduler, type Timer, unit } from '../core/index.js';
import type { Target, TargetHealth } from '../routing/index.js';
import type { SignalingEngine, SipResponse } from '../sip/index.js';

export interface ProbeSettings {
  /** Between OPTIONS to a target that is up, seconds. */
  readonly intervalSeconds: number;
  /** … and to one that is not. */
  readonly downIntervalSeconds: number;
  /** Host of our From URI. */
  readonly domain: string;
  readonly connectTimeoutMs: number;
}

/** A probe without a final response in this time is a miss. */
const ANSWER_MS = 4000;

/**
 * Asks each route and carrier host by OPTIONS whether it lives (design §4, Health): every 30 s while up, sooner while
 * down, each time moved by up to a quarter, so that probes of many targets spread. Any final response but 408 and 503
 * is life.
 *
 *     wait ──interval──► OPTIONS ──answer──► health.answered ─┐
 *      ▲                    └──none, 408, 503──► health.missed ┴─► wait
 */
export class HealthProber {
  readonly #signaling: SignalingEngine;
  readonly #health: TargetHealth;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #settings: ProbeSettings;
  readonly #timers = new Map<string, Timer>();

  constructor(
    signaling: SignalingEngine,
    health: TargetHealth,
    scheduler: Scheduler,
    random: Random,
    settings: ProbeSettings,
  ) {
    this.#signaling = signaling;
    this.#health = health;
    this.#scheduler = scheduler;
    this.#random = random;
    this.#settings = settings;
  }

  /** Probes exactly these targets from now on. */
  watch(targets: Iterable<Target>): void {
    const wanted = new Map([...targets].map((target) => [target.targetKey, target]));
    for (const [key, timer] of this.#timers) {
      if (wanted.has(key)) continue;
      timer.cancel();
      this.#timers.delete(key);
    }
    for (const [key, target] of wanted) if (!this.#timers.has(key)) this.#schedule(target);
  }

  stop(): void {
    this.watch([]);
  }

  #schedule(target: Target): void {
    const { intervalSeconds, downIntervalSeconds } = this.#settings;
    const up = this.#health.state(target.targetKey).state === 'up';
    const seconds = (up ? intervalSeconds : downIntervalSeconds) * (0.75 + unit(this.#random) / 2);
    const timer = this.#scheduler.after(seconds * 1000, () => this.#ask(target));
    this.#timers.set(target.targetKey, timer);
  }

  #ask(target: Target): void {
    const { host, port, protocol } = target;
    const authority = `${host.includes(':') ? `[${host}]` : host}${port === undefined ? '' : `:${port}`}`;
    const transport = protocol === 'UDP' ? '' : `;transport=${protocol.toLowerCase()}`;
    const order = {
      method: 'OPTIONS',
      requestUri: `sip:${authority}${transport}`,
      nextHop: {
        host,
        ...(port !== undefined && { port }),
        transport: protocol.toLowerCase() as 'udp' | 'tcp' | 'tls',
        secure: protocol === 'TLS',
      },
      from: `<sip:trunkline@${this.#settings.domain}>`,
      to: `<sip:${authority}>`,
      headers: [['Accept', 'application/sdp'] as const],
      timeoutMs: ANSWER_MS,
      connectTimeoutMs: this.#settings.connectTimeoutMs,
    };
    this.#signaling.request(order, (outcome) => this.#answered(target, outcome));
  }

  #answered(target: Target, outcome: SipResponse | GatewayError): void {
    if (!this.#timers.has(target.targetKey)) return;
    if ('status' in outcome && outcome.status !== 408 && outcome.status !== 503) {
      this.#health.answered(target.targetKey);
    } else {
      this.#health.missed(target.targetKey, 'status' in outcome ? `OPTIONS ${outcome.status}` : outcome.code);
    }
    this.#schedule(target);
  }
}
