import { readDecimal, skipBlanks, TOKEN } from './chars.js';
import { SipSyntaxError } from './errors.js';
import { bytesOf } from './wire-bytes.js';

const SP = 0x20;
const tokenCharacter = TOKEN;

/** The CSeq header field (RFC 3261 §20.16). */
export interface CSeq {
  /** 0 to 2^31 − 1 (§8.1.1.5). */
  readonly sequence: number;
  readonly method: string;
}

const MAX_SEQUENCE = 2 ** 31 - 1;

/** Reads `314159 INVITE`. Throws SipSyntaxError where malformed or beyond 2^31 − 1. */
export function parseCSeq(text: string): CSeq {
  return readCSeq(bytesOf(text), text, 0, text.length);
}

/** Reads a trimmed value between two offsets. Throws like parseCSeq. */
export function readCSeq(bytes: Uint8Array, text: string, start: number, end: number): CSeq {
  let blank = start;
  while (blank < end && bytes[blank]! > SP) blank++;
  const sequence = readDecimal(bytes, start, blank, MAX_SEQUENCE);
  if (sequence < 0) throw new SipSyntaxError('CSeq: number missing or too large');
  const methodStart = skipBlanks(bytes, blank, end);
  let at = methodStart;
  while (at < end && tokenCharacter[bytes[at]!] === 1) at++;
  if (at === methodStart || at < end) throw new SipSyntaxError('CSeq: malformed method');
  return { sequence, method: text.slice(methodStart, end) };
}
