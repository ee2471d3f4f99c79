import { GatewayError, unit } from '../../core/index.js';
import type { Endpoint, Flow } from '../../sip/index.js';
import type { NetworkHost } from './host.js';

/** Share of datagrams to a host that is down which come back as ICMP errors. */
const ICMP_SHARE = 0.1;

/** Datagrams between two hosts. */
export class UdpFlow implements Flow {
  readonly transport = 'udp';
  readonly reliable = false;
  readonly inbound = false;
  readonly closed = false;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly #host: NetworkHost;
  #sent = 0;
  #latest = 0;

  constructor(host: NetworkHost, remote: Endpoint) {
    this.#host = host;
    this.local = host.endpoint;
    this.remote = remote;
  }

  send(bytes: Buffer): void {
    const host = this.#host;
    const { network } = host;
    const link = host.linkTo(this.remote.address);
    const copies = host.down ? 0 : link.copies();
    if (copies === 0) network.tally.add('datagrams lost');
    if (copies === 2) network.tally.add('datagrams doubled');
    network.log.note(this, bytes, copies === 1 ? '' : copies === 0 ? 'lost' : 'doubled');
    const number = ++this.#sent;
    for (let copy = 0; copy < copies; copy++) network.time.after(link.delayMs(), () => this.#deliver(bytes, number));
  }

  close(): void {}

  #deliver(bytes: Buffer, number: number): void {
    const { network } = this.#host;
    if (number < this.#latest) network.tally.add('datagrams overtaken');
    this.#latest = Math.max(this.#latest, number);
    const peer = network.at(this.remote.address);
    if (peer && !peer.down) {
      peer.arrive(bytes, peer.udp(this.local));
      return;
    }
    network.tally.add('datagrams to a host that is down');
    if (unit(network.random) >= ICMP_SHARE) return;
    network.tally.add('ICMP errors');
    const error = new GatewayError('transport.unreachable', 'port unreachable', { origin: 'remote', sipStatus: 503 });
    network.time.after(this.#host.linkTo(this.remote.address).delayMs(), () =>
      this.#host.receiver?.flowFailed(this, error),
    );
  }
}
