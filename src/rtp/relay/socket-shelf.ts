import type { DatagramReceiver } from '../../core/index.js';
import type { BindSocket, BoundSocket, DatagramHandler } from './sockets.js';

/** Whoever has a pair of sockets now. Neither function may throw. */
export interface PairUser {
  readonly onRtp: DatagramHandler;
  readonly onRtcp: DatagramHandler;
}

/** The bound sockets of one port pair. */
export interface SocketPair {
  readonly key: string;
  readonly rtp: BoundSocket;
  readonly rtcp: BoundSocket;
  /** Undefined on the shelf: what comes then is for a call that has ended, and falls away. */
  user: PairUser | undefined;
}

class RtpInlet implements DatagramReceiver {
  user: PairUser | undefined;

  receive(datagram: Buffer, address: string, port: number): void {
    this.user?.onRtp(datagram, address, port);
  }
}

class RtcpInlet implements DatagramReceiver {
  user: PairUser | undefined;

  receive(datagram: Buffer, address: string, port: number): void {
    this.user?.onRtcp(datagram, address, port);
  }
}

class BoundPair implements SocketPair {
  constructor(
    readonly key: string,
    readonly rtp: BoundSocket,
    readonly rtcp: BoundSocket,
    private readonly rtpInlet: RtpInlet,
    private readonly rtcpInlet: RtcpInlet,
  ) {}

  get user(): PairUser | undefined {
    return this.rtpInlet.user;
  }

  set user(user: PairUser | undefined) {
    this.rtpInlet.user = user;
    this.rtcpInlet.user = user;
  }
}

/** Pairs that may lie bound and unused; beyond it the one unused for longest is closed. */
const MAX_IDLE = 2048;

/**
 * Bound sockets between calls. A pair that was used lies here bound until its next call, so that opening one costs no
 * system call; binding happens at a pair's first use.
 */
export class SocketShelf {
  readonly #bind: BindSocket;
  readonly #maxIdle: number;
  /** In order of being put down. */
  readonly #idle = new Map<string, SocketPair>();
  #closed = false;

  constructor(bind: BindSocket, maxIdle = MAX_IDLE) {
    this.#bind = bind;
    this.#maxIdle = maxIdle;
  }

  get idle(): number {
    return this.#idle.size;
  }

  /** The pair rtpPort, rtpPort + 1; rejects when one of them can't be bound. */
  async take(address: string, rtpPort: number): Promise<SocketPair> {
    const key = `${address} ${rtpPort}`;
    const shelved = this.#idle.get(key);
    if (shelved) {
      this.#idle.delete(key);
      return shelved;
    }
    return this.#make(key, address, rtpPort);
  }

  give(pair: SocketPair): void {
    pair.user = undefined;
    pair.rtp.unsettle?.();
    if (this.#closed || pair.rtp.spent) closePair(pair);
    else this.#shelve(pair);
  }

  #shelve(pair: SocketPair): void {
    this.#idle.set(pair.key, pair);
    if (this.#idle.size <= this.#maxIdle) return;
    const [oldest] = this.#idle.values();
    this.#idle.delete(oldest!.key);
    closePair(oldest!);
  }

  /** Closes what lies here, and whatever is given back from now on. */
  clear(): void {
    this.#closed = true;
    for (const pair of this.#idle.values()) closePair(pair);
    this.#idle.clear();
  }

  async #make(key: string, address: string, rtpPort: number): Promise<SocketPair> {
    const [rtpInlet, rtcpInlet] = [new RtpInlet(), new RtcpInlet()];
    const rtp = await this.#bind(address, rtpPort, rtpInlet);
    try {
      return new BoundPair(key, rtp, await this.#bind(address, rtpPort + 1, rtcpInlet), rtpInlet, rtcpInlet);
    } catch (error) {
      rtp.close();
      throw error;
    }
  }
}

function closePair(pair: SocketPair): void {
  pair.rtp.close();
  pair.rtcp.close();
}
