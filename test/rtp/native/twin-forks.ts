/** The same fork in both packet paths, read alike and compared copy by copy. */
import type { ForkedPacket, ForkPoint } from '../../../src/rtp/engine.js';
import { RingReader, RingWriter } from '../../../src/rtp/fork/index.js';
import { forkMemory } from '../../../src/rtp/fork/layout.js';

export const POINTS = ['received', 'plain', 'sent'] as const satisfies readonly ForkPoint[];

const RTP_PORT = 2;

export class TwinFork {
  readonly name: string;
  readonly maxQueued: number;
  readonly writer: RingWriter;
  /** Of the native path. */
  readonly memory: Uint8Array;
  copied = 0;
  dropped = 0;
  readonly #readers: readonly [RingReader, RingReader];

  constructor(name: string, maxQueued: number) {
    this.name = name;
    this.maxQueued = maxQueued;
    const [typescript, native] = [forkMemory(maxQueued), forkMemory(maxQueued)];
    this.writer = new RingWriter(typescript, maxQueued);
    this.memory = new Uint8Array(native);
    this.#readers = [new RingReader(typescript, maxQueued, RTP_PORT), new RingReader(native, maxQueued, RTP_PORT)];
  }

  /** Throws where the two have not counted alike. */
  compareCounts(): void {
    const [typescript, native] = this.#readers;
    for (const count of ['waiting', 'copied', 'dropped', 'oversized'] as const) {
      if (typescript[count] === native[count]) continue;
      throw new Error(`fork ${this.name}: ${count} ${typescript[count]} against ${native[count]} in native`);
    }
    this.copied = native.copied;
    this.dropped = native.dropped;
  }

  /** Takes at most `limit` copies of both. Throws at the first difference. */
  drain(limit: number): void {
    const [typescript, native] = this.#readers.map((reader) => reader.take(limit));
    typescript!.forEach((packet, at) => {
      if (!same(packet, native![at]!)) {
        throw new Error(
          `fork ${this.name}: ${JSON.stringify(packet)} against ${JSON.stringify(native![at])} in native`,
        );
      }
    });
  }
}

const same = (one: ForkedPacket, other: ForkedPacket): boolean =>
  one.data.equals(other.data) &&
  one.atMs === other.atMs &&
  one.kind === other.kind &&
  one.localPort === other.localPort &&
  one.peer.address === other.peer.address &&
  one.peer.port === other.peer.port;
