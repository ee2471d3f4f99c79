import { type MessageBody, mediaType } from '../sip/index.js';

/**
 * Digits in SIP INFO, in the two forms that telephones and gateways have used since before RFC 6086: no standard defines
 * them, so what is read is more than what is written.
 *
 *     application/dtmf-relay     Signal=5           application/dtmf     5
 *                                Duration=160
 */
export interface Digit {
  /** 0–16, as RFC 4733 §3.2 numbers them */
  readonly event: number;
  readonly durationMs: number;
}

/** Why an INFO with a digit is refused. */
export interface DigitFault {
  readonly sipStatus: 400 | 415;
  readonly code: 'dtmf.malformed' | 'dtmf.encoded';
  readonly reason: string;
}

const RELAY = 'application/dtmf-relay';
const PLAIN = 'application/dtmf';

/** Event 16 is flash, which Cisco writes as `!`. */
const SIGNALS = '0123456789*#ABCD!';
/** Duration of a digit that comes without, ms. */
const DEFAULT_MS = 160;
/** The shortest that every receiver takes for a digit (ITU-T Q.24), and the longest that is played, ms. */
const MIN_MS = 40;
const MAX_MS = 5000;
const MAX_BODY_BYTES = 256;

/** Whether a body of this Content-Type holds a digit. */
export function isDigitType(contentType: string): boolean {
  const type = mediaType(contentType);
  return type === RELAY || type === PLAIN;
}

/** Reads the digit of an INFO whose Content-Type is one of the two. Durations are brought between 40 ms and 5 s. */
export function readDigit({ contentType, bytes }: MessageBody): Digit | DigitFault {
  if (bytes.length > MAX_BODY_BYTES) return malformed('The body is too long for a digit');
  const text = bytes.toString('latin1');
  return mediaType(contentType) === PLAIN ? plainDigit(text) : relayedDigit(text);
}

export const isDigitFault = (digit: Digit | DigitFault): digit is DigitFault => 'sipStatus' in digit;

/** The body that tells a digit. */
export function writeDigit({ event, durationMs }: Digit): MessageBody {
  const text = `Signal=${SIGNALS[event]}\r\nDuration=${Math.max(1, Math.round(durationMs))}\r\n`;
  return { contentType: RELAY, bytes: Buffer.from(text, 'latin1') };
}

/** An INFO with a digit whose body is compressed or encrypted. */
export const encodedDigit: DigitFault = {
  sipStatus: 415,
  code: 'dtmf.encoded',
  reason: 'A digit is read without Content-Encoding only',
};

function plainDigit(text: string): Digit | DigitFault {
  const event = eventOf(text.trim());
  return event === undefined ? malformed('Not one digit') : { event, durationMs: DEFAULT_MS };
}

function relayedDigit(text: string): Digit | DigitFault {
  let event: number | undefined;
  let durationMs = DEFAULT_MS;
  for (const line of text.split(/\r\n|\r|\n/)) {
    const [, name = '', value = ''] = /^\s*([A-Za-z]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (name.toLowerCase() === 'signal') {
      event = eventOf(value);
      if (event === undefined) return malformed('Signal is no digit');
    } else if (name.toLowerCase() === 'duration') {
      if (!/^\d{1,9}$/.test(value)) return malformed('Duration is no number of milliseconds');
      durationMs = Math.min(MAX_MS, Math.max(MIN_MS, Number(value)));
    }
  }
  return event === undefined ? malformed('No Signal line') : { event, durationMs };
}

/** Digits by name, or by the number of their event where that has two figures. */
function eventOf(text: string): number | undefined {
  if (/^1[0-6]$/.test(text)) return Number(text);
  const event = text.length === 1 ? SIGNALS.indexOf(text.toUpperCase()) : -1;
  return event < 0 ? undefined : event;
}

const malformed = (reason: string): DigitFault => ({ sipStatus: 400, code: 'dtmf.malformed', reason });
