import { readFileSync, readSync } from 'node:fs';
import {
  type DatagramReceiver,
  type DatagramStream,
  datagramStream,
  type HandleSocket,
  type StreamReceiver,
} from '../../core/index.js';
import type { Endpoint } from './address.js';

export interface ShortWay {
  /**
   * Sends to the settled source: false when the packet waits, and its memory is in use until it has left; undefined when
   * it was not sent.
   */
  send(packet: Buffer): boolean | undefined;
}

/** A leg whose source has settled. */
export interface ShortWayUser extends StreamReceiver {
  /** There is a short way to that source and from it. */
  onShortWay(way: ShortWay, source: Endpoint): void;
}

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
  readonly #handle: Handle;
  readonly #source: Endpoint;
  readonly #receiver: DatagramReceiver;
  readonly #user: ShortWayUser;
  #stream: DatagramStream | undefined;
  #received = 0;
  #closed = false;

  /**
   * Undefined where there can be none: the leg goes on as before.
   * @param receiver  gets what comes until the short way is there
   */
  static open(
    first: HandleSocket,
    source: Endpoint,
    receiver: DatagramReceiver,
    user: ShortWayUser,
    receiveBytes: number,
  ): ConnectedSocket | undefined {
    if (first.descriptor >= mostDescriptors()) return undefined;
    const handle = first.join(source.address, source.port);
    if (!handle) return undefined;
    handle.bufferSize(receiveBytes, true, {});
    return new ConnectedSocket(first, handle, source, receiver, user);
  }

  private constructor(
    first: HandleSocket,
    handle: Handle,
    source: Endpoint,
    receiver: DatagramReceiver,
    user: ShortWayUser,
  ) {
    this.#handle = handle;
    this.#source = source;
    this.#receiver = receiver;
    this.#user = user;
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

  /** The call is over. */
  close(): void {
    this.#end(() => {});
  }

  /** The source is another, and the call goes on: what waits here is taken before. */
  retire(): void {
    this.#end(() => this.#takeRest());
  }

  #end(before: () => void): void {
    this.#closed = true;
    const stream = this.#stream;
    this.#stream = undefined;
    if (!stream) {
      this.#handle.close();
      return;
    }
    stream.stop(() => {
      before();
      this.#handle.close();
    });
  }

  #takeRest(): void {
    const { address, port } = this.#source;
    for (let left = MOST_WAITING; left > 0; left--) {
      const room = Buffer.alloc(MAX_DATAGRAM_BYTES);
      try {
        const length = readSync(this.#handle.fd, room);
        this.#receiver.receive(room.subarray(0, length), address, port);
      } catch (error) {
        // Anything else is an ICMP error about what was sent: what waits comes behind it.
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return;
      }
    }
  }

  #readByStream(): void {
    const stream = datagramStream(this.#handle.fd);
    if (!stream) return;
    this.#handle.recvStop();
    if (!stream.start(this.#user)) {
      this.#handle.recvStart();
      return;
    }
    this.#stream = stream;
    this.#user.onShortWay(stream, this.#source);
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

const MAX_DATAGRAM_BYTES = 65_536;
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
