import { hexToken, type Random } from '../../core/index.js';
import { encodeUtf8, quote, type SipResponse } from '../message/index.js';
import type { Credentials, HeaderRow } from '../signaling.js';
import { parseAuthParams } from './auth-params.js';
import { type Algorithm, computeHa1, computeResponse, HASHES, parseAlgorithm } from './digest.js';

/** Realms answered for one request: proxies on the way and the server, not a peer that names a new one each time. */
const MOST_REALMS = 8;

/** Challenges answered so far for one request, by realm. */
export type ChallengeTally = Map<string, number>;

interface Challenge {
  readonly header: 'Authorization' | 'Proxy-Authorization';
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
  readonly algorithm: Algorithm;
  /** As printed in the challenge; echoed. */
  readonly algorithmToken: string | undefined;
  readonly qop: boolean;
  readonly stale: boolean;
}

/** A realm that challenged us: its nonce is used on, with rising nc, by each further request (RFC 7616 §3.6). */
interface Session {
  readonly challenge: Challenge;
  readonly ha1: string;
  readonly cnonce: string;
  uses: number;
}

/**
 * Answers digest challenges for one leg or request (RFC 3261 §22.2, §22.3, RFC 7616, RFC 8760). Of several algorithms
 * the strongest known is taken; qop is `auth` or none. Left out: auth-int, userhash.
 *
 * A request's first challenge by a realm is answered; a second one only when it says the nonce was stale.
 */
export class DigestClient {
  readonly #credentials: Credentials;
  readonly #random: Random;
  readonly #realm: string | undefined;
  readonly #sessions = new Map<string, Session>();
  #inviteRows: readonly HeaderRow[] = [];

  constructor(credentials: Credentials, random: Random) {
    this.#credentials = credentials;
    this.#random = random;
    this.#realm = credentials.realm === undefined ? undefined : encodeUtf8(credentials.realm);
  }

  /** Rows last made for INVITE: the ACK of its 2xx repeats them (RFC 3261 §22.1). */
  get inviteRows(): readonly HeaderRow[] {
    return this.#inviteRows;
  }

  /**
   * Takes the challenges of a 401 or 407.
   * @param newRealms false: only realms that are configured or were answered before (requests inside a dialog go to
   *   hosts the peer named, which must not be able to ask for the password's digest)
   * @returns true when the request is to be sent again with what `authorize` gives
   */
  learn(response: SipResponse, tally: ChallengeTally, newRealms: boolean): boolean {
    let answered = false;
    for (const challenge of this.#chosen(response)) {
      const key = sessionKey(challenge);
      const times = tally.get(key) ?? 0;
      if (times > 1 || (times === 1 && !challenge.stale)) return false;
      if (times === 0 && tally.size >= MOST_REALMS) continue;
      if (!newRealms && this.#realm === undefined && !this.#sessions.has(key)) continue;
      tally.set(key, times + 1);
      this.#sessions.set(key, this.#session(challenge));
      answered = true;
    }
    return answered;
  }

  /** Credential rows for a request, one for each realm that has challenged; each call counts as a use of the nonces. */
  authorize(method: string, requestUri: string): readonly HeaderRow[] {
    if (this.#sessions.size === 0) return [];
    const rows: HeaderRow[] = [];
    for (const session of this.#sessions.values()) rows.push(this.#row(session, method, requestUri));
    if (method === 'INVITE') this.#inviteRows = rows;
    return rows;
  }

  /** The strongest answerable challenge of each realm. */
  #chosen(response: SipResponse): Iterable<Challenge> {
    const best = new Map<string, Challenge>();
    for (const challenge of challengesOf(response)) {
      if (this.#realm !== undefined && challenge.realm !== this.#realm) continue;
      const key = sessionKey(challenge);
      const other = best.get(key);
      if (!other || strength(challenge) < strength(other)) best.set(key, challenge);
    }
    return best.values();
  }

  #session(challenge: Challenge): Session {
    const { username, password } = this.#credentials;
    const ha1 = computeHa1(challenge.algorithm.hash, username, challenge.realm, password);
    return { challenge, ha1, cnonce: hexToken(this.#random, 2), uses: 0 };
  }

  #row(session: Session, method: string, uri: string): HeaderRow {
    const { challenge, ha1, cnonce } = session;
    const { algorithm, nonce } = challenge;
    const nc = (++session.uses).toString(16).padStart(8, '0');
    const counted = challenge.qop ? { qop: 'auth', nc, cnonce } : algorithm.session ? { cnonce } : {};
    const response = computeResponse({ algorithm, ha1, method, uri, nonce, ...counted });
    const parts = [
      `username=${quote(encodeUtf8(this.#credentials.username))}`,
      `realm=${quote(challenge.realm)}`,
      `nonce=${quote(nonce)}`,
      `uri=${quote(uri)}`,
      `response="${response}"`,
    ];
    if (challenge.algorithmToken !== undefined) parts.push(`algorithm=${challenge.algorithmToken}`);
    if (challenge.qop) parts.push(`qop=auth, nc=${nc}, cnonce="${cnonce}"`);
    else if (algorithm.session) parts.push(`cnonce="${cnonce}"`);
    if (challenge.opaque !== undefined) parts.push(`opaque=${quote(challenge.opaque)}`);
    return [challenge.header, `Digest ${parts.join(', ')}`];
  }
}

const sessionKey = (challenge: Challenge): string => `${challenge.header} ${challenge.realm}`;
const strength = (challenge: Challenge): number => HASHES.indexOf(challenge.algorithm.hash);

function challengesOf(response: SipResponse): Challenge[] {
  const { headers } = response;
  return [
    ...headers.all('WWW-Authenticate').flatMap((value) => challengeOf(value, 'Authorization')),
    ...headers.all('Proxy-Authenticate').flatMap((value) => challengeOf(value, 'Proxy-Authorization')),
  ];
}

/** One challenge we can answer, or none. */
function challengeOf(value: string, header: Challenge['header']): Challenge[] {
  const parsed = parseAuthParams(value);
  if (parsed?.scheme !== 'digest') return [];
  const { values } = parsed;
  const realm = values.get('realm');
  const nonce = values.get('nonce');
  const algorithmToken = values.get('algorithm');
  const algorithm = parseAlgorithm(algorithmToken);
  const qops = values
    .get('qop')
    ?.split(',')
    .map((qop) => qop.trim().toLowerCase());
  if (realm === undefined || nonce === undefined || !algorithm || (qops && !qops.includes('auth'))) return [];
  const stale = values.get('stale')?.toLowerCase() === 'true';
  return [
    { header, realm, nonce, opaque: values.get('opaque'), algorithm, algorithmToken, qop: qops !== undefined, stale },
  ];
}
