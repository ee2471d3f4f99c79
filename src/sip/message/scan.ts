import { COLON, CR, HT, LF, SP, TOKEN } from './chars.js';
import type { SipParseFault } from './errors.js';
import { headerIdAt, WATCHED_IDS } from './header-names.js';
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
 * Lines end in CRLF; a lone CR or LF is a fault, so that no two readers can see different rows (RFC 3261 §7).
 * After a fault the scan goes on as far as it can, so that the request may still be answered.
 */
export class HeaderScan {
  start = 0;
  /** Offset of the line end of the start line; -1 when there is none. */
  startLineEnd = -1;
  /** Offset after the blank line, or where reading stopped. */
  bodyStart = 0;
  fields: HeaderField[] = [];
  fault: SipParseFault | undefined = undefined;
  /** Row of the first field of each watched identity, -1 where absent. */
  readonly first = new Int32Array(WATCHED_IDS);
  /** Rows of each watched identity. */
  readonly seen = new Int32Array(WATCHED_IDS);

  /** Scans `bytes`; reads no further than the limits allow. */
  run(bytes: Buffer, limits: ParseLimits): void {
    this.reset();
    const end = Math.min(bytes.length, limits.maxHeaderBytes);
    this.start = skipLineEnds(bytes, end);
    const lineEnd = this.findStartLine(bytes, end);
    this.bodyStart = lineEnd < 0 ? end : this.scanRows(bytes, lineEnd, end, limits.maxHeaderFields);
    if (this.bodyStart < 0) this.stopAt(bytes.length > end, end);
  }

  /** Scans header rows that no start line precedes, as those of a body part. */
  runRows(bytes: Buffer, limits: ParseLimits): void {
    this.reset();
    const end = Math.min(bytes.length, limits.maxHeaderBytes);
    this.bodyStart = this.scanRows(bytes, 0, end, limits.maxHeaderFields);
    if (this.bodyStart < 0) this.stopAt(bytes.length > end, end);
  }

  private reset(): void {
    this.start = 0;
    this.startLineEnd = -1;
    this.fields = [];
    this.fault = undefined;
    this.first.fill(-1);
    this.seen.fill(0);
  }

  private findStartLine(bytes: Buffer, end: number): number {
    let at = this.start;
    while (at < end && bytes[at]! !== CR && bytes[at]! !== LF) at++;
    this.startLineEnd = at;
    if (at + 1 < end && bytes[at] === CR && bytes[at + 1] === LF) return at + 2;
    this.report('parse.start-line', at, 'Start line does not end in CRLF');
    return -1;
  }

  /** @returns offset after the blank line, or -1 where `end` came first */
  private scanRows(bytes: Buffer, from: number, end: number, maxFields: number): number {
    let at = from;
    while (at + 1 < end) {
      const rowStart = at;
      let code = bytes[at]!;
      if (code === CR && bytes[at + 1] === LF) return at + 2;
      while (TOKEN[code] === 1 && ++at < end) code = bytes[at]!;
      const nameEnd = at;
      while ((code === SP || code === HT) && ++at < end) code = bytes[at]!;
      const wellFormed = code === COLON && nameEnd > rowStart;
      if (!wellFormed) this.report('parse.header-line', at, 'Malformed header line');
      if (at < end) at++;
      while (at < end && (bytes[at] === SP || bytes[at] === HT)) at++;
      const valueStart = at;
      let folded = false;
      for (;;) {
        while (at < end && bytes[at]! >= SP) at++;
        if (at + 1 >= end) return -1;
        code = bytes[at]!;
        if (code === CR && bytes[at + 1] === LF) {
          if (at + 2 >= end || (bytes[at + 2] !== SP && bytes[at + 2] !== HT)) break;
          folded = true;
          at += 3;
        } else {
          if (code === CR || code === LF) this.report('parse.header-line', at, 'Stray line end in header');
          at++;
        }
      }
      let valueEnd = at;
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HT)) valueEnd--;
      at += 2;
      if (!wellFormed) continue;
      if (this.fields.length === maxFields) {
        this.report('parse.too-many-headers', rowStart, 'Too many header fields');
        return at;
      }
      this.add(new HeaderField(headerIdAt(bytes, rowStart, nameEnd), rowStart, at, valueStart, valueEnd, folded));
    }
    return -1;
  }

  private add(field: HeaderField): void {
    const { id } = field;
    if (id < WATCHED_IDS) {
      if (this.seen[id]!++ === 0) this.first[id] = this.fields.length;
    }
    this.fields.push(field);
  }

  private stopAt(tooLarge: boolean, end: number): void {
    this.bodyStart = end;
    if (tooLarge) this.report('parse.headers-too-large', end, 'Header fields too large');
    else this.report('parse.truncated', end, 'Header fields do not end');
  }

  private report(code: SipParseFault['code'], offset: number, reason: string): void {
    this.fault ??= { code, offset, status: 400, reason };
  }
}

function skipLineEnds(bytes: Buffer, end: number): number {
  let at = 0;
  while (at + 1 < end && bytes[at] === CR && bytes[at + 1] === LF) at += 2;
  return at;
}
