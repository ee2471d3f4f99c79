import dgram from 'node:dgram';
import { isIP } from 'node:net';
import { type DatagramReceiver, HandleSocket, udpBinding } from '../../core/index.js';
import type { Endpoint } from './address.js';
import { ConnectedSocket, type ShortWayUser } from './connected-socket.js';

/**
 * UDP sockets of a port pair. They stay bound after a call that had no other use of them, and are given to the next one,
 * so that setting it up costs no system call.
 *
 * They are not connected: from a connected socket the kernel would keep strangers' packets unseen and answer them with
 * ICMP errors; here they reach us, are counted, told and refused in silence. Once a leg's source is settled, a second
 * socket beside it is connected to that, where it can be.
 */
export interface BoundSocket {
  /**
   * Sends at once or, where the system's buffer is full, as soon as it can. False when the packet waits: its memory is in
   * use until it has left.
   */
  send(packet: Buffer, port: number, address: string): boolean;
  /** The source that packets come from is settled, or is not any more: that user's packets may go a shorter way then. */
  settle?(source: Endpoint | undefined, user: ShortWayUser): void;
  /** The call is over: no short way any more. */
  unsettle?(): void;
  /** Other programs may share the port since it was settled: it must be closed after its call. */
  readonly spent?: boolean;
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

/** A socket on Node's bare handle, with a connected one beside it while its source is settled. */
class SettlingSocket implements BoundSocket {
  spent = false;
  readonly #first: HandleSocket;
  readonly #receiver: DatagramReceiver;
  #source: Endpoint | undefined;
  #connected: ConnectedSocket | undefined;

  constructor(first: HandleSocket, receiver: DatagramReceiver) {
    this.#first = first;
    this.#receiver = receiver;
    first.widenReceiveBuffer(RECEIVE_BYTES);
  }

  send(packet: Buffer, port: number, address: string): boolean {
    return this.#first.send(packet, port, address);
  }

  settle(source: Endpoint | undefined, user: ShortWayUser): void {
    const settled = this.#source;
    if (source?.port === settled?.port && source?.address === settled?.address) return;
    this.#connected?.retire();
    this.#connected = undefined;
    this.#source = source;
    if (!source) return;
    this.spent = true;
    this.#connected = ConnectedSocket.open(this.#first, source, this.#receiver, user, RECEIVE_BYTES);
  }

  unsettle(): void {
    this.#source = undefined;
    this.#connected?.close();
    this.#connected = undefined;
  }

  close(): void {
    this.unsettle();
    this.#first.close();
  }
}

const binding = udpBinding();

/** The machine's sockets, by the cheapest way there is. */
export const bindUdpSocket: BindSocket = binding
  ? async (address, port, receiver) => new SettlingSocket(new HandleSocket(binding, address, port, receiver), receiver)
  : bindDgramSocket;
