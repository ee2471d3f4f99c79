/**
 * Header field names: their long spelling, compact forms and identity (RFC 3261 §7.3.1, §20; IANA SIP parameters).
 * A name read from bytes is looked up by its first three letters, then compared in full, colon included:
 *
 *     "cALL-id: 8f…" ─► bucket of "cal" ─► compare ignoring case ─► id of Call-ID
 */

const SP = 0x20;
const COLON = 0x3a;
const LOWER_CASE_BIT = 0x20;
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

/** Lengths of the known names by identity; their bytes in lower case, one after the other, and where each starts. */
const lengths = Uint8Array.from(KNOWN_NAMES, (name) => name.length);
const letters: Uint8Array = Buffer.from(KNOWN_NAMES.join('').toLowerCase(), 'latin1');
const starts = new Uint16Array(KNOWN_NAMES.length);
const firstInBucket = new Uint8Array(BUCKETS);
const nextInBucket = new Uint8Array(KNOWN_NAMES.length);
const compactIds = new Uint8Array(256);
const idByName = new Map<string, number>();

const bucketOf = (first: number, second: number, third: number): number =>
  (((first | LOWER_CASE_BIT) << 5) ^ ((second | LOWER_CASE_BIT) << 3) ^ ((third | LOWER_CASE_BIT) * 7)) & (BUCKETS - 1);

for (let id = 1; id < KNOWN_NAMES.length; id++) starts[id] = starts[id - 1]! + lengths[id - 1]!;

/** From the last to the first, so that frequent names come first in their bucket; `To` counts with its colon. */
for (let id = KNOWN_NAMES.length - 1; id > 0; id--) {
  const [first, second, third] = Buffer.from(`${KNOWN_NAMES[id]}:`, 'latin1');
  const bucket = bucketOf(first!, second!, third!);
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

/**
 * Identity of the name that stands at `start` with a colon right after it, long form only; ID_UNKNOWN where there is
 * none, which says nothing about names in compact form or with blanks before the colon.
 */
export function knownNameAt(bytes: Uint8Array, start: number, end: number): number {
  if (start + 2 >= end) return ID_NONE;
  let id = firstInBucket[bucketOf(bytes[start]!, bytes[start + 1]!, bytes[start + 2]!)]!;
  while (id !== ID_NONE) {
    const nameEnd = start + lengths[id]!;
    if (nameEnd < end && bytes[nameEnd] === COLON && isAt(bytes, start, nameEnd, starts[id]!)) return id;
    id = nextInBucket[id]!;
  }
  return ID_NONE;
}

/** The name has letters and hyphens only, so a letter in either case is one bit apart; what is below SP never fits. */
function isAt(bytes: Uint8Array, start: number, end: number, nameStart: number): boolean {
  const name = letters;
  for (let at = start, letter = nameStart; at < end; at++, letter++) {
    const code = bytes[at]!;
    if ((code | LOWER_CASE_BIT) !== name[letter] || code < SP) return false;
  }
  return true;
}

/** A bit for each of up to 31 known names, by identity; 0 for every other. Made once, for `Headers.firstRepeated`. */
export function bitsByName(names: readonly string[]): Int32Array {
  const bits = new Int32Array(KNOWN_NAMES.length);
  for (const [at, name] of names.entries()) bits[headerId(name)] = 1 << at;
  return bits;
}

/** Length of a known name. */
export const nameLength = (id: number): number => lengths[id]!;

/** Identity of the name in bytes[start, end), in any spelling; ID_UNKNOWN when not listed. */
export function headerIdAt(bytes: Uint8Array, text: string, start: number, end: number): number {
  if (end - start === 1) return compactIds[bytes[start]!]!;
  const known = knownNameAt(bytes, start, bytes.length);
  if (known !== ID_NONE || bytes[end] === COLON) return known;
  return headerId(text.slice(start, end));
}

/** Identity of a name in any spelling, compact forms included; ID_UNKNOWN when not listed. */
export function headerId(name: string): number {
  return idByName.get(name) ?? idByName.get(name.toLowerCase()) ?? ID_UNKNOWN;
}
