/**
 * HMAC-SHA1 with the inner and outer states computed once per key (RFC 2104 §4, FIPS 180-4 §6.1).
 *
 *   SHA1( key ⊕ opad ‖ SHA1( key ⊕ ipad ‖ message ) )
 *         └ saved ┘           └ saved ┘
 *
 * In JavaScript because a packet is small: one call into the crypto module costs more than the three to five
 * blocks of a voice packet.
 */

const BLOCK_BYTES = 64;

/** Five state words, and the message schedule's window of 80; scratch is shared, as nothing here is re-entrant. */
const schedule = new Int32Array(80);
const state = new Int32Array(5);
const tail = new Uint8Array(2 * BLOCK_BYTES);

const INITIAL = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0);

/** One application of SHA-1's compression function to 64 bytes at `at`. */
function compress(bytes: Uint8Array, at: number): void {
  const w = schedule;
  for (let t = 0, from = at; t < 16; t++, from += 4) {
    w[t] = (bytes[from]! << 24) | (bytes[from + 1]! << 16) | (bytes[from + 2]! << 8) | bytes[from + 3]!;
  }
  for (let t = 16; t < 80; t++) {
    const x = w[t - 3]! ^ w[t - 8]! ^ w[t - 14]! ^ w[t - 16]!;
    w[t] = (x << 1) | (x >>> 31);
  }
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  let next = 0;
  for (let t = 0; t < 20; t++) {
    next = (((a << 5) | (a >>> 27)) + (d ^ (b & (c ^ d))) + e + w[t]! + 0x5a827999) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (let t = 20; t < 40; t++) {
    next = (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e + w[t]! + 0x6ed9eba1) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (let t = 40; t < 60; t++) {
    next = (((a << 5) | (a >>> 27)) + ((b & c) | (d & (b | c))) + e + w[t]! - 0x70e44324) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (let t = 60; t < 80; t++) {
    next = (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e + w[t]! - 0x359d3e2a) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  state[0] = (state[0]! + a) | 0;
  state[1] = (state[1]! + b) | 0;
  state[2] = (state[2]! + c) | 0;
  state[3] = (state[3]! + d) | 0;
  state[4] = (state[4]! + e) | 0;
}

/** State after the one block `key ⊕ pad`. */
function keyedState(key: Uint8Array, pad: number): Int32Array {
  const block = new Uint8Array(BLOCK_BYTES).fill(pad);
  for (let at = 0; at < key.length; at++) block[at] = key[at]! ^ pad;
  state.set(INITIAL);
  compress(block, 0);
  return state.slice();
}

/** Pads and compresses what is left in `tail`; `total` counts the whole message with its key block. */
function finish(left: number, total: number): void {
  tail[left] = 0x80;
  const end = left + 9 <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;
  tail.fill(0, left + 1, end - 4);
  const bits = total * 8;
  tail[end - 4] = bits >>> 24;
  tail[end - 3] = bits >>> 16;
  tail[end - 2] = bits >>> 8;
  tail[end - 1] = bits;
  compress(tail, 0);
  if (end > BLOCK_BYTES) compress(tail, BLOCK_BYTES);
}

export class HmacSha1 {
  readonly #inner: Int32Array;
  readonly #outer: Int32Array;

  /** @param key at most 64 bytes */
  constructor(key: Uint8Array) {
    this.#inner = keyedState(key, 0x36);
    this.#outer = keyedState(key, 0x5c);
  }

  /**
   * Digests `bytes[0, length)` followed by one 32-bit word (SRTP's rollover counter, RFC 3711 §4.2), big-endian.
   * @param output receives the 20 bytes of the digest
   */
  digestWithWord(bytes: Uint8Array, length: number, word: number, output: Uint8Array): void {
    const left = this.#absorb(bytes, length);
    tail[left] = word >>> 24;
    tail[left + 1] = word >>> 16;
    tail[left + 2] = word >>> 8;
    tail[left + 3] = word;
    finish(left + 4, BLOCK_BYTES + length + 4);
    this.#wrapUp(output);
  }

  /** Digests `bytes[0, length)` into the 20 bytes of `output`. */
  digest(bytes: Uint8Array, length: number, output: Uint8Array): void {
    const left = this.#absorb(bytes, length);
    finish(left, BLOCK_BYTES + length);
    this.#wrapUp(output);
  }

  /** Takes in all whole blocks and puts the rest into `tail`. */
  #absorb(bytes: Uint8Array, length: number): number {
    state.set(this.#inner);
    let at = 0;
    for (; at + BLOCK_BYTES <= length; at += BLOCK_BYTES) compress(bytes, at);
    for (let from = at; from < length; from++) tail[from - at] = bytes[from]!;
    return length - at;
  }

  #wrapUp(output: Uint8Array): void {
    writeState(tail);
    state.set(this.#outer);
    finish(20, BLOCK_BYTES + 20);
    writeState(output);
  }
}

function writeState(output: Uint8Array): void {
  for (let word = 0; word < 5; word++) {
    const bits = state[word]!;
    output[4 * word] = bits >>> 24;
    output[4 * word + 1] = bits >>> 16;
    output[4 * word + 2] = bits >>> 8;
    output[4 * word + 3] = bits;
  }
}
