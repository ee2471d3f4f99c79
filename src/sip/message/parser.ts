import { parseDecimal } from './chars.js';
import { type SipParseError, type SipParseFault, SipSyntaxError } from './errors.js';
import {
  ID_CALL_ID,
  ID_CONTENT_LENGTH,
  ID_CSEQ,
  ID_FROM,
  ID_MAX_FORWARDS,
  ID_TO,
  ID_VIA,
  KNOWN_NAMES,
} from './header-names.js';
import { Headers } from './headers.js';
import { DEFAULT_LIMITS, type ParseLimits } from './limits.js';
import { SipRequest, SipResponse } from './message.js';
import { HeaderScan } from './scan.js';
import { parseStartLine } from './start-line.js';

/**
 * Parses one message held whole in a buffer (RFC 3261 §7, §18.3).
 *
 *     bytes ─► scan: one pass over the header part, offsets of each row      (scan.ts)
 *           ─► start line ─► Content-Length and body bounds ─► mandatory fields: present, single, well-formed
 *
 * Eagerly read: Request-URI, top Via, From, To, Call-ID, CSeq, Max-Forwards, Content-Length; all else when asked for.
 * A fault is reported with as much of the message as was understood, so that a request can still be answered.
 * Left out: what depends on a server's abilities (validation.ts).
 */

export type ParseOutcome =
  | { readonly kind: 'message'; readonly message: SipRequest | SipResponse; readonly length: number }
  | { readonly kind: 'more' }
  | { readonly kind: 'error'; readonly error: SipParseError };

const MANDATORY: readonly number[] = [ID_VIA, ID_FROM, ID_TO, ID_CALL_ID, ID_CSEQ];
const SINGLE: readonly number[] = [ID_FROM, ID_TO, ID_CALL_ID, ID_CSEQ, ID_MAX_FORWARDS, ID_CONTENT_LENGTH];
const MAX_CONTENT_LENGTH = 2 ** 31 - 1;

/** Reused by every call: parsing is synchronous and never nested. */
const scan = new HeaderScan();

/**
 * Parses a datagram. Bytes after the body by Content-Length are not looked at (§18.3); without Content-Length the
 * body reaches to the end. Line ends before the start line are passed over (§7.5).
 * @returns a message with the bytes it took, or an error; never 'more'
 */
export function parseDatagram(bytes: Buffer, limits: ParseLimits = DEFAULT_LIMITS): ParseOutcome {
  scan.run(bytes, limits);
  if (scan.start === scan.startLineEnd)
    return failed({ code: 'parse.empty', offset: 0, status: 400, reason: 'Empty message' });
  const text = bytes.toString('latin1', 0, scan.bodyStart);
  const headers = new Headers(text, scan.fields);
  const bodyLength = bodyLengthOf(headers, bytes.length - scan.bodyStart, limits);
  const bodyEnd = scan.bodyStart + (typeof bodyLength === 'number' ? bodyLength : 0);
  const line = parseStartLine(text.slice(scan.start, scan.startLineEnd));
  const body = { bytes, start: scan.bodyStart, end: bodyEnd };
  const message =
    line.kind === 'request'
      ? new SipRequest(line.method, line.requestUri, headers, body)
      : new SipResponse(line.status, line.reason, headers, body);
  const lineFault = line.fault === undefined ? undefined : { ...line.fault, offset: scan.start };
  const fault =
    lineFault ?? scan.fault ?? fieldFault(message) ?? (typeof bodyLength === 'number' ? undefined : bodyLength);
  return fault === undefined ? { kind: 'message', message, length: bodyEnd } : failed(fault, message);
}

const failed = (fault: SipParseFault, message?: SipRequest | SipResponse): ParseOutcome => ({
  kind: 'error',
  error: message === undefined ? fault : { ...fault, message },
});

/** Bytes of the body: what Content-Length says, else all that is there. */
function bodyLengthOf(headers: Headers, available: number, limits: ParseLimits): number | SipParseFault {
  const row = scan.first[ID_CONTENT_LENGTH]!;
  const stated = row < 0 ? available : parseDecimal(headers.valueOf(scan.fields[row]!), MAX_CONTENT_LENGTH);
  if (stated < 0) return lengthFault('Malformed Content-Length');
  if (stated > limits.maxBodyBytes) {
    return { code: 'parse.body-too-large', offset: scan.bodyStart, status: 413, reason: 'Request Entity Too Large' };
  }
  return stated > available ? lengthFault('Content-Length exceeds the datagram') : stated;
}

const lengthFault = (reason: string): SipParseFault => ({
  code: 'parse.content-length',
  offset: scan.bodyStart,
  status: 400,
  reason,
});

function fieldFault(message: SipRequest | SipResponse): SipParseFault | undefined {
  for (const id of MANDATORY) if (scan.first[id]! < 0) return fieldError('parse.header-missing', id, 'missing');
  for (const id of SINGLE) if (scan.seen[id]! > 1) return fieldError('parse.header-duplicate', id, 'more than once');
  return syntaxFault(message) ?? methodFault(message);
}

function fieldError(code: SipParseFault['code'], id: number, what: string): SipParseFault {
  return { code, offset: scan.startLineEnd, status: 400, reason: `${KNOWN_NAMES[id]} ${what}` };
}

/** Reads the mandatory views, which stay cached in the message. */
function syntaxFault(message: SipRequest | SipResponse): SipParseFault | undefined {
  try {
    message.topVia;
    message.from;
    message.to;
    message.callId;
    message.cseq;
    if (message instanceof SipRequest) message.maxForwards;
  } catch (error) {
    return syntaxError(error, 'parse.header-value');
  }
  try {
    if (message instanceof SipRequest) message.uri;
  } catch (error) {
    return syntaxError(error, 'parse.request-uri');
  }
  return undefined;
}

function syntaxError(error: unknown, code: SipParseFault['code']): SipParseFault {
  if (!(error instanceof SipSyntaxError)) throw error;
  return { code, offset: scan.startLineEnd, status: 400, reason: `Malformed ${error.message}` };
}

function methodFault(message: SipRequest | SipResponse): SipParseFault | undefined {
  if (!(message instanceof SipRequest) || message.cseq.method === message.method) return undefined;
  return { code: 'parse.cseq-mismatch', offset: scan.startLineEnd, status: 400, reason: 'CSeq method does not match' };
}
