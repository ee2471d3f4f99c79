import { skipBlanks, trimEnd } from './chars.js';
import { bytesOf } from './wire-bytes.js';

const DQUOTE = 0x22;
const COMMA = 0x2c;
const LESS = 0x3c;
const GREATER = 0x3e;
const BACKSLASH = 0x5c;

/**
 * Splits a header field value at its commas, outside quoted strings and angle brackets (RFC 3261 §7.3.1).
 * Elements come trimmed; an empty element between commas is kept as '', an empty text has no elements.
 */
export function splitCommas(text: string): string[] {
  const bytes = bytesOf(text);
  const elements: string[] = [];
  let start = 0;
  for (let comma = nextComma(bytes, 0, text.length); comma >= 0; comma = nextComma(bytes, start, text.length)) {
    elements.push(trimmed(bytes, text, start, comma));
    start = comma + 1;
  }
  const last = trimmed(bytes, text, start, text.length);
  if (last !== '' || elements.length > 0) elements.push(last);
  return elements;
}

function trimmed(bytes: Uint8Array, text: string, start: number, end: number): string {
  const first = skipBlanks(bytes, start, end);
  return text.slice(first, trimEnd(bytes, first, end));
}

function nextComma(bytes: Uint8Array, from: number, end: number): number {
  let quoted = false;
  let bracketed = false;
  for (let at = from; at < end; at++) {
    const code = bytes[at]!;
    if (quoted) {
      if (code === BACKSLASH) at++;
      else if (code === DQUOTE) quoted = false;
    } else if (code === DQUOTE && !bracketed) quoted = true;
    else if (code === LESS) bracketed = true;
    else if (code === GREATER) bracketed = false;
    else if (code === COMMA && !bracketed) return at;
  }
  return -1;
}

/** Joins the lines of a folded header field value with one space each and trims it (RFC 3261 §7.3.1). */
export function unfold(value: string): string {
  const lines = value.split('\r\n').map(trimBlanks);
  return lines.filter((line) => line !== '').join(' ');
}

/** By hand, since a pattern for blanks at the end takes quadratic time on long runs of blanks elsewhere. */
function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && (text[start] === ' ' || text[start] === '\t')) start++;
  while (end > start && (text[end - 1] === ' ' || text[end - 1] === '\t')) end--;
  return text.slice(start, end);
}

/** A quoted-string with this content; quotes and backslashes escaped (RFC 3261 §25.1). */
export function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** Content of a quoted-string, escapes resolved; a text that is not quoted comes back as it is. */
export function unquote(text: string): string {
  if (text.length < 2 || !text.startsWith('"') || !text.endsWith('"')) return text;
  const content = text.slice(1, -1);
  return content.includes('\\') ? content.replace(/\\([\s\S])/g, '$1') : content;
}
