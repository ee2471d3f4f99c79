import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import {
  Authenticator,
  CallControl,
  type CallListener,
  CallRecorder,
  DirectorySink,
  Journal,
  JsonLinesLog,
  MediaLog,
  MessageTrace,
  OverloadMonitor,
  optionsProbe,
  Policy,
  placeTestCall,
  Registrar,
  SipMessageLog,
  ThreadBatchWriter,
} from './call/index.js';
import { type Difference, differences, type GatewayConfig, type LoadOutcome } from './config/index.js';
import { ApiServer, CallBook, type Management, operationRoutes, resourceRoutes } from './control/index.js';
import { below, Counters, GatewayError, type Logger, SystemRandom, systemScheduler } from './core/index.js';
import { CallMetrics, createRegistry, MetricsServer, PlainCounters, registerNodeMetrics } from './metrics/index.js';
import { HealthProber } from './routing/index.js';
import { type MediaEngine, TypescriptEngine } from './rtp/index.js';
import { loadNative, NativeEngine } from './rtp/native/index.js';
import { RtpengineEngine } from './rtp/rtpengine/index.js';
import {
  ContactedPeers,
  createLocator,
  SipCore,
  SipTransports,
  SourceFilter,
  SourceGuard,
  storedDigests,
} from './sip/index.js';
import {
  Catalogue,
  type EffectiveConfig,
  loadKey,
  purgeNumbers,
  purgeSessions,
  ResourceError,
  Sealer,
  SqliteStore,
} from './store/index.js';

/**
 * Builds the gateway, part by part, in order; the only place where all of them meet.
 *
 *   journal ─► records, logs, metrics ─► media engine ─► SIP transports and core ─► policy ─► call control
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
   * Applies a new configuration to what may change while running, whole or not at all; running calls are untouched.
   * @throws ResourceError where what it declares clashes with what the API made
   */
  reload(config: GatewayConfig, who: string): Promise<readonly Difference[]>;
  /** New calls get 503; resolves when the last call is over or after `limitSeconds`. */
  drain(limitSeconds: number): Promise<void>;
  /** Ends what is left, writes everything, closes every socket. */
  stop(): Promise<void>;
}

export interface GatewayOptions {
  /** Path of the configuration file, as audit lines and conflicts name it. */
  readonly file?: string;
  /** Reads the file again, for a reload over the API. */
  readonly load?: () => LoadOutcome;
}

