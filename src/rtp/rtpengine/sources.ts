import ipaddr from 'ipaddr.js';
import type { RemoteDescription } from '../engine.js';

/**
 * Whom a daemon hears on a leg.
 *
 *     described  the described address and port alone, from the first packet on, where the description can be true
 *     learned    whoever speaks within some seconds of a description; the best match of the description then stays
 *
 * A daemon that learns passes what anybody sends meanwhile, and speaks to whoever spoke last: it is told to learn only
 * where the described address cannot be reached as it stands, which is how a peer behind a NAT describes itself.
 */
export type SourcePolicy = 'described' | 'learned';

const ALWAYS = ['port latching', 'strict source', 'trust-address'];

/** Flags of an offer or answer in a peer's name. @param keyed its media is SRTP */
export function sourceFlags(policy: SourcePolicy, peer: RemoteDescription, keyed: boolean): readonly string[] {
  if (policy === 'described' && isReachable(peer)) return [...ALWAYS, 'endpoint-learning-off'];
  // Who seals under the leg's key is followed wherever it speaks from: it is opened before its source is looked at.
  return [...ALWAYS, 'endpoint-learning-heuristic', ...(keyed ? ['media handover'] : [])];
}

/** The peer signals from the address it describes, or the address is a public one: no NAT stands between. */
function isReachable({ address, signallingAddress }: RemoteDescription): boolean {
  if (!ipaddr.isValid(address)) return false;
  return address === signallingAddress || ipaddr.process(address).range() === 'unicast';
}
