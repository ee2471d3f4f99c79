import { isIP } from 'node:net';
import { type Counters, GatewayError, type Logger, type Scheduler } from '../../core/index.js';
import { formatHostPort } from '../message/index.js';
import {
  chooseBound,
  type Family,
  familyOf,
  isWildcard,
  type ListenerSpec,
  type LocalAddress,
  localAddresses,
} from './address.js';
import { Admission, ConnectionListener } from './admission.js';
import type { ConnectionFlow } from './connection-flow.js';
import { type ConnectionStack, connectionStack } from './connection-stack.js';
import { type Opened, OutgoingConnections } from './dialer.js';
import type { Endpoint, Flow, ResolvedTarget, TransportName, Wire, WireReceiver } from './flow.js';
import { GuardedReceiver } from './guarded-receiver.js';
import { DEFAULT_TRANSPORT_LIMITS, type TransportContext, type TransportLimits } from './limits.js';
import { SourceGuard } from './protection/index.js';
import type { CertificateFacts, TlsOptions } from './tls-store.js';
import { UdpListener } from './udp.js';

/**
 * All SIP sockets of the node behind the Wire interface.
 *
 *     UdpListener ────────────────────────────────────────► UdpFlow ─┐
 *     ConnectionListener ─ Admission ─┬─ tcp ──────────► StreamFlow ─┼─► WireReceiver (the SIP core)
 *                                     ├─ tls handshake ► StreamFlow ─┤
 *                                     └─ ws upgrade ──► WsFlow ──────┤
 *     open(target) ─ OutgoingConnections ─ dial ───────► either ─────┘
 */

export interface SipTransportsOptions {
  readonly listeners: readonly ListenerSpec[];
  /** Host or address written into Via and Contact where it differs from the socket's; of one family when an address. */
  readonly advertise?: string;
  /** Needed for tls and wss listeners. */
  readonly tls?: TlsOptions;
  /** Pages whose scripts may connect over WebSocket, by origin in lower case; none: any. */
  readonly webSocketOrigins?: readonly string[];
  readonly limits?: Partial<TransportLimits>;
  /** Absent: every source is allowed. */
  readonly guard?: SourceGuard;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  readonly counters: Counters;
  /** The machine's addresses; for tests. */
  readonly ownAddresses?: readonly LocalAddress[];
}

export interface BoundListener extends Endpoint {
  readonly transport: TransportName;
}

export interface TransportsView {
  readonly connections: number;
  readonly acceptedSockets: number;
  readonly outgoingConnections: number;
  readonly flows: readonly Pick<Flow, 'transport' | 'local' | 'remote' | 'inbound'>[];
}

type Listener = UdpListener | ConnectionListener;

interface Running {
  readonly context: TransportContext;
  readonly listeners: readonly Listener[];
  readonly outgoing: OutgoingConnections;
  readonly admission: Admission;
  readonly own: readonly LocalAddress[];
  readonly stack: ConnectionStack;
}

export class SipTransports implements Wire {
  readonly #options: SipTransportsOptions;
  readonly #sentBy = new WeakMap<object, Endpoint>();
  #running: Running | undefined;

  constructor(options: SipTransportsOptions) {
    this.#options = options;
  }

