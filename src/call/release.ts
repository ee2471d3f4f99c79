import { GatewayError } from '../core/index.js';
import type { HeaderRow, ResponseOrder, SipMessage, SipResponse } from '../sip/index.js';
import type { EndFacts } from './events.js';
import { passingHeaders } from './headers.js';

/**
 * Why a call ended, as the three worlds say it: SIP status, ITU-T Q.850 cause, and our stable code.
 * SIP to Q.850 follows RFC 3398 §8.2.6.1; the choice among several attempts' answers follows RFC 3261 §16.7 step 6.
 */

const Q850_BY_STATUS: Readonly<Record<number, number>> = {
  200: 16,
  400: 41,
  401: 21,
  402: 21,
  403: 21,
  404: 1,
  405: 63,
  406: 79,
  407: 21,
  408: 102,
  410: 22,
  480: 18,
  481: 41,
  482: 25,
  483: 25,
  484: 28,
  485: 1,
  486: 17,
  487: 16,
  488: 88,
  491: 41,
  500: 41,
  501: 79,
  502: 38,
  503: 41,
  504: 102,
  600: 17,
  603: 21,
  604: 1,
  606: 88,
};

/** Q.850 cause (1–127) for a final SIP status; 127 (interworking) where RFC 3398 names none. */
export const q850ForStatus = (status: number): number => Q850_BY_STATUS[status] ?? (status < 300 ? 16 : 127);

const CAUSE = /^\s*cause\s*=\s*(\d{1,3})\s*$/i;

/**
 * Q.850 cause of one Reason value (RFC 3326 §2), such as `Q.850;cause=16;text="Normal"`; undefined where it gives none.
 * Taken apart first, and a stray text passed over: one pattern for it all takes quadratic time on what a peer may send.
 */
export function q850OfReason(reason: string): number | undefined {
  const [protocol, ...params] = reason.split(';');
  if (protocol!.trim().toUpperCase() !== 'Q.850') return undefined;
  const given = params.map((param) => CAUSE.exec(param)?.[1]).find((digits) => digits !== undefined);
  const cause = Number(given);
  return cause >= 1 && cause <= 127 ? cause : undefined;
}

/** A Reason row for BYE and CANCEL (RFC 3326). The text is ours, never the wire's. */
export const reasonRow = (q850: number, text: string): readonly [string, string] => [
  'Reason',
  `Q.850;cause=${q850};text="${text}"`,
];

/** Q.850 cause that a message gives: the first in any of its Reason rows. */
export function q850Of(message: SipMessage): number | undefined {
  for (const reason of message.headers.list('Reason')) {
    const cause = q850OfReason(reason);
    if (cause !== undefined) return cause;
  }
  return undefined;
}

/** What goes on of a message that ends a call: of CANCEL, which each hop writes anew, its reasons alone (RFC 3326 §2). */
export const endingHeaders = (message: SipMessage, method: 'BYE' | 'CANCEL' | 'INVITE'): readonly HeaderRow[] => {
  const rows = passingHeaders(message, method);
  return method === 'CANCEL' ? rows.filter(([name]) => name === 'Reason') : rows;
};

/** The rows with a Reason: the peer's, who knows why, else ours. */
export const withReason = (rows: readonly HeaderRow[], q850: number, text: string): readonly HeaderRow[] =>
  rows.some(([name]) => name === 'Reason') ? rows : [reasonRow(q850, text), ...rows];

/** One attempt's end, as far as the caller's answer depends on it. */
export interface AttemptOutcome {
  /** Final status received; undefined when the target gave none. */
  readonly status: number | undefined;
  readonly reason: string;
  /** Stable code: `attempt.rejected`, `attempt.no-response`, `attempt.transport`, … */
  readonly code: string;
  readonly response?: SipResponse;
}

/** What the caller is told, and the response it comes from; absent where the answer is ours. */
export interface BestResponse {
  readonly status: number;
  readonly reason: string;
  readonly response?: SipResponse;
}

/**
 * The caller's final response from what the attempts gave: 6xx first, then the lowest class; within 4xx the answers
 * that tell the caller what to change. An upstream 401/407 (our credentials, not the caller's) and every 3xx become
 * 503; so does a target that could not be reached, and one that stayed silent 408.
 */
export function bestResponse(outcomes: readonly AttemptOutcome[]): BestResponse {
  let best: BestResponse | undefined;
  for (const outcome of outcomes) {
    const candidate = forCaller(outcome);
    if (best === undefined || rank(candidate.status) < rank(best.status)) best = candidate;
  }
  return best ?? { status: 503, reason: 'Service Unavailable' };
}

function forCaller({ status, reason, code, response }: AttemptOutcome): BestResponse {
  if (status === undefined) {
    return code === 'attempt.no-response' || code === 'attempt.timeout'
      ? { status: 408, reason: 'Request Timeout' }
      : { status: 503, reason: 'Service Unavailable' };
  }
  if (status === 401 || status === 407 || status < 400) return { status: 503, reason: 'Service Unavailable' };
  return { status, reason, ...(response && { response }) };
}

const TELLING = new Set([415, 420, 484]);

function rank(status: number): number {
  if (status >= 600) return 0;
  if (status >= 500) return status === 503 ? 5001 : status;
  return TELLING.has(status) ? 400 : status === 408 ? 4999 : 1000 + status;
}

/** What an error says of a call it ends: our code, one sentence, and the status for a caller not yet answered. */
export function faultOf(error: unknown): { code: string; reason: string; status: number } {
  return error instanceof GatewayError
    ? { code: error.code, reason: error.message, status: error.sipStatus ?? 500 }
    : { code: 'call.internal', reason: 'An internal fault ended the call', status: 500 };
}

/** Ends that the caller is warned of as "media type not available" (RFC 3261 §20.43, code 304). */
const MEDIA_REFUSED = new Set([
  ...['media.srtp-required', 'media.srtp-unsupported', 'media.streams-rejected', 'media.t38-unencrypted'],
]);

/**
 * The Warning that goes with a 488 for one of those codes; none for others.
 * @param agent host that warns
 */
export function mediaWarning(code: string, reason: string, agent: string): HeaderRow[] {
  if (!MEDIA_REFUSED.has(code)) return [];
  return [['Warning', `304 ${agent} "${reason.replace(/["\\]/g, '')}"`]];
}

/**
 * What goes with a final response that ends a call: its cause, when to try again, and what of the media was at fault.
 * @param agent host that warns
 * @param told rows of the response that it comes from
 */
export function finalOrder(end: EndFacts, agent: string, told: readonly HeaderRow[]): ResponseOrder {
  const headers: HeaderRow[] = [...withReason(told, end.q850, 'Trunkline')];
  if (end.sipStatus === 503) headers.push(['Retry-After', '5']);
  if (end.sipStatus === 488) headers.push(...mediaWarning(end.code, end.reason, agent));
  return { headers };
}
