import { createHash } from 'node:crypto';
import { encodeUtf8 } from '../message/index.js';

/**
 * Digest arithmetic (RFC 3261 §22.4, RFC 7616 §3.4, RFC 8760 §2.6). Texts are wire text, hashed byte for byte; user
 * names and passwords are plain text, hashed as UTF-8.
 *
 *     HA1 = H(user:realm:password)         -sess: H(HA1:nonce:cnonce)
 *     HA2 = H(method:uri)                  auth-int: H(method:uri:H(body))
 *     response = H(HA1:nonce:nc:cnonce:qop:HA2), without qop H(HA1:nonce:HA2)
 */

export type HashName = 'MD5' | 'SHA-256' | 'SHA-512-256';

const NODE_NAME: Readonly<Record<HashName, string>> = { MD5: 'md5', 'SHA-256': 'sha256', 'SHA-512-256': 'sha512-256' };

/** Strongest first. */
export const HASHES: readonly HashName[] = ['SHA-512-256', 'SHA-256', 'MD5'];

export interface Algorithm {
  readonly hash: HashName;
  /** HA1 is bound to nonce and cnonce. */
  readonly session: boolean;
}

/** Reads an algorithm token; absent means MD5 (RFC 3261 §22.4). Undefined: none of ours. */
export function parseAlgorithm(token: string | undefined): Algorithm | undefined {
  if (token === undefined) return { hash: 'MD5', session: false };
  const upper = token.toUpperCase();
  const session = upper.endsWith('-SESS');
  const name = session ? upper.slice(0, -5) : upper;
  const hash = HASHES.find((known) => known === name);
  return hash && { hash, session };
}

/** Lower-case hexadecimal hash of wire text. */
export const hashText = (hash: HashName, text: string): string =>
  createHash(NODE_NAME[hash]).update(text, 'latin1').digest('hex');

const hashBytes = (hash: HashName, bytes: Buffer): string => createHash(NODE_NAME[hash]).update(bytes).digest('hex');

/** The stored form of a password: H(user:realm:password). */
export const computeHa1 = (hash: HashName, username: string, realm: string, password: string): string =>
  hashText(hash, `${encodeUtf8(username)}:${realm}:${encodeUtf8(password)}`);

/** What the name of a user becomes under userhash (RFC 7616 §3.4.4). */
export const computeUserHash = (hash: HashName, username: string, realm: string): string =>
  hashText(hash, `${encodeUtf8(username)}:${realm}`);

export interface DigestFacts {
  readonly algorithm: Algorithm;
  readonly ha1: string;
  readonly method: string;
  readonly uri: string;
  readonly nonce: string;
  readonly qop?: string | undefined;
  /** As printed, eight hexadecimal digits. */
  readonly nc?: string | undefined;
  readonly cnonce?: string | undefined;
  /** Hashed under auth-int only. */
  readonly body?: Buffer | undefined;
}

/** The response value, lower-case hexadecimal. */
export function computeResponse(facts: DigestFacts): string {
  const { algorithm, nonce, nc = '', cnonce = '', qop } = facts;
  const { hash } = algorithm;
  const ha1 = algorithm.session ? hashText(hash, `${facts.ha1}:${nonce}:${cnonce}`) : facts.ha1;
  const bodyPart = qop === 'auth-int' ? `:${hashBytes(hash, facts.body ?? Buffer.alloc(0))}` : '';
  const ha2 = hashText(hash, `${facts.method}:${facts.uri}${bodyPart}`);
  return hashText(hash, qop === undefined ? `${ha1}:${nonce}:${ha2}` : `${ha1}:${nonce}:${nc}:${cnonce}:${qop}:${ha2}`);
}
