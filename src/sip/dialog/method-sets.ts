import type { SipRequest, SipResponse } from '../message/index.js';

/** Peers of one make list the same methods: each list is read once, and shared. */
const known = new Map<string, ReadonlySet<string>>();
const MOST_KNOWN = 200;
/** Longer lists are not kept. */
const LONGEST_KEPT = 300;

/** The methods in Allow; one set for all messages that list the same. */
export function methodSet(message: SipRequest | SipResponse): ReadonlySet<string> {
  const values = message.headers.all('Allow');
  const key = values.length === 1 ? values[0]! : values.join(',');
  const shared = known.get(key);
  if (shared) return shared;
  const methods: ReadonlySet<string> = new Set(message.headers.list('Allow'));
  if (known.size < MOST_KNOWN && key.length <= LONGEST_KEPT) known.set(key, methods);
  return methods;
}
