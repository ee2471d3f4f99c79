import { skipBlanks } from './chars.js';
import { SipSyntaxError } from './errors.js';
import { Headers } from './headers.js';
import { DEFAULT_LIMITS } from './limits.js';
import { Params } from './params.js';
import { HeaderScan } from './scan.js';

/**
 * Multipart bodies, part by part (RFC 2046 §5.1, RFC 5621).
 *
 *     preamble CRLF --boundary CRLF  part headers CRLF CRLF  body  CRLF --boundary CRLF … CRLF --boundary-- epilogue
 *
 * The line end before a boundary belongs to the boundary. Parts that are not touched are written back byte for byte,
 * and so are preamble and epilogue. Nested multiparts are parts like any other; read their body again to open them.
 */

const MAX_PARTS = 64;
const MAX_BOUNDARY_LENGTH = 70;
const NO_BYTES = Buffer.alloc(0);
const LINE_END = Buffer.from('\r\n');
const LF = 0x0a;
const CR = 0x0d;
const HYPHEN = 0x2d;

const scan = new HeaderScan();

/** A part as it came: its bytes, and the boundary line before it. */
interface ReceivedPart {
  readonly raw: Buffer;
  readonly lead: Buffer;
}

/** One part: its header fields and its body. */
export class BodyPart {
  readonly headers: Headers;
  body: Buffer;
  private readonly received: ReceivedPart | undefined;
  private readonly receivedBody: Buffer;

  constructor(headers: Headers, body: Buffer, received?: ReceivedPart) {
    this.headers = headers;
    this.body = body;
    this.received = received;
    this.receivedBody = body;
  }

  /** A part of ours. */
  static create(contentType: string, body: Buffer): BodyPart {
    const headers = new Headers();
    headers.append('Content-Type', contentType);
    return new BodyPart(headers, body);
  }

  /** Lower-case type/subtype; text/plain where none is given (RFC 2046 §5.1). */
  get contentType(): string {
    return mediaType(this.headers.get('Content-Type') ?? 'text/plain');
  }

  /** Content-ID with its angle brackets. */
  get contentId(): string | undefined {
    return this.headers.get('Content-ID');
  }

  /** The boundary line before the part, as it came. */
  get lead(): Buffer | undefined {
    return this.received?.lead;
  }

  /** The bytes as they go between boundaries. */
  serialize(): Buffer {
    const untouched = this.headers.revision === 0 && this.body === this.receivedBody;
    if (untouched && this.received !== undefined) return this.received.raw;
    return Buffer.concat([Buffer.from(this.headers.toWire(), 'latin1'), LINE_END, this.body]);
  }
}

export class MultipartBody {
  readonly boundary: string;
  /** What precedes the first boundary, with the line end before it. */
  preamble: Buffer = NO_BYTES;
  parts: BodyPart[] = [];
  /** What follows the closing boundary. */
  epilogue: Buffer = NO_BYTES;

  /** @param boundary 1–70 characters that the bytes of no part contain after two hyphens */
  constructor(boundary: string) {
    this.boundary = boundary;
  }

  /**
   * Reads a multipart body.
   * @param contentType the whole Content-Type value, which names the boundary
   * @throws SipSyntaxError without a boundary, without a closing one, or with malformed part headers
   */
  static parse(bytes: Buffer, contentType: string): MultipartBody {
    const multipart = new MultipartBody(boundaryOf(contentType));
    const marks = delimiters(bytes, multipart.boundary);
    const last = marks[marks.length - 1];
    if (last === undefined || marks.length < 2 || !last.closes) throw new SipSyntaxError('multipart: does not close');
    multipart.preamble = bytes.subarray(0, marks[0]!.start);
    for (let at = 1; at < marks.length; at++) {
      const lead = bytes.subarray(marks[at - 1]!.start, marks[at - 1]!.end);
      const end = marks[at]!.start - LINE_END.length;
      if (end < marks[at - 1]!.end) throw new SipSyntaxError('multipart: boundary without line end before it');
      multipart.parts.push(readPart(bytes.subarray(marks[at - 1]!.end, end), lead));
    }
    multipart.epilogue = bytes.subarray(last.end);
    return multipart;
  }

  /** The body; byte for byte what was read where nothing was changed. */
  serialize(): Buffer {
    const pieces: Buffer[] = [this.preamble];
    const lead = Buffer.from(`--${this.boundary}\r\n`, 'latin1');
    for (const [at, part] of this.parts.entries()) {
      if (at > 0) pieces.push(LINE_END);
      pieces.push(part.lead ?? lead, part.serialize());
    }
    pieces.push(Buffer.from(`\r\n--${this.boundary}--`, 'latin1'), this.epilogue);
    return Buffer.concat(pieces);
  }
}

/** The boundary parameter of a multipart Content-Type value. Throws SipSyntaxError where there is none. */
export function boundaryOf(contentType: string): string {
  const semicolon = contentType.indexOf(';');
  const boundary = semicolon < 0 ? undefined : Params.parse(contentType.slice(semicolon)).getUnquoted('boundary');
  if (!boundary || boundary.length > MAX_BOUNDARY_LENGTH) throw new SipSyntaxError('multipart: no boundary');
  return boundary;
}

interface Delimiter {
  /** Offset of its first hyphen. */
  readonly start: number;
  /** Offset after its line end; of the closing one, after its last hyphen. */
  readonly end: number;
  readonly closes: boolean;
}

/** Boundary lines up to the closing one: at the start or after a line end, blanks allowed after them (§5.1.1). */
function delimiters(bytes: Buffer, boundary: string): Delimiter[] {
  const marks: Delimiter[] = [];
  const needle = Buffer.from(`--${boundary}`, 'latin1');
  for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + needle.length)) {
    const mark = delimiterAt(bytes, at, at + needle.length);
    if (mark === undefined) continue;
    if (marks.push(mark) > MAX_PARTS + 1) throw new SipSyntaxError('multipart: too many parts');
    if (mark.closes) break;
  }
  return marks;
}

function delimiterAt(bytes: Buffer, start: number, nameEnd: number): Delimiter | undefined {
  if (start > 0 && !(bytes[start - 2] === CR && bytes[start - 1] === LF)) return undefined;
  const closes = bytes[nameEnd] === HYPHEN && bytes[nameEnd + 1] === HYPHEN;
  const padding = closes ? nameEnd + 2 : nameEnd;
  const at = skipBlanks(bytes, padding, bytes.length);
  const lineEnds = at + 1 < bytes.length && bytes[at] === CR && bytes[at + 1] === LF;
  if (closes) return lineEnds || at === bytes.length ? { start, end: padding, closes } : undefined;
  return lineEnds ? { start, end: at + 2, closes } : undefined;
}

/** Without a blank line the part is all header fields and its body is empty (§5.1.1). */
function readPart(raw: Buffer, lead: Buffer): BodyPart {
  scan.runRows(raw, DEFAULT_LIMITS);
  const endless = scan.fault?.code === 'parse.truncated';
  const bytes = endless ? Buffer.concat([raw, LINE_END]) : raw;
  if (endless) scan.runRows(bytes, DEFAULT_LIMITS);
  if (scan.fault !== undefined) throw new SipSyntaxError('multipart: malformed part headers');
  const headers = new Headers(scan.text, scan.takeRows());
  return new BodyPart(headers, bytes.subarray(scan.bodyStart), { raw, lead });
}

/** Lower-case type/subtype of a Content-Type value, without parameters. */
export function mediaType(contentType: string): string {
  const semicolon = contentType.indexOf(';');
  return (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).replace(/\s/g, '').toLowerCase();
}
