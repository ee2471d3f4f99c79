import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import {
  Authenticator,
  CallControl,
  type CallListener,
  Captures,
  optionsProbe,
  Policy,
  Registrar,
} from '../call/index.js';
import type { Difference, GatewayConfig, LoadOutcome } from '../config/index.js';
import { ApiServer, CallBook, operationRoutes, resourceRoutes } from '../control/index.js';
import { Counters, type Logger, SystemRandom, systemScheduler, type Timer } from '../core/index.js';
import { HealthProber } from '../routing/index.js';
import { formatHostPort } from '../sip/index.js';
import {
  type Catalogue,
  type EffectiveConfig,
  keepHold,
  keptHolds,
  purgeNumbers,
  purgeSessions,
} from '../store/index.js';
import { openCatalogue } from './catalogue.js';
import { managementOf } from './management.js';
import { mediaEngine } from './media.js';
import { buildMetrics } from './metrics.js';
import { buildObservers, openLogFiles } from './observers.js';
import { startRecords } from './records.js';
import { Reloader } from './reloader.js';
import { fresh, sourceRules, tlsOptions } from './settings.js';
import { buildSignaling } from './signaling.js';

/**
 * Builds the gateway, part by part, in order; the only place where all of them meet.
 *
 *   catalogue ─► policy ─► journal, records, logs, metrics ─► media engine ─► SIP transports and core ─► call control
 *
 * Stopping runs the other way round.
 */

export interface Gateway {
  /** Bound listeners, as URLs. */
  readonly listeners: readonly string[];
  readonly metricsUrl: string | undefined;
  readonly callsActive: number;
  readonly apiUrl: string | undefined;
  /**
   * Reads the file again and applies it to what may change while running, whole or not at all; running calls are
   * untouched. One reload at a time.
   * @throws ResourceError with the file's faults, or where what it declares clashes with what the API made
   */
  reload(who: string): Promise<readonly Difference[]>;
  /** New calls get 503; resolves when the last call is over or after `limitSeconds`. */
  drain(limitSeconds: number): Promise<void>;
  /** Ends what is left, writes everything, closes every socket. */
  stop(): Promise<void>;
}

export interface GatewayOptions {
  /** Path of the configuration file, as audit lines and conflicts name it. */
  readonly file?: string;
  /** Reads the file again, without holding up the calling thread. The signal ends it. */
  readonly load?: (signal: AbortSignal) => Promise<LoadOutcome>;
}

