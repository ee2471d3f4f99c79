/**
 * The two packet transforms, both in place: counter mode with HMAC-SHA1 (RFC 3711 §4) and GCM (RFC 7714).
 *
 *   RTP    | header | payload, encrypted |                tag |   authenticated: all but the tag (+ ROC for HMAC)
 *   RTCP   | 8 bytes | rest, encrypted   | E, index |     tag |   HMAC
 *          | 8 bytes | rest, encrypted   | tag |     E, index |   GCM
 *
 * A transform knows keys and bytes; indices, windows and lengths are the context's.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { CounterMode } from './counter-mode.js';
import { HmacSha1 } from './hmac-sha1.js';
import type { SessionKeys } from './key-derivation.js';
import { PacketMemory } from './packet-memory.js';

export interface Transform {
  readonly tagBytes: number;
  /**
   * Encrypts `packet[from, to)` and writes the tag behind `to`.
   * @param roc rollover counter, uint32
   */
  sealRtp(packet: PacketMemory, from: number, to: number, ssrc: number, roc: number, seq: number): void;
  /** Checks the tag behind `to` and decrypts `packet[from, to)`; false, with the bytes unchanged, when it is wrong. */
  openRtp(packet: PacketMemory, from: number, to: number, ssrc: number, roc: number, seq: number): boolean;
  /**
   * Seals an RTCP packet `packet[0, to)`, appending tag and index word.
   * @param word E bit and 31-bit index as they stand on the wire
   */
  sealRtcp(packet: PacketMemory, to: number, ssrc: number, word: number): void;
  /** Opens an RTCP packet whose plain part ends at `to`. */
  openRtcp(packet: PacketMemory, to: number, ssrc: number, word: number): boolean;
}

const RTCP_CLEAR_BYTES = 8;
const encrypted = (word: number): boolean => word < 0 || word >= 0x80000000;

/** Scratch of one digest; nothing here is re-entrant. */
const digest = new PacketMemory(Buffer.alloc(20)).view;

export class CounterModeTransform implements Transform {
  readonly tagBytes: number;
  readonly #cipher: CounterMode;
  readonly #hmac: HmacSha1;

  constructor(keys: SessionKeys, tagBytes: number) {
    this.tagBytes = tagBytes;
    this.#cipher = new CounterMode(keys.cipherKey, keys.salt);
    this.#hmac = new HmacSha1(keys.authKey);
  }

  sealRtp(packet: PacketMemory, from: number, to: number, ssrc: number, roc: number, seq: number): void {
    this.#cipher.apply(packet.view, from, to, ssrc, roc, seq);
    this.#hmac.digestWithWord(packet.view, to, roc, digest);
    this.#writeTag(packet.view, to);
  }

  openRtp(packet: PacketMemory, from: number, to: number, ssrc: number, roc: number, seq: number): boolean {
    this.#hmac.digestWithWord(packet.view, to, roc, digest);
    if (!this.#tagMatches(packet.view, to)) return false;
    this.#cipher.apply(packet.view, from, to, ssrc, roc, seq);
    return true;
  }

  sealRtcp(packet: PacketMemory, to: number, ssrc: number, word: number): void {
    this.#applyRtcp(packet, to, ssrc, word);
    packet.view.setInt32(to, word);
    this.#hmac.digest(packet.view, to + 4, digest);
    this.#writeTag(packet.view, to + 4);
  }

  openRtcp(packet: PacketMemory, to: number, ssrc: number, word: number): boolean {
    this.#hmac.digest(packet.view, to + 4, digest);
    if (!this.#tagMatches(packet.view, to + 4)) return false;
    this.#applyRtcp(packet, to, ssrc, word);
    return true;
  }

  #applyRtcp(packet: PacketMemory, to: number, ssrc: number, word: number): void {
    if (!encrypted(word)) return;
    // The index fills the low 31 of the 48 bits (RFC 3711 §4.1.1).
    this.#cipher.apply(packet.view, RTCP_CLEAR_BYTES, to, ssrc, (word & 0x7fffffff) >>> 16, word & 0xffff);
  }

  #writeTag(view: DataView, at: number): void {
    for (let byte = 0; byte < this.tagBytes; byte++) view.setUint8(at + byte, digest.getUint8(byte));
  }

  /** Compares in constant time. */
  #tagMatches(view: DataView, at: number): boolean {
    let difference = 0;
    for (let byte = 0; byte < this.tagBytes; byte++) {
      difference |= view.getUint8(at + byte) ^ digest.getUint8(byte);
    }
    return difference === 0;
  }
}

const GCM_TAG_BYTES = 16;