export async function startGateway(
  config: GatewayConfig,
  logger: Logger,
  { file = '(embedded defaults)', load }: GatewayOptions = {},
): Promise<Gateway> {
  const scheduler = systemScheduler;
  const random = new SystemRandom();
  const counters = new Counters();
  const auditFile = new JsonLinesLog(config.logs.directory, scheduler, logger);
  const makeDigests = (username: string, password: string) => storedDigests(username, config.domain, password);
  let putInForce = (_effective: EffectiveConfig): void => {};
  const catalogue = await Catalogue.open(
    {
      store: openStore(config),
      sealer: new Sealer(loadKey(process.env.TRUNKLINE_KEY, join(config.dataDir, 'secret.key'))),
      makeDigests,
      wallMs: () => scheduler.wallMs(),
      onChange: (effective) => putInForce(effective),
      onAudit: (line) => auditFile.append('audit', line.timeMs, line),
    },
    config,
    file,
  );
  let prober: HealthProber | undefined;
  const policy = new Policy(catalogue.effective, scheduler, random, logger);
  policy.onNodeEvent = (event) => {
    counters.add('node_events', event.kind);
    if (event.kind === 'target-down') prober?.changed(event.targetKey);
  };

  const records = startRecords(config, policy, logger);
  const registry = createRegistry();
  const callMetrics = new CallMetrics(registry, config.region);
  const mediaLogFile = new JsonLinesLog(join(config.logs.directory, 'ChimeVoiceConnectorLogs'), scheduler, logger);
  const sipLogFile = new JsonLinesLog(join(config.logs.directory, 'ChimeVoiceConnectorSipMessages'), scheduler, logger);
  const mediaLog = new MediaLog(
    {
      region: config.region,
      countryOf: (number) => policy.countryOf(number),
      enabled: (id) => policy.logging(id).enableMediaMetricLogs,
      endpointId: (address) => createHash('sha256').update(`${config.account}/${address}`).digest('hex').slice(0, 16),
    },
    mediaLogFile,
  );

  const media = mediaEngine(config, logger);
  await media.start();
  policy.mediaPortsFree = () => media.portsFree;

  const sources = new SourceFilter(sourceRules(policy), { scheduler });
  const contacted = new ContactedPeers(scheduler);
  const tls = tlsOptions(config);
  const transports = new SipTransports({
    listeners: config.sip.listen.map(({ transport, host, port }) => ({ transport, address: host, port })),
    ...(config.sip.advertise && { advertise: config.sip.advertise }),
    ...(tls && { tls }),
    limits: transportLimits(config),
    guard: new SourceGuard({
      admits: contacted.allow(sources.admits),
      denied: deniedAnswer(config),
      scheduler,
      counters,
    }),
    scheduler,
    logger,
    counters,
  });
  const overload = new OverloadMonitor(scheduler, () => transports.queueDelayMs());
  policy.overloaded = () => overload.overloaded;
  const locator = createLocator({ transports, scheduler, random, logger, counters });
  const core = new SipCore({
    wire: contacted.watch(transports),
    locator,
    scheduler,
    random,
    logger,
    counters,
    options: { t1Ms: config.sip.t1Ms, userAgent: config.sip.userAgent },
    parseLimits: messageLimits(config),
  });
  const trace = new MessageTrace(
    {
      onResponse: (id, status) => callMetrics.response(id, status),
      logs: (id) => policy.logging(id).enableSIPLogs,
      log: new SipMessageLog(sipLogFile, config.region),
    },
    scheduler,
  );
  const callBook = new CallBook();
  const listeners: CallListener[] = [records.journal, records.recorder, mediaLog, callMetrics, callBook];
  const authenticator = new Authenticator(policy, {
    scheduler,
    random,
    counters,
    settings: config.sip.authentication,
  });
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
    settings: {
      domain: config.domain,
      mediaTimeoutSeconds: config.media.timeoutSeconds,
      mediaFamilies: config.media.listen.map((address) => (isIPv6(address) ? 6 : 4)),
      maxCallSeconds: config.limits.maxCallSeconds,
      intervalSeconds: 60,
      sessionTimer: config.sip.sessionTimer,
      refer: config.sip.refer,
    },
    listeners,
    localAddresses: () => transports.listeners().flatMap(({ address, port }) => [address, `${address}:${port}`]),
  });
  core.handler = control;
  await transports.start(core);
  overload.start();

  const probe = optionsProbe(core, config.domain, config.sip.connectTimeoutMs);
  prober = new HealthProber(config.sip.health, policy.health, scheduler, random, probe);
  const watchTargets = () => prober?.configure(policy.config.sip.health.enabled ? policy.targets() : []);
  watchTargets();
  const registrar = new Registrar({
    signaling: core,
    scheduler,
    random,
    contact: (protocol) => contactFor(protocol, transports.listeners(), config.sip.advertise),
    connectTimeoutMs: config.sip.connectTimeoutMs,
    announce: (event) => policy.announce(event),
  });
  registrar.configure(catalogue.effective.carriers);
  putInForce = (effective) => {
    policy.reload(effective);
    sources.replace(sourceRules(policy));
    watchTargets();
    registrar.configure(effective.carriers);
  };
  const purge = (): void => {
    purgeTimer = scheduler.after(PURGE_MS, purge);
    const nowMs = scheduler.wallMs();
    Promise.all([purgeNumbers(catalogue, nowMs), purgeSessions(catalogue, nowMs)]).catch((err) =>
      logger.error({ err }, 'what is due was not deleted'),
    );
  };
  let purgeTimer = scheduler.after(0, purge);

  registerNodeMetrics(registry, {
    counters,
    media: () => media.health(),
    gauges: [
      {
        name: 'sip_queue_delay_seconds',
        help: 'Time a SIP message waits before it is read',
        read: () => overload.delayMs / 1000,
      },
      { name: 'calls_active', help: 'Calls in progress', read: () => control.calls.size },
      {
        name: 'carriers_registered',
        help: 'Carriers that hold our registration',
        read: () => registrar.views().filter(({ state }) => state === 'registered').length,
      },
      {
        name: 'registrations_failed',
        help: 'Carriers that ask for registration and have none of ours',
        read: () => registrar.views().filter(({ state }) => state === 'failed').length,
      },
      { name: 'fraud_holds', help: 'Countries held by the fraud brakes', read: () => policy.fraudHolds().length },
      { name: 'records_queued', help: 'Records not yet durable', read: () => records.sink.depth },
      {
        name: 'journal_open_calls',
        help: 'Calls in the journal without a durable record',
        read: () => records.journal.openCalls,
      },
      {
        name: 'journal_failures',
        help: 'Journal writes that failed and were tried again',
        read: () => records.journal.failures,
      },
      {
        name: 'log_lines_dropped',
        help: 'Log lines dropped because the disk would not take them',
        read: () => mediaLogFile.dropped + sipLogFile.dropped,
      },
    ],
    targets: () => policy.targetStates(),
  });
  const plain = new PlainCounters(registry, counters);
  const metricsServer =
    config.metrics.listen &&
    new MetricsServer(
      config.metrics.listen,
      registry,
      () => plain.collect(),
      () => ({
        status: control.draining ? 'draining' : 'ok',
        callsActive: control.calls.size,
      }),
      () => rootCertificate(config),
    );
  const metricsUrl = await metricsServer?.start();

  let declared = config;
  const reload = async (next: GatewayConfig, who: string): Promise<readonly Difference[]> => {
    const changes = differences(declared, next);
    await catalogue.declare(next, file);
    declared = next;
    if (tlsOptions(next)) transports.reloadTls(tlsOptions(next));
    await catalogue.note(who, 'reload', file, changes);
    for (const change of changes) logger.info({ change: change.change, path: change.path }, 'configuration changed');
    const waiting = changes.map(({ path }) => path).filter((path) => !LIVE_PATHS.test(path));
    if (waiting.length > 0) logger.warn({ paths: waiting }, 'changes that need a restart are not in force');
    return changes;
  };
  const management: Management = {
    catalogue,
    makeDigests,
    random,
    wallMs: () => scheduler.wallMs(),
    calls: callBook,
    decide: (facts) => policy.decide(facts),
    newConnectorId: () => Array.from({ length: 22 }, () => below(random, 36).toString(36)).join(''),
    health: () => ({
      status: control.draining ? 'draining' : overload.overloaded ? 'overloaded' : 'ok',
      callsActive: control.calls.size,
      targets: [...policy.health.debugView()].map(({ retryAtMs, ...target }) => ({
        ...target,
        ...(retryAtMs !== undefined && { retryInSeconds: Math.ceil((retryAtMs - scheduler.nowMs()) / 1000) }),
      })),
      registrations: registrar.views(),
      terminationHealth: Object.fromEntries(
        policy.config.voiceConnectors.flatMap(({ id }) => {
          const last = policy.terminationHealth(id);
          return last ? [[id, last]] : [];
        }),
      ),
      bans: authenticator.bans(),
      fraudHolds: policy.fraudHolds(),
    }),
    ready: () => ({ ready: !control.draining && !overload.overloaded, status: control.draining ? 'draining' : 'ok' }),
    releaseHold: (id, country) => policy.releaseHold(id, country),
    reload: (who) => {
      const outcome = load?.();
      if (!outcome) throw new ResourceError('conflict', 'The gateway runs without a configuration file');
      if (outcome.ok) return reload(outcome.config, who);
      const told = outcome.faults.map(({ path, message }) => `${path}: ${message}`).join('; ');
      throw new ResourceError('invalid', told, outcome.faults);
    },
    drain: () => control.drain(),
    testCall: (decision) => {
      const planned = decision.kind === 'admit' ? decision.plan[0] : undefined;
      if (!planned) throw new ResourceError('conflict', 'The plan is empty');
      return placeTestCall(planned, config.domain, core, scheduler);
    },
  };
  const { listen } = config.api;
  const api =
    listen &&
    new ApiServer(
      { ...config.api, listen },
      [...operationRoutes(management), ...resourceRoutes(management)],
      () => catalogue.effective.api.accessKeys,
      logger,
    );
  const apiUrl = await api?.start();

  return {
    listeners: transports
      .listeners()
      .map(
        ({ transport, address, port }) => `${transport}://${address.includes(':') ? `[${address}]` : address}:${port}`,
      ),
    metricsUrl,
    get callsActive() {
      return control.calls.size;
    },
    apiUrl,
    reload,
    async drain(limitSeconds) {
      control.drain();
      const endMs = scheduler.nowMs() + limitSeconds * 1000;
      while (control.calls.size > 0 && scheduler.nowMs() < endMs) await wait(100);
    },
    async stop() {
      control.drain();
      await api?.stop();
      await registrar.stop();
      control.endAll('gateway.stopped', 'The gateway was stopped');
      const endMs = scheduler.nowMs() + 2000;
      while (control.calls.size > 0 && scheduler.nowMs() < endMs) await wait(20);
      await wait(200);
      prober?.stop();
      purgeTimer.cancel();
      overload.stop();
      await transports.stop();
      await media.stop();
      await metricsServer?.stop();
      await catalogue.close();
      await Promise.all([mediaLogFile.flush(), sipLogFile.flush(), auditFile.flush()]);
      if (!(await records.sink.flush(10_000)))
        logger.error({ queued: records.sink.depth }, 'records not written; the journal keeps them');
      records.journal.stop();
      await records.writer.stop();
    },
  };
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => systemScheduler.after(ms, resolve));

