/**
 * HMAC-SHA1 with the inner and outer states computed once per key (RFC 2104 §4, FIPS 180-4 §6.1).
 *
 *   SHA1( key ⊕ opad ‖ SHA1( key ⊕ ipad ‖ message ) )
 *         └ saved ┘           └ saved ┘
 *
 * In JavaScript because a packet is small: one call into the crypto module costs more than the three to five
 * blocks of a voice packet.
 */
import { PacketMemory } from './packet-memory.js';
import { compress } from './sha1.js';

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 20;

/** Scratch is shared, as nothing here is re-entrant: the five words of the state, and what is left for the last blocks. */
const state = new Int32Array(5);
const tail = new PacketMemory(Buffer.alloc(2 * BLOCK_BYTES)).view;
/** The one block of the outer hash: the inner digest, then padding that is always the same. */
const outerBlock = paddedDigest();

const INITIAL = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0);

function paddedDigest(): DataView {
  const { view } = new PacketMemory(Buffer.alloc(BLOCK_BYTES));
  view.setUint8(DIGEST_BYTES, 0x80);
  view.setInt32(BLOCK_BYTES - 4, 8 * (BLOCK_BYTES + DIGEST_BYTES));
  return view;
}

/** State after the one block `key ⊕ pad`. */
function keyedState(key: Uint8Array, pad: number): Int32Array {
  const block = Buffer.alloc(BLOCK_BYTES, pad);
  for (let at = 0; at < key.length; at++) block[at] = key[at]! ^ pad;
  state.set(INITIAL);
  compress(state, new PacketMemory(block).view, 0);
  return state.slice();
}

/** Goes on from a saved state. Five words are copied sooner than the built-in copy is called. */
function resume(saved: Int32Array): void {
  for (let word = 0; word < 5; word++) state[word] = saved[word]!;
}

/** Pads and compresses the `left` bytes in `tail`; `total` counts the whole message with its key block. */
function finish(left: number, total: number): void {
  const end = left + 9 <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;
  tail.setUint8(left, 0x80);
  let at = left + 1;
  for (; (at & 3) !== 0; at++) tail.setUint8(at, 0);
  for (; at < end - 4; at += 4) tail.setInt32(at, 0);
  tail.setInt32(end - 4, total * 8);
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
  digestWithWord(bytes: DataView, length: number, word: number, output: DataView): void {
    const left = this.#absorb(bytes, length);
    tail.setInt32(left, word);
    finish(left + 4, BLOCK_BYTES + length + 4);
    this.#wrapUp(output);
  }

  /** Digests `bytes[0, length)` into the 20 bytes of `output`. */
  digest(bytes: DataView, length: number, output: DataView): void {
    const left = this.#absorb(bytes, length);
    finish(left, BLOCK_BYTES + length);
    this.#wrapUp(output);
  }

  /** Takes in all whole blocks and puts the rest into `tail`. */
  #absorb(bytes: DataView, length: number): number {
    resume(this.#inner);
    let at = 0;
    for (; at + BLOCK_BYTES <= length; at += BLOCK_BYTES) compress(state, bytes, at);
    const left = length - at;
    let put = 0;
    for (; put + 4 <= left; put += 4) tail.setInt32(put, bytes.getInt32(at + put));
    for (; put < left; put++) tail.setUint8(put, bytes.getUint8(at + put));
    return left;
  }

  #wrapUp(output: DataView): void {
    writeState(outerBlock);
    resume(this.#outer);
    compress(state, outerBlock, 0);
    writeState(output);
  }
}

function writeState(output: DataView): void {
  for (let word = 0; word < 5; word++) output.setInt32(4 * word, state[word]!);
}

/** Packets until V8 compiles the rounds, and as many again: the longer a function, the later it is compiled. */
const WARM_UP_DIGESTS = 400;

/**
 * Has the rounds compiled, some 40 ms of work; before, a packet takes a hundred times as long. For a thread's start: the
 * first sealed packets of a flood would otherwise find it busy.
 */
export function warmUpHmacSha1(): void {
  const hmac = new HmacSha1(Buffer.alloc(20));
  const packet = new PacketMemory(Buffer.alloc(172)).view;
  const digest = new PacketMemory(Buffer.alloc(DIGEST_BYTES)).view;
  for (let count = 0; count < WARM_UP_DIGESTS; count++) hmac.digestWithWord(packet, packet.byteLength, 0, digest);
}
