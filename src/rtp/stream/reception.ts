import type { RtpView } from '../packet/rtp.js';
import { FIELD, PAYLOAD_TYPE_SLOTS } from '../relay/layout.js';
import { jitterUs, updateJitter } from './jitter.js';
import { EVENT, MEDIA, type PayloadTable } from './payload-table.js';
import { countPacket, Source } from './source.js';
import { AT, state } from './source-state.js';

/** Sources remembered for a leg; the one unheard of for longest makes room. */
const MAX_SOURCES = 4;
const NONE = -1;

/**
 * Everything counted of the RTP that one peer sends (RFC 3550 §6.4, appendix A). A leg's first source counts from its
 * first packet, since its address has been matched; a change of source takes two packets in sequence (A.1), so that one
 * stray packet moves nothing. Sources that alternate (a second one for events, say) each keep their own state.
 */
export class Reception {
  readonly #records: Float64Array;
  readonly #base: number;
  #sources: Source[] = [];
  #current: Source | undefined;
  /** Its block; NONE when there is none. */
  #at = NONE;
  #trustNext = true;
  #lastType = -1;
  #lastTypeWord = 0;

  /** @param base  where the leg's record begins in `records`, which legs may share */
  constructor(records: Float64Array, base = 0) {
    this.#records = records;
    this.#base = base;
  }

  /** The source whose packets are the stream now. */
  get current(): Source | undefined {
    return this.#current;
  }

  /** The remembered source of that number. */
  find(ssrc: number): Source | undefined {
    return this.#sources.find((source) => source.ssrc === ssrc);
  }

  /** The peer has been described anew: the next new source is taken at its first packet. */
  trustNext(): void {
    this.#trustNext = true;
  }

  /**
   * Counts one accepted packet.
   * @param sizeBytes  RTP header and payload
   * @param arrivalMs  monotonic, fractional
   */
  onPacket(view: RtpView, sizeBytes: number, arrivalMs: number, types: PayloadTable): void {
    const records = this.#records;
    const base = this.#base;
    records[base + FIELD.packets]!++;
    records[base + FIELD.bytes]! += sizeBytes;
    records[base + FIELD.lastPacketMs] = arrivalMs;
    let at = this.#at;
    if (at === NONE || state[at + AT.ssrc] !== view.ssrc) at = this.#select(view.ssrc);
    if (countPacket(at, view.sequence, records, base) && at !== this.#at) this.#switchTo(at);
    state[at + AT.timestamp] = view.timestamp;
    state[at + AT.arrivalMs] = arrivalMs;
    const type = view.payloadType;
    const kind = types.kinds[type]!;
    if (kind === MEDIA) this.#countType(type);
    // Every packet of an event repeats the timestamp of its start (RFC 4733 §2.2): no measure of arrival spacing.
    if (kind !== EVENT && types.clockRatesHz[type]! > 0)
      this.#time(at, view.timestamp, arrivalMs, types.clockRatesHz[type]!);
  }

  /** Settles what is still open in the loss patterns: the leg has ended. */
  finish(): void {
    for (const source of this.#sources) source.finish(this.#records, this.#base);
    this.#sources = [];
    this.#current = undefined;
    this.#at = NONE;
  }

  #time(at: number, timestamp: number, arrivalMs: number, clockRateHz: number): void {
    updateJitter(at, timestamp, arrivalMs, clockRateHz);
    if (state[at + AT.jitterKnown] === 0 || at !== this.#at) return;
    const records = this.#records;
    const base = this.#base;
    const valueUs = jitterUs(at);
    records[base + FIELD.jitterUs] = valueUs;
    records[base + FIELD.jitterSumUs]! += valueUs;
    records[base + FIELD.jitterCount]!++;
    if (records[base + FIELD.jitterMaxInterval] !== records[base + FIELD.interval]) {
      records[base + FIELD.jitterMaxInterval] = records[base + FIELD.interval]!;
      records[base + FIELD.jitterMaxUs] = valueUs;
    } else if (valueUs > records[base + FIELD.jitterMaxUs]!) {
      records[base + FIELD.jitterMaxUs] = valueUs;
    }
  }

  #countType(type: number): void {
    if (type !== this.#lastType) {
      this.#lastType = type;
      this.#lastTypeWord = this.#slotOf(type);
    }
    if (this.#lastTypeWord !== 0) this.#records[this.#lastTypeWord]!++;
  }

  /** Word of the count for `type`; 0 when all slots are taken by others. */
  #slotOf(type: number): number {
    for (let slot = 0; slot < PAYLOAD_TYPE_SLOTS; slot++) {
      const word = this.#base + FIELD.payloadTypes + 2 * slot;
      if (this.#records[word] === 0) this.#records[word] = type + 1;
      if (this.#records[word] === type + 1) return word + 1;
    }
    return 0;
  }

  #select(ssrc: number): number {
    const known = this.find(ssrc);
    if (known) return known.at;
    if (this.#sources.length >= MAX_SOURCES) this.#evict();
    const source = new Source(ssrc, this.#trustNext);
    this.#trustNext = false;
    this.#sources.push(source);
    return source.at;
  }

  #evict(): void {
    let oldest = this.#sources[0]!;
    for (const source of this.#sources)
      if (source !== this.#current && source.lastArrivalMs < oldest.lastArrivalMs) oldest = source;
    if (oldest === this.#current) oldest = this.#sources.find((source) => source !== this.#current)!;
    oldest.finish(this.#records, this.#base);
    this.#sources = this.#sources.filter((source) => source !== oldest);
  }

  #switchTo(at: number): void {
    this.#current = this.#sources.find((source) => source.at === at)!;
    this.#at = at;
    this.#records[this.#base + FIELD.ssrc] = this.#current.ssrc;
    this.#records[this.#base + FIELD.jitterUs] = state[at + AT.jitterKnown] === 0 ? -1 : jitterUs(at);
  }
}