const PURGE_MS = 3_600_000;

/** What a reload puts in force at once; the rest is read at start. */
const LIVE_PATHS =
  /^(carriers|voiceConnector|phoneNumbers|limits\.(ring|maxAtt|maxCallsPer)|numbers|emergency|fraud|api\.accessKeys|sip\.(tls|unknownSource|noResponse|health\.enabled))/;

function openStore({ store }: GatewayConfig): SqliteStore {
  if (store.kind === 'sqlite') return new SqliteStore(store.path, systemScheduler.wallMs());
  throw new GatewayError('store.unsupported', 'Only sqlite: stores are built into this version', { origin: 'local' });
}

type Bound = { readonly transport: string; readonly address: string; readonly port: number };

/** Where carriers reach us on a transport: the advertised address, else that of the listener. */
function contactFor(protocol: string, bound: readonly Bound[], advertise: string | undefined): string {
  const listener = bound.find(({ transport }) => transport === protocol.toLowerCase()) ?? bound[0]!;
  const address = advertise ?? listener.address;
  return `${address.includes(':') ? `[${address}]` : address}:${listener.port}`;
}

/** Journal, recorder and sink; what an earlier process left is rebuilt and written first. */
function startRecords(config: GatewayConfig, policy: Policy, logger: Logger) {
  if (config.records.kind !== 'file') {
    throw new GatewayError('records.unsupported', 'Only file: records are built into this version', {
      origin: 'local',
    });
  }
  const journal = new Journal(join(config.dataDir, 'journal'), logger);
  const leftovers: { paths: string[]; waiting: Set<string> } = { paths: [], waiting: new Set() };
  const onWritten = (transactionId: string): void => {
    journal.recorded(transactionId);
    if (leftovers.waiting.delete(transactionId) && leftovers.waiting.size === 0)
      journal.discard(leftovers.paths.splice(0));
  };
  const writer = new ThreadBatchWriter(logger);
  const sink = new DirectorySink({ directory: config.records.directory, writer, onWritten }, systemScheduler, logger);
  const context = {
    awsAccountId: config.account,
    region: config.region,
    node: hostname(),
    countryOf: (number: string) => policy.countryOf(number),
    nameOf: (number: string) => policy.nameOf(number),
  };
  const recorder = new CallRecorder(context, {
    put: (record) => {
      if (leftovers.paths.length > 0) leftovers.waiting.add(record.TransactionId);
      sink.put(record);
    },
  });
  leftovers.paths = journal.recover((event) => recorder.onCallEvent(event));
  const recovered = recorder.recoverOpenCalls();
  if (leftovers.waiting.size === 0) journal.discard(leftovers.paths.splice(0));
  if (recovered > 0) logger.warn({ recovered }, 'calls cut by a crash got their records from the journal');
  journal.start();
  return { journal, recorder, sink, writer };
}

