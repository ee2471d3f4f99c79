/**
 * Character classes of RFC 3261 §25.1 as lookup tables, for scanners that read one byte at a time, and the small
 * steps that such scanners share. A position at `end` means that nothing was found.
 *
 * For speed, scanners name single characters by constants of their own module and take a table as parameter or local:
 * what is imported from another module is loaded from its cell at each use, which costs the header scan a third.
 */

const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const ALPHANUM = `${LOWER}${LOWER.toUpperCase()}0123456789`;

function table(...members: string[]): Uint8Array {
  const flags = new Uint8Array(256);
  for (const text of members) for (let at = 0; at < text.length; at++) flags[text.charCodeAt(at)] = 1;
  return flags;
}

const complement = (flags: Uint8Array): Uint8Array => flags.map((flag) => 1 - flag);

/** token characters (RFC 3261 §25.1). */
export const TOKEN = table(ALPHANUM, "-.!%*_+`'~");

/** Characters of parameter names: token, and what URI parameters may hold beside it (paramchar, §25.1). */
export const PARAM_NAME = table(ALPHANUM, "-.!%*_+`'~", '[]/:&$()');

/** Characters of a parameter value that is not quoted. */
export const PARAM_VALUE = complement(table(' \t\r\n";,<>'));

/** scheme characters after the first letter (RFC 3986 §3.1). */
export const SCHEME = table(ALPHANUM, '+-.');

/** Host name characters, 2 for capitals; `_` is none but stands in names that peers use. */
export const HOST = table(ALPHANUM, '-._');
for (const letter of LOWER.toUpperCase()) HOST[letter.charCodeAt(0)] = 2;

/** Characters that may stand in a URI: no controls, blanks, or delimiters around URIs. */
export const URI = complement(table('<>"\\\u007f').fill(1, 0, 0x21));

const HT = 0x09;
const SP = 0x20;
const DQUOTE = 0x22;
const ZERO = 0x30;
const BACKSLASH = 0x5c;

/** True for a non-empty RFC 3261 token. */
export function isToken(text: string): boolean {
  if (text.length === 0) return false;
  for (let at = 0; at < text.length; at++) if (TOKEN[text.charCodeAt(at)] !== 1) return false;
  return true;
}

/** First position at or after `at` whose byte is not of the class. */
export function skipClass(members: Uint8Array, bytes: Uint8Array, at: number, end: number): number {
  while (at < end && members[bytes[at]!] !== 0) at++;
  return at;
}

/** First position at or after `at` that holds neither space nor tab. */
export function skipBlanks(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && (bytes[at] === SP || bytes[at] === HT)) at++;
  return at;
}

/** One past the last byte of [start, end) that is neither space nor tab; `start` when all are. */
export function trimEnd(bytes: Uint8Array, start: number, end: number): number {
  while (end > start && (bytes[end - 1] === SP || bytes[end - 1] === HT)) end--;
  return end;
}

/** Position after the closing quote of the quoted-string that opens at `at`; -1 when it never closes. */
export function skipQuoted(bytes: Uint8Array, at: number, end: number): number {
  for (let next = at + 1; next < end; next++) {
    const code = bytes[next]!;
    if (code === BACKSLASH) next++;
    else if (code === DQUOTE) return next + 1;
  }
  return -1;
}

/**
 * Reads bytes[start, end) as a decimal number.
 * @returns the number, or -1 when there is none, something else stands there, or it exceeds `max`
 */
export function readDecimal(bytes: Uint8Array, start: number, end: number, max: number): number {
  if (start >= end) return -1;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
    if (value > max) return -1;
  }
  return value;
}
