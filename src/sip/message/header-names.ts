/**
 * Header field names: their long spelling, compact forms and identity (RFC 3261 §7.3.1, §20; IANA SIP parameters).
 * A name read from bytes is resolved by a small hash over length and three letters, then compared in full:
 *
 *     "cALL-id" ─► hash(7, 'c', '-', 'd') ─► bucket ─► compare ignoring case ─► id of Call-ID
 */

/** Identities the parser looks for in every message; they are the first entries of KNOWN_NAMES. */
export const ID_UNKNOWN = 0;
export const ID_VIA = 1;
export const ID_FROM = 2;
export const ID_TO = 3;
export const ID_CALL_ID = 4;
export const ID_CSEQ = 5;
export const ID_MAX_FORWARDS = 6;
export const ID_CONTENT_LENGTH = 7;
export const ID_CONTACT = 8;
/** Identities below this one are looked for in every message; all but Via and Contact may stand only once. */
export const WATCHED_IDS = 9;

/** Long names by identity; entry 0 stands for every name not listed. */
export const KNOWN_NAMES: readonly string[] = [
  '',
  'Via',
  'From',
  'To',
  'Call-ID',
  'CSeq',
  'Max-Forwards',
  'Content-Length',
  'Contact',
  'Accept',
  'Accept-Contact',
  'Accept-Encoding',
  'Accept-Language',
  'Accept-Resource-Priority',
  'Alert-Info',
  'Allow',
  'Allow-Events',
  'Answer-Mode',
  'Authentication-Info',
  'Authorization',
  'Call-Info',
  'Content-Disposition',
  'Content-Encoding',
  'Content-ID',
  'Content-Language',
  'Content-Transfer-Encoding',
  'Content-Type',
  'Date',
  'Diversion',
  'Error-Info',
  'Event',
  'Expires',
  'Feature-Caps',
  'Flow-Timer',
  'Geolocation',
  'Geolocation-Error',
  'Geolocation-Routing',
  'History-Info',
  'Identity',
  'Identity-Info',
  'In-Reply-To',
  'Info-Package',
  'Join',
  'Max-Breadth',
  'MIME-Version',
  'Min-Expires',
  'Min-SE',
  'Organization',
  'P-Access-Network-Info',
  'P-Asserted-Identity',
  'P-Called-Party-ID',
  'P-Charging-Vector',
  'P-Early-Media',
  'P-Preferred-Identity',
  'Path',
  'Priority',
  'Privacy',
  'Proxy-Authenticate',
  'Proxy-Authorization',
  'Proxy-Require',
  'RAck',
  'Reason',
  'Reason-Phrase',
  'Record-Route',
  'Recv-Info',
  'Refer-Sub',
  'Refer-To',
  'Referred-By',
  'Reject-Contact',
  'Remote-Party-ID',
  'Replaces',
  'Reply-To',
  'Request-Disposition',
  'Require',
  'Resource-Priority',
  'Retry-After',
  'Route',
  'RSeq',
  'Security-Client',
  'Security-Server',
  'Security-Verify',
  'Server',
  'Service-Route',
  'Session-Expires',
  'Session-ID',
  'SIP-ETag',
  'SIP-If-Match',
  'Subject',
  'Subscription-State',
  'Supported',
  'Target-Dialog',
  'Timestamp',
  'Unsupported',
  'User-Agent',
  'User-to-User',
  'Warning',
  'WWW-Authenticate',
  'X-VoiceConnector-ID',
];

/** Compact forms (IANA "SIP header fields"). */
const COMPACT_FORMS: Readonly<Record<string, string>> = {
  a: 'Accept-Contact',
  b: 'Referred-By',
  c: 'Content-Type',
  d: 'Request-Disposition',
  e: 'Content-Encoding',
  f: 'From',
  i: 'Call-ID',
  j: 'Reject-Contact',
  k: 'Supported',
  l: 'Content-Length',
  m: 'Contact',
  n: 'Identity-Info',
  o: 'Event',
  r: 'Refer-To',
  s: 'Subject',
  t: 'To',
  u: 'Allow-Events',
  v: 'Via',
  x: 'Session-Expires',
  y: 'Identity',
};

const LOWER_CASE_BIT = 0x20;
const BUCKETS = 1024;

const lowerCodes: readonly Uint8Array[] = KNOWN_NAMES.map((name) => Buffer.from(name.toLowerCase(), 'latin1'));
const firstInBucket = new Uint8Array(BUCKETS);
const nextInBucket = new Uint8Array(KNOWN_NAMES.length);
const compactIds = new Uint8Array(256);
const idByName = new Map<string, number>();

function hash(length: number, first: number, middle: number, last: number): number {
  return (
    (length * 67 + (first | LOWER_CASE_BIT) * 31 + (middle | LOWER_CASE_BIT) * 7 + (last | LOWER_CASE_BIT)) &
    (BUCKETS - 1)
  );
}

for (let id = 1; id < KNOWN_NAMES.length; id++) {
  const codes = lowerCodes[id]!;
  const bucket = hash(codes.length, codes[0]!, codes[codes.length >> 1]!, codes[codes.length - 1]!);
  nextInBucket[id] = firstInBucket[bucket]!;
  firstInBucket[bucket] = id;
  idByName.set(KNOWN_NAMES[id]!, id).set(KNOWN_NAMES[id]!.toLowerCase(), id);
}
for (const [letter, name] of Object.entries(COMPACT_FORMS)) {
  const id = idByName.get(name)!;
  compactIds[letter.charCodeAt(0)] = id;
  compactIds[letter.toUpperCase().charCodeAt(0)] = id;
  idByName.set(letter, id);
}

/** Identity of the name in bytes[start, end), which must hold token characters only; ID_UNKNOWN when not listed. */
export function headerIdAt(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length === 1) return compactIds[bytes[start]!]!;
  const bucket = hash(length, bytes[start]!, bytes[start + (length >> 1)]!, bytes[end - 1]!);
  for (let id = firstInBucket[bucket]!; id !== 0; id = nextInBucket[id]!) {
    if (matches(bytes, start, length, lowerCodes[id]!)) return id;
  }
  return ID_UNKNOWN;
}

function matches(bytes: Uint8Array, start: number, length: number, codes: Uint8Array): boolean {
  if (codes.length !== length) return false;
  for (let at = 0; at < length; at++) if ((bytes[start + at]! | LOWER_CASE_BIT) !== codes[at]) return false;
  return true;
}

/** Identity of a name in any spelling, compact forms included; ID_UNKNOWN when not listed. */
export function headerId(name: string): number {
  return idByName.get(name) ?? idByName.get(name.toLowerCase()) ?? ID_UNKNOWN;
}
