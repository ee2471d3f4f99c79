import { headerId, ID_UNKNOWN, KNOWN_NAMES } from './header-names.js';
import { splitCommas, unfold } from './lists.js';
import { lineSafe } from './wire-text.js';

/**
 * The header fields of a message, in order (RFC 3261 §7.3). Names are resolved ignoring case and compact forms.
 *
 * A row is ROW numbers in one array, so that a message of twenty fields is one small allocation. A received row is a
 * stretch of the received text and is written as it came; a row of ours has START −1 and its text beside the array:
 *
 *     "Max-Forwards : 70 \r\n"          ID           identity in KNOWN_NAMES, 0 for other names
 *      │             │ │    └ END       START, END   the whole row, line end included
 *      START         │ VALUE_END        VALUE        offset of the value, or index of a text of ours
 *                    VALUE              VALUE_END    its end, trimmed; complemented (~) and not trimmed
 *                                                   where the row is folded
 */
export class Headers {
  private readonly text: string;
  private readonly rows: number[];
  private readonly own: OwnRow[] = [];
  private changes = 0;

  /** @param text received text that the rows' offsets refer to */
  constructor(text = '', rows: number[] = []) {
    this.text = text;
    this.rows = rows;
  }

  /** Grows with every change; views cached beside the headers compare it. */
  get revision(): number {
    return this.changes;
  }

  /** Number of rows. */
  get count(): number {
    return this.rows.length / ROW;
  }

  /** First value of that name, unfolded and trimmed. */
  get(name: string): string | undefined {
    const row = this.find(name, 0);
    return row < 0 ? undefined : this.valueAt(row);
  }

  /** Value of every row of that name, not split. */
  all(name: string): string[] {
    const values: string[] = [];
    for (let row = this.find(name, 0); row >= 0; row = this.find(name, row + ROW)) values.push(this.valueAt(row));
    return values;
  }

  /** Every non-empty element of every row of that name, split at commas outside quotes and brackets. */
  list(name: string): string[] {
    const elements: string[] = [];
    for (let row = this.find(name, 0); row >= 0; row = this.find(name, row + ROW)) {
      for (const element of splitCommas(this.valueAt(row))) if (element !== '') elements.push(element);
    }
    return elements;
  }

  /**
   * The first name that stands in more than one row, among those that `bitsByName` gave bits to; one pass for all of
   * them.
   */
  firstRepeated(bits: Int32Array): string | undefined {
    let seen = 0;
    for (let row = 0; row < this.rows.length; row += ROW) {
      const bit = bits[this.rows[row]!]!;
      if ((seen & bit) !== 0) return KNOWN_NAMES[this.rows[row]!];
      seen |= bit;
    }
    return undefined;
  }

  has(name: string): boolean {
    return this.find(name, 0) >= 0;
  }

  /** Replaces all rows of that name by one, in place of the first; appends where there is none. */
  set(name: string, value: string): void {
    const first = this.find(name, 0);
    if (first < 0) {
      this.append(name, value);
      return;
    }
    for (let row = this.find(name, first + ROW); row >= 0; row = this.find(name, row)) this.rows.splice(row, ROW);
    this.rows[first + START] = OURS;
    this.rows[first + END] = OURS;
    this.rows[first + VALUE] = this.addOwn(this.rows[first]!, name, value);
  }

  append(name: string, value: string): void {
    const id = headerId(name);
    this.rows.push(id, OURS, OURS, this.addOwn(id, name, value), 0);
  }

  /** Puts a row before the first row of that name, or before all others where there is none. */
  prepend(name: string, value: string): void {
    const at = Math.max(0, this.find(name, 0));
    const id = headerId(name);
    this.rows.splice(at, 0, id, OURS, OURS, this.addOwn(id, name, value), 0);
  }

  /** Removes every row of that name. */
  remove(name: string): void {
    for (let row = this.find(name, 0); row >= 0; row = this.find(name, row)) {
      this.rows.splice(row, ROW);
      this.changes++;
    }
  }

  /** Every row in order, under its long name; names not known as they came. */
  *entries(): IterableIterator<[name: string, value: string]> {
    for (let row = 0; row < this.rows.length; row += ROW) yield [this.nameAt(row), this.valueAt(row)];
  }

  /** The rows as they go on the wire, each with its line end; received neighbours in one stretch. */
  toWire(): string {
    const { rows, text } = this;
    let wire = '';
    let from = 0;
    let to = 0;
    for (let row = 0; row < rows.length; row += ROW) {
      const start = rows[row + START]!;
      if (start !== to || start < 0) {
        if (to > from) wire += text.slice(from, to);
        from = start;
      }
      to = rows[row + END]!;
      if (start < 0) wire += this.ownLine(row);
    }
    return to > from ? wire + text.slice(from, to) : wire;
  }

  /** Value of the row at that position of the array. */
  valueAt(row: number): string {
    const { rows } = this;
    const value = rows[row + VALUE]!;
    if (rows[row + START]! < 0) return this.own[value]!.value;
    const end = rows[row + VALUE_END]!;
    return end >= 0 ? this.text.slice(value, end) : unfold(this.text.slice(value, ~end));
  }

  private nameAt(row: number): string {
    const id = this.rows[row + ID]!;
    if (id !== ID_UNKNOWN) return KNOWN_NAMES[id]!;
    const start = this.rows[row + START]!;
    if (start < 0) return this.own[this.rows[row + VALUE]!]!.name;
    return this.text.slice(start, this.text.indexOf(':', start)).trimEnd();
  }

  private ownLine(row: number): string {
    return `${this.nameAt(row)}: ${this.valueAt(row)}\r\n`;
  }

  /** Keeps a name and value of ours. @returns its index, which the row holds */
  private addOwn(id: number, name: string, value: string): number {
    this.changes++;
    return this.own.push({ name: id !== ID_UNKNOWN ? name : lineSafe(name), value: lineSafe(value) }) - 1;
  }

  /** Position of the first row of that name at or after a position; -1 where there is none. */
  private find(name: string, from: number): number {
    const id = headerId(name);
    if (id === ID_UNKNOWN) return this.findUnknown(name.toLowerCase(), from);
    const { rows } = this;
    for (let row = from; row < rows.length; row += ROW) if (rows[row] === id) return row;
    return -1;
  }

  private findUnknown(lowerName: string, from: number): number {
    for (let row = from; row < this.rows.length; row += ROW) {
      if (this.rows[row] === ID_UNKNOWN && this.nameAt(row).toLowerCase() === lowerName) return row;
    }
    return -1;
  }
}

interface OwnRow {
  readonly name: string;
  readonly value: string;
}

/** START and END of a row of ours. */
const OURS = -1;
const ID = 0;
const START = 1;
const END = 2;
const VALUE = 3;
const VALUE_END = 4;
const ROW = 5;
