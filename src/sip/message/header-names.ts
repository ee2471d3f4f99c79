/**
 * Header field names: their long spelling, compact forms and identity (RFC 3261 §7.3.1, §20; IANA SIP parameters).
 * A name read from bytes is looked up by its first three letters, then compared in full, colon included:
 *
 *     "cALL-id: 8f…" ─► bucket of "cal" ─► compare ignoring case ─► id of Call-ID
 */

const COLON = 0x3a;
/** ID_UNKNOWN, as a constant of this module: scanners compare with it for every row. */
const ID_NONE = 0;

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
  'Content-Type',
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

const BUCKETS = 1024;

/** Bytes of each known name in lower case, by identity. */
const lowerNames: readonly Uint8Array[] = KNOWN_NAMES.map((name) => Buffer.from(name.toLowerCase(), 'latin1'));
/** Each byte in lower case. */
const lower = Uint8Array.from({ length: 256 }, (_, code) => (code >= 0x41 && code <= 0x5a ? code + 0x20 : code));
const firstInBucket = new Uint8Array(BUCKETS);
const nextInBucket = new Uint8Array(KNOWN_NAMES.length);
const compactIds = new Uint8Array(256);
const idByName = new Map<string, number>();

/** Every known name has three letters or a colon or blank after two, so three bytes choose the bucket. */
const bucketOf = (first: number, second: number, third: number): number =>
  ((lower[first]! << 5) ^ (lower[second]! << 3) ^ (lower[third]! * 7)) & (BUCKETS - 1);

function addToBucket(id: number, third: number): void {
  const name = lowerNames[id]!;
  const bucket = bucketOf(name[0]!, name[1]!, third);
  nextInBucket[id] = firstInBucket[bucket]!;
  firstInBucket[bucket] = id;
}

/** From the last to the first, so that frequent names come first in their bucket. */
for (let id = KNOWN_NAMES.length - 1; id > 0; id--) {
  addToBucket(id, lowerNames[id]![2] ?? COLON);
  idByName.set(KNOWN_NAMES[id]!, id).set(KNOWN_NAMES[id]!.toLowerCase(), id);
}
for (const [letter, name] of Object.entries(COMPACT_FORMS)) {
  const id = idByName.get(name)!;
  compactIds[letter.charCodeAt(0)] = id;
  compactIds[letter.toUpperCase().charCodeAt(0)] = id;
  idByName.set(letter, id);
}

/**
 * Identity of the name that stands at `start` with a colon right after it, long form only; ID_UNKNOWN where there is
 * none, which says nothing about names in compact form or with blanks before the colon.
 */
export function knownNameAt(bytes: Uint8Array, start: number, end: number): number {
  if (start + 2 >= end) return ID_NONE;
  const bucket = bucketOf(bytes[start]!, bytes[start + 1]!, bytes[start + 2]!);
  for (let id = firstInBucket[bucket]!; id !== ID_NONE; id = nextInBucket[id]!) {
    const name = lowerNames[id]!;
    const nameEnd = start + name.length;
    if (nameEnd < end && bytes[nameEnd] === COLON && isAt(bytes, start, name)) return id;
  }
  return ID_NONE;
}

function isAt(bytes: Uint8Array, start: number, name: Uint8Array): boolean {
  for (let at = 0; at < name.length; at++) if (lower[bytes[start + at]!] !== name[at]) return false;
  return true;
}

/** Length of a known name. */
export const nameLength = (id: number): number => lowerNames[id]!.length;

/** Identity of the name in bytes[start, end), in any spelling; ID_UNKNOWN when not listed. */
export function headerIdAt(bytes: Uint8Array, text: string, start: number, end: number): number {
  return end - start === 1 ? compactIds[bytes[start]!]! : headerId(text.slice(start, end));
}

/** Identity of a name in any spelling, compact forms included; ID_UNKNOWN when not listed. */
export function headerId(name: string): number {
  return idByName.get(name) ?? idByName.get(name.toLowerCase()) ?? ID_UNKNOWN;
}
