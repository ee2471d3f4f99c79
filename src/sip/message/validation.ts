import { isToken } from './chars.js';
import { SipSyntaxError } from './errors.js';
import type { SipRequest } from './message.js';
import { NameAddress } from './name-address.js';
import { SipUri } from './uri.js';

/**
 * What a user agent server checks in a parsed request before anything acts on it (RFC 3261 §8.2, in its order).
 * Pure: what this server can do comes in as a policy, the refusal to send comes out.
 *
 *     method ─► well-formedness of what the core will use ─► Request-URI scheme ─► hops ─► extensions ─► content
 *     501/405   400                                          416                   483     420           406 415
 *
 * The parser has already checked the mandatory fields. An ACK is never answered: where one is refused, it is dropped.
 */

export interface Refusal {
  readonly status: number;
  readonly reason: string;
  /** Header rows that the response must carry. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

export interface ValidationPolicy {
  /** Methods served here; a registered method not among them is 405, any other 501. Absent: every registered one. */
  readonly methods?: readonly string[];
  /** Option tags supported; others in Require or Proxy-Require are 420. Absent: not checked. */
  readonly supportedOptions?: readonly string[];
  /** URI schemes served in the Request-URI. Default sip, sips, tel. */
  readonly schemes?: readonly string[];
  /** Body types taken in INVITE, UPDATE and PRACK. Default application/sdp and multipart of it. */
  readonly bodyTypes?: readonly string[];
  /** `ignore` passes a Date that is not in GMT or is malformed (RFC 4475 §3.1.2.12 allows both). Default check. */
  readonly dates?: 'check' | 'ignore';
}

/** Methods of the IANA registry; a request with another is 501. */
export const REGISTERED_METHODS: readonly string[] = [
  ...['INVITE', 'ACK', 'BYE', 'CANCEL', 'OPTIONS', 'REGISTER', 'PRACK', 'UPDATE', 'INFO', 'MESSAGE', 'SUBSCRIBE'],
  ...['NOTIFY', 'REFER', 'PUBLISH'],
];

const DEFAULT_SCHEMES: readonly string[] = ['sip', 'sips', 'tel'];
const DEFAULT_BODY_TYPES: readonly string[] = [
  ...['application/sdp', 'multipart/mixed', 'multipart/related', 'multipart/alternative'],
];

/** The first reason to refuse the request, or undefined. Never throws. */
export function validateRequest(request: SipRequest, policy: ValidationPolicy = {}): Refusal | undefined {
  return (
    methodRefusal(request, policy) ??
    fieldRefusal(request, policy) ??
    uriRefusal(request, policy) ??
    hopsRefusal(request) ??
    extensionRefusal(request, policy) ??
    contentRefusal(request, policy)
  );
}

const bad = (reason: string): Refusal => ({ status: 400, reason });

/** RFC 3261 §8.2.1, §21.4.6, §21.5.2. */
function methodRefusal(request: SipRequest, policy: ValidationPolicy): Refusal | undefined {
  const methods = policy.methods ?? REGISTERED_METHODS;
  if (methods.includes(request.method)) return undefined;
  const headers = [['Allow', methods.join(', ')]] as const;
  if (REGISTERED_METHODS.includes(request.method)) return { status: 405, reason: 'Method Not Allowed', headers };
  return { status: 501, reason: 'Not Implemented', headers };
}

/** Fields that may stand once; the parser has seen to the mandatory ones. */
const SINGLE_FIELDS: readonly string[] = [
  ...['Content-Type', 'Content-Disposition', 'Expires', 'Min-Expires', 'Session-Expires', 'Min-SE', 'Event'],
  ...['Refer-To', 'Referred-By', 'Replaces', 'RAck', 'Date', 'Subscription-State'],
];

const MAX_HOPS = 255;
const MAGIC_COOKIE = 'z9hG4bK';

function fieldRefusal(request: SipRequest, policy: ValidationPolicy): Refusal | undefined {
  for (const name of SINGLE_FIELDS) if (request.headers.all(name).length > 1) return bad(`${name} more than once`);
  if ((request.maxForwards ?? 0) > MAX_HOPS) return bad('Max-Forwards too large');
  if (request.topVia.branch === MAGIC_COOKIE) return bad('Branch without identifier');
  if (policy.dates !== 'ignore' && !isDate(request.headers.get('Date'))) return bad('Malformed Date');
  return addressRefusal(request);
}

/** IMF-fixdate in GMT (RFC 3261 §20.17). */
const DATE =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT$/;

