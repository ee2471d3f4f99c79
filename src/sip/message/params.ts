import { PARAM_NAME, skipBlanks, skipQuoted, VALUE_END } from './chars.js';
import { SipSyntaxError } from './errors.js';
import { unquote } from './lists.js';
import { bytesOf } from './wire-bytes.js';
import { lineSafe } from './wire-text.js';

const DQUOTE = 0x22;
const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const nameCharacter = PARAM_NAME;
const endsValue = VALUE_END;

/** More parameters than any known use; bounds the work a hostile value can cause. */
const MAX_PARAMS = 64;

/**
 * Parameters of a header field or URI, `;name=value;flag`, in order (RFC 3261 §7.3.1, generic-param §25.1).
 * Names are compared without regard to case and may not repeat. Values are kept as they came: a quoted-string with
 * its quotes (see `getUnquoted`), escapes unresolved. An empty value (`;rport=`) is accepted: phones in use send it.
 */
export class Params {
  /** name, value, name, value, …; a flag has the value undefined. */
  protected list: (string | undefined)[] | undefined = undefined;

  /** Value of a parameter; '' for a flag; undefined when absent. */
  get(name: string): string | undefined {
    const at = this.find(name);
    return at < 0 ? undefined : (this.list![at + 1] ?? '');
  }

  /** Value with a quoted-string's quotes and escapes resolved. */
  getUnquoted(name: string): string | undefined {
    const value = this.get(name);
    return value === undefined ? undefined : unquote(value);
  }

  has(name: string): boolean {
    return this.find(name) >= 0;
  }

  /** Sets a parameter in place, or appends it; without a value it becomes a flag. */
  set(name: string, value?: string): void {
    const at = this.find(name);
    const safe = value === undefined ? undefined : lineSafe(value);
    if (at >= 0) this.list![at + 1] = safe;
    else {
      this.list ??= [];
      this.list.push(name, safe);
    }
  }

  delete(name: string): void {
    const at = this.find(name);
    if (at >= 0) this.list!.splice(at, 2);
  }

  get size(): number {
    return this.list === undefined ? 0 : this.list.length >> 1;
  }

  /** Every parameter in order: [name in lower case, value or '' for a flag]. */
  *entries(): IterableIterator<[name: string, value: string]> {
    const list = this.list ?? [];
    for (let at = 0; at < list.length; at += 2) yield [list[at]!.toLowerCase(), list[at + 1] ?? ''];
  }

  /** `;a=b;c`, names as they came; '' when there are none. */
  toString(): string {
    if (this.list === undefined) return '';
    let text = '';
    for (let at = 0; at < this.list.length; at += 2) {
      const value = this.list[at + 1];
      text += value === undefined ? `;${this.list[at]}` : `;${this.list[at]}=${value}`;
    }
    return text;
  }

  /**
   * Reads `;name=value;flag…`, blanks allowed around `;` and `=`.
   * @throws SipSyntaxError on an empty or repeated parameter, a stray character or an open quote
   */
  static parse(text: string): Params {
    const params = new Params();
    params.readAll(text);
    return params;
  }

  /** Reads a whole text into these parameters. */
  protected readAll(text: string): void {
    const bytes = bytesOf(text);
    const start = skipBlanks(bytes, 0, text.length);
    if (this.read(bytes, text, start, text.length) < text.length)
      throw new SipSyntaxError('parameters: stray character');
  }

  /**
   * Reads from `at`, which must be `end`, a semicolon or a comma, into these parameters.
   * @returns `end`, or the position of a comma before it
   */
  read(bytes: Uint8Array, text: string, at: number, end: number): number {
    while (at < end && bytes[at] !== COMMA) {
      if (bytes[at] !== SEMICOLON) throw new SipSyntaxError('parameters: stray character');
      const nameStart = skipBlanks(bytes, at + 1, end);
      at = nameStart;
      while (at < end && nameCharacter[bytes[at]!] === 1) at++;
      if (at === nameStart) throw new SipSyntaxError('parameters: empty parameter');
      const name = text.slice(nameStart, at);
      at = skipBlanks(bytes, at, end);
      if (at < end && bytes[at] === EQUALS) {
        const valueStart = skipBlanks(bytes, at + 1, end);
        at = endOfValue(bytes, valueStart, end);
        this.add(name, text.slice(valueStart, at));
        at = skipBlanks(bytes, at, end);
      } else this.add(name, undefined);
    }
    return at;
  }

  /** Position of the name in the list, or -1. */
  protected find(name: string): number {
    const list = this.list;
    if (list === undefined) return -1;
    for (let at = 0; at < list.length; at += 2) if (isSameName(list[at]!, name)) return at;
    return -1;
  }

  private add(name: string, value: string | undefined): void {
    if (this.list === undefined) {
      this.list = [name, value];
      return;
    }
    if (this.find(name) >= 0) throw new SipSyntaxError('parameters: repeated parameter');
    if (this.list.length >= 2 * MAX_PARAMS) throw new SipSyntaxError('parameters: too many');
    this.list.push(name, value);
  }
}

const isSameName = (a: string, b: string): boolean =>
  a.length === b.length && (a === b || a.toLowerCase() === b.toLowerCase());

function endOfValue(bytes: Uint8Array, start: number, end: number): number {
  if (start < end && bytes[start] === DQUOTE) {
    const after = skipQuoted(bytes, start, end);
    if (after < 0) throw new SipSyntaxError('parameters: quoted string does not close');
    return after;
  }
  let at = start;
  while (at < end && endsValue[bytes[at]!] === 0) at++;
  return at;
}
