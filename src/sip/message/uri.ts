import { AT, COLON, hasStrayInUri, QUESTION, SCHEME, SEMICOLON } from './chars.js';
import { SipSyntaxError } from './errors.js';
import { formatHostPort, parseHostPort } from './host.js';
import { equalHeaders, equalUriParams, equalUriText } from './uri-equality.js';
import { UriParams, unescapeUri } from './uri-params.js';

/**
 * SIP and SIPS URIs (RFC 3261 §19.1), tel URIs (RFC 3966) and, opaquely, any other absolute URI.
 *
 *     sip:alice:secret@example.com:5060;transport=tcp?Subject=hi
 *     │   user  password host     port params         headers
 *     scheme
 */
export class SipUri {
  /** Lower case. */
  scheme: string;
  /** As it came, escapes unresolved; of a tel URI the number without parameters. */
  user: string | undefined = undefined;
  password: string | undefined = undefined;
  /** Lower case; IPv6 without brackets; '' where the scheme is not sip or sips. */
  host = '';
  port: number | undefined = undefined;
  params: UriParams;
  /** What follows `?`, as it came. */
  headers: string | undefined = undefined;
  /** All that follows the colon of tel: and unknown schemes. */
  opaque = '';

  constructor(scheme: string, params: UriParams = new UriParams()) {
    this.scheme = scheme;
    this.params = params;
  }

  /** True for sip and sips. */
  get isSip(): boolean {
    return this.scheme === 'sip' || this.scheme === 'sips';
  }

  /** The user with escapes resolved, once. */
  get unescapedUser(): string | undefined {
    return this.user === undefined ? undefined : unescapeUri(this.user);
  }

  /**
   * Reads any absolute URI.
   * @throws SipSyntaxError when it has no scheme, or a sip or sips URI does not follow its grammar
   */
  static parse(text: string): SipUri {
    const colon = schemeEnd(text);
    const uri = new SipUri(schemeOf(text, colon));
    if (uri.isSip) readSip(uri, text, colon + 1);
    else readOpaque(uri, text.slice(colon + 1));
    return uri;
  }

  toString(): string {
    if (!this.isSip) return `${this.scheme}:${this.opaque}`;
    const password = this.password === undefined ? '' : `:${this.password}`;
    const userinfo = this.user === undefined ? '' : `${this.user}${password}@`;
    const headers = this.headers === undefined ? '' : `?${this.headers}`;
    return `${this.scheme}:${userinfo}${formatHostPort(this.host, this.port)}${this.params.toString()}${headers}`;
  }

  /** Equivalence of URIs (RFC 3261 §19.1.4); URIs of other schemes compare as text. */
  equals(other: SipUri): boolean {
    if (this.scheme !== other.scheme) return false;
    if (!this.isSip) return this.opaque === other.opaque;
    return (
      equalUriText(this.user, other.user) &&
      equalUriText(this.password, other.password) &&
      this.host === other.host &&
      this.port === other.port &&
      equalUriParams(this.params, other.params) &&
      equalHeaders(this.headers, other.headers)
    );
  }
}

/** Position of the colon that ends the scheme. Throws SipSyntaxError where there is no scheme. */
export function schemeEnd(text: string): number {
  const first = text.charCodeAt(0) | 0x20;
  if (!(first >= 0x61 && first <= 0x7a)) throw new SipSyntaxError('uri: no scheme');
  let at = 1;
  while (at < text.length && SCHEME[text.charCodeAt(at)] === 1) at++;
  if (text.charCodeAt(at) !== COLON) throw new SipSyntaxError('uri: no scheme');
  return at;
}

function schemeOf(text: string, colon: number): string {
  if (colon === 3 && text.startsWith('sip')) return 'sip';
  return text.slice(0, colon).toLowerCase();
}

/** Characters that cannot stand in a userinfo: controls, blanks and the delimiters around URIs. */
const NOT_IN_USERINFO = new Uint8Array(256).fill(1, 0, 0x21);
for (const character of '<>"@\\\u007f') NOT_IN_USERINFO[character.charCodeAt(0)] = 1;

function readSip(uri: SipUri, text: string, start: number): void {
  const at = text.indexOf('@', start);
  if (at >= 0) readUserinfo(uri, text, start, at);
  readHostAndRest(uri, text, at < 0 ? start : at + 1);
}

function readUserinfo(uri: SipUri, text: string, start: number, end: number): void {
  let colon = -1;
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (NOT_IN_USERINFO[code] === 1) throw new SipSyntaxError('uri: stray character in user');
    if (code === COLON && colon < 0) colon = at;
  }
  if (colon >= 0) uri.password = text.slice(colon + 1, end);
  uri.user = text.slice(start, colon < 0 ? end : colon);
  if (uri.user === '') throw new SipSyntaxError('uri: empty user');
}

function readHostAndRest(uri: SipUri, text: string, start: number): void {
  let at = start;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === SEMICOLON || code === QUESTION) break;
    if (code === AT) throw new SipSyntaxError('uri: stray character in host');
  }
  const { host, port } = parseHostPort(text.slice(start, at));
  uri.host = host;
  uri.port = port;
  if (at === text.length) return;
  const question = text.indexOf('?', at);
  if (question >= 0) uri.headers = checkedHeaders(text.slice(question + 1));
  uri.params.read(question < 0 ? text : text.slice(0, question), at);
}

function checkedHeaders(text: string): string {
  if (hasStrayInUri(text)) throw new SipSyntaxError('uri: stray character in headers');
  return text;
}

function readOpaque(uri: SipUri, rest: string): void {
  if (rest === '' || hasStrayInUri(rest)) throw new SipSyntaxError('uri: empty or malformed');
  uri.opaque = rest;
  if (uri.scheme !== 'tel') return;
  const semicolon = rest.indexOf(';');
  uri.user = semicolon < 0 ? rest : rest.slice(0, semicolon);
  if (semicolon >= 0) uri.params.read(rest, semicolon);
}
