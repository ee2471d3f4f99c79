import { EVENT, type PayloadTable } from '../stream/index.js';

/** A telephone-event to play to a peer (RFC 4733), and where its stream begins should there be none to continue. */
export interface PlayedEvent {
  /** 0–16 (§3.2) */
  readonly event: number;
  readonly durationMs: number;
  /** uint32, 16 bits, uint32: random */
  readonly ssrc: number;
  readonly sequence: number;
  readonly timestamp: number;
}

/** Events that wait behind the one that is played; the call layer asks for fewer. */
const MAX_WAITING = 64;
/** The end is told three times (§2.5.1.4). */
const ENDS = 3;
/** Silence between two events, ms: without it some receivers take two of the same digit for one. */
const PAUSE_MS = 40;
/** Longest duration that one packet can tell, timestamp units (§2.3.5). */
const MAX_DURATION_TS = 0xffff;
/** Power of the tone, in −dBm0: what telephones send. */
const VOLUME = 10;

/**
 * Plays telephone-events one after another: what the next event packet holds. When packets leave is another's matter.
 *
 *     waiting ──begin──► duration rises with each packet ──► end, end, end ──► pause ──► waiting
 */
export class EventPlayer {
  /** RTP timestamp of the event: where it began, the same in all its packets. */
  timestamp = 0;
  payloadType = 0;
  clockRateHz = 0;
  /** The next packet is the event's first. */
  marker = false;
  readonly #waiting: PlayedEvent[] = [];
  #playing: PlayedEvent | undefined;
  #totalTs = 0;
  #durationTs = 0;
  #endsLeft = 0;
  #resumeMs = 0;

  get playing(): boolean {
    return this.#playing !== undefined;
  }

  /** Something is played or waits. */
  get busy(): boolean {
    return this.#playing !== undefined || this.#waiting.length > 0;
  }

  /** Event that waits, if its time has come. */
  due(nowMs: number): PlayedEvent | undefined {
    return this.#playing === undefined && nowMs >= this.#resumeMs ? this.#waiting[0] : undefined;
  }

  add(event: PlayedEvent): void {
    if (this.#waiting.length < MAX_WAITING) this.#waiting.push(event);
  }

  /** Gives up what is played and what waits: there is nobody to play to. */
  clear(): void {
    this.#waiting.length = 0;
    this.#playing = undefined;
  }

  /** Begins the event that waits; without a payload type for it, it is given up. */
  begin(types: PayloadTable, streamRateHz: number): boolean {
    const event = this.#waiting.shift()!;
    const type = eventType(types, streamRateHz);
    if (type < 0) return false;
    this.#playing = event;
    this.payloadType = type;
    this.clockRateHz = types.clockRatesHz[type]!;
    this.#totalTs = Math.min(MAX_DURATION_TS, Math.floor((event.durationMs * this.clockRateHz) / 1000));
    this.#durationTs = 0;
    this.#endsLeft = ENDS;
    this.marker = true;
    return true;
  }

  /** Writes the payload of the next packet (§2.3), `stepTs` later than the one before, at `offset`. */
  write(packet: Buffer, offset: number, stepTs: number, nowMs: number): void {
    this.#durationTs = Math.min(this.#totalTs, this.#durationTs + stepTs);
    const ends = this.#durationTs >= this.#totalTs;
    packet[offset] = this.#playing!.event;
    packet[offset + 1] = ends ? 0x80 | VOLUME : VOLUME;
    packet[offset + 2] = this.#durationTs >>> 8;
    packet[offset + 3] = this.#durationTs & 0xff;
    this.marker = false;
    if (!ends || --this.#endsLeft > 0) return;
    this.#playing = undefined;
    this.#resumeMs = nowMs + PAUSE_MS;
  }
}

/** The payload type of events on the stream's clock (RFC 4733 §2.1), else any; −1 where the peer takes none. */
function eventType(types: PayloadTable, streamRateHz: number): number {
  let found = -1;
  for (let type = 0; type < 128; type++) {
    if (types.kinds[type] !== EVENT || types.clockRatesHz[type]! <= 0) continue;
    if (types.clockRatesHz[type] === streamRateHz) return type;
    if (found < 0) found = type;
  }
  return found;
}
