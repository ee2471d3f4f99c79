import { isIP } from 'node:net';
import type { Side } from '../rtp/index.js';
import type { InboundLeg } from '../sip/index.js';
import { opposite } from './media-bridge.js';
import { sessionAddress, sessionOf } from './session-body.js';

/**
 * IP version of each leg's media where it is carried over both: what the peer speaks, as far as that is known.
 * @param families IP versions that media sockets are open for
 * @param firstTarget host of the first target; a name tells nothing
 */
export function mediaFamilies(
  families: readonly (4 | 6)[],
  leg: InboundLeg,
  callerSide: Side,
  firstTarget: string,
): Partial<Record<Side, 4 | 6>> {
  if (families.length < 2) return {};
  const caller = familyOf(sessionAddress(sessionOf(leg.request)) ?? leg.flow.remote.address);
  const callee = familyOf(firstTarget);
  return { ...(caller && { [callerSide]: caller }), ...(callee && { [opposite(callerSide)]: callee }) };
}

/** IP version of an address; undefined for a host name. */
function familyOf(host: string): 4 | 6 | undefined {
  const version = isIP(host);
  return version === 4 || version === 6 ? version : undefined;
}
