import { RTP_HEADER_BYTES, type RtpView, TELEPHONE_EVENT_BYTES } from '../packet/index.js';
import { EVENT, type PayloadTable, payloadTable, type Source } from '../stream/index.js';
import { EventPlayer, type PlayedEvent } from './event-player.js';
import { SequenceSplice } from './sequence-splice.js';

/** Between packets that we originate, ms; and the step of their duration. */
const PACKET_MS = 20;
/** A stream without a packet for this long is silent, ms: events then do not wait for its packets. */
const SILENT_MS = 60;
/** A step of the stream's timestamp above this is no packet's length, ms. */
const MAX_STEP_MS = 200;
const EVENT_PACKET_BYTES = RTP_HEADER_BYTES + TELEPHONE_EVENT_BYTES;

/**
 * The stream towards one peer where only one side of a call has telephone-events: those that the peer does not take are
 * left out, and those ordered are played into it (RFC 4733 §2.5).
 *
 *     stream       a a a a a a a a a     each packet of an event takes the place of a packet that came,
 *     leaves       a a E E E e e e a     under its number; in a silent stream packets of our own carry it
 */
export class EventSplicer {
  readonly #splice = new SequenceSplice();
  readonly #player = new EventPlayer();
  #types = payloadTable([]);
  #leavesOut = false;
  /** When a packet last passed. */
  #passedMs = Number.NEGATIVE_INFINITY;
  /** The stream's clock: a timestamp, and when it was. */
  #timestamp = 0;
  #arrivalMs = 0;
  #streamRateHz = 0;
  #nextMs = 0;

  /** @param leavesOut  the peer takes no events */
  describe(types: PayloadTable, leavesOut: boolean): void {
    this.#types = types;
    this.#leavesOut = leavesOut;
  }

  /** Something is played or waits: `originate` is to be called every 10 ms. */
  get busy(): boolean {
    return this.#player.busy;
  }

  play(event: PlayedEvent): void {
    this.#player.add(event);
  }

  /** Gives up what is played: nothing may be sent to the peer. */
  clear(): void {
    this.#player.clear();
  }

