import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { FORK, FORK_FLAG, slotsFor } from './layout.js';

/** What is told of a packet beside its bytes. */
export interface PacketFacts {
  readonly atMs: number;
  /** Of FORK_FLAG; the address' version is added. */
  readonly flags: number;
  readonly address: string;
  readonly port: number;
}

/**
 * The packet path's end of a fork's queue. A packet may be held before it is known whether it counts: holding writes the
 * slot that comes next without giving it to the reader.
 */
export class RingWriter {
  readonly #words: Int32Array;
  readonly #numbers: Uint32Array;
  readonly #doubles: Float64Array;
  readonly #bytes: Buffer;
  readonly #maxQueued: number;
  readonly #mask: number;
  #head = 0;
  /** Length of the packet in the next slot; negative: why there is none. */
  #held: number = FULL;
  #address = '';
  #six = false;
  #addressBytes: readonly number[] = [];

  constructor(memory: SharedArrayBuffer, maxQueued: number) {
    this.#words = new Int32Array(memory);
    this.#numbers = new Uint32Array(memory);
    this.#doubles = new Float64Array(memory);
    this.#bytes = Buffer.from(memory);
    this.#maxQueued = maxQueued;
    this.#mask = slotsFor(maxQueued) - 1;
  }

  /** Keeps the bytes of a packet as they are now, for `commit`. */
  hold(packet: Uint8Array): void {
    const tail = Atomics.load(this.#words, FORK.tailWord);
    if (packet.length > FORK.maxPacketBytes) this.#held = OVERSIZED;
    else if ((this.#head - tail) >>> 0 >= this.#maxQueued) this.#held = FULL;
    else {
      this.#bytes.set(packet, this.#slotByte() + FORK.packetByte);
      this.#held = packet.length;
    }
  }

  /** Gives what is held to the reader, or counts why it cannot. */
  commit(facts: PacketFacts): void {
    if (this.#held < 0) {
      this.#doubles[this.#held === FULL ? FORK.droppedWord : FORK.oversizedWord]!++;
      return;
    }
    const at = this.#slotByte();
    this.#doubles[(at + FORK.atMsByte) / 8] = facts.atMs;
    this.#numbers[(at + FORK.lengthByte) / 4] = this.#held;
    this.#numbers[(at + FORK.portByte) / 4] = facts.port;
    if (facts.address !== this.#address) this.#learn(facts.address);
    this.#bytes.set(this.#addressBytes, at + FORK.addressByte);
    this.#numbers[(at + FORK.flagsByte) / 4] = facts.flags | (this.#six ? FORK_FLAG.six : 0);
    this.#doubles[FORK.copiedWord]!++;
    this.#head = (this.#head + 1) | 0;
    Atomics.store(this.#words, FORK.headWord, this.#head);
  }

  #slotByte(): number {
    return FORK.firstSlotByte + (this.#head & this.#mask) * FORK.slotBytes;
  }

  #learn(address: string): void {
    this.#address = address;
    this.#six = isIP(address) === 6;
    this.#addressBytes = isIP(address) === 0 ? [0, 0, 0, 0] : ipaddr.parse(address).toByteArray();
  }
}

const FULL = -1;
const OVERSIZED = -2;
