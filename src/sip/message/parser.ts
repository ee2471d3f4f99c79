import { readDecimal } from './chars.js';
import { parseCSeq, readCSeq } from './cseq.js';
import { type ParseCode, type SipParseError, type SipParseFault, SipSyntaxError } from './errors.js';
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
import { unfold } from './lists.js';
import { SipRequest, SipResponse } from './message.js';
import { NameAddress } from './name-address.js';
import { HeaderScan } from './scan.js';
import { readStartLine, type StartLine } from './start-line.js';
import { SipUri } from './uri.js';
import { Via } from './via.js';
import { firstVia, Views } from './views.js';
import { bytesOf } from './wire-bytes.js';

/**
 * Parses one message held whole in a buffer (RFC 3261 §7, §18.3).
 *
 *     bytes ─► scan: one pass over the header part, offsets of each row      (scan.ts)
 *           ─► start line ─► Content-Length and body bounds ─► mandatory fields: present, single, well-formed
 *
 * Eagerly read: Request-URI, top Via, From, To, Call-ID, CSeq, Max-Forwards, Content-Length; all else when asked for.
 * A fault is reported with as much of the message as was understood, so that a request can still be answered.
 * Left out: what depends on a server's abilities (engine/request-checks.ts).
 */

export type ParseOutcome =
  | { readonly kind: 'message'; readonly message: SipRequest | SipResponse; readonly length: number }
  | { readonly kind: 'more' }
  | { readonly kind: 'error'; readonly error: SipParseError };

const MAX_NUMBER = 2 ** 31 - 1;

/** Reused by every call: parsing is synchronous and never nested. */
const scan = new HeaderScan();

/**
 * Parses a datagram. Bytes after the body by Content-Length are not looked at (§18.3); without Content-Length the
 * body reaches to the end. Line ends before the start line are passed over (§7.5).
 * @returns a message with the bytes it took, or an error; never 'more'
 */
export function parseDatagram(bytes: Buffer, limits: ParseLimits = DEFAULT_LIMITS): ParseOutcome {
  scan.run(bytes, limits);
  if (scan.start === scan.startLineEnd) return failed(fault('parse.empty', 0, 'Empty message'));
  const { text } = scan;
  const headers = new Headers(text, scan.takeRows());
  const available = bytes.length - scan.bodyStart;
  const bodyLength = readBodyLength(bytes, available);
  const wrongLength = bodyFault(bodyLength, available, limits);
  const bodyEnd = scan.bodyStart + (wrongLength === undefined ? bodyLength : 0);
  const line = readStartLine(bytes, text, scan.start, scan.startLineEnd);
  const isLengthStated = scan.has(ID_CONTENT_LENGTH);
  const received = { bytes, start: scan.start, isLengthStated, bodyStart: scan.bodyStart, end: bodyEnd };
  const message =
    line.kind === 'request'
      ? new SipRequest(line.method, line.requestUri, headers, received)
      : new SipResponse(line.status, line.reason, headers, received);
  const wrong = lineFault(line) ?? scan.fault ?? fieldFault(bytes, line, message) ?? wrongLength;
  return wrong === undefined ? { kind: 'message', message, length: bodyEnd } : failed(wrong, message);
}

const failed = (found: SipParseFault, message?: SipRequest | SipResponse): ParseOutcome => ({
  kind: 'error',
  error: message === undefined ? found : { ...found, message },
});

const fault = (code: ParseCode, offset: number, reason: string, status = 400): SipParseFault => ({
  code,
  offset,
  status,
  reason,
});

const lineFault = (line: StartLine): SipParseFault | undefined =>
  line.fault === undefined ? undefined : { ...line.fault, offset: scan.start };

/** What Content-Length says, else all that is there; -1 where it is malformed. */
const readBodyLength = (bytes: Buffer, available: number): number =>
  scan.has(ID_CONTENT_LENGTH) ? decimalOf(bytes, ID_CONTENT_LENGTH) : available;

function bodyFault(length: number, available: number, limits: ParseLimits): SipParseFault | undefined {
  const offset = scan.bodyStart;
  if (length < 0) return fault('parse.content-length', offset, 'Malformed Content-Length');
  if (length > limits.maxBodyBytes) return fault('parse.body-too-large', offset, 'Request Entity Too Large', 413);
  if (length > available) return fault('parse.content-length', offset, 'Content-Length exceeds the datagram');
  return undefined;
}

/** Value of a numeric field; -1 where it is no number up to 2^31 − 1. */
function decimalOf(bytes: Buffer, id: number): number {
  const end = scan.valueEndOf(id);
  if (end >= 0) return readDecimal(bytes, scan.valueOf(id), end, MAX_NUMBER);
  const value = joined(id);
  return readDecimal(bytesOf(value), 0, value.length, MAX_NUMBER);
}

