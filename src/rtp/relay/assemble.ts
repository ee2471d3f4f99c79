import { isIP } from 'node:net';
import { hexToken, type Random, type Scheduler } from '../../core/index.js';
import type { MediaEvent, Side } from '../engine.js';
import { LegCipher } from './cipher.js';
import type { LegPlace } from './commands.js';
import { clearRecord, LEG_WORDS } from './layout.js';
import { RelayLeg } from './leg.js';
import { Outlet } from './outlet.js';
import { Reporter } from './reporter.js';
import { RelaySession } from './session.js';
import type { SocketPair } from './socket-shelf.js';

/** What a session is put together from. */
export interface SessionAssembly {
  /** All legs' records, one after the other (see layout.ts). */
  readonly records: Float64Array;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly places: Readonly<Record<Side, LegPlace>>;
  readonly pairs: Readonly<Record<Side, SocketPair>>;
  readonly timeoutMs: number;
  readonly tell: (event: MediaEvent) => void;
  /** A broken invariant, told at most a few times for a leg. */
  readonly onFault: (error: unknown) => void;
}

/** Clears both records, joins two legs on their sockets, and lets them hear. */
export function assembleSession(parts: SessionAssembly): RelaySession {
  const { scheduler, random, timeoutMs, tell } = parts;
  const legs = { customer: assembleLeg(parts, 'customer'), remote: assembleLeg(parts, 'remote') };
  // One name for both directions: it tells nothing of either side (RFC 7022 §4.2).
  const cname = hexToken(random, 3);
  const reporters = {
    customer: new Reporter(scheduler, random, cname),
    remote: new Reporter(scheduler, random, cname),
  };
  return new RelaySession(legs, reporters, timeoutMs, tell);
}

function assembleLeg(parts: SessionAssembly, side: Side): RelayLeg {
  const { records, scheduler, tell, onFault } = parts;
  const place = parts.places[side];
  const pair = parts.pairs[side];
  const base = place.slot * LEG_WORDS;
  clearRecord(records.subarray(base, base + LEG_WORDS));
  const cipher = new LegCipher();
  const outlet = new Outlet(records, base, pair.rtp, pair.rtcp, isIP(place.address) === 6 ? 6 : 4, cipher);
  const leg = new RelayLeg({ side, records, base, outlet, cipher, scheduler, tell, onFault });
  pair.user = leg;
  return leg;
}
