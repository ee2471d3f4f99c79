import { skipBlanks, skipClass, skipQuoted, trimEnd, URI } from './chars.js';
import { SipSyntaxError } from './errors.js';
import { quote, unquote } from './lists.js';
import { Params } from './params.js';
import { SipUri, schemeEnd } from './uri.js';
import { bytesOf } from './wire-bytes.js';
import { lineSafe } from './wire-text.js';

const HT = 0x09;
const SP = 0x20;
const DQUOTE = 0x22;
const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const LESS = 0x3c;
const GREATER = 0x3e;
const QUESTION = 0x3f;
const BACKSLASH = 0x5c;

/**
 * name-addr / addr-spec with parameters: From, To, Contact, Route, P-Asserted-Identity … (RFC 3261 §20.10, §25.1).
 *
 *     "Alice" <sip:alice@example.com;lr>;tag=88sja8x
 *     display  uri                      params
 *
 * Without angle brackets, parameters belong to the header field, and the URI holds no comma or question mark (§20).
 * Changing a view does not change the message it came from; write it back with `headers.set`.
 */
export class NameAddress {
  /** Unquoted wire text; '' when there is none. */
  displayName: string;
  /** As it came, without brackets. */
  uri: string;
  params: Params;
  private parsedUri: SipUri | undefined = undefined;
  private parsedFrom = '';

  constructor(displayName: string, uri: string, params: Params = new Params()) {
    this.displayName = displayName;
    this.uri = uri;
    this.params = params;
  }

  /** The URI, parsed. Throws SipSyntaxError where it is malformed. */
  get sipUri(): SipUri {
    if (this.parsedUri === undefined || this.parsedFrom !== this.uri) {
      this.parsedUri = SipUri.parse(this.uri);
      this.parsedFrom = this.uri;
    }
    return this.parsedUri;
  }

  get tag(): string | undefined {
    return this.params.get('tag');
  }

  /**
   * Reads one element; the URI may be of any scheme and is checked as far as its scheme.
   * @throws SipSyntaxError on open quotes or brackets, blanks inside brackets, an unquoted comma, bad parameters
   */
  static parse(text: string): NameAddress {
    const bytes = bytesOf(text);
    const start = skipBlanks(bytes, 0, text.length);
    return NameAddress.read(bytes, text, start, trimEnd(bytes, start, text.length));
  }

  /** Reads one element, trimmed, between two offsets. Throws like parse. */
  static read(bytes: Uint8Array, text: string, start: number, end: number): NameAddress {
    if (start < end && bytes[start] === DQUOTE) return readQuotedName(bytes, text, start, end);
    const open = findOpenBracket(bytes, start, end);
    if (open < 0) return readBareAddress(bytes, text, start, end);
    return readBracketed(text.slice(start, trimEnd(bytes, start, open)), bytes, text, open, end);
  }

  /** Always in brackets; the display name quoted unless it is a plain token sequence. */
  toString(): string {
    const display = this.displayName === '' ? '' : `${quotedWhereNeeded(lineSafe(this.displayName))} `;
    return `${display}<${this.uri}>${this.params.toString()}`;
  }
}

function readQuotedName(bytes: Uint8Array, text: string, start: number, end: number): NameAddress {
  const after = skipQuoted(bytes, start, end);
  if (after < 0) throw new SipSyntaxError('address: quoted display name does not close');
  const open = skipBlanks(bytes, after, end);
  if (open >= end || bytes[open] !== LESS) throw new SipSyntaxError('address: display name without address');
  return readBracketed(unquote(text.slice(start, after)), bytes, text, open, end);
}

/**
 * Position of the opening bracket, or -1 for an address without brackets. A display name is a sequence of tokens by
 * the grammar (§25.1); what cannot be confused with a delimiter is accepted beside them.
 */
function findOpenBracket(bytes: Uint8Array, start: number, end: number): number {
  let comma = -1;
  for (let at = start; at < end; at++) {
    const code = bytes[at]!;
    if (code === LESS) {
      if (comma >= 0) throw new SipSyntaxError('address: display name needs quotes');
      return at;
    }
    if (code === SEMICOLON) return -1;
    if (code === COMMA || code === DQUOTE || code === BACKSLASH) comma = at;
  }
  return -1;
}

function readBracketed(displayName: string, bytes: Uint8Array, text: string, open: number, end: number): NameAddress {
  const close = skipClass(URI, bytes, open + 1, end);
  if (close >= end || bytes[close] !== GREATER) throw new SipSyntaxError('address: malformed uri in brackets');
  schemeEnd(bytes, open + 1, close);
  const params = new Params();
  const stop = params.read(bytes, text, skipBlanks(bytes, close + 1, end), end);
  if (stop < end) throw new SipSyntaxError('address: more than one element');
  return new NameAddress(displayName, text.slice(open + 1, close), params);
}

function readBareAddress(bytes: Uint8Array, text: string, start: number, end: number): NameAddress {
  let at = start;
  for (; at < end; at++) {
    const code = bytes[at]!;
    if (code === SEMICOLON || code === SP || code === HT) break;
    if (code === COMMA || code === QUESTION || URI[code] === 0) {
      throw new SipSyntaxError('address: uri needs angle brackets');
    }
  }
  schemeEnd(bytes, start, at);
  const params = new Params();
  const stop = params.read(bytes, text, skipBlanks(bytes, at, end), end);
  if (stop < end) throw new SipSyntaxError('address: more than one element');
  return new NameAddress('', text.slice(start, at), params);
}

const TOKEN_SEQUENCE = /^[A-Za-z0-9\-.!%*_+`'~]+(?: [A-Za-z0-9\-.!%*_+`'~]+)*$/;

const quotedWhereNeeded = (name: string): string => (TOKEN_SEQUENCE.test(name) ? name : quote(name));
