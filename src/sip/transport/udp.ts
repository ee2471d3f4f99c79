import { GatewayError } from '../../core/index.js';
import { formatHostPort } from '../message/index.js';
import { addressFacing, isWildcard, type ListenerSpec, type LocalAddress, plainAddress } from './address.js';
import type { Endpoint, Flow } from './flow.js';
import { maxMessageBytes, type TransportContext } from './limits.js';
import { QueueProbe } from './queue-probe.js';
import { openUdpSocket, type UdpSocket } from './udp-socket.js';

/**
 * SIP over UDP (RFC 3261 §18): one socket for each listener, one datagram for each message, and a small flow object
 * for each remote address and port, remembered so that the same peer is the same object.
 *
 *     datagram ─► keep-alive? ─► size ─► guard ─► flow of the remote ─► receiver
 *     message of ours ─► guard ─► outbox ─► socket, when all datagrams that waited were read
 *
 * What one turn of the event loop has to send goes out together at its end: a peer on this machine is then woken once
 * and not for each message, which costs more than anything else of a message.
 *
 * Left out: ICMP errors. Linux reports them on an unconnected socket only with IP_RECVERR, which Node does not set; so
 * an unreachable peer shows as silence, and only errors of the send itself are told.
 */
export class UdpListener {
  readonly spec: ListenerSpec;
  readonly #context: TransportContext;
  readonly #own: readonly LocalAddress[];
  readonly #flows = new Map<string, UdpFlow>();
  #outbox: { readonly bytes: Buffer; readonly flow: UdpFlow }[] = [];
  #socket: UdpSocket | undefined;
  #bound: Endpoint;
  #probe: QueueProbe | undefined;

  constructor(spec: ListenerSpec, own: readonly LocalAddress[], context: TransportContext) {
    this.spec = spec;
    this.#own = own;
    this.#context = context;
    this.#bound = { address: spec.address, port: spec.port };
  }

  /** Address and port really bound. */
  get bound(): Endpoint {
    return this.#bound;
  }

  get closed(): boolean {
    return this.#socket === undefined;
  }

  /** Binds the socket. Rejects with `transport.bind`. */
  async listen(): Promise<void> {
    const { address, port } = this.spec;
    const receiver = {
      receive: (bytes: Buffer, from: string, fromPort: number) => this.#received(bytes, from, fromPort),
    };
    try {
      this.#socket = await openUdpSocket(address, port, receiver, (error) => this.#socketFailed(error));
    } catch (cause) {
      throw bindError(this.spec, cause as Error);
    }
    this.#bound = { address, port: this.#socket.port };
    this.#widenBuffer(this.#socket);
    this.#probe = new QueueProbe(this.#bound, this.#context.scheduler);
    await this.#probe.start();
  }

  /** Milliseconds a datagram waits here before it is read. */
  get queueDelayMs(): number {
    return this.#probe?.delayMs ?? 0;
  }