const isDate = (value: string | undefined): boolean => value === undefined || DATE.test(value);

/** Addresses that the core builds dialogs and routes from must be readable. */
function addressRefusal(request: SipRequest): Refusal | undefined {
  try {
    checkAddress(request.from);
    checkAddress(request.to);
    for (const contact of request.contacts) checkAddress(contact);
    for (const route of request.recordRoutes) checkAddress(NameAddress.parse(route));
    for (const route of request.routes) checkAddress(NameAddress.parse(route));
  } catch (error) {
    if (!(error instanceof SipSyntaxError)) throw error;
    return bad(`Malformed ${error.message}`);
  }
  return undefined;
}

function checkAddress(address: NameAddress): void {
  SipUri.parse(address.uri);
}

/** RFC 3261 §8.2.2.1; headers have no place in a Request-URI (§19.1.1 table 1). */
function uriRefusal(request: SipRequest, policy: ValidationPolicy): Refusal | undefined {
  const { uri } = request;
  if (!(policy.schemes ?? DEFAULT_SCHEMES).includes(uri.scheme))
    return { status: 416, reason: 'Unsupported URI Scheme' };
  return uri.headers === undefined ? undefined : bad('Request-URI with headers');
}

/** Methods that end here even without hops left. */
const ENDS_HERE: readonly string[] = ['ACK', 'BYE', 'CANCEL', 'PRACK'];

/** RFC 3261 §16.3: a request outside a dialog goes on to another leg, for which no hop is left. */
function hopsRefusal(request: SipRequest): Refusal | undefined {
  if (request.maxForwards !== 0 || ENDS_HERE.includes(request.method) || request.to.tag !== undefined) return undefined;
  return { status: 483, reason: 'Too Many Hops' };
}

/** RFC 3261 §8.2.2.3: Require counts in neither ACK nor CANCEL. Proxy-Require counts, since we stand in the path. */
function extensionRefusal(request: SipRequest, policy: ValidationPolicy): Refusal | undefined {
  const supported = policy.supportedOptions;
  if (supported === undefined || request.method === 'ACK' || request.method === 'CANCEL') return undefined;
  const required = [...request.headers.list('Require'), ...request.headers.list('Proxy-Require')];
  const unsupported = required.filter((tag) => !supported.includes(tag.toLowerCase()));
  if (unsupported.length === 0) return undefined;
  return { status: 420, reason: 'Bad Extension', headers: [['Unsupported', unsupported.join(', ')]] };
}

/** Methods whose body is a session description for us; other bodies pass from leg to leg unread. */
const DESCRIBES_SESSION: readonly string[] = ['INVITE', 'UPDATE', 'PRACK'];

/** RFC 3261 §8.2.3; handling=optional content may be ignored (§20.11). */
function contentRefusal(request: SipRequest, policy: ValidationPolicy): Refusal | undefined {
  if (!DESCRIBES_SESSION.includes(request.method)) return undefined;
  if (request.method === 'INVITE' && !acceptsSdp(request)) return { status: 406, reason: 'Not Acceptable' };
  if (request.body.length === 0 || isOptional(request)) return undefined;
  const encoding = request.headers.get('Content-Encoding')?.toLowerCase() ?? 'identity';
  if (encoding !== 'identity') return unsupportedMedia(['Accept-Encoding', 'identity']);
  const type = request.contentType;
  if (type === undefined || !isMediaType(type)) return bad('Content-Type missing or malformed');
  const types = policy.bodyTypes ?? DEFAULT_BODY_TYPES;
  return types.includes(type) ? undefined : unsupportedMedia(['Accept', types.join(', ')]);
}

const unsupportedMedia = (header: readonly [string, string]): Refusal => ({
  status: 415,
  reason: 'Unsupported Media Type',
  headers: [header],
});

const isOptional = (request: SipRequest): boolean =>
  /;\s*handling\s*=\s*optional\b/i.test(request.headers.get('Content-Disposition') ?? '');

const isMediaType = (type: string): boolean => type.split('/').length === 2 && type.split('/').every(isToken);

/** An INVITE without Accept takes application/sdp (RFC 3261 §20.1). */
function acceptsSdp(request: SipRequest): boolean {
  const accepted = request.headers.list('Accept');
  if (accepted.length === 0) return !request.headers.has('Accept');
  return accepted.some((range) => /^(?:application\/(?:sdp|\*)|\*\/\*)\s*(?:;|$)/i.test(range));
}
