import type { CoreOptions } from '../dialog/index.js';
import { bitsByName, NameAddress, REGISTERED_METHODS, type SipRequest, SipSyntaxError } from '../message/index.js';
import type { ResponseOrder } from '../signaling.js';
import type { ServerTransaction, TransactionLayer } from '../transaction/index.js';

/**
 * What every new request must pass before anyone looks at it (RFC 3261 §8.2, §16.3), in this order; the first check
 * that fails answers. ACK and CANCEL are not checked: nothing may be answered to the one, the other follows its INVITE.
 * The parser has seen to the mandatory fields; here comes what a user of the message leans on besides.
 *
 *     method ─► fields, addresses ─► scheme ─► hops ─► loop, merged ─► extensions ─► content
 *     501/405   400                  416       483     482             420           415 406
 *
 * A Date that is none is not looked at (RFC 4475 §3.1.2.12 prefers that).
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

/** The Allow row goes with every refusal of a method; the response writer adds it to 405 by itself. */
const method: Check = (request, { options }) => {
  if (options.allow.includes(request.method)) return undefined;
  if (REGISTERED_METHODS.has(request.method)) return refusal(405, 'method');
  return refusal(501, 'method', { headers: [['Allow', options.allow.join(', ')]] });
};

/** Fields that may stand once; the parser has seen to the mandatory ones. */
const SINGLE = bitsByName([
  ...['Content-Type', 'Content-Disposition', 'Content-Encoding', 'Expires', 'Session-Expires', 'Min-SE', 'Event'],
  ...['Refer-To', 'Referred-By', 'Replaces', 'RAck', 'Subscription-State'],
]);

const MAX_HOPS = 255;
const MAGIC_COOKIE = 'z9hG4bK';

const bad = (reason: string): Refusal => refusal(400, 'malformed', { reason });

const fields: Check = (request) => {
  const repeated = request.headers.firstRepeated(SINGLE);
  if (repeated !== undefined) return bad(`${repeated} more than once`);
  if ((request.maxForwards ?? 0) > MAX_HOPS) return bad('Max-Forwards too large');
  return request.topVia.branch === MAGIC_COOKIE ? bad('Branch without identifier') : undefined;
};

/** Addresses that dialogs, routes and decisions are made from. Read here, they stay read. */
const addresses: Check = (request) => {
  try {
    void request.from.sipUri;
    void request.to.sipUri;
    for (const contact of request.contacts) void contact.sipUri;
    for (const route of request.recordRoutes) void NameAddress.parse(route).sipUri;
    for (const route of request.routes) void NameAddress.parse(route).sipUri;
  } catch (error) {
    if (error instanceof SipSyntaxError) return bad(`Malformed ${error.message}`);
    throw error;
  }
  return undefined;
};

const SCHEMES = new Set(['sip', 'sips', 'tel']);

/** §8.2.2.1: schemes whose targets can be ours; headers have no place in a Request-URI (§19.1.1 table 1). */
const scheme: Check = ({ uri }) => {
  if (!SCHEMES.has(uri.scheme)) return refusal(416, 'scheme');
  return uri.headers === undefined ? undefined : bad('Request-URI with headers');
};

/** Requests that end here are answered whatever hops are left (§11); the others would go on. */
const maxForwards: Check = (request) =>
  request.maxForwards === 0 && request.method !== 'OPTIONS' && request.method !== 'REGISTER'
    ? refusal(483, 'max-forwards')
    : undefined;

/** §16.3 point 4: a Via of ours made for this same Request-URI means the request went in a circle. */
const loop: Check = (request, { layer }) =>
  request.headers.all('Via').some((value) => layer.branches.isLoop(value, request.requestUri))
    ? refusal(482, 'loop')
    : undefined;

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
  if (request.bodyLength === 0) return undefined;
  const type = request.contentType;
  if (type === undefined) return bad('Content-Type missing');
  if (type === 'application/sdp' || type.startsWith('multipart/')) return undefined;
  const disposition = headers.get('Content-Disposition');
  if (disposition !== undefined && /;\s*handling\s*=\s*optional\b/i.test(disposition)) return undefined;
  return refusal(415, 'content-type', { headers: [['Accept', 'application/sdp, multipart/mixed']] });
};

/** The answer to an INVITE will hold a session description (§20.1). */
const acceptsSdp = (request: SipRequest): boolean =>
  request.headers.list('Accept').some((range) => /^(?:application\/(?:sdp|\*)|\*\/\*)\s*(?:;|$)/i.test(range));

const OUTSIDE: readonly Check[] = [method, fields, addresses, scheme, maxForwards, loop, merged, required, content];
const INSIDE: readonly Check[] = [method, fields, required, content];

/**
 * The first reason to refuse a new request; undefined where it may go on.
 * @param inside the request carries a To tag: hops, loops and merging were settled when the dialog was made
 */
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