  /** Binds every listener and begins to receive. Rejects with `transport.bind` (nothing stays bound then). */
  async start(receiver: WireReceiver): Promise<void> {
    const { scheduler, logger, counters } = this.#options;
    const guard = this.#options.guard ?? new SourceGuard({ admits: () => 'allow', scheduler, counters });
    const limits = { ...DEFAULT_TRANSPORT_LIMITS, ...this.#options.limits };
    const context = {
      receiver: new GuardedReceiver(receiver, logger, counters),
      guard,
      limits,
      scheduler,
      logger,
      counters,
      connections: new Set<ConnectionFlow>(),
    };
    const own = this.#options.ownAddresses ?? localAddresses();
    const admission = new Admission(context);
    const stack = connectionStack(this.#options, context);
    const listeners = this.#options.listeners.map((spec) =>
      spec.transport === 'udp'
        ? new UdpListener(spec, own, context)
        : new ConnectionListener(spec, stack.acceptors[spec.transport]!, admission, context),
    );
    await bindAll(listeners);
    const outgoing = new OutgoingConnections(context);
    this.#running = { context, listeners, outgoing, admission, own, stack };
    for (const { transport, address, port } of this.listeners())
      logger.info({ transport, address, port }, 'SIP listening');
  }

  /** Closes listeners and connections; what is queued is written if that takes no longer than `closeMs`. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (!running) return;
    this.#running = undefined;
    const closed = Promise.all(running.listeners.map((listener) => listener.close()));
    running.outgoing.abortAll();
    const flows = [...running.context.connections];
    await Promise.all(flows.map((flow) => flow.finish()));
    running.admission.destroyAll();
    await closed;
  }

  /**
   * Reads certificates and keys again (of other files where `options` says so) for handshakes from now on; open
   * connections stay. @throws GatewayError `config.tls`, and then nothing has changed
   */
  reloadTls(options?: TlsOptions): void {
    const stack = this.#running?.stack;
    stack?.store?.reload(options);
    for (const acceptor of stack?.tlsAcceptors ?? []) acceptor.refresh();
  }

  /** Certificates in use, for the expiry metric. */
  certificates(): readonly CertificateFacts[] {
    return this.#running?.stack.store?.certificates() ?? [];
  }

  /** What is open, for debug views and for the "nothing left behind" check. */
  debugView(): TransportsView {
    const running = this.#running;
    const flows = [...(running?.context.connections ?? [])];
    return {
      connections: flows.length,
      acceptedSockets: running?.admission.size ?? 0,
      outgoingConnections: running?.outgoing.size ?? 0,
      flows: flows.map(({ transport, local, remote, inbound }) => ({ transport, local, remote, inbound })),
    };
  }

  /** What is bound, in the order configured. */
  listeners(): readonly BoundListener[] {
    const listeners = this.#running?.listeners ?? [];
    return listeners.map((listener) => ({ transport: listener.spec.transport, ...listener.bound }));
  }

  /**
   * Every host a peer may reach us by: what is advertised, the addresses bound, and for a socket bound to all of them
   * each address the machine has now.
   */
  hosts(): readonly string[] {
    const { advertise, ownAddresses } = this.#options;
    const hosts = new Set(advertise === undefined ? [] : [advertise]);
    for (const { address, advertise: shown } of this.#options.listeners) {
      if (shown !== undefined) hosts.add(shown);
      if (!isWildcard(address)) hosts.add(address);
      else
        for (const own of ownAddresses ?? localAddresses())
          if (familyOf(own.address) === familyOf(address)) hosts.add(own.address);
    }
    return [...hosts];
  }

  /** Milliseconds a datagram waits at the slowest UDP listener before it is read: the sign of overload. */
  queueDelayMs(): number {
    let delayMs = 0;
    for (const listener of this.#running?.listeners ?? []) {
      if (listener instanceof UdpListener) delayMs = Math.max(delayMs, listener.queueDelayMs);
    }
    return delayMs;
  }

  /** Whether a target of that transport and family can be reached: whether we listen on them. */
  supports(transport: TransportName, family: Family): boolean {
    const specs = this.#options.listeners;
    return specs.some((spec) => spec.transport === transport && familyOf(spec.address) === family);
  }

  open(target: ResolvedTarget, connectTimeoutMs: number, done: (result: Flow | GatewayError) => void): void {
    const running = this.#running;
    const listener = running && this.#listenerFor(running, target);
    if (!listener) done(unavailable(target));
    else if (listener instanceof UdpListener) done(listener.flowTo(target.address, target.port, false));
    else this.#connect(running, listener, target, connectTimeoutMs, done);
  }

  #connect(
    running: Running,
    listener: ConnectionListener,
    target: ResolvedTarget,
    timeoutMs: number,
    done: Opened,
  ): void {
    const from = isWildcard(listener.spec.address) ? undefined : listener.spec.address;
    running.outgoing.obtain(target, from, running.stack.dials[target.transport]!, timeoutMs, done);
  }

  /** Asked for each message written: what a flow gave is remembered as long as the flow lives. */
  sentBy(flow: Pick<Flow, 'transport' | 'local'>): Endpoint {
    const known = this.#sentBy.get(flow);
    if (known) return known;
    const found = this.#findSentBy(flow);
    if (this.#running) this.#sentBy.set(flow, found);
    return found;
  }

  #findSentBy(flow: Pick<Flow, 'transport' | 'local'>): Endpoint {
    const listener = this.#listenerOf(flow);
    const address = this.#advertised(flow, listener?.spec);
    return { address: address ?? flow.local.address, port: listener?.bound.port ?? flow.local.port };
  }

  #listenerFor(running: Running, target: ResolvedTarget): Listener | undefined {
    if (isIP(target.address) === 0 || !(target.port > 0 && target.port < 65536)) return undefined;
    const candidates = running.listeners.filter((listener) => listener.spec.transport === target.transport);
    const addresses = candidates.map(({ spec }, index) => ({ address: spec.address, port: spec.port, index }));
    const chosen = chooseBound(addresses, target.address, running.own);
    return chosen && candidates[chosen.index];
  }

  /** The listener a peer reaches us at when it answers on its own: same transport, same address, else same family. */
  #listenerOf({ transport, local }: Pick<Flow, 'transport' | 'local'>): Listener | undefined {
    const listeners = (this.#running?.listeners ?? []).filter(
      ({ spec }) => spec.transport === transport && familyOf(spec.address) === familyOf(local.address),
    );
    const same = listeners.filter(({ bound }) => bound.address === local.address || isWildcard(bound.address));
    return same.find(({ bound }) => bound.port === local.port) ?? same[0] ?? listeners[0];
  }

  #advertised(flow: Pick<Flow, 'local'>, spec: ListenerSpec | undefined): string | undefined {
    const advertise = spec?.advertise ?? this.#options.advertise;
    if (advertise === undefined || isIP(advertise) === 0) return advertise;
    return familyOf(advertise) === familyOf(flow.local.address) ? advertise : undefined;
  }
}

async function bindAll(listeners: readonly Listener[]): Promise<void> {
  const results = await Promise.allSettled(listeners.map((listener) => listener.listen()));
  const failed = results.find((result) => result.status === 'rejected');
  if (!failed) return;
  await Promise.all(
    listeners.filter((_, index) => results[index]!.status === 'fulfilled').map((listener) => listener.close()),
  );
  throw failed.reason;
}

const unavailable = (target: ResolvedTarget): GatewayError =>
  new GatewayError(
    'transport.unavailable',
    `no ${target.transport} listener can reach ${formatHostPort(target.address, target.port)}`,
    { origin: 'local' },
  );
