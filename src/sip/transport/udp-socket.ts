import { createSocket, type Socket } from 'node:dgram';
import { type DatagramReceiver, HandleSocket, udpBinding } from '../../core/index.js';
import { familyOf } from './address.js';

/** The socket of a UDP listener. */
export interface UdpSocket {
  /** The port really bound. */
  readonly port: number;
  /** Bytes that wait for the network to take them. */
  readonly queuedBytes: number;
  /** Asks for a receive buffer of so many bytes; gives what the system says it is. */
  widenReceiveBuffer(sizeBytes: number): number;
  /** Sends one datagram; `failed` is told why it cannot be sent, before this returns or later. */
  send(bytes: Buffer, port: number, address: string, failed: (reason: string) => void): void;
  close(): Promise<void>;
}

/**
 * Binds a socket. Rejects when the port cannot be had.
 * @param onError told of errors that concern the socket and no one datagram
 */
export type OpenUdpSocket = (
  address: string,
  port: number,
  receiver: DatagramReceiver,
  onError: (error: Error) => void,
) => Promise<UdpSocket>;

/** By way of `node:dgram`. */
export const openDgramSocket: OpenUdpSocket = async (address, port, receiver, onError) => {
  const socket = createSocket({
    type: familyOf(address) === 4 ? 'udp4' : 'udp6',
    ipv6Only: familyOf(address) === 6,
    // Only literals are sent to: looking them up would cost a turn of the event loop for every datagram.
    lookup: (host, _options, done) => done(null, host, familyOf(host)),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address, port, exclusive: true }, resolve);
  });
  socket.removeAllListeners('error').on('error', onError);
  socket.on('message', (bytes, remote) => receiver.receive(bytes, remote.address, remote.port));
  return new DgramSocket(socket);
};

class DgramSocket implements UdpSocket {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  get queuedBytes(): number {
    return this.#socket.getSendQueueSize();
  }

  widenReceiveBuffer(sizeBytes: number): number {
    this.#socket.setRecvBufferSize(sizeBytes);
    return this.#socket.getRecvBufferSize();
  }

  send(bytes: Buffer, port: number, address: string, failed: (reason: string) => void): void {
    // Node throws where there is no such port, and the rest of a batch would go with this datagram.
    if (port === 0) return failed('port 0');
    this.#socket.send(bytes, port, address, (error) => {
      if (error) failed(error.message);
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }
}

/** On Node's bare handle. */
class BareSocket extends HandleSocket implements UdpSocket {
  override async close(): Promise<void> {
    super.close();
  }
}

const binding = udpBinding();

/** By the cheapest way there is. */
export const openUdpSocket: OpenUdpSocket = binding
  ? async (address, port, receiver) => new BareSocket(binding, address, port, receiver)
  : openDgramSocket;
