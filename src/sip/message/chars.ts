/**
 * Character classes of RFC 3261 §25.1 as lookup tables, for scanners that read one code unit at a time.
 * Wire text holds one UTF-16 unit per byte, so every unit of it is an index into these tables.
 */

export const HT = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const DQUOTE = 0x22;
export const COMMA = 0x2c;
export const SLASH = 0x2f;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;
export const LESS = 0x3c;
export const EQUALS = 0x3d;
export const GREATER = 0x3e;
export const QUESTION = 0x3f;
export const AT = 0x40;
export const OPEN_BRACKET = 0x5b;
export const BACKSLASH = 0x5c;
export const CLOSE_BRACKET = 0x5d;

const ALPHANUM = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

function table(...members: string[]): Uint8Array {
  const flags = new Uint8Array(256);
  for (const text of members) for (let at = 0; at < text.length; at++) flags[text.charCodeAt(at)] = 1;
  return flags;
}

/** token characters (RFC 3261 §25.1). */
export const TOKEN = table(ALPHANUM, "-.!%*_+`'~");

/** Characters of parameter names: token, and what URI parameters may hold beside it (paramchar, §25.1). */
export const PARAM_NAME = table(ALPHANUM, "-.!%*_+`'~", '[]/:&$()');

/** scheme characters after the first letter (RFC 3986 §3.1). */
export const SCHEME = table(ALPHANUM, '+-.');

/** Host name characters; `_` is no host name character but stands in names that peers use. */
export const HOST = table(ALPHANUM, '-._');

/** Characters that stand in no URI: controls, blanks, and the delimiters around URIs. */
const NOT_IN_URI = table('<>"\u007f').fill(1, 0, 0x21);

/** True where the text holds a control, blank, quote or angle bracket, none of which stand in a URI. */
export function hasStrayInUri(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (NOT_IN_URI[text.charCodeAt(at)] === 1) return true;
  return false;
}

/** True for a non-empty RFC 3261 token. */
export function isToken(text: string): boolean {
  if (text.length === 0) return false;
  for (let at = 0; at < text.length; at++) if (TOKEN[text.charCodeAt(at)] !== 1) return false;
  return true;
}

/** True for space and horizontal tab. */
export const isBlank = (code: number): boolean => code === SP || code === HT;

/** First position at or after `at` that holds no blank; `end` when all are blank. */
export function skipBlanks(text: string, at: number, end: number): number {
  while (at < end && isBlank(text.charCodeAt(at))) at++;
  return at;
}

/** One past the last non-blank of text[start, end); `start` when all are blank. */
export function trimEnd(text: string, start: number, end: number): number {
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return end;
}

const FOLD = /[ \t]*\r\n[ \t]+/g;

/** Joins the lines of a folded header field value with one space each and trims it (RFC 3261 §7.3.1). */
export function unfold(value: string): string {
  return value.replace(FOLD, ' ').replace(/^[ \t]+|[ \t]+$/g, '');
}

/**
 * Reads a run of decimal digits as a number.
 * @returns the number, or -1 when the text is empty, holds anything else, or exceeds `max`
 */
export function parseDecimal(text: string, max: number): number {
  if (text.length === 0) return -1;
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
    if (value > max) return -1;
  }
  return value;
}
