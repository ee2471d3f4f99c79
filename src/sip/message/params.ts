import { PARAM_NAME, PARAM_VALUE, skipBlanks, skipClass, skipQuoted } from './chars.js';
import { SipSyntaxError } from './errors.js';
import { unquote } from './lists.js';
import { bytesOf } from './wire-bytes.js';
import { lineSafe } from './wire-text.js';

const SP = 0x20;
const DQUOTE = 0x22;
const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;

/** More parameters than any known use; bounds the work a hostile value can cause. */
const MAX_PARAMS = 64;

/** One parameter in the chain. */
class Param {
  /** As it came. */
  readonly name: string;
  /** What names are compared by, but for case. */
  readonly key: string;
  /** Undefined for a flag. */
  value: string | undefined;
  next: Param | undefined = undefined;

  constructor(name: string, key: string, value: string | undefined) {
    this.name = name;
    this.key = key;
    this.value = value;
  }
}

/**
 * Parameters of a header field or URI, `;name=value;flag`, in order (RFC 3261 §7.3.1, generic-param §25.1).
 * Names are compared without regard to case and may not repeat. Values are kept as they came: a quoted-string with
 * its quotes (see `getUnquoted`), escapes unresolved. An empty value (`;rport=`) is accepted: phones in use send it.
 */
export class Params {
  /** A chain, since most have none to three. */
  private first: Param | undefined = undefined;

  /** Value of a parameter; '' for a flag; undefined when absent. */
  get(name: string): string | undefined {
    const param = this.find(name);
    return param === undefined ? undefined : (param.value ?? '');
  }

  /** Value with a quoted-string's quotes and escapes resolved. */
  getUnquoted(name: string): string | undefined {
    const value = this.get(name);
    return value === undefined ? undefined : unquote(value);
  }

  has(name: string): boolean {
    return this.find(name) !== undefined;
  }

  /** Sets a parameter in place, or appends it; without a value it becomes a flag. */
  set(name: string, value?: string): void {
    const safe = value === undefined ? undefined : lineSafe(value);
    const param = this.find(name);
    if (param !== undefined) {
      param.value = safe;
      return;
    }
    const added = new Param(lineSafe(name), this.readable(lineSafe(name)), safe);
    if (this.first === undefined) this.first = added;
    else this.appendNew(added, this.first);
  }

  delete(name: string): void {
    const gone = this.find(name);
    if (gone === undefined) return;
    if (gone === this.first) this.first = gone.next;
    for (let param = this.first; param !== undefined; param = param.next) {
      if (param.next === gone) param.next = gone.next;
    }
  }

  get size(): number {
    let count = 0;
    for (let param = this.first; param !== undefined; param = param.next) count++;
    return count;
  }

  /** Every parameter in order: [name in lower case, value or '' for a flag]. */
  *entries(): IterableIterator<[name: string, value: string]> {
    for (let param = this.first; param !== undefined; param = param.next) {
      yield [param.key.toLowerCase(), this.readable(param.value ?? '')];
    }
  }

  /** `;a=b;c`, names as they came; '' when there are none. */
  toString(): string {
    let text = '';
    for (let param = this.first; param !== undefined; param = param.next) {
      text += param.value === undefined ? `;${param.name}` : `;${param.name}=${param.value}`;
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
   * Reads from `start`, which must be `end`, a semicolon or a comma, and appends to these parameters.
   * @returns `end`, or the position of a comma before it
   */
  read(bytes: Uint8Array, text: string, start: number, end: number): number {
    let at = start;
    let last = this.first;
    for (let count = 1; at < end && bytes[at] !== COMMA; count++) {
      if (bytes[at] !== SEMICOLON) throw new SipSyntaxError('parameters: stray character');
      const nameStart = isBlankAt(bytes, at + 1, end) ? skipBlanks(bytes, at + 1, end) : at + 1;
      at = skipClass(PARAM_NAME, bytes, nameStart, end);
      if (at === nameStart) throw new SipSyntaxError('parameters: empty parameter');
      const name = text.slice(nameStart, at);
      if (isBlankAt(bytes, at, end)) at = skipBlanks(bytes, at, end);
      let value: string | undefined;
      if (at < end && bytes[at] === EQUALS) {
        const valueStart = isBlankAt(bytes, at + 1, end) ? skipBlanks(bytes, at + 1, end) : at + 1;
        at = endOfValue(bytes, valueStart, end);
        value = text.slice(valueStart, at);
        if (isBlankAt(bytes, at, end)) at = skipBlanks(bytes, at, end);
      }
      if (count > MAX_PARAMS) throw new SipSyntaxError('parameters: too many');
      const param = new Param(name, this.readable(name), value);
      if (last === undefined) this.first = param;
      else this.appendNew(param, last);
      last = param;
    }
    return at;
  }

  /** What a name or value in its written form stands for. */
  protected readable(text: string): string {
    return text;
  }

  /** Appends a parameter whose name is not there yet, looking for the end from one that is. */
  private appendNew(param: Param, after: Param): void {
    if (this.find(param.name) !== undefined) throw new SipSyntaxError('parameters: repeated parameter');
    let last = after;
    while (last.next !== undefined) last = last.next;
    last.next = param;
  }

  private find(name: string): Param | undefined {
    const key = this.readable(name);
    for (let param = this.first; param !== undefined; param = param.next) if (isSameName(param.key, key)) return param;
    return undefined;
  }
}

const isSameName = (a: string, b: string): boolean =>
  a === b || (a.length === b.length && a.toLowerCase() === b.toLowerCase());

/** Blanks are rare: asking first is cheaper than a call that skips none. */
const isBlankAt = (bytes: Uint8Array, at: number, end: number): boolean => at < end && bytes[at]! <= SP;

function endOfValue(bytes: Uint8Array, start: number, end: number): number {
  if (start < end && bytes[start] === DQUOTE) {
    const after = skipQuoted(bytes, start, end);
    if (after < 0) throw new SipSyntaxError('parameters: quoted string does not close');
    return after;
  }
  return skipClass(PARAM_VALUE, bytes, start, end);
}
