import { isBlank, isToken, parseDecimal, skipBlanks } from './chars.js';
import { SipSyntaxError } from './errors.js';

/** The CSeq header field (RFC 3261 §20.16). */
export interface CSeq {
  /** 0 to 2^31 − 1 (§8.1.1.5). */
  readonly sequence: number;
  readonly method: string;
}

const MAX_SEQUENCE = 2 ** 31 - 1;

/** Reads `314159 INVITE`. Throws SipSyntaxError where malformed or beyond 2^31 − 1. */
export function parseCSeq(text: string): CSeq {
  let blank = 0;
  while (blank < text.length && !isBlank(text.charCodeAt(blank))) blank++;
  const sequence = parseDecimal(text.slice(0, blank), MAX_SEQUENCE);
  if (sequence < 0) throw new SipSyntaxError('CSeq: number missing or too large');
  const method = text.slice(skipBlanks(text, blank, text.length));
  if (!isToken(method)) throw new SipSyntaxError('CSeq: malformed method');
  return { sequence, method };
}
