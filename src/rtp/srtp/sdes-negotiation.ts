/**
 * SDES offer and answer (RFC 4568 §5.1, §7.1): which line is taken, and which keys each direction gets.
 *
 *   offerer                                            answerer
 *   a=crypto:1 … inline:K1   ────────────────────►     picks the first line its policy allows
 *   a=crypto:2 … inline:K2   ◄────────────────────     a=crypto:1 … inline:K3
 *   seals with K1, opens with K3                       opens with K1, seals with K3
 *
 * Each side seals with the key it announced itself. Refused line by line: MKI, key derivation rates, parameters that
 * switch encryption or authentication off, unknown mandatory parameters, suites that are unknown or below the policy.
 */
import { type Random, randomBytes } from '../../core/index.js';
import type { SrtpKeys, SrtpSuite } from '../engine.js';
import { type CryptoLine, isCryptoFault, parseCrypto, serializeCrypto } from './sdes.js';
import { isSrtpSuite, SUITES } from './suites.js';

export interface SdesPolicy {
  /** Suites that may be used; an offer of ours lists them in this order. Default: `DEFAULT_SUITES`. */
  readonly suites?: readonly SrtpSuite[];
  /** Weakest cipher key allowed, bits; default 128. */
  readonly minimumKeyBits?: 128 | 192 | 256;
  /** Whether the 32-bit tags of the _32 suites will do (RFC 3711 §9.5); default true. */
  readonly allowShortTags?: boolean;
}

/** What the peer is most likely to have comes first among the strong; 32-bit tags come last. */
export const DEFAULT_SUITES: readonly SrtpSuite[] = [
  'AEAD_AES_256_GCM',
  'AEAD_AES_128_GCM',
  'AES_256_CM_HMAC_SHA1_80',
  'AES_192_CM_HMAC_SHA1_80',
  'AES_CM_128_HMAC_SHA1_80',
  'AES_256_CM_HMAC_SHA1_32',
  'AES_192_CM_HMAC_SHA1_32',
  'AES_CM_128_HMAC_SHA1_32',
];

/** Keys of both directions, as `RemoteDescription.srtp` takes them. */
export interface SdesKeys {
  readonly receive: SrtpKeys;
  readonly send: SrtpKeys;
}

/** Why one line was passed over. */
export interface SdesRefusal {
  /** Null where the line could not be read. */
  readonly tag: number | null;
  readonly reason: string;
}

export interface SdesAnswer extends SdesKeys {
  /** Our answer's line, `a=crypto:…`. */
  readonly line: string;
  readonly refused: readonly SdesRefusal[];
}

export interface SdesFailure {
  readonly refused: readonly SdesRefusal[];
}

/** One line of our own offer and the key that stands on it. */
export interface SdesOfferLine {
  readonly tag: number;
  readonly line: string;
  readonly send: SrtpKeys;
}

/** Session parameters that change nothing here: the default FEC order, and a hint about the replay window. */
const HARMLESS = /^(?:FEC_ORDER=FEC_SRTP|WSH=\d{1,9}|KDR=0)$/;

/**
 * Answers an offer with the first of its lines that the policy allows, under a fresh key of our own.
 * @param offer `a=crypto` lines of the media section in their order
 * @returns answer and keys, or only the refusals when no line may be used
 */
export function negotiateSdes(offer: readonly string[], policy: SdesPolicy, random: Random): SdesAnswer | SdesFailure {
  const refused: SdesRefusal[] = [];
  for (const text of offer) {
    const line = parseCrypto(text);
    if (isCryptoFault(line)) {
      refused.push({ tag: null, reason: line.fault });
      continue;
    }
    const usable = usableLine(line, policy);
    if (typeof usable === 'string') {
      refused.push({ tag: line.tag, reason: usable });
      continue;
    }
    const send = freshKeys(usable.suite, random);
    return { line: lineOf(line.tag, send), receive: usable, send, refused };
  }
  return { refused };
}

/** Whether a negotiation found a line. */
export const isSdesAnswer = (result: SdesAnswer | SdesFailure): result is SdesAnswer => 'line' in result;

/** An offer of our own: one line for each suite the policy allows, tags from 1, each with its own fresh key. */
export function offerSdes(policy: SdesPolicy, random: Random): readonly SdesOfferLine[] {
  const suites = (policy.suites ?? DEFAULT_SUITES).filter((suite) => policyFault(suite, policy) === undefined);
  return suites.map((suite, at) => {
    const send = freshKeys(suite, random);
    return { tag: at + 1, line: lineOf(at + 1, send), send };
  });
}

/**
 * Reads the answer to an offer of ours (RFC 4568 §5.1.3): exactly one line, with a tag and suite that were offered
 * and a key that is not ours.
 * @returns the keys of both directions, or the reason why the media section must fail
 */
export function acceptSdesAnswer(
  offer: readonly SdesOfferLine[],
  answer: readonly string[],
): SdesKeys | { readonly fault: string } {
  if (answer.length !== 1) return { fault: 'an answer has exactly one crypto line' };
  const line = parseCrypto(answer[0]!);
  if (isCryptoFault(line)) return line;
  const offered = offer.find(({ tag }) => tag === line.tag);
  if (!offered) return { fault: 'tag was not offered' };
  if (offered.send.suite !== line.suite) return { fault: 'suite differs from the offered line' };
  const receive = usableLine(line, { suites: [offered.send.suite] });
  if (typeof receive === 'string') return { fault: receive };
  if (offer.some(({ send }) => send.key.equals(receive.key))) return { fault: 'answer repeats our own key' };
  return { receive, send: offered.send };
}

/** The keys of a line, or why it must not be used. */
function usableLine({ suite, keys, sessionParameters }: CryptoLine, policy: SdesPolicy): SrtpKeys | string {
  if (!isSrtpSuite(suite)) return 'unknown suite';
  const tooWeak = policyFault(suite, policy);
  if (tooWeak !== undefined) return tooWeak;
  if (keys.length !== 1 || keys[0]!.mki) return 'MKI is not supported';
  // A leading minus marks a parameter that may be ignored (RFC 4568 §6.3.7).
  const refused = sessionParameters.find((word) => !word.startsWith('-') && !HARMLESS.test(word));
  if (refused !== undefined) return `session parameter ${parameterName(refused)} is not supported`;
  return { suite, key: keys[0]!.key };
}

function policyFault(suite: SrtpSuite, policy: SdesPolicy): string | undefined {
  if (!(policy.suites ?? DEFAULT_SUITES).includes(suite)) return 'suite is not allowed';
  const { keyBytes, rtpTagBytes } = SUITES[suite];
  if (keyBytes * 8 < (policy.minimumKeyBits ?? 128)) return 'cipher key is shorter than the policy allows';
  if (rtpTagBytes < 10 && policy.allowShortTags === false)
    return 'authentication tag is shorter than the policy allows';
  return undefined;
}

/** Known names are said; any other may hold anything, and is not repeated. */
const parameterName = (word: string): string =>
  /^(KDR|UNENCRYPTED_SRTP|UNENCRYPTED_SRTCP|UNAUTHENTICATED_SRTP|FEC_ORDER|FEC_KEY|WSH)(?:=|$)/.exec(word)?.[1] ??
  '(unknown)';

function freshKeys(suite: SrtpSuite, random: Random): SrtpKeys {
  const { keyBytes, saltBytes } = SUITES[suite];
  return { suite, key: randomBytes(random, keyBytes + saltBytes) };
}

const lineOf = (tag: number, { suite, key }: SrtpKeys): string =>
  serializeCrypto({ tag, suite, keys: [{ key }], sessionParameters: [] });
