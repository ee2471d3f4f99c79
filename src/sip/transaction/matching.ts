import type { Random } from '../../core/index.js';
import type { SipRequest, Via } from '../message/index.js';
import { token } from './tokens.js';

/**
 * Branches and transaction keys (RFC 3261 §17.1.3, §17.2.3).
 *
 *     z9hG4bK 5f0c9a17 91e2b44d 7c1f…          ours: cookie, this instance, hash of the Request-URI, 64 random bits
 *
 * The instance and the hash let a request that comes back to us unchanged be known as a loop (§16.3), while one that
 * comes back with another Request-URI is a spiral and passes.
 */

const COOKIE = 'z9hG4bK';

export class BranchMaker {
  readonly #random: Random;
  readonly #prefix: string;

  constructor(random: Random) {
    this.#random = random;
    this.#prefix = COOKIE + token(random, 1);
  }

  /** A fresh branch for a request to this Request-URI. */
  make(requestUri: string): string {
    return this.#prefix + uriHash(requestUri) + token(this.#random, 2);
  }

  /** True when a Via value has a branch that is ours and was made for this same Request-URI. */
  isLoop(via: string, requestUri: string): boolean {
    return via.includes(this.#prefix) && via.includes(this.#prefix + uriHash(requestUri));
  }
}

/** FNV-1a over the text, eight hexadecimal digits. */
function uriHash(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}

/** Responses find their client transaction by branch and method (RFC 3261 §17.1.3). */
export const clientKey = (branch: string, method: string): string => `${branch} ${method}`;

/** The branch that a client key was made with. */
export const branchOf = (key: string): string => key.slice(0, key.indexOf(' '));

/**
 * Requests find their server transaction by branch, sent-by and method; ACK and CANCEL look under INVITE
 * (RFC 3261 §17.2.3). Without the cookie, or with nothing after it, the fields that RFC 2543 compared stand in.
 */
export function serverKey(request: SipRequest, method: string): string {
  const via = request.topVia;
  const branch = via.branch;
  if (branch === undefined || branch.length <= COOKIE.length || !branch.startsWith(COOKIE))
    return rfc2543Key(request, method);
  return `${branch} ${sentBy(via)} ${method}`;
}

const sentBy = (via: Via): string => (via.port === undefined ? via.host : `${via.host}:${via.port}`);

function rfc2543Key(request: SipRequest, method: string): string {
  const { callId, from, cseq, requestUri } = request;
  const via = request.headers.list('Via')[0] ?? '';
  return `2543 ${callId} ${from.tag ?? ''} ${cseq.sequence} ${method} ${requestUri} ${via}`;
}

/** Equal for requests that reached us over several paths (merged requests, RFC 3261 §8.2.2.2). */
export const mergeKey = (request: SipRequest): string =>
  `${request.callId} ${request.from.tag ?? ''} ${request.cseq.sequence} ${request.method}`;
