import { GatewayError, type Random, type Scheduler, unit } from '../../src/core/index.js';
import type {
  Endpoint,
  Flow,
  Location,
  Locator,
  ResolvedTarget,
  TlsFacts,
  TransportName,
  Wire,
  WireReceiver,
} from '../../src/sip/transport/flow.js';

/**
 * A network in virtual time that joins SIP cores: datagrams are lost, delayed, doubled and overtaken by a seeded
 * random source; connections are ordered and lossless, and can be refused or cut.
 *
 *     host A (192.0.2.1) ── Wire ──► loss? ─► delay + jitter ─► copy? ──► WireReceiver of host B
 */

export interface NetworkConditions {
  /** Share of datagrams lost, 0–1. */
  readonly loss?: number;
  /** One-way delay. */
  readonly delayMs?: number;
  /** Extra delay, uniform from 0; more than the gap between datagrams lets them overtake. */
  readonly jitterMs?: number;
  /** Share of datagrams that arrive twice. */
  readonly duplication?: number;
}

export interface Sent {
  readonly atMs: number;
  readonly from: string;
  readonly to: string;
  readonly transport: TransportName;
  readonly text: string;
}

export class EmulatedNetwork {
  conditions: NetworkConditions;
  /** Every message handed to the network, in order. */
  readonly trace: Sent[] = [];
  /** Set to keep no trace in long runs. */
  traced = true;
  readonly scheduler: Scheduler;
  readonly #random: Random;
  readonly #hosts = new Map<string, EmulatedHost>();
  #ephemeral = 40_000;

  constructor(scheduler: Scheduler, random: Random, conditions: NetworkConditions = {}) {
    this.scheduler = scheduler;
    this.#random = random;
    this.conditions = conditions;
  }

  /** Adds a host with one SIP port for all transports. */
  host(address: string, port = 5060): EmulatedHost {
    const host = new EmulatedHost(this, { address, port });
    this.#hosts.set(`${address}:${port}`, host);
    return host;
  }

  at(endpoint: Endpoint): EmulatedHost | undefined {
    return this.#hosts.get(`${endpoint.address}:${endpoint.port}`);
  }

  nextPort(): number {
    return this.#ephemeral++;
  }

  note(from: Endpoint, to: Endpoint, transport: TransportName, bytes: Buffer): void {
    if (!this.traced) return;
    const atMs = this.scheduler.nowMs();
    const name = ({ address, port }: Endpoint): string => `${address}:${port}`;
    this.trace.push({ atMs, from: name(from), to: name(to), transport, text: bytes.toString('latin1') });
  }

