import { isIP } from 'node:net';
import { getSystemErrorName } from 'node:util';
import type { BoundSocket, DatagramReceiver } from './sockets.js';

/**
 * Node's own UDP handle, the part beneath `node:dgram`. A relayed packet costs a fifth less here: no event is emitted, no
 * closure, look-up or request is made for each datagram. It is internal to Node (DEP0111, deprecated in its documentation
 * since 10, there in all versions since), so it is used where it is found to be as described below, and `node:dgram` is
 * otherwise: both do the same.
 */
interface UdpHandle {
  bind(address: string, port: number, flags: number): number;
  bind6(address: string, port: number, flags: number): number;
  recvStart(): number;
  /** Sends at once and returns the length + 1, queues and returns 0, or returns a negative errno. */
  send(request: object, list: Buffer[], count: 1, port: number, address: string, callback: false): number;
  send6(request: object, list: Buffer[], count: 1, port: number, address: string, callback: false): number;
  close(): void;
  /** Sets SO_RCVBUF where `receive`; what went wrong is left in `context`. */
  bufferSize(sizeBytes: number, receive: boolean, context: object): unknown;
  onmessage: (length: number, handle: unknown, datagram: Buffer, source: { address: string; port: number }) => void;
}

interface UdpBinding {
  readonly UDP: new () => UdpHandle;
  /** What a queued datagram is held by. */
  readonly SendWrap: new () => { list?: Buffer[] };
  readonly constants: { readonly UV_UDP_IPV6ONLY: number };
}

const METHODS = ['bind', 'bind6', 'recvStart', 'send', 'send6', 'close', 'bufferSize'];

/**
 * What a socket may keep while its thread waits for a processor: a flood must not push the peer's packets out meanwhile.
 * The system may allow less (net.core.rmem_max). Nothing is set aside for it.
 */
export const RECEIVE_BYTES = 1 << 19;

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

export class HandleSocket implements BoundSocket {
  readonly #handle: UdpHandle;
  readonly #binding: UdpBinding;
  readonly #six: boolean;
  #request: { list?: Buffer[] };

  /** @throws Error with the errno's name as `code` when the port cannot be had */
  constructor(binding: UdpBinding, address: string, port: number, receiver: DatagramReceiver) {
    this.#binding = binding;
    this.#request = new binding.SendWrap();
    this.#six = isIP(address) === 6;
    this.#handle = new binding.UDP();
    this.#handle.onmessage = (length, _handle, datagram, source) => {
      // Negative: an ICMP error about one datagram, never about the call.
      if (length >= 0) receiver.receive(datagram, source.address, source.port);
    };
    this.#start(address, port);
  }

  send(packet: Buffer, port: number, address: string): void {
    const list = [packet];
    const sent = this.#six
      ? this.#handle.send6(this.#request, list, 1, port, address, false)
      : this.#handle.send(this.#request, list, 1, port, address, false);
    if (sent === 0) this.#queued(list);
  }

  close(): void {
    this.#handle.close();
  }

  #start(address: string, port: number): void {
    const failed = this.#bind(address, port) || this.#handle.recvStart();
    if (failed === 0) return void this.#handle.bufferSize(RECEIVE_BYTES, true, {});
    this.#handle.close();
    const code = getSystemErrorName(failed);
    throw Object.assign(new Error(`bind ${code} ${address}:${port}`), { code });
  }

  #bind(address: string, port: number): number {
    return this.#six
      ? this.#handle.bind6(address, port, this.#binding.constants.UV_UDP_IPV6ONLY)
      : this.#handle.bind(address, port, 0);
  }

  /** The socket's buffer was full: the request holds the packet until it has left. */
  #queued(list: Buffer[]): void {
    this.#request.list = list;
    this.#request = new this.#binding.SendWrap();
  }
}
