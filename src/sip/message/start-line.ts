import { skipClass, TOKEN } from './chars.js';
import type { ParseCode } from './errors.js';

const SP = 0x20;

/** A start line as read (RFC 3261 §7.1, §7.2); where `fault` is set, the rest is as good as it could be read. */
export interface StartLine {
  readonly kind: 'request' | 'response';
  readonly method: string;
  /** Request-URI, and its offsets in the text. */
  readonly requestUri: string;
  readonly uriStart: number;
  readonly uriEnd: number;
  readonly status: number;
  readonly reason: string;
  readonly fault: StartLineFault | undefined;
}

export interface StartLineFault {
  readonly code: ParseCode;
  readonly status: number;
  readonly reason: string;
}

const MALFORMED: StartLineFault = { code: 'parse.start-line', status: 400, reason: 'Malformed start line' };
const OTHER_VERSION: StartLineFault = { code: 'parse.version', status: 505, reason: 'Version Not Supported' };
const BAD_STATUS: StartLineFault = { code: 'parse.status-code', status: 400, reason: 'Malformed status code' };

const VERSION = 'SIP/2.0';
const ANY_VERSION = /^SIP\/\d+\.\d+$/i;
const STATUS_CODE = /^[1-6]\d\d$/;

/** Reads a start line between two offsets, its line end left out: one space between its parts, none elsewhere. */
export function readStartLine(bytes: Uint8Array, text: string, start: number, end: number): StartLine {
  return text.startsWith('SIP/', start) ? statusLine(text.slice(start, end)) : requestLine(bytes, text, start, end);
}

function requestLine(bytes: Uint8Array, text: string, start: number, end: number): StartLine {
  const first = skipClass(TOKEN, bytes, start, end);
  let second = first + 1;
  while (second < end && bytes[second] !== SP) second++;
  const method = text.slice(start, first);
  const wellFormed = first > start && bytes[first] === SP && second < end && second > first + 1;
  if (!wellFormed) return request(method, '', first, first, MALFORMED);
  return request(method, text.slice(first + 1, second), first + 1, second, versionFault(text, second + 1, end));
}

function versionFault(text: string, start: number, end: number): StartLineFault | undefined {
  if (end === start + VERSION.length && text.startsWith(VERSION, start)) return undefined;
  const version = text.slice(start, end);
  if (version.toUpperCase() === VERSION) return undefined;
  return ANY_VERSION.test(version) ? OTHER_VERSION : MALFORMED;
}

function request(
  method: string,
  requestUri: string,
  uriStart: number,
  uriEnd: number,
  fault: StartLineFault | undefined,
): StartLine {
  return { kind: 'request', method, requestUri, uriStart, uriEnd, status: 0, reason: '', fault };
}

/** The space after the code may be missing where the phrase is empty: peers in use send it so. */
function statusLine(line: string): StartLine {
  const first = line.indexOf(' ');
  if (first < 0) return response(0, '', MALFORMED);
  const second = line.indexOf(' ', first + 1);
  const code = second < 0 ? line.slice(first + 1) : line.slice(first + 1, second);
  const reason = second < 0 ? '' : line.slice(second + 1);
  const version = line.slice(0, first);
  if (version !== VERSION) return response(0, reason, ANY_VERSION.test(version) ? OTHER_VERSION : MALFORMED);
  return STATUS_CODE.test(code) ? response(Number(code), reason, undefined) : response(0, reason, BAD_STATUS);
}

function response(status: number, reason: string, fault: StartLineFault | undefined): StartLine {
  return { kind: 'response', method: '', requestUri: '', uriStart: 0, uriEnd: 0, status, reason, fault };
}
