import ipaddr from 'ipaddr.js';
import type { ForkedPacket } from '../engine.js';
import { FORK, FORK_FLAG, slotsFor } from './layout.js';

/** JavaScript's end of a fork's queue. */
export class RingReader {
  readonly #words: Int32Array;
  readonly #numbers: Uint32Array;
  readonly #doubles: Float64Array;
  readonly #bytes: Uint8Array;
  readonly #mask: number;
  /** Our RTP port; RTCP has the next. */
  readonly #rtpPort: number;
  #tail = 0;
  /** The peer rarely moves: its address is written once. */
  #key = '';
  #address = '';

  constructor(memory: SharedArrayBuffer, maxQueued: number, rtpPort: number) {
    this.#words = new Int32Array(memory);
    this.#numbers = new Uint32Array(memory);
    this.#doubles = new Float64Array(memory);
    this.#bytes = new Uint8Array(memory);
    this.#mask = slotsFor(maxQueued) - 1;
    this.#rtpPort = rtpPort;
  }

  get waiting(): number {
    return (Atomics.load(this.#words, FORK.headWord) - this.#tail) >>> 0;
  }

  get copied(): number {
    return this.#doubles[FORK.copiedWord]!;
  }

  get dropped(): number {
    return this.#doubles[FORK.droppedWord]!;
  }

  get oversized(): number {
    return this.#doubles[FORK.oversizedWord]!;
  }

  /** Copies of the packets that wait, at most `limit`; their slots are free again. */
  take(limit: number): ForkedPacket[] {
    const taken: ForkedPacket[] = [];
    for (let left = Math.min(limit, this.waiting); left > 0; left--) {
      taken.push(this.#read(FORK.firstSlotByte + (this.#tail & this.#mask) * FORK.slotBytes));
      this.#tail = (this.#tail + 1) | 0;
    }
    Atomics.store(this.#words, FORK.tailWord, this.#tail);
    return taken;
  }

  #read(at: number): ForkedPacket {
    const length = this.#numbers[(at + FORK.lengthByte) / 4]!;
    const flags = this.#numbers[(at + FORK.flagsByte) / 4]!;
    const start = at + FORK.packetByte;
    return {
      data: Buffer.from(this.#bytes.subarray(start, start + length)),
      atMs: this.#doubles[(at + FORK.atMsByte) / 8]!,
      kind: flags & FORK_FLAG.udptl ? 'udptl' : flags & FORK_FLAG.rtcp ? 'rtcp' : 'rtp',
      peer: { address: this.#addressAt(at, flags), port: this.#numbers[(at + FORK.portByte) / 4]! },
      localPort: this.#rtpPort + (flags & FORK_FLAG.rtcpSocket ? 1 : 0),
    };
  }

  #addressAt(at: number, flags: number): string {
    const start = at + FORK.addressByte;
    const bytes = this.#bytes.subarray(start, start + (flags & FORK_FLAG.six ? 16 : 4));
    const key = bytes.join();
    if (key !== this.#key) {
      this.#key = key;
      this.#address = ipaddr.fromByteArray([...bytes]).toString();
    }
    return this.#address;
  }
}
