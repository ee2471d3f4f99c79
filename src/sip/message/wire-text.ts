/**
 * Wire text holds one UTF-16 unit per received byte (latin1), so that every byte survives a round trip.
 * SIP's character set is UTF-8 (RFC 3261 §7); these two convert at the edges: for display, and from configuration.
 */

/** Costs no time on wire text: the engine knows that a string of single bytes holds no such unit. */
const UNIT_ABOVE_BYTE = /[\u0100-\uffff]/;
const UNIT_ABOVE_ASCII = /[\u0080-\uffff]/;

/** Reads wire text as UTF-8, for display. Malformed sequences become U+FFFD. */
export function decodeUtf8(wireText: string): string {
  return UNIT_ABOVE_ASCII.test(wireText) ? Buffer.from(wireText, 'latin1').toString('utf8') : wireText;
}

/** Turns ordinary text into wire text: each UTF-8 byte one unit. */
export function encodeUtf8(text: string): string {
  return UNIT_ABOVE_ASCII.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

/**
 * Makes a text safe to stand in one line of a message: line breaks become a space, so that no value can add a header
 * field, and units above 255 (whose low byte could be a line break) become UTF-8.
 */
export function lineSafe(text: string): string {
  // Asked of every value of every message: a look at each unit takes less than one regular expression.
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === LF || unit === CR || unit > HIGHEST_BYTE) return madeLineSafe(text);
  }
  return text;
}

const [LF, CR, HIGHEST_BYTE] = [0x0a, 0x0d, 0xff];

function madeLineSafe(text: string): string {
  const wire = UNIT_ABOVE_BYTE.test(text) ? encodeUtf8(text) : text;
  return wire.replace(/[\r\n]+/g, ' ');
}

/** A copy that does not keep the text alive from which the string was cut; for keys that outlive their message. */
export const detached = (wireText: string): string => Buffer.from(wireText, 'latin1').toString('latin1');
