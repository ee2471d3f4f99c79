import type { CoreOptions } from '../dialog/index.js';
import type { SipRequest } from '../message/index.js';
import type { ResponseOrder } from '../signaling.js';
import type { ServerTransaction, TransactionLayer } from '../transaction/index.js';

/**
 * What every new request must pass before anyone looks at it (RFC 3261 §8.2, §16.3), in this order; the first check
 * that fails answers. ACK and CANCEL are not checked: nothing may be answered to the one, the other follows its INVITE.
 */

export interface Refusal {
  readonly status: number;
  /** Counter label. */
  readonly reason: string;
  readonly order: ResponseOrder;
}

export interface CheckContext {
  readonly options: CoreOptions;
  readonly layer: TransactionLayer;
}

type Check = (request: SipRequest, context: CheckContext, transaction: ServerTransaction) => Refusal | undefined;

const refusal = (status: number, reason: string, order: ResponseOrder = {}): Refusal => ({ status, reason, order });

/** Methods of the IANA registry: known, so refused with 405 rather than 501 (§8.2.1). */
const REGISTERED = new Set([
  'INVITE',
  'ACK',
  'BYE',
  'CANCEL',
  'OPTIONS',
  'REGISTER',
  'PRACK',
  'UPDATE',
  'INFO',
  'MESSAGE',
  'REFER',
  'NOTIFY',
  'SUBSCRIBE',
  'PUBLISH',
]);

/** The Allow row goes with every refusal of a method; the response writer adds it to 405 by itself. */
const method: Check = (request, { options }) => {
  if (options.allow.includes(request.method)) return undefined;
  if (REGISTERED.has(request.method)) return refusal(405, 'method');
  return refusal(501, 'method', { headers: [['Allow', options.allow.join(', ')]] });
};

/** §8.2.2.1: schemes whose targets can be ours. */
const scheme: Check = (request) => {
  const { requestUri } = request;
  const known = requestUri.startsWith('sip:') || requestUri.startsWith('sips:') || requestUri.startsWith('tel:');
  return known || ['sip', 'sips', 'tel'].includes(request.uri.scheme) ? undefined : refusal(416, 'scheme');
};

/** Requests that end here are answered whatever hops are left (§11); the others would go on. */
const maxForwards: Check = (request) =>
  request.maxForwards === 0 && request.method !== 'OPTIONS' && request.method !== 'REGISTER'
    ? refusal(483, 'max-forwards')
    : undefined;

/** §16.3 point 4: a Via of ours made for this same Request-URI means the request went in a circle. */
const loop: Check = (request, { layer }) => {
  for (const value of request.headers.all('Via')) {
    for (let at = value.indexOf('branch='); at >= 0; at = value.indexOf('branch=', at + 1)) {
      if (layer.branches.isLoop(value.slice(at + 7), request.requestUri)) return refusal(482, 'loop');
    }
  }
  return undefined;
};

/** §8.2.2.2: the same request over another path. */
const merged: Check = (_request, { layer }, transaction) =>
  layer.isMerged(transaction) ? refusal(482, 'merged') : undefined;

/** §8.2.2.3. Proxy-Require counts too, since we stand in the path. */
const required: Check = (request, { options }) => {
  const { headers } = request;
  if (!headers.has('Require') && !headers.has('Proxy-Require')) return undefined;
  const asked = [...headers.list('Require'), ...headers.list('Proxy-Require')];
  const unknown = asked.filter((tag) => !options.optionTags.includes(tag.toLowerCase()));
  return unknown.length === 0 ? undefined : refusal(420, 'require', { headers: [['Unsupported', unknown.join(', ')]] });
};

/** Methods whose body is a session description for us; other bodies pass from leg to leg unread. */
const DESCRIBES_SESSION = new Set(['INVITE', 'UPDATE', 'PRACK']);

/** §8.2.3: bodies are read as they are; content that is optional may be ignored (§20.11). */
const content: Check = (request) => {
  const { headers, method } = request;
  const encoding = headers.get('Content-Encoding');
  if (encoding !== undefined && encoding !== '' && encoding.toLowerCase() !== 'identity')
    return refusal(415, 'encoding', { headers: [['Accept-Encoding', 'identity']] });
  if (!DESCRIBES_SESSION.has(method)) return undefined;
  if (method === 'INVITE' && headers.has('Accept') && !acceptsSdp(request)) return refusal(406, 'accept');
  const type = request.contentType;
  if (request.bodyLength === 0 || type === 'application/sdp' || type?.startsWith('multipart/')) return undefined;
  const disposition = headers.get('Content-Disposition');
  if (disposition !== undefined && /;\s*handling\s*=\s*optional\b/i.test(disposition)) return undefined;
  return refusal(415, 'content-type', { headers: [['Accept', 'application/sdp, multipart/mixed']] });
};

/** The answer to an INVITE will hold a session description (§20.1). */
const acceptsSdp = (request: SipRequest): boolean =>
  request.headers.list('Accept').some((range) => /^(?:application\/(?:sdp|\*)|\*\/\*)\s*(?:;|$)/i.test(range));

const OUTSIDE: readonly Check[] = [method, scheme, maxForwards, loop, merged, required, content];
const INSIDE: readonly Check[] = [method, required, content];

/** @param inside the request carries a To tag: hops, loops and merging were settled when the dialog was made */
export function checkRequest(
  request: SipRequest,
  transaction: ServerTransaction,
  inside: boolean,
  context: CheckContext,
): Refusal | undefined {
  for (const check of inside ? INSIDE : OUTSIDE) {
    const refused = check(request, context, transaction);
    if (refused) return refused;
  }
  return undefined;
}
