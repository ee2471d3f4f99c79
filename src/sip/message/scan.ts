import { skipBlanks, skipClass, TOKEN, trimEnd } from './chars.js';
import type { ParseCode, SipParseFault } from './errors.js';
import { headerIdAt, ID_UNKNOWN, knownNameAt, nameLength, WATCHED_IDS } from './header-names.js';
import type { ParseLimits } from './limits.js';

/**
 * One pass over the header part of a message: finds the start line, and name and value of each row, as offsets.
 *
 *     start            startLineEnd
 *     INVITE sip:… SIP/2.0 CRLF
 *     Via: SIP/2.0/UDP …   CRLF      five numbers each, see Headers; folded lines belong to the row above
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
  /** Rows found. */
  count = 0;
  fault: SipParseFault | undefined = undefined;
  /** Watched identities that have a row, and those that have more than one: a bit each, 1 << identity. */
  present = 0;
  repeated = 0;
  /** Position in the rows of the first row of each watched identity that is present. */
  private readonly first: number[] = new Array<number>(WATCHED_IDS).fill(0);
  /** Line ends that were no CRLF; a row with one is left out. */
  private strays = 0;
  /** Offset of the next CR that was found, so that each is searched for once. */
  private nextCr = -1;
  /** Rows, reused from scan to scan; see Headers for their layout. */
  private readonly rows: number[] = [];

  /** True where a watched identity has a row. */
  has(id: number): boolean {
    return (this.present & (1 << id)) !== 0;
  }

  /** The rows found, in an array of their own. */
  takeRows(): number[] {
    return this.rows.slice(0, this.count * ROW);
  }

  /** Value of the first row of a watched identity: offset, and end, complemented where the row is folded. */
  valueOf(id: number): number {
    return this.rows[this.first[id]! + VALUE]!;
  }

  valueEndOf(id: number): number {
    return this.rows[this.first[id]! + VALUE_END]!;
  }

  /** Scans `bytes`; reads no further than the limits allow. */
  run(bytes: Buffer, limits: ParseLimits): void {
    const end = this.reset(bytes, limits);
    while (this.start + 1 < end && bytes[this.start] === CR && bytes[this.start + 1] === LF) this.start += 2;
    const lineEnd = this.text.indexOf('\n', this.start);
    this.startLineEnd = lineEnd < 0 ? end : lineEnd - 1;
    if (lineEnd >= 0 && this.crFrom(this.start) === lineEnd - 1) {
      this.readRows(bytes, lineEnd + 1, end, limits);
      return;
    }
    this.startLineEnd = Math.max(this.start, this.startLineEnd);
    this.report('parse.start-line', this.startLineEnd, 'Start line does not end in CRLF');
    this.bodyStart = end;
  }

  /** Scans header rows that no start line precedes, as those of a body part. */
  runRows(bytes: Buffer, limits: ParseLimits): void {
    this.readRows(bytes, 0, this.reset(bytes, limits), limits);
  }

  private reset(bytes: Buffer, limits: ParseLimits): number {
    const end = Math.min(bytes.length, limits.maxHeaderBytes);
    this.text = bytes.toString('latin1', 0, end);
    this.start = 0;
    this.startLineEnd = 0;
    this.count = 0;
    this.fault = undefined;
    this.present = 0;
    this.repeated = 0;
    this.nextCr = -1;
    this.strays = 0;
    return end;
  }

  private readRows(bytes: Buffer, from: number, end: number, limits: ParseLimits): void {
    let at = from;
    // Rows that are left out cost as much as others: they count too.
    for (let rows = 0; at + 1 < end && (bytes[at] !== CR || bytes[at + 1] !== LF); rows++) {
      if (rows === limits.maxHeaderFields) {
        this.report('parse.too-many-headers', at, 'Too many header fields');
        this.bodyStart = at;
        return;
      }
      const after = this.plainRow(bytes, at, end);
      at = after < 0 ? this.row(bytes, at, end) : after;
    }
    if (at + 1 < end) {
      this.bodyStart = at + 2;
      return;
    }
    this.bodyStart = end;
    if (bytes.length > end) this.report('parse.headers-too-large', end, 'Header fields too large');
    else this.report('parse.truncated', end, 'Header fields do not end');
  }

  /**
   * Reads a row as nearly every sender writes it: a long name, colon, one space, a value without blanks at its ends,
   * CRLF, and no folded line after it.
   * @returns offset after its line end; -1 where the row is another, of which nothing was taken
   */
  private plainRow(bytes: Buffer, start: number, end: number): number {
    const id = knownNameAt(bytes, start, end);
    if (id === NONE) return -1;
    const value = start + nameLength(id) + 2;
    const lineEnd = this.text.indexOf('\n', value);
    const valueEnd = lineEnd - 1;
    // The byte is looked at first: where no CR stands, the search for one would read all the rest, for every row.
    if (lineEnd + 1 >= end || valueEnd <= value || bytes[valueEnd] !== CR) return -1;
    if (this.text.indexOf('\r', value) !== valueEnd) return -1;
    const next = bytes[lineEnd + 1]!;
    if (bytes[value - 1] !== SP || bytes[value]! <= SP || bytes[valueEnd - 1]! <= SP || next === SP || next === HT)
      return -1;
    this.add(id, start, lineEnd + 1, value, valueEnd);
    return lineEnd + 1;
  }

  /** Reads any row with the lines folded into it. @returns offset after its line end, `end` where that is missing */
  private row(bytes: Buffer, start: number, end: number): number {
    const colon = this.endOfName(bytes, start, end);
    const valueStart = skipBlanks(bytes, bytes[colon] === COLON ? colon + 1 : colon, end);
    const strays = this.strays;
    let lineEnd = this.endOfLine(valueStart);
    if (lineEnd < 0) return end;
    const folded = lineEnd + 1 < end && (bytes[lineEnd + 1] === SP || bytes[lineEnd + 1] === HT);
    if (folded) lineEnd = this.endOfFolded(bytes, lineEnd, end);
    if (lineEnd < 0) return end;
    if (this.strays > strays) return lineEnd + 1;
    const id = this.nameAt(bytes, start, colon);
    const valueEnd = folded ? ~(lineEnd - 1) : trimEnd(bytes, valueStart, lineEnd - 1);
    if (id >= NONE) this.add(id, start, lineEnd + 1, valueStart, valueEnd);
    else this.report('parse.header-line', start, 'Malformed header line');
    return lineEnd + 1;
  }

  /** Offset of the colon after a name that may have blanks behind it; of what stands in its place where there is none. */
  private endOfName(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end && bytes[at]! > SP && bytes[at] !== COLON) at++;
    return skipBlanks(bytes, at, end);
  }

  /** Offset of the LF that ends the line; -1 where there is none. */
  private endOfLine(at: number): number {
    const lineEnd = this.text.indexOf('\n', at);
    if (lineEnd >= 0 && this.crFrom(at) !== lineEnd - 1) {
      this.strays++;
      this.report('parse.header-line', lineEnd, 'Stray line end in header');
    }
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

  private add(id: number, start: number, end: number, value: number, valueEnd: number): void {
    const { rows } = this;
    const row = this.count * ROW;
    if (id < WATCHED) {
      if ((this.present & (1 << id)) === 0) this.first[id] = row;
      else this.repeated |= 1 << id;
      this.present |= 1 << id;
    }
    rows[row] = id;
    rows[row + 1] = start;
    rows[row + 2] = end;
    rows[row + VALUE] = value;
    rows[row + VALUE_END] = valueEnd;
    this.count++;
  }

  /** Identity of the name before a colon, in any spelling; -1 where it is no name. */
  private nameAt(bytes: Buffer, start: number, colon: number): number {
    const nameEnd = trimEnd(bytes, start, colon);
    if (bytes[colon] !== COLON || nameEnd === start || skipClass(TOKEN, bytes, start, nameEnd) < nameEnd) return -1;
    return headerIdAt(bytes, this.text, start, nameEnd);
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
const NONE = ID_UNKNOWN;
const WATCHED = WATCHED_IDS;
const VALUE = 3;
const VALUE_END = 4;
const ROW = 5;