  /** Carries one datagram. */
  datagram(deliver: () => void): void {
    const { loss = 0, duplication = 0 } = this.conditions;
    if (unit(this.#random) < loss) return;
    this.scheduler.after(this.#delay(), deliver);
    if (unit(this.#random) < duplication) this.scheduler.after(this.#delay(), deliver);
  }

  get delayMs(): number {
    return this.conditions.delayMs ?? 0;
  }

  #delay(): number {
    return this.delayMs + unit(this.#random) * (this.conditions.jitterMs ?? 0);
  }
}

/** One address and port: what a core sees as its wire. */
export class EmulatedHost implements Wire, Locator {
  receiver: WireReceiver | undefined;
  /** Connections to this host are refused, and datagrams to it vanish. */
  down = false;
  /** Connections to this host are refused; datagrams arrive. */
  udpOnly = false;
  readonly endpoint: Endpoint;
  /** Names and what they resolve to, for `locate`. */
  readonly names = new Map<string, readonly ResolvedTarget[]>();
  readonly network: EmulatedNetwork;
  readonly #udp = new Map<string, EmulatedUdpFlow>();
  readonly connections = new Set<EmulatedConnection>();

  constructor(network: EmulatedNetwork, endpoint: Endpoint) {
    this.network = network;
    this.endpoint = endpoint;
  }

  open(target: ResolvedTarget, _connectTimeoutMs: number, done: (result: Flow | GatewayError) => void): void {
    if (target.transport === 'udp') {
      done(this.udpFlow(target));
      return;
    }
    for (const connection of this.connections) {
      const { remote, inbound, closed, transport } = connection;
      if (
        !inbound &&
        !closed &&
        transport === target.transport &&
        remote.address === target.address &&
        remote.port === target.port
      ) {
        done(connection);
        return;
      }
    }
    this.network.scheduler.after(2 * this.network.delayMs, () => done(this.#connect(target)));
  }

  sentBy(_flow: Pick<Flow, 'transport' | 'local'>): Endpoint {
    return this.endpoint;
  }

  locate(where: Location, done: (result: readonly ResolvedTarget[] | GatewayError) => void): void {
    const named = this.names.get(where.host);
    if (named) {
      done(named);
      return;
    }
    const transport = where.transport ?? (where.secure ? 'tls' : 'udp');
    if (/^[\d.:a-f]+$/.test(where.host)) {
      done([{ transport, address: where.host, port: where.port ?? 5060 }]);
      return;
    }
    done(new GatewayError('dns.not-found', 'no such host', { origin: 'remote' }));
  }

  udpFlow(remote: Endpoint): EmulatedUdpFlow {
    const key = `${remote.address}:${remote.port}`;
    let flow = this.#udp.get(key);
    if (!flow) {
      flow = new EmulatedUdpFlow(this, { address: remote.address, port: remote.port });
      this.#udp.set(key, flow);
    }
    return flow;
  }

  #connect(target: ResolvedTarget): Flow | GatewayError {
    const peer = this.network.at(target);
    if (!peer?.receiver || peer.down || peer.udpOnly) {
      return new GatewayError('transport.refused', 'connection refused', { origin: 'remote', sipStatus: 503 });
    }
    const here = { address: this.endpoint.address, port: this.network.nextPort() };
    const outgoing = new EmulatedConnection(this, target.transport, here, peer.endpoint, false);
    const incoming = new EmulatedConnection(peer, target.transport, peer.endpoint, here, true);
    outgoing.join(incoming);
    return outgoing;
  }
}

export class EmulatedUdpFlow implements Flow {
  readonly transport = 'udp';
  readonly reliable = false;
  readonly inbound = false;
  readonly closed = false;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly #host: EmulatedHost;

  constructor(host: EmulatedHost, remote: Endpoint) {
    this.#host = host;
    this.local = host.endpoint;
    this.remote = remote;
  }

  send(bytes: Buffer): void {
    const { network } = this.#host;
    network.note(this.local, this.remote, 'udp', bytes);
    network.datagram(() => {
      const peer = network.at(this.remote);
      if (peer?.receiver && !peer.down) peer.receiver.receive(Buffer.from(bytes), peer.udpFlow(this.local));
    });
  }

  close(): void {}
}

export class EmulatedConnection implements Flow {
  readonly reliable = true;
  tls?: TlsFacts;
  closed = false;
  #peer: EmulatedConnection | undefined;

  constructor(
    readonly host: EmulatedHost,
    readonly transport: TransportName,
    readonly local: Endpoint,
    readonly remote: Endpoint,
    readonly inbound: boolean,
  ) {
    host.connections.add(this);
  }

  join(peer: EmulatedConnection): void {
    this.#peer = peer;
    peer.#peer = this;
  }

  send(bytes: Buffer): void {
    const { network } = this.host;
    network.note(this.local, this.remote, this.transport, bytes);
    network.scheduler.after(network.delayMs, () => {
      const peer = this.#peer!;
      if (!peer.closed) peer.host.receiver?.receive(Buffer.from(bytes), peer);
    });
  }

  close(): void {
    this.cut();
  }

  /** Breaks the connection for both ends. */
  cut(): void {
    for (const end of [this, this.#peer!]) {
      if (end.closed) continue;
      end.closed = true;
      end.host.connections.delete(end);
      const error = new GatewayError('transport.closed', 'connection closed', { origin: 'remote', sipStatus: 503 });
      end.host.receiver?.flowFailed(end, error);
    }
  }
}
