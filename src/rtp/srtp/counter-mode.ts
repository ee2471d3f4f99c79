/**
 * AES counter mode as SRTP uses it (RFC 3711 §4.1.1), in place.
 *
 *   IV = (salt · 2^16) XOR (SSRC · 2^64) XOR (index · 2^16)        block j of the keystream = AES(IV + j)
 *
 * One long-lived ECB cipher encrypts the counter blocks of a whole packet in a single call: making a cipher object
 * for each packet costs several times the encryption itself.
 */
import { type Cipher, createCipheriv } from 'node:crypto';

const BLOCK_BYTES = 16;

/** Counter blocks of one packet; grows to the largest packet seen. Shared: nothing here is re-entrant. */
let counters = Buffer.alloc(0);
let counterView = new DataView(counters.buffer, 0, 0);
grow(96 * BLOCK_BYTES);

export class CounterMode {
  readonly #cipher: Cipher;
  /** The session salt as four words; the low half of the last is the block counter. */
  readonly #salt: Int32Array;

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
   * XORs `bytes[from, to)` with the keystream of one packet; the same call encrypts and decrypts.
   * @param indexHigh high 32 bits of the 48-bit index: the rollover counter
   * @param indexLow low 16 bits: the sequence number
   */
  apply(bytes: Uint8Array, from: number, to: number, ssrc: number, indexHigh: number, indexLow: number): void {
    const blocks = (to - from + BLOCK_BYTES - 1) >> 4;
    if (blocks === 0) return;
    this.#fillCounters(blocks, ssrc, indexHigh, indexLow);
    const keystream = this.#cipher.update(counters.subarray(0, blocks << 4));
    for (let at = from, key = 0; at < to; at++, key++) bytes[at] = bytes[at]! ^ keystream[key]!;
  }

  #fillCounters(blocks: number, ssrc: number, indexHigh: number, indexLow: number): void {
    if (blocks << 4 > counters.length) grow(blocks << 4);
    const salt = this.#salt;
    const view = counterView;
    const second = salt[1]! ^ ssrc;
    const third = salt[2]! ^ indexHigh;
    const fourth = salt[3]! ^ (indexLow << 16);
    for (let block = 0, at = 0; block < blocks; block++, at += BLOCK_BYTES) {
      view.setInt32(at, salt[0]!);
      view.setInt32(at + 4, second);
      view.setInt32(at + 8, third);
      view.setInt32(at + 12, fourth | block);
    }
  }
}

function grow(bytes: number): void {
  counters = Buffer.alloc(bytes);
  counterView = new DataView(counters.buffer, counters.byteOffset, bytes);
}