  /** The flow to a remote endpoint. */
  flowTo(address: string, port: number, inbound: boolean): UdpFlow {
    const plain = plainAddress(address);
    const key = `${plain} ${port}`;
    const known = this.#flows.get(key);
    const { udpFlows } = this.#context.limits;
    // Which was used last matters only once some will have to go.
    if (known && this.#flows.size <= udpFlows / 2) return known;
    if (known) this.#flows.delete(key);
    const flow = known ?? new UdpFlow(this, this.#localFor(plain), { address: plain, port }, address, inbound);
    this.#flows.set(key, flow);
    if (this.#flows.size > udpFlows) this.#flows.delete(this.#flows.keys().next().value!);
    return flow;
  }

  /** Sends one datagram for a flow at the end of this turn; failures go to the receiver in a later one. */
  transmit(bytes: Buffer, flow: UdpFlow): void {
    if (!this.#socket) {
      queueMicrotask(() => this.sendFailed(flow, 'socket is closed'));
      return;
    }
    if (!this.#context.guard.admitAnswer(flow.remote.address)) return;
    if (this.#outbox.length === 0) setImmediate(this.#flush);
    this.#outbox.push({ bytes, flow });
  }

  readonly #flush = (): void => {
    const { counters, limits } = this.#context;
    const outbox = this.#outbox;
    this.#outbox = [];
    for (const { bytes, flow } of outbox) {
      // A network that takes nothing must not fill our memory; UDP may lose messages anyway, and they are repeated.
      if (!this.#socket || this.#socket.queuedBytes > limits.writeQueueBytes) {
        counters.add('sip_send_failures', 'udp-queue');
        continue;
      }
      counters.add('sip_messages_sent', 'udp');
      this.#socket.send(bytes, flow.remote.port, flow.sendAddress, flow.failed);
    }
  };

  sendFailed(flow: UdpFlow, reason: string): void {
    this.#context.counters.add('sip_send_failures', 'udp');
    const where = formatHostPort(flow.remote.address, flow.remote.port);
    const error = new GatewayError('transport.send', `cannot send to ${where}: ${reason}`, { origin: 'local' });
    this.#context.receiver.flowFailed(flow, error);
  }

  close(): Promise<void> {
    this.#flush();
    const socket = this.#socket;
    this.#socket = undefined;
    this.#flows.clear();
    this.#probe?.stop();
    return socket?.close() ?? Promise.resolve();
  }

  #received(bytes: Buffer, address: string, port: number): void {
    const { counters, guard, limits, receiver } = this.#context;
    if (this.#probe?.taken(bytes, address, port)) return;
    if (isKeepAlive(bytes)) counters.add('sip_keepalives', 'udp');
    // A forged datagram may come from port 0 (RFC 768), where nothing can be sent.
    else if (port === 0) counters.add('sip_messages_dropped', 'port-zero');
    else if (bytes.length > maxMessageBytes(limits)) counters.add('sip_messages_dropped', 'too-large');
    else if (guard.admitMessage(plainAddress(address))) {
      counters.add('sip_messages_received', 'udp');
      receiver.receive(bytes, this.flowTo(address, port, true));
    }
  }

  #localFor(remote: string): Endpoint {
    if (!isWildcard(this.#bound.address)) return this.#bound;
    return { address: addressFacing(remote, this.#own), port: this.#bound.port };
  }

  #socketFailed(error: Error): void {
    this.#context.counters.add('sip_socket_errors', 'udp');
    this.#context.logger.warn(
      { listener: formatHostPort(this.#bound.address, this.#bound.port), err: error },
      'UDP socket error',
    );
  }

  #widenBuffer(socket: UdpSocket): void {
    const asked = this.#context.limits.udpReceiveBufferBytes;
    // Linux doubles the number for its own bookkeeping and reports the doubled one.
    const given = socket.widenReceiveBuffer(asked);
    if (given >= asked) return;
    this.#context.logger.info({ askedBytes: asked, givenBytes: given }, 'UDP receive buffer smaller than asked for');
  }
}

/** A UDP 4-tuple. Holds no state of its own: forgetting it loses nothing. */
export class UdpFlow implements Flow {
  readonly transport = 'udp';
  readonly reliable = false;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly inbound: boolean;
  /** The remote address with its zone, which a link-local one needs. */
  readonly sendAddress: string;
  readonly #listener: UdpListener;

  constructor(listener: UdpListener, local: Endpoint, remote: Endpoint, sendAddress: string, inbound: boolean) {
    this.#listener = listener;
    this.local = local;
    this.remote = remote;
    this.sendAddress = sendAddress;
    this.inbound = inbound;
  }

  get closed(): boolean {
    return this.#listener.closed;
  }

  send(bytes: Buffer): void {
    this.#listener.transmit(bytes, this);
  }

  close(): void {}

  /** Told by the socket of a datagram that could not be sent; the core hears of it in a later turn. */
  readonly failed = (reason: string): void => {
    queueMicrotask(() => this.#listener.sendFailed(this, reason));
  };
}

/** CRLFs or NULs alone, which some phones send to keep a NAT binding open; never worth a parser's time. */
function isKeepAlive(bytes: Buffer): boolean {
  if (bytes.length > 4) return false;
  for (const byte of bytes) if (byte !== 13 && byte !== 10 && byte !== 0) return false;
  return true;
}

/** The error of a listener that cannot be bound. */
export const bindError = (spec: ListenerSpec, cause: Error): GatewayError =>
  new GatewayError(
    'transport.bind',
    `cannot listen on ${spec.transport}://${formatHostPort(spec.address, spec.port)}: ${cause.message}`,
    { origin: 'local', cause },
  );
