import { readDecimal } from './chars.js';
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
import { type HeaderField, Headers } from './headers.js';
import { DEFAULT_LIMITS, type ParseLimits } from './limits.js';
import { SipRequest, SipResponse } from './message.js';
import { HeaderScan } from './scan.js';
import { readStartLine, type StartLine } from './start-line.js';
import { SipUri } from './uri.js';
import { Views, viewAddress, viewCSeq, viewVia } from './views.js';

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

const LINE_END_BYTES = 2;
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
  const headers = new Headers(text, scan.fields);
  const available = bytes.length - scan.bodyStart;
  const bodyLength = readBodyLength(bytes, headers, available);
  const wrongLength = bodyFault(bodyLength, available, limits);
  const bodyEnd = scan.bodyStart + (wrongLength === undefined ? bodyLength : 0);
  const line = readStartLine(bytes, text, scan.start, scan.startLineEnd);
  const received = {
    bytes,
    start: scan.start,
    headersStart: scan.startLineEnd + LINE_END_BYTES,
    blankLine: scan.fault === undefined ? scan.bodyStart - LINE_END_BYTES : -1,
    bodyStart: scan.bodyStart,
    end: bodyEnd,
  };
  const message =
    line.kind === 'request'
      ? new SipRequest(line.method, line.requestUri, headers, received)
      : new SipResponse(line.status, line.reason, headers, received);
  const wrong = lineFault(line) ?? scan.fault ?? fieldFault(bytes, text, line, message) ?? wrongLength;
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
function readBodyLength(bytes: Buffer, headers: Headers, available: number): number {
  const field = firstField(ID_CONTENT_LENGTH);
  return field === undefined ? available : decimalOf(bytes, headers, field);
}

function bodyFault(length: number, available: number, limits: ParseLimits): SipParseFault | undefined {
  const offset = scan.bodyStart;
  if (length < 0) return fault('parse.content-length', offset, 'Malformed Content-Length');
  if (length > limits.maxBodyBytes) return fault('parse.body-too-large', offset, 'Request Entity Too Large', 413);
  if (length > available) return fault('parse.content-length', offset, 'Content-Length exceeds the datagram');
  return undefined;
}

function firstField(id: number): HeaderField | undefined {
  const row = scan.first[id]!;
  return row < 0 ? undefined : scan.fields[row];
}

/** Value of a numeric field; -1 where it is no number up to 2^31 − 1. */
function decimalOf(bytes: Buffer, headers: Headers, field: HeaderField): number {
  if (!field.folded) return readDecimal(bytes, field.valueStart, field.valueEnd, MAX_NUMBER);
  const value = Buffer.from(headers.valueOf(field), 'latin1');
  return readDecimal(value, 0, value.length, MAX_NUMBER);
}

function fieldFault(
  bytes: Buffer,
  text: string,
  line: StartLine,
  message: SipRequest | SipResponse,
): SipParseFault | undefined {
  for (const id of MANDATORY) {
    if (scan.first[id]! < 0) return fault('parse.header-missing', scan.startLineEnd, `${KNOWN_NAMES[id]} missing`);
  }
  for (let id = ID_FROM; id <= ID_CONTENT_LENGTH; id++) {
    if (scan.seen[id]! > 1)
      return fault('parse.header-duplicate', scan.startLineEnd, `${KNOWN_NAMES[id]} more than once`);
  }
  const reader = new FieldReader(bytes, text, message.headers);
  return reader.read(message) ?? (message instanceof SipRequest ? reader.checkRequest(message, line) : undefined);
}

const MANDATORY: readonly number[] = [ID_VIA, ID_FROM, ID_TO, ID_CALL_ID, ID_CSEQ];

/** Reads the mandatory fields into views that stay with the message. */
class FieldReader {
  private readonly bytes: Buffer;
  private readonly text: string;
  private readonly headers: Headers;
  private readonly views = new Views();
  /** Identity of the field being read. */
  private reading = ID_VIA;

  constructor(bytes: Buffer, text: string, headers: Headers) {
    this.bytes = bytes;
    this.text = text;
    this.headers = headers;
  }

  read(message: SipRequest | SipResponse): SipParseFault | undefined {
    const { bytes, text, headers, views } = this;
    try {
      views.topVia = viewVia(bytes, text, headers, this.field(ID_VIA));
      views.from = viewAddress(bytes, text, headers, this.field(ID_FROM));
      views.to = viewAddress(bytes, text, headers, this.field(ID_TO));
      views.cseq = viewCSeq(bytes, text, headers, this.field(ID_CSEQ));
      if (headers.valueOf(this.field(ID_CALL_ID)) === '') return this.malformed('empty');
    } catch (error) {
      if (!(error instanceof SipSyntaxError)) throw error;
      return this.malformed(error.message);
    }
    message.adoptViews(views);
    return undefined;
  }

  checkRequest(request: SipRequest, line: StartLine): SipParseFault | undefined {
    try {
      request.adoptUri(SipUri.read(this.bytes, this.text, line.uriStart, line.uriEnd));
    } catch (error) {
      if (!(error instanceof SipSyntaxError)) throw error;
      return fault('parse.request-uri', line.uriStart, `Malformed Request-URI: ${error.message}`);
    }
    const hops = firstField(ID_MAX_FORWARDS);
    this.reading = ID_MAX_FORWARDS;
    if (hops !== undefined && decimalOf(this.bytes, this.headers, hops) < 0) return this.malformed('not a number');
    if (this.views.cseq!.method === request.method) return undefined;
    return fault('parse.cseq-mismatch', scan.startLineEnd, 'CSeq method does not match');
  }

  private field(id: number): HeaderField {
    this.reading = id;
    return firstField(id)!;
  }

  private malformed(what: string): SipParseFault {
    const field = firstField(this.reading)!;
    return fault('parse.header-value', field.valueStart, `Malformed ${KNOWN_NAMES[this.reading]}: ${what}`);
  }
}