function mediaEngine(config: GatewayConfig, logger: Logger): MediaEngine {
  const { media } = config;
  const options = {
    listen: media.listen,
    ...(media.advertise && { advertise: media.advertise }),
    ports: { first: media.ports.low, last: media.ports.high },
    quarantineSeconds: media.quarantineSeconds,
    scheduler: systemScheduler,
    random: new SystemRandom(),
    logger,
  };
  if (media.engine === 'typescript') return new TypescriptEngine(options);
  if (media.engine === 'rtpengine') {
    return new RtpengineEngine({ ...options, daemons: media.rtpengine });
  }
  let missing = '';
  const binding = loadNative((reason) => {
    missing = reason;
  });
  if (binding) return new NativeEngine({ ...options, binding });
  if (media.engine === 'native') throw unavailable('native', missing);
  logger.warn({ reason: missing }, 'native media engine not available, the TypeScript engine carries the media');
  return new TypescriptEngine(options);
}

const unavailable = (engine: string, reason: string): GatewayError =>
  new GatewayError('media.engine-unavailable', `Media engine ${engine} cannot run here: ${reason}`, {
    origin: 'local',
  });

/** Who is served before anything is parsed: known sources; others as far as they may prove who they are. */
const sourceRules = (policy: Policy) => ({
  allow: policy.knownSources(),
  otherwise: policy.admitsUnknownSources() ? ('limited' as const) : ('deny' as const),
});

