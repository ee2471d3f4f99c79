import { TOKEN, trimEnd } from './chars.js';
import type { ParseCode, SipParseFault } from './errors.js';
import { headerIdAt, ID_UNKNOWN, WATCHED_IDS } from './header-names.js';
import { HeaderField } from './headers.js';
import type { ParseLimits } from './limits.js';

/**
 * One pass over the header part of a message: finds the start line, and name and value of each row, as offsets.
 *
 *     start            startLineEnd
 *     INVITE sip:… SIP/2.0 CRLF
 *     Via: SIP/2.0/UDP …   CRLF      one HeaderField each; folded lines belong to the row above
 *     …
 *     CRLF
 *     └ body from bodyStart
 *
 * Lines end in CRLF; a lone CR or LF is a fault, so that no two readers can see different rows (RFC 3261 §7). Line
 * ends are found in the text (a search of the runtime's), names in the bytes. After a fault the scan goes on as far
 * as it can, so that the request may still be answered.
 */
export class HeaderScan {
  /** The bytes up to the header limit as wire text; all offsets hold in both. */
  text = '';
  start = 0;
  /** Offset of the line end of the start line. */
  startLineEnd = 0;
  /** Offset after the blank line, or where reading stopped. */
  bodyStart = 0;
  fields: HeaderField[] = [];
  fault: SipParseFault | undefined = undefined;
  /** Row of the first field of each watched identity, -1 where absent. */
  readonly first = new Int32Array(WATCHED_IDS);
  /** Rows of each watched identity. */
  readonly seen = new Int32Array(WATCHED_IDS);
  /** Offset of the next CR that was found, so that each is searched for once. */
  private nextCr = -1;

  /** Scans `bytes`; reads no further than the limits allow. */
  run(bytes: Buffer, limits: ParseLimits): void {
    const end = this.reset(bytes, limits);
    while (this.start + 1 < end && bytes[this.start] === CR && bytes[this.start + 1] === LF) this.start += 2;
    const lineEnd = this.text.indexOf('\n', this.start);
    this.startLineEnd = lineEnd < 0 ? end : lineEnd - 1;
    if (lineEnd >= 0 && this.crFrom(this.start) === lineEnd - 1) {
      this.rows(bytes, lineEnd + 1, end, limits);
      return;
    }
    this.startLineEnd = Math.max(this.start, this.startLineEnd);
    this.report('parse.start-line', this.startLineEnd, 'Start line does not end in CRLF');
    this.bodyStart = end;
  }

  /** Scans header rows that no start line precedes, as those of a body part. */
  runRows(bytes: Buffer, limits: ParseLimits): void {
    this.rows(bytes, 0, this.reset(bytes, limits), limits);
  }

  private reset(bytes: Buffer, limits: ParseLimits): number {
    const end = Math.min(bytes.length, limits.maxHeaderBytes);
    this.text = bytes.toString('latin1', 0, end);
    this.start = 0;
    this.startLineEnd = 0;
    this.fields = [];
    this.fault = undefined;
    this.first.fill(-1);
    this.seen.fill(0);
    this.nextCr = -1;
    return end;
  }

  private rows(bytes: Buffer, from: number, end: number, limits: ParseLimits): void {
    let at = from;
    while (at + 1 < end && (bytes[at] !== CR || bytes[at + 1] !== LF)) {
      if (this.fields.length >= limits.maxHeaderFields) {
        this.report('parse.too-many-headers', at, 'Too many header fields');
        this.bodyStart = at;
        return;
      }
      at = this.row(bytes, at, end);
    }
    if (at + 1 < end) {
      this.bodyStart = at + 2;
      return;
    }
    this.bodyStart = end;
    if (bytes.length > end) this.report('parse.headers-too-large', end, 'Header fields too large');
    else this.report('parse.truncated', end, 'Header fields do not end');
  }

  /** Reads one row with the lines folded into it. @returns offset after its line end, `end` where that is missing */
  private row(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end && bytes[at]! > SP && bytes[at] !== COLON) at++;
    const nameEnd = at;
    while (at < end && (bytes[at] === SP || bytes[at] === HT)) at++;
    const wellFormed = nameEnd > start && at < end && bytes[at] === COLON;
    if (wellFormed) at++;
    while (at < end && (bytes[at] === SP || bytes[at] === HT)) at++;
    const valueStart = at;
    let lineEnd = this.endOfLine(at);
    if (lineEnd < 0) return end;
    const folded = lineEnd + 1 < end && (bytes[lineEnd + 1] === SP || bytes[lineEnd + 1] === HT);
    if (folded) lineEnd = this.endOfFolded(bytes, lineEnd, end);
    if (lineEnd < 0) return end;
    if (wellFormed) this.add(bytes, start, nameEnd, lineEnd + 1, valueStart, folded);
    else this.report('parse.header-line', start, 'Malformed header line');
    return lineEnd + 1;
  }

  /** Offset of the LF that ends the line; -1 where there is none. */
  private endOfLine(at: number): number {
    const lineEnd = this.text.indexOf('\n', at);
    if (lineEnd >= 0 && this.crFrom(at) !== lineEnd - 1)
      this.report('parse.header-line', lineEnd, 'Stray line end in header');
    return lineEnd;
  }

  private endOfFolded(bytes: Buffer, firstEnd: number, end: number): number {
    let lineEnd = firstEnd;
    while (lineEnd >= 0 && lineEnd + 1 < end && (bytes[lineEnd + 1] === SP || bytes[lineEnd + 1] === HT)) {
      lineEnd = this.endOfLine(lineEnd + 1);
    }
    return lineEnd;
  }

  private crFrom(at: number): number {
    if (this.nextCr < at) {
      const found = this.text.indexOf('\r', at);
      this.nextCr = found < 0 ? this.text.length : found;
    }
    return this.nextCr;
  }

  private add(bytes: Buffer, start: number, nameEnd: number, end: number, valueStart: number, folded: boolean): void {
    const id = headerIdAt(bytes, start, nameEnd);
    if (id === ID_UNKNOWN && !isName(bytes, start, nameEnd)) {
      this.report('parse.header-line', start, 'Malformed header name');
      return;
    }
    if (id < WATCHED_IDS) {
      if (this.seen[id] === 0) this.first[id] = this.fields.length;
      this.seen[id]!++;
    }
    this.fields.push(new HeaderField(id, start, end, valueStart, trimEnd(bytes, valueStart, end - 2), folded));
  }

  private report(code: ParseCode, offset: number, reason: string): void {
    this.fault ??= { code, offset, status: 400, reason };
  }
}

const HT = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SP = 0x20;
const COLON = 0x3a;
const tokenCharacter = TOKEN;

function isName(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (tokenCharacter[bytes[at]!] !== 1) return false;
  return true;
}
