/**
 * AES counter mode as SRTP uses it (RFC 3711 §4.1.1), in place.
 *
 *   IV = (salt · 2^16) XOR (SSRC · 2^64) XOR (index · 2^16)        block j of the keystream = AES(IV + j)
 *
 * One long-lived ECB cipher encrypts counter blocks, and those of the next packets of the source along with those of the
 * packet in hand: a call into the crypto module costs several times the encryption itself, and making a cipher object
 * several times the call.
 *
 *   keystream   │ packet n │ n + 1 │ n + 2 │ … │ n + 15 │     as many blocks each as packet n needed
 */
import { type Cipher, createCipheriv } from 'node:crypto';
import { PacketMemory } from './packet-memory.js';

const BLOCK_BYTES = 16;

/** Packets whose keystream is made at once, and the blocks that they may take together. */
const PACKETS_AHEAD = 16;
const BLOCKS_AHEAD = 192;

/** Counter blocks of one call; grows to the largest packet seen. Shared: nothing here is re-entrant. */
let counters = new PacketMemory(Buffer.alloc(BLOCKS_AHEAD * BLOCK_BYTES));

export class CounterMode {
  readonly #cipher: Cipher;
  /** The session salt as four words; the low half of the last is the block counter. */
  readonly #salt: Int32Array;
  /** What is made already: of packets `#firstLow` on, under this source and high index, `#blocks` for each. */
  #keystream = new PacketMemory(new Uint8Array(0));
  #ssrc = 0;
  #high = 0;
  #firstLow = 0;
  #packets = 0;
  #blocks = 0;

  /** @param salt 14 bytes */
  constructor(key: Buffer, salt: Buffer) {
    this.#cipher = createCipheriv(`aes-${key.length * 8}-ecb`, key, null).setAutoPadding(false);
    this.#salt = Int32Array.of(
      salt.readInt32BE(0),
      salt.readInt32BE(4),
      salt.readInt32BE(8),
      salt.readUInt16BE(12) << 16,
    );
  }

  /**
   * XORs `packet[from, to)` with the keystream of one packet; the same call encrypts and decrypts.
   * @param indexHigh high 32 bits of the 48-bit index: the rollover counter
   * @param indexLow low 16 bits: the sequence number
   */
  apply(packet: DataView, from: number, to: number, ssrc: number, indexHigh: number, indexLow: number): void {
    const blocks = (to - from + BLOCK_BYTES - 1) >> 4;
    if (blocks === 0) return;
    const slot = indexLow - this.#firstLow;
    const made = slot >= 0 && slot < this.#packets && blocks <= this.#blocks;
    if (!made || ssrc !== this.#ssrc || indexHigh !== this.#high) this.#make(blocks, ssrc, indexHigh, indexLow);
    xor(packet, from, to, this.#keystream.view, (indexLow - this.#firstLow) * (this.#blocks << 4));
  }

  /** Makes the keystream of this packet and of those that will follow it, up to where the low index wraps. */
  #make(blocks: number, ssrc: number, indexHigh: number, indexLow: number): void {
    const packets = Math.max(1, Math.min(PACKETS_AHEAD, Math.floor(BLOCKS_AHEAD / blocks), 0x10000 - indexLow));
    this.#ssrc = ssrc;
    this.#high = indexHigh;
    this.#firstLow = indexLow;
    this.#packets = packets;
    this.#blocks = blocks;
    const bytes = (packets * blocks) << 4;
    if (bytes > counters.bytes.length) counters = new PacketMemory(Buffer.alloc(bytes));
    for (let packet = 0; packet < packets; packet++) {
      this.#fillCounters((packet * blocks) << 4, blocks, ssrc, indexHigh, indexLow + packet);
    }
    this.#keep(this.#cipher.update(counters.bytes.subarray(0, bytes)));
  }

  /** Copied, so that what the cipher gave is garbage at once: after sixteen packets it costs the collector most. */
  #keep(keystream: Buffer): void {
    if (keystream.length > this.#keystream.bytes.length) {
      this.#keystream = new PacketMemory(new Uint8Array(keystream.length));
    }
    this.#keystream.bytes.set(keystream);
  }

  #fillCounters(start: number, blocks: number, ssrc: number, indexHigh: number, indexLow: number): void {
    const salt = this.#salt;
    const { view } = counters;
    const second = salt[1]! ^ ssrc;
    const third = salt[2]! ^ indexHigh;
    const fourth = salt[3]! ^ (indexLow << 16);
    for (let block = 0, at = start; block < blocks; block++, at += BLOCK_BYTES) {
      view.setInt32(at, salt[0]!);
      view.setInt32(at + 4, second);
      view.setInt32(at + 8, third);
      view.setInt32(at + 12, fourth | block);
    }
  }
}

/** XORs `packet[from, to)` with the key stream from `key` on. */
function xor(packet: DataView, from: number, to: number, stream: DataView, key: number): void {
  let at = from;
  let by = key;
  for (; at + 4 <= to; at += 4, by += 4) packet.setInt32(at, packet.getInt32(at) ^ stream.getInt32(by));
  for (; at < to; at++, by++) packet.setUint8(at, packet.getUint8(at) ^ stream.getUint8(by));
}
