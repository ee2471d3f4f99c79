import { SCHEME, skipClass, URI } from './chars.js';
import { SipSyntaxError } from './errors.js';
import { formatHostPort, readHostPort } from './host.js';
import { equalHeaders, equalUriParams, equalUriText } from './uri-equality.js';
import { UriParams, unescapeUri } from './uri-params.js';
import { bytesOf } from './wire-bytes.js';

const COLON = 0x3a;
const SEMICOLON = 0x3b;
const QUESTION = 0x3f;
const AT = 0x40;

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
    return SipUri.read(bytesOf(text), text, 0, text.length);
  }

  /** Reads the URI between two offsets. Throws like parse. */
  static read(bytes: Uint8Array, text: string, start: number, end: number): SipUri {
    const colon = schemeEnd(bytes, start, end);
    const at = findAt(bytes, colon + 1, end);
    const uri = new SipUri(schemeOf(bytes, text, start, colon));
    if (uri.scheme !== 'sip' && uri.scheme !== 'sips') readOpaque(uri, bytes, text, colon + 1, end);
    else if (at < 0) readHostAndRest(uri, bytes, text, colon + 1, end);
    else {
      readUserinfo(uri, bytes, text, colon + 1, at);
      readHostAndRest(uri, bytes, text, at + 1, end);
    }
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
export function schemeEnd(bytes: Uint8Array, start: number, end: number): number {
  const first = start < end ? bytes[start]! | LOWER_CASE_BIT : 0;
  if (first < LOWER_A || first > LOWER_Z) throw new SipSyntaxError('uri: no scheme');
  const at = skipClass(SCHEME, bytes, start + 1, end);
  if (at >= end || bytes[at] !== COLON) throw new SipSyntaxError('uri: no scheme');
  return at;
}

const LOWER_CASE_BIT = 0x20;
const LOWER_A = 0x61;
const LOWER_Z = 0x7a;

function schemeOf(bytes: Uint8Array, text: string, start: number, colon: number): string {
  if (colon - start === 3) {
    const letters = (bytes[start]! << 16) | (bytes[start + 1]! << 8) | bytes[start + 2]! | LOWER_CASE_BITS;
    if (letters === LETTERS_SIP) return 'sip';
  }
  return text.slice(start, colon).toLowerCase();
}

const LOWER_CASE_BITS = 0x202020;
const LETTERS_SIP = 0x736970;

/** Position of the first `@`, or -1; what stands in no URI is refused on the way. */
function findAt(bytes: Uint8Array, start: number, end: number): number {
  const members = URI;
  let found = -1;
  for (let at = start; at < end; at++) {
    const code = bytes[at]!;
    if (members[code] === 0) throw new SipSyntaxError('uri: stray character');
    if (code === AT && found < 0) found = at;
  }
  return found;
}

function readUserinfo(uri: SipUri, bytes: Uint8Array, text: string, start: number, end: number): void {
  let colon = start;
  while (colon < end && bytes[colon] !== COLON) colon++;
  if (colon === start) throw new SipSyntaxError('uri: empty user');
  uri.user = text.slice(start, colon);
  if (colon < end) uri.password = text.slice(colon + 1, end);
}

function readHostAndRest(uri: SipUri, bytes: Uint8Array, text: string, start: number, end: number): void {
  const sentTo = readHostPort(bytes, text, start, end);
  uri.host = sentTo.host;
  uri.port = sentTo.port;
  if (sentTo.end === end) return;
  let question = sentTo.end;
  while (question < end && bytes[question] !== QUESTION) question++;
  if (question < end) uri.headers = text.slice(question + 1, end);
  if (sentTo.end === question) return;
  if (uri.params.read(bytes, text, sentTo.end, question) < question) throw new SipSyntaxError('uri: stray character');
}

function readOpaque(uri: SipUri, bytes: Uint8Array, text: string, start: number, end: number): void {
  if (start === end) throw new SipSyntaxError('uri: empty');
  uri.opaque = text.slice(start, end);
  if (uri.scheme !== 'tel') return;
  let at = start;
  while (at < end && bytes[at] !== SEMICOLON) at++;
  uri.user = text.slice(start, at);
  if (uri.params.read(bytes, text, at, end) < end) throw new SipSyntaxError('uri: stray character');
}
