import { isToken } from './chars.js';
import type { ParseCode } from './errors.js';

/** A start line as read (RFC 3261 §7.1, §7.2); `fault` says what is wrong with it, the rest is as good as possible. */
export interface StartLine {
  readonly kind: 'request' | 'response';
  readonly method: string;
  readonly requestUri: string;
  readonly status: number;
  readonly reason: string;
  readonly fault: StartLineFault | undefined;
}

export interface StartLineFault {
  readonly code: ParseCode;
  readonly status: number;
  readonly reason: string;
}

const malformed: StartLineFault = { code: 'parse.start-line', status: 400, reason: 'Malformed start line' };
const otherVersion: StartLineFault = { code: 'parse.version', status: 505, reason: 'Version Not Supported' };
const badStatus: StartLineFault = { code: 'parse.status-code', status: 400, reason: 'Malformed status code' };

const VERSION = 'SIP/2.0';
const ANY_VERSION = /^SIP\/\d+\.\d+$/i;
const STATUS_CODE = /^[1-6]\d\d$/;

/** Reads a start line without its line end: exactly one space between parts, none elsewhere. */
export function parseStartLine(line: string): StartLine {
  return line.startsWith('SIP/') ? statusLine(line) : requestLine(line);
}

function requestLine(line: string): StartLine {
  const first = line.indexOf(' ');
  const last = line.lastIndexOf(' ');
  if (first <= 0 || last === first) return request(line.slice(0, Math.max(0, first)), '', malformed);
  const method = line.slice(0, first);
  const requestUri = line.slice(first + 1, last);
  if (!isToken(method) || requestUri === '' || requestUri.indexOf(' ') >= 0)
    return request(method, requestUri, malformed);
  return request(method, requestUri, versionFault(line, last + 1));
}

function versionFault(line: string, start: number): StartLineFault | undefined {
  if (line.length === start + VERSION.length && line.startsWith(VERSION, start)) return undefined;
  const version = line.slice(start);
  if (version.toUpperCase() === VERSION) return undefined;
  return ANY_VERSION.test(version) ? otherVersion : malformed;
}

const request = (method: string, requestUri: string, fault: StartLineFault | undefined): StartLine => ({
  kind: 'request',
  method,
  requestUri,
  status: 0,
  reason: '',
  fault,
});

/** The space after the code may be missing where the phrase is empty: peers in use send it so. */
function statusLine(line: string): StartLine {
  const first = line.indexOf(' ');
  if (first < 0) return response(0, '', malformed);
  const second = line.indexOf(' ', first + 1);
  const code = second < 0 ? line.slice(first + 1) : line.slice(first + 1, second);
  const reason = second < 0 ? '' : line.slice(second + 1);
  const version = line.slice(0, first);
  if (version !== VERSION) return response(0, reason, ANY_VERSION.test(version) ? otherVersion : malformed);
  return STATUS_CODE.test(code) ? response(Number(code), reason, undefined) : response(0, reason, badStatus);
}

const response = (status: number, reason: string, fault: StartLineFault | undefined): StartLine => ({
  kind: 'response',
  method: '',
  requestUri: '',
  status,
  reason,
  fault,
});
