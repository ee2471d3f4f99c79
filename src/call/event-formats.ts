import type { PayloadFormat } from '../rtp/index.js';
import { formatsOf, isTelephoneEvent, type MediaSection } from '../sip/index.js';

/** Telephone-event formats (RFC 4733 §7.1) in descriptions that go to a leg, where the gateway stands in for the other. */

const NAME = 'TELEPHONE-EVENT';
/** Digits and A–D; flash is passed to whoever knows it, and promised to nobody. */
const PARAMETERS = '0-15';
const USUAL_TYPE = 101;
const FIRST_DYNAMIC = 96;
const LAST_DYNAMIC = 127;
const NOT_SPEECH = new Set(['TELEPHONE-EVENT', 'CN', 'RED']);

/** Whether formats hold telephone-events. */
export const hasEvents = (formats: readonly PayloadFormat[]): boolean =>
  formats.some(({ encoding }) => encoding === NAME);

/**
 * Adds telephone-events to an offer that came without: one format for each clock rate of its codecs, since an event
 * shares the timestamps of the audio (RFC 4733 §2.1).
 * @param known formats that the other side has used: their payload types stay as they are
 */
export function offerEvents(media: MediaSection, known: readonly PayloadFormat[]): void {
  const taken = new Set(formatsOf(media).map(({ payloadType }) => payloadType));
  for (const clockRateHz of speechRates(media)) {
    const before = known.find((format) => format.encoding === NAME && format.clockRateHz === clockRateHz);
    const payloadType = freeType(taken, before?.payloadType);
    if (payloadType === undefined) return;
    taken.add(payloadType);
    addFormat(media, payloadType, clockRateHz);
  }
}

/** Adds to an answer those of the offer's telephone-events whose clock is that of a codec answered; else the first. */
export function answerEvents(media: MediaSection, offered: readonly PayloadFormat[]): void {
  const rates = speechRates(media);
  const events = offered.filter(({ encoding }) => encoding === NAME);
  const fitting = events.filter(({ clockRateHz }) => rates.includes(clockRateHz));
  const taken = new Set(media.formats);
  for (const { payloadType, clockRateHz } of fitting.length > 0 ? fitting : events.slice(0, 1)) {
    if (!taken.has(String(payloadType))) addFormat(media, payloadType, clockRateHz);
  }
}

/** Takes telephone-events out of an answer to an offer that had none. */
export function withoutEvents(media: MediaSection): void {
  const events = new Set(
    formatsOf(media)
      .filter(isTelephoneEvent)
      .map(({ payloadType }) => String(payloadType)),
  );
  const formats = media.formats.filter((format) => !events.has(format));
  if (formats.length === 0) return;
  media.formats = formats;
  media.lines = media.lines.filter(({ type, value }) => {
    const payloadType = /^(?:rtpmap|fmtp):(\d+)\s/.exec(value)?.[1];
    return type !== 'a' || payloadType === undefined || !events.has(payloadType);
  });
}

function speechRates(media: MediaSection): number[] {
  const speech = formatsOf(media).filter(({ encoding }) => !NOT_SPEECH.has(encoding.toUpperCase()));
  return [...new Set(speech.map(({ clockRateHz }) => clockRateHz || 8000))];
}

function freeType(taken: ReadonlySet<number>, wanted = USUAL_TYPE): number | undefined {
  if (!taken.has(wanted)) return wanted;
  for (let type = FIRST_DYNAMIC; type <= LAST_DYNAMIC; type++) if (!taken.has(type)) return type;
  return undefined;
}

function addFormat(media: MediaSection, payloadType: number, clockRateHz: number): void {
  media.formats.push(String(payloadType));
  media.addAttribute('rtpmap', `${payloadType} telephone-event/${clockRateHz}`);
  media.addAttribute('fmtp', `${payloadType} ${PARAMETERS}`);
}