export class GcmTransform implements Transform {
  readonly tagBytes = GCM_TAG_BYTES;
  readonly #algorithm: 'aes-128-gcm' | 'aes-256-gcm';
  readonly #key: Buffer;
  readonly #salt: Buffer;
  readonly #iv = Buffer.alloc(12);
  /** RTCP: clear header and index word; the whole packet where it is not encrypted. */
  readonly #associated = Buffer.alloc(RTCP_CLEAR_BYTES + 4);

  constructor(keys: SessionKeys) {
    this.#algorithm = keys.cipherKey.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm';
    this.#key = keys.cipherKey;
    this.#salt = keys.salt;
  }

  sealRtp({ bytes }: PacketMemory, from: number, to: number, ssrc: number, roc: number, seq: number): void {
    this.#setRtpIv(ssrc, roc, seq);
    this.#encrypt(bytes, from, to, bytes.subarray(0, from));
  }

  openRtp({ bytes }: PacketMemory, from: number, to: number, ssrc: number, roc: number, seq: number): boolean {
    this.#setRtpIv(ssrc, roc, seq);
    return this.#decrypt(bytes, from, to, bytes.subarray(0, from));
  }

  sealRtcp({ bytes }: PacketMemory, to: number, ssrc: number, word: number): void {
    this.#setRtcpIv(ssrc, word);
    this.#encrypt(bytes, encrypted(word) ? RTCP_CLEAR_BYTES : to, to, this.#rtcpAssociated(bytes, to, word));
    writeWord(bytes, to + GCM_TAG_BYTES, word);
  }

  openRtcp({ bytes }: PacketMemory, to: number, ssrc: number, word: number): boolean {
    this.#setRtcpIv(ssrc, word);
    return this.#decrypt(bytes, encrypted(word) ? RTCP_CLEAR_BYTES : to, to, this.#rtcpAssociated(bytes, to, word));
  }

  #encrypt(bytes: Uint8Array, from: number, to: number, associated: Uint8Array): void {
    const cipher = createCipheriv(this.#algorithm, this.#key, this.#iv);
    cipher.setAAD(associated);
    bytes.set(cipher.update(bytes.subarray(from, to)), from);
    cipher.final();
    bytes.set(cipher.getAuthTag(), to);
  }

  #decrypt(bytes: Uint8Array, from: number, to: number, associated: Uint8Array): boolean {
    const decipher = createDecipheriv(this.#algorithm, this.#key, this.#iv, { authTagLength: GCM_TAG_BYTES });
    decipher.setAAD(associated);
    decipher.setAuthTag(bytes.subarray(to, to + GCM_TAG_BYTES));
    const plain = decipher.update(bytes.subarray(from, to));
    try {
      decipher.final();
    } catch {
      // The only failure of final() is a wrong tag, and the caller counts it.
      return false;
    }
    bytes.set(plain, from);
    return true;
  }

  /** RFC 7714 §8.1: 00 00 ‖ SSRC ‖ ROC ‖ SEQ, XOR salt. */
  #setRtpIv(ssrc: number, roc: number, seq: number): void {
    this.#salt.copy(this.#iv);
    xorWord(this.#iv, 2, ssrc);
    xorWord(this.#iv, 6, roc);
    this.#iv[10] = this.#iv[10]! ^ (seq >>> 8);
    this.#iv[11] = this.#iv[11]! ^ (seq & 255);
  }

  /** RFC 7714 §9.1: 00 00 ‖ SSRC ‖ 00 00 ‖ 0, index, XOR salt. */
  #setRtcpIv(ssrc: number, word: number): void {
    this.#salt.copy(this.#iv);
    xorWord(this.#iv, 2, ssrc);
    xorWord(this.#iv, 8, word & 0x7fffffff);
  }

  /** RFC 7714 §9.2 and §9.3. */
  #rtcpAssociated(bytes: Uint8Array, to: number, word: number): Uint8Array {
    const clear = encrypted(word) ? RTCP_CLEAR_BYTES : to;
    const associated = clear === RTCP_CLEAR_BYTES ? this.#associated : Buffer.allocUnsafe(clear + 4);
    associated.set(bytes.subarray(0, clear));
    writeWord(associated, clear, word);
    return associated;
  }
}

function writeWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >>> 24;
  bytes[at + 1] = word >>> 16;
  bytes[at + 2] = word >>> 8;
  bytes[at + 3] = word;
}

function xorWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = bytes[at]! ^ (word >>> 24);
  bytes[at + 1] = bytes[at + 1]! ^ ((word >>> 16) & 255);
  bytes[at + 2] = bytes[at + 2]! ^ ((word >>> 8) & 255);
  bytes[at + 3] = bytes[at + 3]! ^ (word & 255);
}
