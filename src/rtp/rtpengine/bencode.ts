/**
 * Bencoding, as far as rtpengine's NG protocol uses it: byte strings (read as Latin-1 text), integers, lists,
 * dictionaries.
 *
 *     4:spam   i42e   l4:spami42ee   d3:cow3:mooe
 */
export type Bencoded = string | number | readonly Bencoded[] | { readonly [key: string]: Bencoded };

export type BencodedMap = { readonly [key: string]: Bencoded };

/** Deepest nesting read; a query's answer has about eight levels. */
const MAX_DEPTH = 32;

/** Encodes a value; keys go in the order of their bytes, as the format asks. */
export function encodeBencode(value: Bencoded): string {
  if (typeof value === 'string') return `${Buffer.byteLength(value, 'latin1')}:${value}`;
  if (typeof value === 'number') return `i${Math.trunc(value)}e`;
  if (isList(value)) return `l${value.map(encodeBencode).join('')}e`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `d${entries.map(([key, item]) => encodeBencode(key) + encodeBencode(item)).join('')}e`;
}

const isList = (value: Bencoded): value is readonly Bencoded[] => Array.isArray(value);

/** A member that is a dictionary; empty where it is missing or something else. */
export function mapOf(value: Bencoded | undefined): BencodedMap {
  return typeof value === 'object' && !isList(value) ? value : {};
}

export function listOf(value: Bencoded | undefined): readonly Bencoded[] {
  return value !== undefined && isList(value) ? value : [];
}

export function numberOf(value: Bencoded | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

export function textOf(value: Bencoded | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Decodes one value; undefined where the text is not one whole value. */
export function decodeBencode(text: string): Bencoded | undefined {
  const reader = new Reader(text);
  const value = reader.value(0);
  return reader.atEnd ? value : undefined;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at === this.#text.length;
  }

  value(depth: number): Bencoded | undefined {
    if (depth > MAX_DEPTH) return undefined;
    const kind = this.#text[this.#at];
    if (kind === 'i') return this.#integer();
    if (kind === 'l') return this.#list(depth);
    return kind === 'd' ? this.#map(depth) : this.#string();
  }

  #integer(): number | undefined {
    const digits = this.#until('e', 1);
    return digits !== undefined && /^-?\d{1,16}$/.test(digits) ? Number(digits) : undefined;
  }

  #string(): string | undefined {
    const digits = this.#until(':', 0);
    if (digits === undefined || !/^\d{1,6}$/.test(digits)) return undefined;
    const end = this.#at + Number(digits);
    if (end > this.#text.length) return undefined;
    const value = this.#text.slice(this.#at, end);
    this.#at = end;
    return value;
  }

  #list(depth: number): readonly Bencoded[] | undefined {
    const items: Bencoded[] = [];
    this.#at++;
    while (!this.#closes()) {
      const item = this.value(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }

  #map(depth: number): BencodedMap | undefined {
    const entries: [string, Bencoded][] = [];
    this.#at++;
    while (!this.#closes()) {
      const key = this.#string();
      const item = key === undefined ? undefined : this.value(depth + 1);
      if (item === undefined) return undefined;
      entries.push([key!, item]);
    }
    // fromEntries defines members, so that a key such as __proto__ is one like any other.
    return Object.fromEntries(entries);
  }

  #closes(): boolean {
    if (this.#text[this.#at] !== 'e') return false;
    this.#at++;
    return true;
  }

  /** Text up to `end`, beginning `skip` further on; goes past it. */
  #until(end: string, skip: number): string | undefined {
    const stop = this.#text.indexOf(end, this.#at + skip);
    // No number is longer; looking further would read the whole datagram again and again.
    if (stop < 0 || stop - this.#at > 20) return undefined;
    const text = this.#text.slice(this.#at + skip, stop);
    this.#at = stop + 1;
    return text;
  }
}
