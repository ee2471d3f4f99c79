import { skipBlanks, skipClass, TOKEN } from './chars.js';
import { SipSyntaxError } from './errors.js';
import { bytesOf } from './wire-bytes.js';

const SP = 0x20;
const ZERO = 0x30;

/** The CSeq header field (RFC 3261 §20.16). */
export interface CSeq {
  /** 0 to 2^31 − 1 (§8.1.1.5). */
  readonly sequence: number;
  readonly method: string;
}

const MAX_SEQUENCE = 2 ** 31 - 1;
/** Stays beyond the largest sequence whatever digits follow. */
const NOT_A_NUMBER = 2 ** 32;

/** Reads `314159 INVITE`. Throws SipSyntaxError where malformed or beyond 2^31 − 1. */
export function parseCSeq(text: string): CSeq {
  return readCSeq(bytesOf(text), text, 0, text.length);
}

/** Reads a trimmed value between two offsets. Throws like parseCSeq. */
export function readCSeq(bytes: Uint8Array, text: string, start: number, end: number): CSeq {
  let blank = start;
  let sequence = 0;
  while (blank < end && bytes[blank]! > SP && sequence <= MAX_SEQUENCE) {
    const digit = bytes[blank++]! - ZERO;
    sequence = digit >= 0 && digit <= 9 ? sequence * 10 + digit : NOT_A_NUMBER;
  }
  if (blank === start || sequence > MAX_SEQUENCE) throw new SipSyntaxError('CSeq: number missing or too large');
  const methodStart = skipBlanks(bytes, blank, end);
  if (methodStart === end || skipClass(TOKEN, bytes, methodStart, end) < end)
    throw new SipSyntaxError('CSeq: malformed method');
  return { sequence, method: text.slice(methodStart, end) };
}