  /**
   * Deals with a packet on its way to the peer; `view` then tells what goes on. Works in place where there is room.
   * @param kind  of its payload type at its sender
   * @returns what goes on; undefined for an event that the peer does not take
   */
  pass(packet: Buffer, view: RtpView, kind: number, nowMs: number): Buffer | undefined {
    const splice = this.#splice;
    if (kind === EVENT && this.#leavesOut) {
      if (splice.ssrc < 0) splice.start(view.ssrc, (view.sequence - 1) & 0xffff);
      if (view.ssrc === splice.ssrc) splice.leaveOut(view.sequence);
      return undefined;
    }
    if (view.ssrc !== splice.ssrc) {
      // An event stays in the stream where it began; the new one goes on beside it.
      if (this.#player.playing) return packet;
      this.#start(view);
      return this.#isDue(kind, nowMs)
        ? this.#replace(packet, view, view.sequence, nowMs)
        : this.#note(packet, view, nowMs);
    }
    const late = splice.isLate(view.sequence);
    const number = splice.pass(view.sequence);
    if (!late && this.#isDue(kind, nowMs)) return this.#replace(packet, view, number, nowMs);
    packet[2] = number >>> 8;
    packet[3] = number & 0xff;
    view.sequence = number;
    return late ? packet : this.#note(packet, view, nowMs);
  }

  /**
   * A packet of our own for the event that is played, when one is due and the stream is silent; `view` tells of it.
   * @param source  what the other side sends, to be continued where nothing went on yet
   */
  originate(view: RtpView, source: Source | undefined, nowMs: number): Buffer | undefined {
    if (nowMs - this.#passedMs < SILENT_MS) return undefined;
    if (!this.#player.playing && !this.#beginSilent(source, nowMs)) return undefined;
    if (nowMs < this.#nextMs) return undefined;
    this.#nextMs = Math.max(this.#nextMs, nowMs - PACKET_MS) + PACKET_MS;
    const stepTs = Math.floor((PACKET_MS * this.#player.clockRateHz) / 1000);
    return this.#write(Buffer.alloc(EVENT_PACKET_BYTES), view, this.#splice.putIn(), stepTs, nowMs);
  }

  #start(view: RtpView): void {
    this.#splice.start(view.ssrc, view.sequence);
    this.#streamRateHz = 0;
  }

  /** This packet is to carry an event. */
  #isDue(kind: number, nowMs: number): boolean {
    return kind !== EVENT && (this.#player.playing || this.#player.due(nowMs) !== undefined);
  }

  #note(packet: Buffer, view: RtpView, nowMs: number): Buffer {
    this.#timestamp = view.timestamp;
    this.#arrivalMs = this.#passedMs = nowMs;
    this.#streamRateHz = this.#types.clockRatesHz[view.payloadType]!;
    return packet;
  }

  #replace(packet: Buffer, view: RtpView, number: number, nowMs: number): Buffer {
    const passedTs = (view.timestamp - this.#timestamp) >>> 0;
    const known = this.#streamRateHz > 0 && passedTs > 0 && passedTs * 1000 <= MAX_STEP_MS * this.#streamRateHz;
    const rateHz = this.#streamRateHz;
    this.#note(packet, view, nowMs);
    if (!this.#player.playing) {
      this.#player.timestamp = view.timestamp;
      if (!this.#player.begin(this.#types, this.#streamRateHz)) return this.#renumber(packet, view, number);
    }
    this.#nextMs = nowMs;
    const { clockRateHz } = this.#player;
    const stepTs = known ? Math.floor((passedTs * clockRateHz) / rateHz) : Math.floor((PACKET_MS * clockRateHz) / 1000);
    const room =
      packet.length >= EVENT_PACKET_BYTES ? packet.subarray(0, EVENT_PACKET_BYTES) : Buffer.alloc(EVENT_PACKET_BYTES);
    return this.#write(room, view, number, stepTs, nowMs);
  }

  #renumber(packet: Buffer, view: RtpView, number: number): Buffer {
    packet[2] = number >>> 8;
    packet[3] = number & 0xff;
    view.sequence = number;
    return packet;
  }

  /** Begins the event that waits in a stream of which no packet comes. */
  #beginSilent(source: Source | undefined, nowMs: number): boolean {
    const event = this.#player.due(nowMs);
    if (!event) return false;
    if (this.#splice.ssrc < 0) this.#takeUp(event, source, nowMs);
    if (!this.#player.begin(this.#types, this.#streamRateHz)) return false;
    const rateHz = this.#streamRateHz > 0 ? this.#streamRateHz : this.#player.clockRateHz;
    this.#player.timestamp = (this.#timestamp + Math.floor(((nowMs - this.#arrivalMs) * rateHz) / 1000)) >>> 0;
    this.#nextMs = nowMs;
    return true;
  }

  /** Continues what the other side sent before, or begins a stream. */
  #takeUp(event: PlayedEvent, source: Source | undefined, nowMs: number): void {
    this.#splice.start(source ? source.ssrc : event.ssrc, source ? source.highest : event.sequence);
    this.#timestamp = source ? source.lastTimestamp : event.timestamp;
    this.#arrivalMs = source ? source.lastArrivalMs : nowMs;
    this.#streamRateHz = source ? source.clockRateHz : 0;
  }

  #write(packet: Buffer, view: RtpView, number: number, stepTs: number, nowMs: number): Buffer {
    const player = this.#player;
    view.marker = player.marker;
    view.payloadType = player.payloadType;
    view.sequence = number;
    view.timestamp = player.timestamp;
    view.ssrc = this.#splice.ssrc;
    view.payloadOffset = RTP_HEADER_BYTES;
    view.payloadBytes = TELEPHONE_EVENT_BYTES;
    packet[0] = 0x80;
    packet[1] = (player.marker ? 0x80 : 0) | player.payloadType;
    packet.writeUInt16BE(number, 2);
    packet.writeUInt32BE(player.timestamp, 4);
    packet.writeUInt32BE(this.#splice.ssrc, 8);
    player.write(packet, RTP_HEADER_BYTES, stepTs, nowMs);
    return packet;
  }
}
