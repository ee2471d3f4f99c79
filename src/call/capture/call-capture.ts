import type { Scheduler } from '../../core/index.js';
import type { ForkedPacket, ForkPoint, MediaFork, Side } from '../../rtp/index.js';
import type { MediaBridge } from '../media-bridge.js';
import type { CaptureFile } from './capture-file.js';
import type { Datagram } from './pcap.js';

export type CaptureEnd = 'time' | 'size' | 'call-ended' | 'stopped' | 'failed';

/** What a capture of one call came to. */
export interface CaptureResult {
  /** Name of the file in the directory of captures. */
  readonly file: string;
  readonly packets: number;
  readonly bytes: number;
  /** Packets that went by and are not in the file for want of room in a queue. */
  readonly dropped: number;
  readonly ended: CaptureEnd;
}

/** Packets of one point of one leg that may wait: ten seconds of speech. */
const MAX_QUEUED = 512;
const SIDES = ['customer', 'remote'] as const;

/**
 * One running capture: forks of both legs of a call, written into one file until the time is over, the file is full or the
 * call ends.
 *
 *     customer ─► received ─┐               ┌─ received ◄─ remote
 *     customer ◄─ sent ─────┴──► file ◄─────┴─ sent ─────► remote
 *
 * `plain` takes legs with SRTP decrypted: what came from the peer, which is also what the other leg sends.
 */
export class CallCapture {
  readonly #media: MediaBridge;
  readonly #file: CaptureFile;
  readonly #scheduler: Scheduler;
  readonly #forks: MediaFork[] = [];
  /** Wall-clock minus monotonic milliseconds. */
  readonly #offsetMs: number;
  #end: ((end: CaptureEnd) => void) | undefined;

  constructor(media: MediaBridge, file: CaptureFile, scheduler: Scheduler) {
    this.#media = media;
    this.#file = file;
    this.#scheduler = scheduler;
    this.#offsetMs = scheduler.wallMs() - scheduler.nowMs();
  }

  /**
   * Captures until something ends it; the file is closed then.
   * @throws GatewayError `media.fork-*` where the packets cannot be had; the error of a disk that failed
   */
  async run(name: string, seconds: number, plain: boolean): Promise<CaptureResult> {
    const over = new Promise<CaptureEnd>((resolve) => {
      this.#end = resolve;
    });
    const timer = this.#scheduler.after(seconds * 1000, () => this.stop('time'));
    try {
      for (const side of SIDES) for (const point of this.#points(side, plain)) this.#open(side, point);
      const ended = await over;
      const dropped = await this.#closeForks();
      await this.#file.close();
      const { packets, bytes } = this.#file;
      return { file: name, packets, bytes, dropped, ended };
    } catch (error) {
      await this.#closeForks();
      await this.#file.close().catch(() => {
        // The first error is the one to tell.
      });
      throw error;
    } finally {
      timer.cancel();
    }
  }

  /** Ends it; the first reason is told. */
  stop(end: CaptureEnd): void {
    this.#end?.(end);
  }

  #points(side: Side, plain: boolean): readonly ForkPoint[] {
    return plain && this.#media.encryption(side) !== 'none' ? ['plain'] : ['received', 'sent'];
  }

  #open(side: Side, point: ForkPoint): void {
    const { address } = this.#media.localPorts(side);
    const onPackets = async (packets: readonly ForkedPacket[]): Promise<void> => {
      const datagrams = packets.map((packet) => datagramOf(packet, point, address, this.#offsetMs));
      await this.#file.add(datagrams, this.#scheduler.wallMs());
      if (this.#file.full) this.stop('size');
    };
    const fork = this.#media.fork({ side, point, maxQueued: MAX_QUEUED, onPackets });
    this.#forks.push(fork);
    void fork.ended.then(({ failure }) => this.stop(failure === undefined ? 'call-ended' : 'failed'));
  }

  /** Resolves with how many packets found no room. */
  async #closeForks(): Promise<number> {
    const figures = await Promise.all(this.#forks.map((fork) => fork.close()));
    return figures.reduce((sum, { dropped, oversized, abandoned }) => sum + dropped + oversized + abandoned, 0);
  }
}

function datagramOf(packet: ForkedPacket, point: ForkPoint, address: string, offsetMs: number): Datagram {
  const { data, peer, localPort } = packet;
  const here = { address, port: localPort };
  const atMs = packet.atMs + offsetMs;
  return point === 'sent' ? { atMs, data, from: here, to: peer } : { atMs, data, from: peer, to: here };
}
