import type { RemoteDescription, Side, SrtpKeys } from '../engine.js';

/**
 * How a daemon is made to use keys that were drawn here. rtpengine draws its own; but a key that one peer offers it
 * copies into its offer to the other (so that SRTP can pass unopened), and what it has offered it keeps. So the key we
 * seal with towards a side is first offered to that side in the other's name:
 *
 *   prime    offer of the other side: our key for this side     answer of this side: its key
 *   settle   offer of this side: its key, our key for the other answer of the other side: its key, or in clear
 *
 * Each side's lines have a tag of their own; by tag and suite the daemon finds the key again that it offered before.
 * Between the two the other side is keyed wrongly: its packets are dropped for that moment, never passed unopened.
 */
export interface KeyedLine {
  readonly tag: number;
  readonly keys: SrtpKeys;
}

/** One offer and its answer: the lines that stand in each side's description; none: in clear. */
export interface Exchange {
  readonly offerer: Side;
  readonly lines: Readonly<Record<Side, readonly KeyedLine[]>>;
}

type Srtp = RemoteDescription['srtp'];

const TAG: Readonly<Record<Side, number>> = { customer: 1, remote: 2 };
export const other = (side: Side): Side => (side === 'customer' ? 'remote' : 'customer');

/** Keys as they are in force at the daemon. */
export type Keying = Readonly<Record<Side, Srtp>>;
export const NO_KEYS: Keying = { customer: undefined, remote: undefined };

/**
 * The exchanges that lead from one keying to the next, in order; at least one, which repeats what is known.
 * @param described  the side that changed: it offers where no key says otherwise
 */
export function exchanges(before: Keying, next: Keying, described: Side): Exchange[] {
  const changed = (side: Side): boolean => next[side] !== undefined && !sameKeys(before[side], next[side]);
  const kept = SIDES.find((side) => next[side] && !changed(side));
  if (kept) return [settle(kept, next)];
  const fresh = SIDES.find((side) => changed(side));
  return fresh ? [prime(fresh, next[fresh]!), settle(fresh, next)] : [settle(described, next)];
}

const SIDES = ['remote', 'customer'] as const;

function sameKeys(a: Srtp, b: Srtp): boolean {
  return a !== undefined && b !== undefined && same(a.send, b.send) && same(a.receive, b.receive);
}

const same = (a: SrtpKeys, b: SrtpKeys): boolean => a.suite === b.suite && a.key.equals(b.key);

const line = (side: Side, keys: SrtpKeys): KeyedLine => ({ tag: TAG[side], keys });

function prime(side: Side, { send, receive }: NonNullable<Srtp>): Exchange {
  return {
    offerer: other(side),
    lines: sided(other(side), [line(side, send)], [line(side, receive)]),
  };
}

function settle(side: Side, { [side]: own, [other(side)]: opposite }: Keying): Exchange {
  const offered = [
    ...(own ? [line(side, own.receive)] : []),
    ...(own && opposite ? [line(other(side), opposite.send)] : []),
  ];
  return { offerer: side, lines: sided(side, offered, opposite ? [line(other(side), opposite.receive)] : []) };
}

function sided(offerer: Side, offered: readonly KeyedLine[], answered: readonly KeyedLine[]): Exchange['lines'] {
  return offerer === 'customer' ? { customer: offered, remote: answered } : { customer: answered, remote: offered };
}

/** Every suite the daemon has: those that an exchange does not name are forbidden in it, so that it adds none. */
const DAEMON_SUITES = [
  ...['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32', 'AES_192_CM_HMAC_SHA1_80', 'AES_192_CM_HMAC_SHA1_32'],
  ...['AES_256_CM_HMAC_SHA1_80', 'AES_256_CM_HMAC_SHA1_32', 'AEAD_AES_128_GCM', 'AEAD_AES_256_GCM'],
  ...['F8_128_HMAC_SHA1_80', 'F8_128_HMAC_SHA1_32', 'NULL_HMAC_SHA1_80', 'NULL_HMAC_SHA1_32'],
];

/** The `SDES` member of the orders of an exchange. */
export function sdesFlags({ lines }: Exchange): readonly string[] {
  const named = new Set<string>([...lines.customer, ...lines.remote].map(({ keys }) => keys.suite));
  return ['static', ...DAEMON_SUITES.filter((suite) => !named.has(suite)).map((suite) => `no-${suite}`)];
}
