import { GatewayError } from '../../core/index.js';
import type { Endpoint, Flow, TransportName } from '../../sip/index.js';
import type { NetworkHost } from './host.js';

/**
 * One end of a connection. What is sent arrives in order, unless the connection breaks first:
 *
 *     reset      both ends learn of it at once; what was on its way is lost
 *     half-open  nothing arrives any more; the far end knows, the near end learns after `detectMs`
 */
export class Connection implements Flow {
  readonly reliable = true;
  readonly host: NetworkHost;
  readonly transport: TransportName;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly inbound: boolean;
  closed = false;
  #peer: Connection | undefined;
  #broken = false;
  #lastArrivalMs = 0;

  private constructor(
    host: NetworkHost,
    ends: { local: Endpoint; remote: Endpoint; transport: TransportName; inbound: boolean },
  ) {
    this.host = host;
    this.transport = ends.transport;
    this.local = ends.local;
    this.remote = ends.remote;
    this.inbound = ends.inbound;
    host.connections.add(this);
    host.network.connections.add(this);
  }

  /** Joins two hosts; gives the end of the host that opens. */
  static between(from: NetworkHost, to: NetworkHost, transport: TransportName): Connection {
    const here = { address: from.endpoint.address, port: from.network.nextPort() };
    const near = new Connection(from, { local: here, remote: to.endpoint, transport, inbound: false });
    const far = new Connection(to, { local: to.endpoint, remote: here, transport, inbound: true });
    near.#peer = far;
    far.#peer = near;
    return near;
  }

  send(bytes: Buffer): void {
    const { network } = this.host;
    if (this.closed) {
      network.log.note(this, bytes, 'closed');
      network.time.after(0, () => this.host.receiver?.flowFailed(this, lost()));
      return;
    }
    const peer = this.#peer!;
    network.log.note(this, bytes, this.#broken ? 'lost' : '');
    const delayMs = this.host.linkTo(this.remote.address).delayMs() + peer.host.lagMs;
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, network.time.nowMs() + delayMs);
    network.time.after(this.#lastArrivalMs - network.time.nowMs(), () => {
      if (this.#broken || peer.closed) network.tally.add('messages lost with their connection');
      else peer.host.receiver?.receive(Buffer.from(bytes), peer);
    });
  }

  close(): void {
    if (this.closed) return;
    this.#drop();
    const peer = this.#peer!;
    this.host.network.time.after(this.host.linkTo(this.remote.address).delayMs(), () => peer.#lose());
  }

  /** Breaks it for both ends at once. */
  reset(): void {
    this.#break();
    this.#lose();
    this.#peer!.#lose();
  }

  /** This end's host is gone without a word; the other end finds out after `detectMs`. */
  vanish(detectMs: number): void {
    this.#break();
    this.#lose();
    this.host.network.time.after(detectMs, () => this.#peer!.#lose());
  }

  #break(): void {
    this.#broken = true;
    this.#peer!.#broken = true;
  }

  #lose(): void {
    if (this.closed) return;
    this.#drop();
    this.host.receiver?.flowFailed(this, lost());
  }

  #drop(): void {
    this.closed = true;
    this.host.connections.delete(this);
    this.host.network.connections.delete(this);
  }
}

const lost = (): GatewayError =>
  new GatewayError('transport.closed', 'connection lost', { origin: 'remote', sipStatus: 503 });
