import { BACKSLASH, COMMA, DQUOTE, GREATER, LESS, skipBlanks, trimEnd } from './chars.js';

/**
 * Splits a header field value at its commas, outside quoted strings and angle brackets (RFC 3261 §7.3.1).
 * Elements come trimmed; an empty element between commas is kept as '', an empty text has no elements.
 */
export function splitCommas(text: string): string[] {
  const elements: string[] = [];
  let start = 0;
  for (let comma = nextComma(text, 0); comma >= 0; comma = nextComma(text, start)) {
    elements.push(trimmed(text, start, comma));
    start = comma + 1;
  }
  const last = trimmed(text, start, text.length);
  if (last !== '' || elements.length > 0) elements.push(last);
  return elements;
}

/** First element of a comma-separated value, trimmed. */
export function firstElement(text: string): string {
  if (text.indexOf(',') < 0) return text;
  const comma = nextComma(text, 0);
  return comma < 0 ? text : trimmed(text, 0, comma);
}

function trimmed(text: string, start: number, end: number): string {
  const first = skipBlanks(text, start, end);
  return text.slice(first, trimEnd(text, first, end));
}

function nextComma(text: string, from: number): number {
  let quoted = false;
  let bracketed = false;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
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

/** A quoted-string with this content; quotes and backslashes escaped (RFC 3261 §25.1). */
export function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** Content of a quoted-string, escapes resolved; a text that is not quoted comes back as it is. */
export function unquote(text: string): string {
  if (text.length < 2 || text.charCodeAt(0) !== DQUOTE || text.charCodeAt(text.length - 1) !== DQUOTE) return text;
  const content = text.slice(1, -1);
  return content.includes('\\') ? content.replace(/\\([\s\S])/g, '$1') : content;
}

/** Position after the closing quote of the quoted-string that opens at `at`; -1 when it never closes. */
export function skipQuoted(text: string, at: number, end: number): number {
  for (let next = at + 1; next < end; next++) {
    const code = text.charCodeAt(next);
    if (code === BACKSLASH) next++;
    else if (code === DQUOTE) return next + 1;
  }
  return -1;
}
