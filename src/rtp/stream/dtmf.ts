import type { TelephoneEvent } from '../packet/telephone-event.js';

/** Silence after which an event whose end packets were all lost is taken as finished (RFC 4733 §2.5.1.4: three packets). */
const LOST_END_MS = 200;
/** Events told between two ticks at most: nobody dials faster, and a flood stops here instead of reaching the calls. */
const MAX_PER_TICK = 16;
/** Highest event told: 16, flash (§3.2). */
const MAX_EVENT = 16;
/** An event longer than this goes on in a next segment, whose timestamp is this much later (§2.5.1.3). */
const SEGMENT_TS = 0xffff;

/**
 * Turns telephone-event packets into finished events, each told once however often its end is repeated (RFC 4733).
 * One event is all packets with the same timestamp; the next timestamp, or silence, ends one whose end was lost.
 */
export class DtmfDetector {
  readonly #onEvent: (event: number, durationMs: number) => void;
  #event = -1;
  #timestamp = 0;
  #durationTs = 0;
  #earlierTs = 0;
  #clockRateHz = 8000;
  #seenMs = 0;
  #told = true;
  #budget = MAX_PER_TICK;

  constructor(onEvent: (event: number, durationMs: number) => void) {
    this.#onEvent = onEvent;
  }

  onPacket(payload: TelephoneEvent, timestamp: number, clockRateHz: number, nowMs: number): void {
    if (payload.event > MAX_EVENT || clockRateHz <= 0) return;
    if (payload.event !== this.#event || timestamp !== this.#timestamp) this.#begin(payload, timestamp);
    this.#clockRateHz = clockRateHz;
    this.#durationTs = Math.max(this.#durationTs, payload.durationTs);
    this.#seenMs = nowMs;
    if (payload.end) this.#finish();
  }

  /** Called a few times a second: ends an event that has gone silent. */
  onTick(nowMs: number): void {
    this.#budget = MAX_PER_TICK;
    if (nowMs - this.#seenMs >= LOST_END_MS) this.#finish();
  }

  #begin(payload: TelephoneEvent, timestamp: number): void {
    const older = ((timestamp - this.#timestamp) | 0) < 0 && this.#event >= 0;
    const continues =
      payload.event === this.#event && (timestamp - this.#timestamp) >>> 0 === SEGMENT_TS && !this.#told;
    if (!continues) this.#finish();
    this.#earlierTs = continues ? this.#earlierTs + SEGMENT_TS : 0;
    this.#event = payload.event;
    this.#timestamp = timestamp;
    this.#durationTs = 0;
    // A packet of an earlier event that comes late tells nothing anew.
    this.#told = older;
  }

  #finish(): void {
    if (this.#told) return;
    this.#told = true;
    if (this.#budget-- <= 0) return;
    this.#onEvent(this.#event, Math.round(((this.#earlierTs + this.#durationTs) * 1000) / this.#clockRateHz));
  }
}
