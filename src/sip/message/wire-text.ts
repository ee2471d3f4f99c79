/**
 * Wire text holds one UTF-16 unit per received byte (latin1), so that every byte survives a round trip.
 * SIP's character set is UTF-8 (RFC 3261 §7); these two convert at the edges: for display, and from configuration.
 */

const MAX_ASCII = 0x7f;
const MAX_BYTE = 0xff;

/** Reads wire text as UTF-8, for display. Malformed sequences become U+FFFD. */
export function decodeUtf8(wireText: string): string {
  return hasAbove(wireText, MAX_ASCII) ? Buffer.from(wireText, 'latin1').toString('utf8') : wireText;
}

/** Turns ordinary text into wire text: each UTF-8 byte one unit. */
export function encodeUtf8(text: string): string {
  return hasAbove(text, MAX_ASCII) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

/**
 * Makes a text safe to stand in one line of a message: line breaks become a space, so that no value can add a header
 * field, and units above 255 (whose low byte could be a line break) become UTF-8.
 */
export function lineSafe(text: string): string {
  const wire = hasAbove(text, MAX_BYTE) ? encodeUtf8(text) : text;
  return wire.includes('\n') || wire.includes('\r') ? wire.replace(/[\r\n]+/g, ' ') : wire;
}

function hasAbove(text: string, limit: number): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > limit) return true;
  return false;
}
