import { timingSafeEqual } from 'node:crypto';
import type { Counters } from '../../core/index.js';
import { decodeUtf8, encodeUtf8, quote, type SipRequest, SipSyntaxError, SipUri } from '../message/index.js';
import type { HeaderRow } from '../signaling.js';
import { parseAuthParams } from './auth-params.js';
import type { Bans } from './bans.js';
import { type Algorithm, computeHa1, computeResponse, HASHES, type HashName, parseAlgorithm } from './digest.js';
import type { Nonces } from './nonces.js';

/**
 * The side that asks for credentials (RFC 3261 §22, RFC 7616, RFC 8760).
 *
 *     banned? ─► credentials of our realm? ─► nonce of this source? ─► digest right? ─► nonce fresh? ─► count rising? ─► valid
 *     banned     none                         stale                    invalid          stale           replayed
 *
 * Without a nonce that was sent to this source nothing is judged: a guess is then worth nothing to who makes it, and who
 * forges a source cannot have it banned. The digest is judged before the nonce's age, so that only who knows the password
 * learns that it was merely old.
 * Known and unknown users take the same path: an unknown one is compared with the digest of a password nobody has.
 */

export type DigestOutcome =
  | { readonly state: 'none' }
  | { readonly state: 'valid'; readonly username: string }
  | { readonly state: 'stale' | 'invalid' | 'replayed' }
  | { readonly state: 'banned' };

/** HA1 = H(user:realm:password) of one user, for each algorithm it can log in with. */
export type StoredDigests = Readonly<Partial<Record<HashName, string>>>;

export interface VerifierParts {
  readonly nonces: Nonces;
  readonly bans: Bans;
  readonly counters: Counters;
  /** Offered algorithms, most wanted first (RFC 8760 §2.1). */
  readonly algorithms: readonly HashName[];
  /** Makes the password that unknown users are compared with; any secret text. */
  readonly dummySecret: string;
}

export interface VerifyOrder {
  readonly request: SipRequest;
  /** Source address of the request. */
  readonly source: string;
  /** Protection space, plain text. */
  readonly realm: string;
  /** `proxy` for 407 and Proxy-Authorization. */
  readonly role: 'server' | 'proxy';
  /** What is stored for a user name (plain text); undefined for unknown users. */
  readonly lookup: (username: string) => StoredDigests | undefined;
}

interface Given {
  readonly username: string;
  readonly uri: string;
  readonly nonce: string;
  readonly response: string;
  readonly nc: string;
  readonly cnonce: string;
  readonly qop: string;
  readonly algorithm: Algorithm;
}

export class DigestVerifier {
  readonly #parts: VerifierParts;

  constructor(parts: VerifierParts) {
    this.#parts = parts;
  }

  /** Judges the credentials of a request. A failed log-in counts towards a ban; ACK and CANCEL are never to be judged. */
  verify(order: VerifyOrder): DigestOutcome {
    const { bans, counters } = this.#parts;
    const outcome = bans.isBanned(order.source) ? ({ state: 'banned' } as const) : this.#judge(order);
    counters.add('sip_digest', outcome.state);
    if (outcome.state === 'invalid' && bans.fail(order.source)) counters.add('sip_bans');
    return outcome;
  }

  /** Challenge rows for a 401 or 407: one for each algorithm, most wanted first, all with one nonce. */
  challenge(source: string, realm: string, role: 'server' | 'proxy', stale: boolean): HeaderRow[] {
    const wireRealm = encodeUtf8(realm);
    const nonce = this.#parts.nonces.make(source, wireRealm);
    const name = role === 'server' ? 'WWW-Authenticate' : 'Proxy-Authenticate';
    const staleText = stale ? ', stale=true' : '';
    return this.#parts.algorithms.map((algorithm): HeaderRow => {
      return [
        name,
        `Digest realm=${quote(wireRealm)}, nonce="${nonce}", algorithm=${algorithm}, qop="auth"${staleText}`,
      ];
    });
  }

  #judge(order: VerifyOrder): DigestOutcome {
    const realm = encodeUtf8(order.realm);
    const values = credentialsFor(order, realm);
    if (!values) return { state: 'none' };
    const nonce = this.#parts.nonces.judge(values.get('nonce') ?? '', order.source, realm);
    if (nonce === 'foreign') return { state: 'stale' };
    const given = givenBy(values, this.#parts.algorithms);
    if (!given || !meansSame(given.uri, order.request)) return { state: 'invalid' };
    const username = decodeUtf8(given.username);
    if (!this.#digestRight(given, order, realm, order.lookup(username))) return { state: 'invalid' };
    if (nonce === 'stale') return { state: 'stale' };
    if (!this.#parts.nonces.count(given.nonce, Number.parseInt(given.nc, 16))) return { state: 'replayed' };
    return { state: 'valid', username };
  }

  #digestRight(given: Given, order: VerifyOrder, realm: string, stored: StoredDigests | undefined): boolean {
    const { algorithm } = given;
    const dummy = computeHa1(algorithm.hash, 'nobody', realm, this.#parts.dummySecret);
    const known = stored?.[algorithm.hash];
    const expected = computeResponse({ ...given, ha1: known ?? dummy, method: order.request.method });
    const right = equalText(given.response.toLowerCase(), expected);
    return right && known !== undefined;
  }
}

/** Parameters of the Digest credentials for our realm. */
function credentialsFor(order: VerifyOrder, realm: string): ReadonlyMap<string, string> | undefined {
  const name = order.role === 'server' ? 'Authorization' : 'Proxy-Authorization';
  for (const value of order.request.headers.all(name)) {
    const parsed = parseAuthParams(value);
    if (parsed?.scheme === 'digest' && parsed.values.get('realm') === realm) return parsed.values;
  }
  return undefined;
}

/** All that a judgement needs, well-formed; we always ask for qop=auth, so it must be there (RFC 7616 §3.4). */
function givenBy(values: ReadonlyMap<string, string>, offered: readonly HashName[]): Given | undefined {
  const algorithm = parseAlgorithm(values.get('algorithm'));
  const username = values.get('username');
  const uri = values.get('uri');
  const nonce = values.get('nonce');
  const response = values.get('response');
  const nc = values.get('nc');
  const cnonce = values.get('cnonce');
  if (!algorithm || !offered.includes(algorithm.hash) || values.get('qop')?.toLowerCase() !== 'auth') return undefined;
  if (username === undefined || uri === undefined || nonce === undefined || response === undefined) return undefined;
  if (cnonce === undefined || nc === undefined || !NONCE_COUNT.test(nc)) return undefined;
  return { username, uri, nonce, response, nc, cnonce, qop: 'auth', algorithm };
}

const NONCE_COUNT = /^[0-9a-f]{8}$/i;

/** The uri parameter must mean the Request-URI (RFC 3261 §22.4 point 1). */
function meansSame(uri: string, request: SipRequest): boolean {
  if (uri === request.requestUri) return true;
  try {
    return SipUri.parse(uri).equals(request.uri);
  } catch (error) {
    if (error instanceof SipSyntaxError) return false;
    throw error;
  }
}

function equalText(given: string, expected: string): boolean {
  const a = Buffer.from(given, 'latin1');
  const b = Buffer.from(expected, 'latin1');
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Stored digests of a user whose password is known, for every algorithm. */
export function storedDigests(username: string, realm: string, password: string): Record<HashName, string> {
  const wireRealm = encodeUtf8(realm);
  const rows = HASHES.map((hash) => [hash, computeHa1(hash, username, wireRealm, password)] as const);
  return Object.fromEntries(rows) as Record<HashName, string>;
}
