import type { HeaderRow, SipMessage } from '../sip/index.js';

/**
 * What passes from one leg to the other (design §4, "Between the legs"). A B2BUA writes its own Via, Route, Contact,
 * dialog identifiers and capabilities; of the rest only fields with end-to-end meaning pass, by name, in their order.
 */

const END_TO_END = new Set([
  'accept-language',
  'alert-info',
  'call-info',
  'content-disposition',
  'content-id',
  'content-language',
  'diversion',
  'geolocation',
  'geolocation-error',
  'geolocation-routing',
  'history-info',
  'mime-version',
  'p-early-media',
  'priority',
  'privacy',
  'reason',
  'recv-info',
  'resource-priority',
  'subject',
  'user-to-user',
]);

/** Fields of requests whose meaning is the method's own. */
const BY_METHOD: Readonly<Record<string, ReadonlySet<string>>> = {
  REFER: new Set(['refer-to', 'referred-by', 'refer-sub', 'target-dialog']),
  NOTIFY: new Set(['event', 'subscription-state']),
  INFO: new Set(['info-package']),
  // Not Replaces: it names a dialog of its own leg, which the other side could only answer 481 (RFC 3891 §3).
  INVITE: new Set(['referred-by']),
};

/** Ours, never taken over from the other side. */
const RESERVED = new Set(['x-voiceconnector-id']);

const NONE: ReadonlySet<string> = new Set();

/**
 * Header rows of `message` that go on to the other leg, in order.
 * @param removed names, or prefixes ending in `*`, that are not to reach it
 */
export function passingHeaders(message: SipMessage, method: string, removed: readonly string[] = []): HeaderRow[] {
  const ofMethod = BY_METHOD[method] ?? NONE;
  const rows: HeaderRow[] = [];
  for (const [name, value] of message.headers.entries()) {
    const key = name.toLowerCase();
    const passes = END_TO_END.has(key) || ofMethod.has(key) || (key.startsWith('x-') && !RESERVED.has(key));
    if (passes && !removed.some((pattern) => names(pattern.toLowerCase(), key))) rows.push([name, value]);
  }
  return rows;
}

const names = (pattern: string, key: string): boolean =>
  pattern.endsWith('*') ? key.startsWith(pattern.slice(0, -1)) : key === pattern;
