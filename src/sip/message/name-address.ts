import {
  BACKSLASH,
  COMMA,
  DQUOTE,
  hasStrayInUri,
  isBlank,
  QUESTION,
  SEMICOLON,
  skipBlanks,
  TOKEN,
  trimEnd,
} from './chars.js';
import { SipSyntaxError } from './errors.js';
import { quote, skipQuoted, unquote } from './lists.js';
import { Params } from './params.js';
import { SipUri, schemeEnd } from './uri.js';
import { lineSafe } from './wire-text.js';

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
    const start = skipBlanks(text, 0, text.length);
    const end = trimEnd(text, start, text.length);
    if (text.charCodeAt(start) === DQUOTE) return quotedName(text, start, end);
    const open = text.indexOf('<', start);
    return open < 0 ? bareAddress(text, start, end) : bracketed(plainName(text, start, open), text, open, end);
  }

  /** Always in brackets; the display name quoted unless it is a plain token sequence. */
  toString(): string {
    const display = this.displayName === '' ? '' : `${quotedWhereNeeded(lineSafe(this.displayName))} `;
    return `${display}<${this.uri}>${this.params.toString()}`;
  }
}

function quotedName(text: string, start: number, end: number): NameAddress {
  const after = skipQuoted(text, start, end);
  if (after < 0) throw new SipSyntaxError('address: quoted display name does not close');
  const open = skipBlanks(text, after, end);
  if (text[open] !== '<') throw new SipSyntaxError('address: display name without address');
  return bracketed(unquote(text.slice(start, after)), text, open, end);
}

/** Tokens by the grammar (§25.1); what cannot be confused with a delimiter is accepted beside them. */
function plainName(text: string, start: number, open: number): string {
  const end = trimEnd(text, start, open);
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (TOKEN[code] === 1 || isBlank(code)) continue;
    if (code === COMMA || code === DQUOTE || code === SEMICOLON || code === BACKSLASH) {
      throw new SipSyntaxError('address: display name needs quotes');
    }
  }
  return text.slice(start, end);
}

function bracketed(displayName: string, text: string, open: number, end: number): NameAddress {
  const close = text.indexOf('>', open);
  if (close < 0 || close >= end) throw new SipSyntaxError('address: bracket does not close');
  const uri = checkedUri(text.slice(open + 1, close));
  return new NameAddress(displayName, uri, paramsFrom(text, skipBlanks(text, close + 1, end), end));
}

function bareAddress(text: string, start: number, end: number): NameAddress {
  let at = start;
  for (; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === SEMICOLON || isBlank(code)) break;
    if (code === COMMA || code === QUESTION) throw new SipSyntaxError('address: uri needs angle brackets');
  }
  const uri = checkedUri(text.slice(start, at));
  return new NameAddress('', uri, paramsFrom(text, skipBlanks(text, at, end), end));
}

function checkedUri(uri: string): string {
  if (hasStrayInUri(uri)) throw new SipSyntaxError('address: stray character in uri');
  schemeEnd(uri);
  return uri;
}

function paramsFrom(text: string, at: number, end: number): Params {
  const params = new Params();
  if (at < end) params.read(end === text.length ? text : text.slice(0, end), at);
  return params;
}

const TOKEN_SEQUENCE = /^[A-Za-z0-9\-.!%*_+`'~]+(?: [A-Za-z0-9\-.!%*_+`'~]+)*$/;

const quotedWhereNeeded = (name: string): string => (TOKEN_SEQUENCE.test(name) ? name : quote(name));
