import dgram from 'node:dgram';
import { isIP } from 'node:net';
import { type DatagramReceiver, HandleSocket, udpBinding } from '../../core/index.js';

/**
 * UDP sockets of a port pair. They stay bound after a call and are given to the next one, so that setting a call up
 * costs no system call.
 *
 * They are not connected. A connected socket would send about a tenth cheaper, but the kernel would drop packets from
 * strangers unseen and answer them with ICMP errors; here they reach us, are counted, told and refused in silence. The
 * lookup below resolves at once, which takes away most of what an unconnected `send` costs more.
 */
export interface BoundSocket {
  /**
   * Sends at once or, where the system's buffer is full, as soon as it can. False when the packet waits: its memory is in
   * use until it has left.
   */
  send(packet: Buffer, port: number, address: string): boolean;
  close(): void;
}

export type DatagramHandler = (datagram: Buffer, address: string, port: number) => void;

/**
 * Binds a UDP socket, for good to the same receiver, as it stays bound from call to call. Rejects when the port is taken
 * or no descriptor is left.
 */
export type BindSocket = (address: string, port: number, receiver: DatagramReceiver) => Promise<BoundSocket>;

type LookupDone = (error: null, address: string, family: 4 | 6) => void;

/** Addresses are never names here: answering at once keeps every send in the same turn of the event loop. */
const lookup4 = (address: string, _options: unknown, done: LookupDone): void => done(null, address, 4);
const lookup6 = (address: string, _options: unknown, done: LookupDone): void => done(null, address, 6);

/**
 * What a socket may keep while its thread waits for a processor: a flood must not push the peer's packets out meanwhile.
 * The system may allow less (net.core.rmem_max). Nothing is set aside for it.
 */
const RECEIVE_BYTES = 1 << 19;
const ROOM = { recvBufferSize: RECEIVE_BYTES };

class UdpSocket implements BoundSocket {
  readonly #socket: dgram.Socket;
  constructor(socket: dgram.Socket) {
    this.#socket = socket;
  }
  send(packet: Buffer, port: number, address: string): boolean {
    this.#socket.send(packet, port, address);
    return this.#socket.getSendQueueCount() === 0;
  }
  close(): void {
    this.#socket.close();
  }
}

/** Sockets of `node:dgram`. An IPv6 socket takes IPv6 alone (no mapped addresses). */
export const bindDgramSocket: BindSocket = (address, port, receiver) =>
  new Promise((resolve, reject) => {
    const socket =
      isIP(address) === 6
        ? dgram.createSocket({ ...ROOM, type: 'udp6', ipv6Only: true, lookup: lookup6 as never })
        : dgram.createSocket({ ...ROOM, type: 'udp4', lookup: lookup4 as never });
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ address, port, exclusive: true }, () => {
      socket.removeAllListeners('error');
      // ICMP errors of unconnected sockets are not reported; what else may come concerns one datagram, never the call.
      socket.on('error', () => {});
      socket.on('message', (datagram, source) => receiver.receive(datagram, source.address, source.port));
      resolve(new UdpSocket(socket));
    });
  });

const binding = udpBinding();

/** The machine's sockets, by the cheapest way there is. */
export const bindUdpSocket: BindSocket = binding
  ? async (address, port, receiver) => {
      const socket = new HandleSocket(binding, address, port, receiver);
      socket.widenReceiveBuffer(RECEIVE_BYTES);
      return socket;
    }
  : bindDgramSocket;