export async function startGateway(
  config: GatewayConfig,
  logger: Logger,
  { file = '(embedded defaults)', load }: GatewayOptions = {},
): Promise<Gateway> {
  const scheduler = systemScheduler;
  const random = new SystemRandom();
  const counters = new Counters();
  const files = openLogFiles(config, logger);
  let putInForce = (_effective: EffectiveConfig): void => {};
  const catalogue = await openCatalogue(config, file, {
    onChange: (effective) => putInForce(effective),
    onAudit: (line) => files.audit.append('audit', line.timeMs, line),
    onWriteFailed: (err) => logger.error({ err }, 'declared resources are in force but not in the store'),
  });
  const policy = new Policy(catalogue.effective, scheduler, random, logger);
  policy.restoreHolds(keptHolds(catalogue));
  const records = startRecords(config, policy, logger);
  const { registry, callMetrics, mediaLog, trace } = buildObservers(config, policy, files);
  const media = mediaEngine(config, logger);
  await media.start();
  policy.mediaPortsFree = () => media.portsFree;

  const signaling = buildSignaling(config, policy, { random, logger, counters });
  const { sources, transports, overload, core } = signaling;
  const callBook = new CallBook();
  const listeners: CallListener[] = [records.journal, records.recorder, mediaLog, callMetrics, callBook];
  const settings = config.sip.authentication;
  const authenticator = new Authenticator(policy, { scheduler, random, counters, settings });
  const control = new CallControl({
    signaling: core,
    media,
    policy,
    authenticator,
    trace,
    scheduler,
    random,
    logger,
    counters,
    settings: callSettings(config),
    listeners,
    localAddresses: fresh(scheduler, OWN_HOSTS_MS, () => transports.hosts()),
  });
  core.handler = control;
  await transports.start(core);
  overload.start();

  const probe = optionsProbe(core, config.domain, config.sip.connectTimeoutMs);
  const prober = new HealthProber(config.sip.health, policy.health, scheduler, random, probe);
  policy.onNodeEvent = (event) => {
    counters.add('node_events', event.kind);
    if (event.kind === 'target-down') prober.changed(event.targetKey);
    if (event.kind === 'fraud-hold') {
      const { voiceConnectorId, country } = event;
      keepHold(catalogue, { voiceConnectorId, country, sinceMs: scheduler.wallMs() }).catch((err) =>
        logger.error({ err, voiceConnectorId, country }, 'fraud hold not kept: it ends with the process'),
      );
    }
  };
  const registrar = new Registrar({
    signaling: core,
    scheduler,
    random,
    connectTimeoutMs: config.sip.connectTimeoutMs,
    announce: (event) => policy.announce(event),
  });
  const watchTargets = (): void => {
    prober.configure(policy.config.sip.health.enabled ? policy.targets() : []);
    registrar.configure(policy.config.carriers);
  };
  watchTargets();
  putInForce = (effective) => {
    policy.reload(effective);
    sources.replace(sourceRules(policy));
    watchTargets();
  };
  const purger = new Purger(catalogue, logger);

  const measured = { registry, counters, control, policy, media, registrar, records, files, overload };
  const metricsServer = buildMetrics(config, measured);
  const metricsUrl = await metricsServer?.start();

  const renewCertificates = (next: GatewayConfig): void => {
    if (tlsOptions(next)) transports.reloadTls(tlsOptions(next));
  };
  const reloader = new Reloader({ config, file, load, catalogue, renewCertificates, logger });
  const captures = new Captures({
    directory: join(config.dataDir, 'captures'),
    mediaOf: (transactionId) => control.calls.get(transactionId)?.media,
    scheduler,
    logger,
  });
  const managed = {
    catalogue,
    callBook,
    policy,
    control,
    captures,
    authenticator,
    registrar,
    signaling,
    random,
    reloader,
  };
  const management = managementOf(config, managed);
  const routes = [...operationRoutes(management), ...resourceRoutes(management)];
  const { listen } = config.api;
  const accessKeys = () => catalogue.effective.api.accessKeys;
  const api = listen && new ApiServer({ ...config.api, listen }, routes, accessKeys, logger);
  const apiUrl = await api?.start();

  return {
    listeners: transports
      .listeners()
      .map(({ transport, ...at }) => `${transport}://${formatHostPort(at.address, at.port)}`),
    metricsUrl,
    apiUrl,
    get callsActive() {
      return control.calls.size;
    },
    reload: (who) => reloader.reload(who),
    async drain(limitSeconds) {
      control.drain();
      await until(() => control.calls.size === 0, limitSeconds * 1000, 100);
    },
    async stop() {
      control.drain();
      await reloader.stop();
      await api?.stop();
      await registrar.stop();
      control.endAll('gateway.stopped', 'The gateway was stopped');
      await until(() => control.calls.size === 0, 2000, 20);
      await wait(LAST_MESSAGES_MS);
      prober.stop();
      purger.stop();
      overload.stop();
      await transports.stop();
      await media.stop();
      await captures.stop();
      await metricsServer?.stop();
      await catalogue.close();
      await Promise.all([files.media.flush(), files.sip.flush(), files.audit.flush()]);
      if (!(await records.sink.flush(10_000)))
        logger.error({ queued: records.sink.depth }, 'records not written; the journal keeps them');
      records.journal.stop();
      await records.writer.stop();
    },
  };
}

const callSettings = (config: GatewayConfig) => ({
  domain: config.domain,
  mediaTimeoutSeconds: config.media.timeoutSeconds,
  mediaFamilies: config.media.listen.map((address) => (isIPv6(address) ? 6 : 4)) as (4 | 6)[],
  maxCallSeconds: config.limits.maxCallSeconds,
  intervalSeconds: 60,
  sessionTimer: config.sip.sessionTimer,
  refer: config.sip.refer,
  earlyDialogs: config.sip.earlyDialogs,
  dtmf: config.media.dtmf,
  srtp: { minimumKeyBits: config.media.srtpMinimumKeyBits, allowShortTags: config.media.srtpShortTags },
});

/** An address that comes to the machine later, as one that moves between two nodes, is known after so long. */
const OWN_HOSTS_MS = 5000;

const PURGE_MS = 3_600_000;

/** Deletes what is due in the store: released numbers, ended proxy sessions. At start, then every hour. */
class Purger {
  #timer: Timer;

  constructor(catalogue: Catalogue, logger: Logger) {
    const run = (): void => {
      this.#timer = systemScheduler.after(PURGE_MS, run);
      const nowMs = systemScheduler.wallMs();
      Promise.all([purgeNumbers(catalogue, nowMs), purgeSessions(catalogue, nowMs)]).catch((err) =>
        logger.error({ err }, 'what is due was not deleted'),
      );
    };
    this.#timer = systemScheduler.after(0, run);
  }

  stop(): void {
    this.#timer.cancel();
  }
}

/** Time for the answers to our last requests. */
const LAST_MESSAGES_MS = 200;

const wait = (ms: number): Promise<void> => new Promise((resolve) => systemScheduler.after(ms, resolve));

async function until(done: () => boolean, limitMs: number, stepMs: number): Promise<void> {
  const endMs = systemScheduler.nowMs() + limitMs;
  while (!done() && systemScheduler.nowMs() < endMs) await wait(stepMs);
}
