import { readFileSync } from 'node:fs';
import { type DatagramReceiver, DatagramStream, type HandleSocket } from '../../core/index.js';
import type { Endpoint } from './address.js';
import { scratch } from './scratch.js';

type Handle = NonNullable<ReturnType<HandleSocket['join']>>;

/**
 * A second socket of an RTP port, connected to the one source that the leg takes packets from: what comes by it needs no
 * look at where it is from, so that it is read and sent in the cheapest way there is (`DatagramStream`).
 *
 *     connect ──► first socket ──► this one read with addresses ──► read by stream
 *                 found empty      found empty
 *
 * What waits in the first socket at that moment is taken before this one is read at all, so that nothing is overtaken.
 * What came here between bind and connect may be anybody's: until all of that is out, each datagram is asked for its source.
 */
export class ConnectedSocket {
  readonly source: Endpoint;
  readonly #handle: Handle;
  readonly #receiver: DatagramReceiver;
  #stream: DatagramStream | undefined;
  #received = 0;
  #closed = false;

  /** Undefined where there can be none: the leg goes on as before. */
  static open(
    first: HandleSocket,
    source: Endpoint,
    receiver: DatagramReceiver,
    receiveBytes: number,
  ): ConnectedSocket | undefined {
    if (first.descriptor >= mostDescriptors()) return undefined;
    const handle = first.join(source.address, source.port);
    if (!handle) return undefined;
    handle.bufferSize(receiveBytes, true, {});
    return new ConnectedSocket(first, handle, source, receiver);
  }

  private constructor(first: HandleSocket, handle: Handle, source: Endpoint, receiver: DatagramReceiver) {
    this.source = source;
    this.#handle = handle;
    this.#receiver = receiver;
    handle.onmessage = (length, _handle, datagram, from) => {
      if (length < 0) return;
      this.#received++;
      receiver.receive(datagram, from.address, from.port);
    };
    this.#whenEmpty(
      () => first.received,
      () => {
        handle.recvStart();
        this.#whenEmpty(
          () => this.#received,
          () => this.#readByStream(),
        );
      },
    );
  }

  /**
   * Sends to the source; false when the packet waits, and its memory is in use until it has left. Undefined when it was
   * not sent.
   */
  send(packet: Buffer): boolean | undefined {
    return this.#stream?.send(packet);
  }

  close(): void {
    this.#closed = true;
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream) stream.stop(() => this.#handle.close());
    else this.#handle.close();
  }

  #readByStream(): void {
    const stream = DatagramStream.of(this.#handle.fd);
    if (!stream) return;
    const { address, port } = this.source;
    const receiver = this.#receiver;
    this.#handle.recvStop();
    // The stream reads into the same memory again: a packet that waits in a socket must have its own.
    if (stream.start((datagram) => receiver.receive(scratch(datagram).first(datagram.length), address, port))) {
      this.#stream = stream;
    } else {
      this.#handle.recvStart();
    }
  }

  /** Calls `then` when a socket whose datagrams `count` counts has nothing left of what waits in it now. */
  #whenEmpty(count: () => number, then: () => void): void {
    let before = 0;
    let left = MOST_WAITING;
    const look = (): void => {
      if (this.#closed) return;
      const taken = count() - before;
      before += taken;
      left -= taken;
      if (taken < ROUND || left <= 0) then();
      else setImmediate(look);
    };
    // From one turn's end to the next all sockets are looked at, and this turn may be past that.
    setImmediate(() => {
      before = count();
      setImmediate(look);
    });
  }
}

/** Of one UDP handle so many datagrams at most are read before others have their turn: fewer, and it was found empty. */
const ROUND = 32;
/** More than can wait in a socket of half a mebibyte (twice that with what the system adds, 768 octets for the smallest). */
const MOST_WAITING = 2048;

let most: number | undefined;

/** Connected sockets are no need: the last quarter of the process's descriptors is not for them. */
function mostDescriptors(): number {
  most ??= readMostDescriptors();
  return most;
}

function readMostDescriptors(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return soft === undefined ? 0 : Math.floor((Number(soft) * 3) / 4);
  } catch {
    // No such file where this is not Linux: no connected sockets there.
    return 0;
  }
}
