import type { PayloadFormat, RemoteDescription, Side } from '../rtp/index.js';
import type { MediaSection } from '../sip/index.js';
import { answerEvents, hasEvents, offerEvents, withoutEvents } from './event-formats.js';

/** A change to the anchored section of a description before it goes out. */
export type SectionEdit = (media: MediaSection) => void;

/** What the media engine is to do with telephone-events on their way to a side. */
export type EventMode = RemoteDescription['telephoneEvents'];

const other = (side: Side): Side => (side === 'customer' ? 'remote' : 'customer');

/**
 * Who of a call has telephone-events (RFC 4733), where the gateway stands between a side that has and one that uses SIP
 * INFO in their place.
 *
 *     offer without, of a side that takes INFO ──► telephone-event added ──► answer with ──► taken out again
 *     offer with ──► answer without, of a side that takes INFO ──► added again, as offered
 *
 * To a side that does not take INFO nothing is promised in its name: a digit sent as an event would be lost.
 */
export class EventNegotiation {
  readonly #takesInfo: (side: Side) => boolean;
  /** Formats that each side described last; the description that it was sent last has events. */
  readonly #formats: Record<Side, readonly PayloadFormat[]> = { customer: [], remote: [] };
  readonly #told: Record<Side, boolean> = { customer: false, remote: false };

  /** @param takesInfo whether a side lists INFO in Allow, or has sent digits that way */
  constructor(takesInfo: (side: Side) => boolean) {
    this.#takesInfo = takesInfo;
  }

  /** A side's description is in force. */
  learn(side: Side, formats: readonly PayloadFormat[]): void {
    this.#formats[side] = formats;
  }

  /** What is changed in the description of `from`, with these formats, before it goes to the other side. */
  edit(from: Side, role: 'offer' | 'answer', formats: readonly PayloadFormat[]): SectionEdit | undefined {
    const to = other(from);
    const known = this.#formats[to];
    const has = hasEvents(formats);
    const lends = !has && formats.length > 0 && this.#takesInfo(from);
    if (role === 'offer') {
      this.#told[to] = has || lends;
      return lends ? (media) => offerEvents(media, known) : undefined;
    }
    const asked = hasEvents(known);
    this.#told[to] = asked && (has || lends);
    if (asked && lends) return (media) => answerEvents(media, known);
    return has && !asked ? withoutEvents : undefined;
  }

  /** What the engine is to do for a side, once offer and answer are complete. */
  mode(side: Side): EventMode {
    const mine = this.#speaks(side);
    const theirs = this.#speaks(other(side));
    if (mine === theirs) return undefined;
    return mine ? 'play' : 'drop';
  }

  #speaks(side: Side): boolean {
    return this.#told[side] && hasEvents(this.#formats[side]);
  }
}
