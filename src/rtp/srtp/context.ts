/**
 * The SRTP cryptographic context of one direction (RFC 3711 §3.2, §3.3): session keys, and for each synchronisation
 * source its index and replay window. Packets are sealed and opened in place.
 *
 *   open:  length ─► index ─► replay? ─► authenticate ─► decrypt ─► window moves, source is remembered
 *   seal:  length ─► index ─► used?   ─► encrypt ─► authenticate ─► window moves
 *
 * A source earns state only by a packet that authenticates. Sealing refuses an index it has sealed before, since a
 * second packet under one index would repeat the keystream (RFC 3711 §9.1); under GCM that gives the key away.
 * Left out: key derivation rates, MKI and rekeying within a context; new keys make a new context.
 */
import type { SrtpKeys } from '../engine.js';
import { deriveSessionKeys } from './key-derivation.js';
import { PacketMemory } from './packet-memory.js';
import { estimateIndex, ReplayWindow } from './replay-window.js';
import { SUITES } from './suites.js';
import { CounterModeTransform, GcmTransform, type Transform } from './transform.js';

/** Why a packet was refused; every value is negative, so that it cannot be taken for a length. */
export const SrtpFailure = {
  /** Not RTP or RTCP version 2, or too short for its header, extension and tag. */
  malformed: -1,
  /** The tag is wrong: forged, damaged, or another key. */
  authentication: -2,
  /** Seen before, or older than the replay window; when sealing: the index has been used. */
  replay: -3,
  /** More synchronisation sources than the context keeps. */
  sources: -4,
  /** SRTCP's 2^31 packets are used up (RFC 3711 §9.2): the keys must be changed. */
  exhausted: -5,
  /** The buffer has no room for the tag. */
  room: -6,
} as const;

/** Name of a failure as dropped packets are counted. */
export function srtpFailureReason(code: number): string {
  switch (code) {
    case SrtpFailure.authentication:
      return 'srtp-auth';
    case SrtpFailure.replay:
      return 'srtp-replay';
    case SrtpFailure.sources:
      return 'srtp-sources';
    case SrtpFailure.exhausted:
      return 'srtp-exhausted';
    case SrtpFailure.room:
      return 'srtp-room';
    default:
      return 'malformed';
  }
}

/** Sources kept per context; a voice stream has one, and a few more over transfers and re-INVITEs. */
export const MAX_SOURCES = 64;

const RTP_HEADER_BYTES = 12;
const RTCP_HEADER_BYTES = 8;
const INDEX_WORD_BYTES = 4;
const RTCP_INDEX_LIMIT = 2 ** 31;
const ENCRYPTED_FLAG = 0x80000000;

/** State of one synchronisation source in one direction. */
class Source {
  readonly rtp = new ReplayWindow();
  readonly rtcp = new ReplayWindow();

  constructor(readonly ssrc: number) {}
}

export class SrtpContext {
  readonly #rtp: Transform;
  readonly #rtcp: Transform;
  readonly #sources = new Map<number, Source>();
  #last: Source | undefined;

  /** @throws GatewayError `media.srtp-key` when the key's length does not fit the suite */
  constructor(keys: SrtpKeys) {
    const { rtp, rtcp } = deriveSessionKeys(keys);
    const { aead, rtpTagBytes, rtcpTagBytes } = SUITES[keys.suite];
    this.#rtp = aead ? new GcmTransform(rtp) : new CounterModeTransform(rtp, rtpTagBytes);
    this.#rtcp = aead ? new GcmTransform(rtcp) : new CounterModeTransform(rtcp, rtcpTagBytes);
  }

  /** Sources that have state. */
  get sources(): number {
    return this.#sources.size;
  }

  /** Rollover counter of a source, 0 for one without state. */
  rolloverCounter(ssrc: number): number {
    const highest = this.#sources.get(ssrc >>> 0)?.rtp.highest ?? -1;
    return highest < 0 ? 0 : Math.floor(highest / 65536);
  }

