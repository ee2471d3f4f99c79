/**
 * HMAC-SHA1 with the inner and outer states computed once per key (RFC 2104 §4, FIPS 180-4 §6.1).
 *
 *   SHA1( key ⊕ opad ‖ SHA1( key ⊕ ipad ‖ message ) )
 *         └ saved ┘           └ saved ┘
 *
 * In JavaScript because a packet is small: one call into the crypto module costs more than the three to five
 * blocks of a voice packet.
 */
import { compress } from './sha1.js';

const BLOCK_BYTES = 64;

/** Scratch is shared, as nothing here is re-entrant: the five words of the state, and what is left for the last blocks. */
const state = new Int32Array(5);
/** A Buffer like every packet: then the rounds see one kind of array only. */
const tail = Buffer.alloc(2 * BLOCK_BYTES);

const INITIAL = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0);

/** State after the one block `key ⊕ pad`. */
function keyedState(key: Uint8Array, pad: number): Int32Array {
  const block = Buffer.alloc(BLOCK_BYTES, pad);
  for (let at = 0; at < key.length; at++) block[at] = key[at]! ^ pad;
  state.set(INITIAL);
  compress(state, block, 0);
  return state.slice();
}

/** Goes on from a saved state. Five words are copied sooner than the built-in copy is called. */
function resume(saved: Int32Array): void {
  for (let word = 0; word < 5; word++) state[word] = saved[word]!;
}

/** Pads and compresses what is left in `tail`; `total` counts the whole message with its key block. */
function finish(left: number, total: number): void {
  tail[left] = 0x80;
  const end = left + 9 <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;
  for (let at = left + 1; at < end - 4; at++) tail[at] = 0;
  const bits = total * 8;
  tail[end - 4] = bits >>> 24;
  tail[end - 3] = bits >>> 16;
  tail[end - 2] = bits >>> 8;
  tail[end - 1] = bits;
  compress(state, tail, 0);
  if (end > BLOCK_BYTES) compress(state, tail, BLOCK_BYTES);
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
    resume(this.#inner);
    let at = 0;
    for (; at + BLOCK_BYTES <= length; at += BLOCK_BYTES) compress(state, bytes, at);
    for (let from = at; from < length; from++) tail[from - at] = bytes[from]!;
    return length - at;
  }

  #wrapUp(output: Uint8Array): void {
    writeState(tail);
    resume(this.#outer);
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

/** Packets until V8 compiles the rounds, and as many again: the longer a function, the later it is compiled. */
const WARM_UP_DIGESTS = 400;

/**
 * Has the rounds compiled, some 40 ms of work; before, a packet takes a hundred times as long. For a thread's start: the
 * first sealed packets of a flood would otherwise find it busy.
 */
export function warmUpHmacSha1(): void {
  const hmac = new HmacSha1(Buffer.alloc(20));
  const packet = Buffer.alloc(172);
  const digest = Buffer.alloc(20);
  for (let count = 0; count < WARM_UP_DIGESTS; count++) hmac.digestWithWord(packet, packet.length, 0, digest);
}
