import { headerId, ID_UNKNOWN, KNOWN_NAMES } from './header-names.js';
import { splitCommas, unfold } from './lists.js';
import type { WireLayout } from './wire-layout.js';
import { lineSafe } from './wire-text.js';

/**
 * One header field row: a stretch of the received text, or name and value set by us.
 *
 *     "Max-Forwards : 70 \r\n"
 *      │             │ │    └ end
 *      start         │ valueEnd
 *                    valueStart
 */
export class HeaderField {
  /** Identity in KNOWN_NAMES; ID_UNKNOWN for every other name. */
  readonly id: number;
  /** Offset of the row in the received text; -1 for a row that was not received. */
  readonly start: number;
  /** Offset after its line end. */
  readonly end: number;
  readonly valueStart: number;
  readonly valueEnd: number;
  readonly folded: boolean;
  /** Value, once it was read; unfolded and trimmed. */
  value: string | undefined;
  /** Name as it came, once it was read; only for unknown names. */
  name: string | undefined;

  constructor(id: number, start: number, end: number, valueStart: number, valueEnd: number, folded: boolean) {
    this.id = id;
    this.start = start;
    this.end = end;
    this.valueStart = valueStart;
    this.valueEnd = valueEnd;
    this.folded = folded;
    this.value = undefined;
    this.name = undefined;
  }
}

/**
 * The header fields of a message, in order (RFC 3261 §7.3). Names are resolved ignoring case and compact forms. Rows
 * that came from the wire stay stretches of its text until they are read, and are written as they came.
 */
export class Headers {
  private readonly text: string;
  private readonly fields: HeaderField[];
  private changes = 0;

  /** @param text received text that the fields' offsets refer to */
  constructor(text = '', fields: HeaderField[] = []) {
    this.text = text;
    this.fields = fields;
  }

  /** Grows with every change; views cached beside the headers compare it. */
  get revision(): number {
    return this.changes;
  }

  get count(): number {
    return this.fields.length;
  }

  /** First value of that name, unfolded and trimmed. */
  get(name: string): string | undefined {
    const at = this.indexOf(name, 0);
    return at < 0 ? undefined : this.valueOf(this.fields[at]!);
  }

  /** Value of every row of that name, not split. */
  all(name: string): string[] {
    const values: string[] = [];
    for (let at = this.indexOf(name, 0); at >= 0; at = this.indexOf(name, at + 1)) {
      values.push(this.valueOf(this.fields[at]!));
    }
    return values;
  }

  /** Every non-empty element of every row of that name, split at commas outside quotes and brackets. */
  list(name: string): string[] {
    const elements: string[] = [];
    for (const value of this.all(name)) {
      for (const element of splitCommas(value)) if (element !== '') elements.push(element);
    }
    return elements;
  }

  has(name: string): boolean {
    return this.indexOf(name, 0) >= 0;
  }

  /** Replaces all rows of that name by one, in place of the first; appends where there is none. */
  set(name: string, value: string): void {
    const at = this.indexOf(name, 0);
    if (at < 0) {
      this.append(name, value);
      return;
    }
    for (let extra = this.indexOf(name, at + 1); extra >= 0; extra = this.indexOf(name, extra)) {
      this.fields.splice(extra, 1);
    }
    this.fields[at] = ownField(name, value);
    this.changes++;
  }

  append(name: string, value: string): void {
    this.fields.push(ownField(name, value));
    this.changes++;
  }

  /** Puts a row before the first row of that name, or before all others where there is none. */
  prepend(name: string, value: string): void {
    this.fields.splice(Math.max(0, this.indexOf(name, 0)), 0, ownField(name, value));
    this.changes++;
  }

  /** Removes every row of that name. */
  remove(name: string): void {
    for (let at = this.indexOf(name, 0); at >= 0; at = this.indexOf(name, at)) {
      this.fields.splice(at, 1);
      this.changes++;
    }
  }

  /** Every row in order, under its long name; names not known as they came. */
  *entries(): IterableIterator<[name: string, value: string]> {
    for (const field of this.fields) yield [this.nameOf(field), this.valueOf(field)];
  }

  /** The rows as they go on the wire, each with its line end. */
  toWire(): string {
    let wire = '';
    for (const field of this.fields)
      wire += field.start >= 0 ? this.text.slice(field.start, field.end) : this.ownRow(field);
    return wire;
  }

  /** Lays out the rows for writing: received ones as stretches of the received bytes. */
  layOut(layout: WireLayout): void {
    for (const field of this.fields) {
      if (field.start >= 0) layout.addReceived(field.start, field.end);
      else layout.addText(this.ownRow(field));
    }
  }

  private ownRow(field: HeaderField): string {
    return `${this.nameOf(field)}: ${field.value}\r\n`;
  }

  /** Value of a row, cut out of the text when first asked for. */
  valueOf(field: HeaderField): string {
    if (field.value === undefined) {
      const raw = this.text.slice(field.valueStart, field.valueEnd);
      field.value = field.folded ? unfold(raw) : raw;
    }
    return field.value;
  }

  private nameOf(field: HeaderField): string {
    if (field.id !== ID_UNKNOWN) return KNOWN_NAMES[field.id]!;
    field.name ??= receivedName(this.text, field.start);
    return field.name;
  }

  private indexOf(name: string, from: number): number {
    const id = headerId(name);
    return id === ID_UNKNOWN ? this.indexOfUnknown(name.toLowerCase(), from) : this.indexOfKnown(id, from);
  }

  private indexOfKnown(id: number, from: number): number {
    const fields = this.fields;
    for (let at = from; at < fields.length; at++) if (fields[at]!.id === id) return at;
    return -1;
  }

  private indexOfUnknown(lowerName: string, from: number): number {
    for (let at = from; at < this.fields.length; at++) {
      const field = this.fields[at]!;
      if (field.id === ID_UNKNOWN && this.nameOf(field).toLowerCase() === lowerName) return at;
    }
    return -1;
  }
}

function ownField(name: string, value: string): HeaderField {
  const id = headerId(name);
  const field = new HeaderField(id, -1, -1, 0, 0, false);
  field.value = lineSafe(value);
  if (id === ID_UNKNOWN) field.name = lineSafe(name);
  return field;
}

function receivedName(text: string, start: number): string {
  return text.slice(start, text.indexOf(':', start)).trimEnd();
}