/** Value of a folded row; its line ends are blanks to the grammar (§7.3.1). */
const joined = (id: number): string => unfold(scan.text.slice(scan.valueOf(id), ~scan.valueEndOf(id)));

const MANDATORY: readonly number[] = [ID_VIA, ID_FROM, ID_TO, ID_CALL_ID, ID_CSEQ];
const SINGLE: readonly number[] = [ID_FROM, ID_TO, ID_CALL_ID, ID_CSEQ, ID_MAX_FORWARDS, ID_CONTENT_LENGTH];

const bitsOf = (ids: readonly number[]): number => ids.reduce((bits, id) => bits | (1 << id), 0);
const MANDATORY_BITS = bitsOf(MANDATORY);
const SINGLE_BITS = bitsOf(SINGLE);

function fieldFault(bytes: Buffer, line: StartLine, message: SipRequest | SipResponse): SipParseFault | undefined {
  const complete = (scan.present & MANDATORY_BITS) === MANDATORY_BITS && (scan.repeated & SINGLE_BITS) === 0;
  if (!complete) return countFault();
  return readFields(bytes, message) ?? (message instanceof SipRequest ? requestFault(bytes, line, message) : undefined);
}

function countFault(): SipParseFault {
  const missing = MANDATORY.find((id) => !scan.has(id));
  if (missing !== undefined) return fault('parse.header-missing', scan.startLineEnd, `${KNOWN_NAMES[missing]} missing`);
  const repeated = SINGLE.find((id) => (scan.repeated & (1 << id)) !== 0)!;
  return fault('parse.header-duplicate', scan.startLineEnd, `${KNOWN_NAMES[repeated]} more than once`);
}

/** Reads the mandatory fields into views that stay with the message. */
function readFields(bytes: Buffer, message: SipRequest | SipResponse): SipParseFault | undefined {
  const views = new Views();
  let reading = ID_VIA;
  try {
    views.topVia = readVia(bytes);
    reading = ID_FROM;
    views.from = readAddress(bytes, ID_FROM);
    reading = ID_TO;
    views.to = readAddress(bytes, ID_TO);
    reading = ID_CSEQ;
    views.cseq = isFolded(ID_CSEQ)
      ? parseCSeq(joined(ID_CSEQ))
      : readCSeq(bytes, scan.text, scan.valueOf(ID_CSEQ), scan.valueEndOf(ID_CSEQ));
  } catch (error) {
    if (!(error instanceof SipSyntaxError)) throw error;
    return malformed(reading, error.message);
  }
  if (isEmpty(ID_CALL_ID)) return malformed(ID_CALL_ID, 'empty');
  message.adoptViews(views);
  return undefined;
}

/** A row is read where it lies; a folded one is joined first. */
function readVia(bytes: Buffer): Via {
  if (isFolded(ID_VIA)) return firstVia(joined(ID_VIA));
  return Via.readFirst(bytes, scan.text, scan.valueOf(ID_VIA), scan.valueEndOf(ID_VIA));
}

function readAddress(bytes: Buffer, id: number): NameAddress {
  if (isFolded(id)) return NameAddress.parse(joined(id));
  return NameAddress.read(bytes, scan.text, scan.valueOf(id), scan.valueEndOf(id));
}

const isEmpty = (id: number): boolean => (isFolded(id) ? joined(id) === '' : scan.valueOf(id) === scan.valueEndOf(id));

const isFolded = (id: number): boolean => scan.valueEndOf(id) < 0;

const malformed = (id: number, what: string): SipParseFault =>
  fault('parse.header-value', scan.valueOf(id), `Malformed ${KNOWN_NAMES[id]}: ${what}`);

function requestFault(bytes: Buffer, line: StartLine, request: SipRequest): SipParseFault | undefined {
  try {
    request.adoptUri(SipUri.read(bytes, scan.text, line.uriStart, line.uriEnd));
  } catch (error) {
    if (!(error instanceof SipSyntaxError)) throw error;
    return fault('parse.request-uri', line.uriStart, `Malformed Request-URI: ${error.message}`);
  }
  if (scan.has(ID_MAX_FORWARDS) && decimalOf(bytes, ID_MAX_FORWARDS) < 0) {
    return malformed(ID_MAX_FORWARDS, 'not a number');
  }
  if (request.cseq.method === request.method) return undefined;
  return fault('parse.cseq-mismatch', scan.valueOf(ID_CSEQ), 'CSeq method does not match');
}
