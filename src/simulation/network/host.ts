import { GatewayError, unit } from '../../core/index.js';
import type { Endpoint, Flow, ResolvedTarget, Wire, WireReceiver } from '../../sip/index.js';
import { Connection } from './connection.js';
import type { Link } from './link.js';
import type { Network } from './network.js';
import { UdpFlow } from './udp-flow.js';

/** One host: the wire of the SIP stack that runs there. */
export class NetworkHost implements Wire {
  readonly network: Network;
  readonly endpoint: Endpoint;
  /** The way from here to the gateway; the gateway itself has none. */
  readonly link: Link | undefined;
  receiver: WireReceiver | undefined;
  /** Off the network: datagrams to it vanish, nothing can be connected to it. */
  down = false;
  /** Everything that arrives waits this long before it is looked at. */
  lagMs = 0;
  readonly connections = new Set<Connection>();
  readonly #udp = new Map<string, UdpFlow>();

  constructor(network: Network, endpoint: Endpoint, link?: Link) {
    this.network = network;
    this.endpoint = endpoint;
    this.link = link;
  }

  open(target: ResolvedTarget, connectTimeoutMs: number, done: (result: Flow | GatewayError) => void): void {
    if (target.transport === 'udp') {
      done(this.udp(target));
      return;
    }
    const known = this.connectionTo(target);
    if (known) done(known);
    else this.connect(target, connectTimeoutMs, done);
  }

  sentBy(): Endpoint {
    return this.endpoint;
  }

  udp(remote: Endpoint): UdpFlow {
    const known = this.#udp.get(remote.address);
    if (known) return known;
    const flow = new UdpFlow(this, { address: remote.address, port: remote.port });
    this.#udp.set(remote.address, flow);
    return flow;
  }

  /** An open connection of ours to this target. */
  connectionTo(target: ResolvedTarget): Connection | undefined {
    for (const connection of this.connections) {
      const { remote, inbound, transport } = connection;
      if (!inbound && transport === target.transport && remote.address === target.address) return connection;
    }
    return undefined;
  }

  /** Opens a new connection, whether or not there is one already. */
  connect(target: ResolvedTarget, connectTimeoutMs: number, done: (result: Flow | GatewayError) => void): void {
    const { network } = this;
    const peer = network.at(target.address);
    const unreachable = !peer?.receiver || peer.down;
    if (unreachable && unit(network.random) < 0.5) {
      network.time.after(connectTimeoutMs, () => done(connectFailure('transport.timeout', 'connect timed out')));
      return;
    }
    const roundTripMs = 2 * this.linkTo(target.address).delayMs();
    network.time.after(roundTripMs, () => {
      if (!peer?.receiver || peer.down) done(connectFailure('transport.refused', 'connection refused'));
      else done(Connection.between(this, peer, target.transport));
    });
  }

  /** The way to that address: the peer's link, whichever end asks. */
  linkTo(address: string): Link {
    return this.link ?? this.network.at(address)?.link ?? this.network.nowhere;
  }

  /** A datagram is here. */
  arrive(bytes: Buffer, flow: Flow): void {
    if (this.lagMs === 0) this.#take(bytes, flow);
    else this.network.time.after(this.lagMs, () => this.#take(bytes, flow));
  }

  #take(bytes: Buffer, flow: Flow): void {
    if (!this.down) this.receiver?.receive(Buffer.from(bytes), flow);
  }
}

const connectFailure = (code: string, message: string): GatewayError =>
  new GatewayError(code, message, { origin: 'remote', sipStatus: 503 });
