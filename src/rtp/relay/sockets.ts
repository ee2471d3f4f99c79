import dgram from 'node:dgram';
import { isIP } from 'node:net';

/**
 * UDP sockets of a port pair. They stay bound after a call and are given to the next one, so that setting a call up
 * costs no system call.
 *
 * They are not connected. With the lookup below, which resolves at once, `send` to an address costs what `send` on a
 * connected socket costs (bench/README.md has the figures), while packets from strangers still reach us to be counted
 * and refused in silence: a connected socket would have the kernel answer them with ICMP errors.
 */
export interface BoundSocket {
  /** Sends at once, or drops; a full buffer is the network's loss. */
  send(packet: Buffer, port: number, address: string): void;
  close(): void;
}

export type DatagramHandler = (datagram: Buffer, address: string, port: number) => void;

/** Binds a UDP socket. Rejects when the port is taken or no descriptor is left. */
export type BindSocket = (address: string, port: number, onDatagram: DatagramHandler) => Promise<BoundSocket>;

/** Addresses are never names here: answering at once keeps every send in the same turn of the event loop. */
const lookup = (
  address: string,
  _options: unknown,
  done: (error: null, address: string, family: number) => void,
): void => done(null, address, isIP(address));

class UdpSocket implements BoundSocket {
  readonly #socket: dgram.Socket;
  constructor(socket: dgram.Socket) {
    this.#socket = socket;
  }
  send(packet: Buffer, port: number, address: string): void {
    this.#socket.send(packet, port, address);
  }
  close(): void {
    this.#socket.close();
  }
}

/** The machine's sockets. An IPv6 socket takes IPv6 alone (no mapped addresses). */
export const bindUdpSocket: BindSocket = (address, port, onDatagram) =>
  new Promise((resolve, reject) => {
    const socket = dgram.createSocket(
      isIP(address) === 6
        ? { type: 'udp6', ipv6Only: true, lookup: lookup as never }
        : { type: 'udp4', lookup: lookup as never },
    );
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ address, port, exclusive: true }, () => {
      socket.removeAllListeners('error');
      // ICMP errors of unconnected sockets are not reported; what else may come concerns one datagram, never the call.
      socket.on('error', () => {});
      socket.on('message', (datagram, source) => onDatagram(datagram, source.address, source.port));
      resolve(new UdpSocket(socket));
    });
  });
