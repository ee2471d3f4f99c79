import { isIP } from 'node:net';
import { getSystemErrorName } from 'node:util';

/**
 * Node's own UDP handle, the part beneath `node:dgram`. A datagram costs a fifth less here: no event is emitted, no
 * closure, look-up or request is made for each. It is internal to Node (DEP0111, deprecated in its documentation since
 * 10, there in all versions since), so it is used where it is found to be as described below, and `node:dgram` is
 * otherwise: both do the same.
 */
export interface UdpHandle {
  bind(address: string, port: number, flags: number): number;
  bind6(address: string, port: number, flags: number): number;
  connect(address: string, port: number): number;
  connect6(address: string, port: number): number;
  recvStart(): number;
  recvStop(): number;
  /** Sends at once and returns the length + 1, queues and returns 0, or returns a negative errno. */
  send(request: SendRequest, list: Buffer[], count: 1, port: number, address: string, callback: boolean): number;
  send6(request: SendRequest, list: Buffer[], count: 1, port: number, address: string, callback: boolean): number;
  getsockname(out: { port?: number }): number;
  /** Sets the buffer when `size` > 0; gives its size, or undefined and the reason in `context`. */
  bufferSize(size: number, receive: boolean, context: { code?: string }): number | undefined;
  getSendQueueSize(): number;
  close(): void;
  /** The descriptor; negative where there is none. */
  readonly fd: number;
  onmessage: (length: number, handle: unknown, datagram: Buffer, source: { address: string; port: number }) => void;
}

/** What a queued datagram is held by; told when it has left, with a negative errno when it has not. */
interface SendRequest {
  list?: Buffer[];
  oncomplete?: (status: number) => void;
}

interface UdpBinding {
  readonly UDP: new () => UdpHandle;
  readonly SendWrap: new () => SendRequest;
  readonly constants: { readonly UV_UDP_IPV6ONLY: number; readonly UV_UDP_REUSEADDR: number };
}

/** Who gets what comes to a socket. */
export interface DatagramReceiver {
  receive(datagram: Buffer, address: string, port: number): void;
}

const METHODS = [
  'bind',
  'bind6',
  'connect',
  'connect6',
  'recvStart',
  'recvStop',
  'send',
  'send6',
  'getsockname',
  'bufferSize',
  'getSendQueueSize',
  'close',
];

/** The internal binding; undefined where Node has none that fits, or forbids it (the permission model). */
export function udpBinding(): UdpBinding | undefined {
  const { binding } = process as unknown as { binding?: (name: string) => Partial<UdpBinding> };
  try {
    const { UDP, SendWrap, constants } = binding?.call(process, 'udp_wrap') ?? {};
    const fits = METHODS.every((method) => typeof UDP?.prototype[method] === 'function');
    return fits && SendWrap && constants ? { UDP: UDP!, SendWrap, constants } : undefined;
  } catch {
    // Not allowed, or not there: the same answer.
    return undefined;
  }
}

/** What a send is told to send: shared by all sockets of the thread, as a send that does not queue is done with it at once. */
let outgoing: Buffer[] = [Buffer.alloc(0)];

/** A UDP socket on the bare handle. An IPv6 one takes IPv6 alone (no mapped addresses). */
export class HandleSocket {
  /** Datagrams that came, from anybody. */
  received = 0;
  readonly #handle: UdpHandle;
  readonly #binding: UdpBinding;
  readonly #address: string;
  readonly #six: boolean;
  #request: SendRequest;

  /** @throws Error with the errno's name as `code` when the port cannot be had */
  constructor(binding: UdpBinding, address: string, port: number, receiver: DatagramReceiver) {
    this.#binding = binding;
    this.#request = new binding.SendWrap();
    this.#address = address;
    this.#six = isIP(address) === 6;
    this.#handle = new binding.UDP();
    this.#handle.onmessage = (length, _handle, datagram, source) => {
      // Negative: an ICMP error about one datagram, never about the call.
      if (length < 0) return;
      this.received++;
      receiver.receive(datagram, source.address, source.port);
    };
    this.#start(port);
  }

  /** The port really bound. */
  get port(): number {
    const out: { port?: number } = {};
    this.#handle.getsockname(out);
    return out.port ?? 0;
  }

  get descriptor(): number {
    return this.#handle.fd;
  }

  /** Bytes that wait for the network to take them. */
  get queuedBytes(): number {
    return this.#handle.getSendQueueSize();
  }

  /** Asks for a receive buffer of so many bytes; gives what the system says it is. */
  widenReceiveBuffer(sizeBytes: number): number {
    this.#handle.bufferSize(sizeBytes, true, {});
    return this.#handle.bufferSize(0, true, {}) ?? 0;
  }

  /**
   * Sends at once, or queues: then false, and the packet's memory is in use until it has left.
   * @param failed told of an errno's name, before this returns or later; absent: a datagram that cannot be sent is lost
   */
  send(packet: Buffer, port: number, address: string, failed?: (code: string) => void): boolean {
    outgoing[0] = packet;
    const tells = failed !== undefined;
    const sent = this.#six
      ? this.#handle.send6(this.#request, outgoing, 1, port, address, tells)
      : this.#handle.send(this.#request, outgoing, 1, port, address, tells);
    if (sent === 0) this.#queued(failed);
    else if (sent < 0) failed?.(getSystemErrorName(sent));
    return sent !== 0;
  }

  /**
   * A second socket of the same port, not read yet. Once it is connected, nothing comes to it but what that peer sends;
   * what came between bind and connect may be anybody's. All others still come to this one.
   *
   * Two sockets share a port where both ask for it (SO_REUSEADDR), and Node has no way to take that back: from now until
   * both are closed, another program of this machine that asks for it could bind the port as well.
   * @returns the connected handle; undefined where the system refuses, and nothing has changed then but that option
   */
  join(address: string, port: number): UdpHandle | undefined {
    const own = this.port;
    const { UV_UDP_REUSEADDR } = this.#binding.constants;
    // It is bound, so this fails; the option is set before that.
    this.#bind(this.#handle, own, UV_UDP_REUSEADDR);
    const handle = new this.#binding.UDP();
    const failed =
      this.#bind(handle, own, UV_UDP_REUSEADDR) ||
      (this.#six ? handle.connect6(address, port) : handle.connect(address, port));
    if (failed === 0) return handle;
    handle.close();
    return undefined;
  }

  close(): void {
    this.#handle.close();
  }

  #start(port: number): void {
    const failed = this.#bind(this.#handle, port, 0) || this.#handle.recvStart();
    if (failed === 0) return;
    this.#handle.close();
    const code = getSystemErrorName(failed);
    throw Object.assign(new Error(`bind ${code} ${this.#address}:${port}`), { code });
  }

  #bind(handle: UdpHandle, port: number, flags: number): number {
    return this.#six
      ? handle.bind6(this.#address, port, flags | this.#binding.constants.UV_UDP_IPV6ONLY)
      : handle.bind(this.#address, port, flags);
  }

  /** The socket's buffer was full: the request holds the packet until it has left. */
  #queued(failed: ((code: string) => void) | undefined): void {
    this.#request.list = outgoing;
    outgoing = [Buffer.alloc(0)];
    if (failed) {
      this.#request.oncomplete = (status) => {
        if (status < 0) failed(getSystemErrorName(status));
      };
    }
    this.#request = new this.#binding.SendWrap();
  }
}