const deniedAnswer = (config: GatewayConfig) => (config.sip.unknownSource === 'drop' ? 'drop' : 'answer');

const messageLimits = ({ sip: { limits } }: GatewayConfig) => ({
  maxHeaderBytes: limits.maxHeaderBytes,
  maxBodyBytes: limits.maxBodyBytes,
  maxHeaderFields: limits.maxHeaderFields,
});

const transportLimits = (config: GatewayConfig) => ({
  message: messageLimits(config),
  connections: config.sip.limits.maxConnections,
  connectionsPerSource: config.sip.limits.maxConnectionsPerSource,
  idleMs: config.sip.limits.idleConnectionSeconds * 1000,
});

/** The authority that `npm run certs` puts beside the certificate: what peers are given to trust. */
function rootCertificate({ sip: { tls } }: GatewayConfig): string | undefined {
  const path = tls.certificate && join(dirname(tls.certificate), 'ca.pem');
  return path && existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

function tlsOptions({ sip: { tls } }: GatewayConfig) {
  if (!tls.certificate || !tls.key) return undefined;
  return {
    certificates: [{ certificate: tls.certificate, key: tls.key }],
    ...(tls.ca && { ca: tls.ca }),
    minVersion: tls.minVersion,
    clientCertificate: tls.clientCertificate,
  };
}