  /**
   * Authenticates and decrypts `packet[0, length)` in place.
   * @returns length of the RTP packet, or a negative `SrtpFailure`; a refused packet is left unchanged
   */
  open(packet: Uint8Array | PacketMemory, length: number): number {
    const memory = PacketMemory.of(packet);
    const { bytes, view } = memory;
    const to = length - this.#rtp.tagBytes;
    const from = rtpHeaderBytes(bytes, to);
    if (from < 0) return SrtpFailure.malformed;
    const ssrc = view.getUint32(8);
    const seq = view.getUint16(2);
    const source = this.#find(ssrc);
    const index = estimateIndex(source ? source.rtp.highest : -1, seq);
    if (source ? !source.rtp.check(index) : this.#full) return source ? SrtpFailure.replay : SrtpFailure.sources;
    const roc = Math.floor(index / 65536) >>> 0;
    if (!this.#rtp.openRtp(memory, from, to, ssrc, roc, seq)) return SrtpFailure.authentication;
    (source ?? this.#remember(ssrc)).rtp.commit(index);
    return to;
  }

  /**
   * Encrypts the RTP packet `packet[0, length)` in place and appends its tag.
   * @returns new length, at most 16 bytes more, or a negative `SrtpFailure`
   */
  seal(packet: Uint8Array | PacketMemory, length: number): number {
    const memory = PacketMemory.of(packet);
    const { bytes, view } = memory;
    const from = rtpHeaderBytes(bytes, length);
    if (from < 0) return SrtpFailure.malformed;
    if (length + this.#rtp.tagBytes > bytes.length) return SrtpFailure.room;
    const ssrc = view.getUint32(8);
    const seq = view.getUint16(2);
    const known = this.#find(ssrc);
    if (!known && this.#full) return SrtpFailure.sources;
    const source = known ?? this.#remember(ssrc);
    const index = estimateIndex(source.rtp.highest, seq);
    if (!source.rtp.check(index)) return SrtpFailure.replay;
    this.#rtp.sealRtp(memory, from, length, ssrc, Math.floor(index / 65536) >>> 0, seq);
    source.rtp.commit(index);
    return length + this.#rtp.tagBytes;
  }

  /**
   * Authenticates and decrypts an SRTCP packet in place (RFC 3711 §3.4). One that its sender left unencrypted
   * (E = 0) is authenticated all the same.
   * @returns length of the RTCP packet, or a negative `SrtpFailure`
   */
  openRtcp(packet: Uint8Array | PacketMemory, length: number): number {
    const memory = PacketMemory.of(packet);
    const { bytes, view } = memory;
    const to = length - this.#rtcp.tagBytes - INDEX_WORD_BYTES;
    if (to < RTCP_HEADER_BYTES || bytes[0]! >> 6 !== 2) return SrtpFailure.malformed;
    const ssrc = view.getUint32(4);
    const word = view.getUint32(this.#rtcp instanceof GcmTransform ? length - INDEX_WORD_BYTES : to);
    const index = word & 0x7fffffff;
    const source = this.#find(ssrc);
    if (source ? !source.rtcp.check(index) : this.#full) return source ? SrtpFailure.replay : SrtpFailure.sources;
    if (!this.#rtcp.openRtcp(memory, to, ssrc, word)) return SrtpFailure.authentication;
    (source ?? this.#remember(ssrc)).rtcp.commit(index);
    return to;
  }

  /**
   * Encrypts an RTCP packet in place and appends index and tag; the index counts up from 0 for each source.
   * @returns new length, at most 20 bytes more, or a negative `SrtpFailure`
   */
  sealRtcp(packet: Uint8Array | PacketMemory, length: number): number {
    const memory = PacketMemory.of(packet);
    const { bytes, view } = memory;
    if (length < RTCP_HEADER_BYTES || bytes[0]! >> 6 !== 2) return SrtpFailure.malformed;
    const sealed = length + this.#rtcp.tagBytes + INDEX_WORD_BYTES;
    if (sealed > bytes.length) return SrtpFailure.room;
    const ssrc = view.getUint32(4);
    const known = this.#find(ssrc);
    if (!known && this.#full) return SrtpFailure.sources;
    const source = known ?? this.#remember(ssrc);
    const index = source.rtcp.highest + 1;
    if (index >= RTCP_INDEX_LIMIT) return SrtpFailure.exhausted;
    this.#rtcp.sealRtcp(memory, length, ssrc, (ENCRYPTED_FLAG | index) >>> 0);
    source.rtcp.commit(index);
    return sealed;
  }

  #find(ssrc: number): Source | undefined {
    if (this.#last?.ssrc === ssrc) return this.#last;
    const found = this.#sources.get(ssrc);
    if (found) this.#last = found;
    return found;
  }

  get #full(): boolean {
    return this.#sources.size >= MAX_SOURCES;
  }

  #remember(ssrc: number): Source {
    const source = new Source(ssrc);
    this.#sources.set(ssrc, source);
    this.#last = source;
    return source;
  }
}

/**
 * Bytes before the payload: fixed header, CSRC list and extension (RFC 3550 §5.1, §5.3.1).
 * @returns −1 when `length` does not hold them, or the version is not 2
 */
function rtpHeaderBytes(packet: Uint8Array, length: number): number {
  if (length < RTP_HEADER_BYTES || packet[0]! >> 6 !== 2) return -1;
  let bytes = RTP_HEADER_BYTES + 4 * (packet[0]! & 15);
  if (packet[0]! & 0x10) {
    if (bytes + 4 > length) return -1;
    bytes += 4 + 4 * ((packet[bytes + 2]! << 8) | packet[bytes + 3]!);
  }
  return bytes <= length ? bytes : -1;
}
