import { type Connection, parseConnection } from './fields.js';

/** One line `type=value` of a description. Lines are never changed, only replaced. */
export interface SdpLine {
  /** One letter. */
  readonly type: string;
  readonly value: string;
}

export const sdpLine = (type: string, value: string): SdpLine => ({ type, value });

/** Order of lines within a section (RFC 8866 §9); letters not listed come last. */
const LINE_ORDER = 'vosiuepcbtrzka';

/** Name of an attribute line's value: what stands before the first colon. */
export function attributeName(value: string): string {
  const colon = value.indexOf(':');
  return colon < 0 ? value : value.slice(0, colon);
}

/** What follows the first colon; '' for a flag. */
export function attributeValue(value: string): string {
  const colon = value.indexOf(':');
  return colon < 0 ? '' : value.slice(colon + 1);
}

/**
 * The lines of the session part or of one media section, in order (RFC 8866 §5). Lines that nobody asks for are kept
 * as they came; attribute names are case-sensitive.
 */
export class Section {
  lines: SdpLine[];

  constructor(lines: SdpLine[]) {
    this.lines = lines;
  }

  /** Value of the first line of a type. */
  first(type: string): string | undefined {
    for (const line of this.lines) if (line.type === type) return line.value;
    return undefined;
  }

  /** Puts a line of a type in place of its first, or where the grammar's order wants it (RFC 8866 §9). */
  set(type: string, value: string): void {
    const line = sdpLine(type, value);
    const at = this.lines.findIndex((other) => other.type === type);
    if (at >= 0) {
      this.lines[at] = line;
      return;
    }
    const rank = LINE_ORDER.indexOf(type);
    const next = this.lines.findIndex((other) => LINE_ORDER.indexOf(other.type) > rank);
    this.lines.splice(next < 0 ? this.lines.length : next, 0, line);
  }

  /** Removes every line of a type. */
  remove(type: string): void {
    this.lines = this.lines.filter((line) => line.type !== type);
  }

  /** The c= line, read. */
  get connection(): Connection | undefined {
    const value = this.first('c');
    return value === undefined ? undefined : parseConnection(value);
  }

  /** Value of the first attribute of that name; '' for a flag; undefined when absent. */
  attribute(name: string): string | undefined {
    for (const line of this.lines) {
      if (line.type === 'a' && attributeName(line.value) === name) return attributeValue(line.value);
    }
    return undefined;
  }

  /** Values of every attribute of that name. */
  attributes(name: string): string[] {
    const values: string[] = [];
    for (const line of this.lines) {
      if (line.type === 'a' && attributeName(line.value) === name) values.push(attributeValue(line.value));
    }
    return values;
  }

  has(name: string): boolean {
    return this.attribute(name) !== undefined;
  }

  /** Appends an attribute line; without a value a flag. */
  addAttribute(name: string, value?: string): void {
    this.lines.push(sdpLine('a', value === undefined ? name : `${name}:${value}`));
  }

  /** Removes every attribute of these names. */
  removeAttributes(...names: string[]): void {
    this.lines = this.lines.filter((line) => line.type !== 'a' || !names.includes(attributeName(line.value)));
  }
}
