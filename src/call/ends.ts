import type { GatewayError } from '../core/index.js';
import type { Side } from '../rtp/index.js';
import type { HeaderRow, SipRequest } from '../sip/index.js';
import type { EndFacts } from './events.js';
import { endingHeaders, q850ForStatus, q850Of } from './release.js';

/** The ends a call can come to by what its peers do, as the record tells them. */

/** An end, and what of the message that brought it goes on to the other side. */
export interface Ending extends EndFacts {
  readonly told?: readonly HeaderRow[];
}

/** Cause the peer gives for it (RFC 3326), else normal clearing. */
const causeIn = (request: SipRequest): number => q850Of(request) ?? 16;

export const cancelled = (side: Side, request: SipRequest): Ending => ({
  side,
  code: 'call.cancelled',
  reason: 'The caller gave up before the call was answered',
  sipStatus: 487,
  q850: causeIn(request),
  told: endingHeaders(request, 'CANCEL'),
});

export const hungUp = (side: Side, request: SipRequest): Ending => ({
  side,
  code: 'call.hangup',
  reason: `The ${side} hung up`,
  sipStatus: 200,
  q850: causeIn(request),
  told: endingHeaders(request, 'BYE'),
});

/** A callee that sends BYE inside an early dialog has refused. */
export const hungUpEarly = (side: Side): EndFacts => ({
  side,
  code: 'call.hangup',
  reason: `The ${side} hung up before the answer`,
  sipStatus: 480,
  q850: q850ForStatus(480),
});

export const callerUnreachable = (side: Side): EndFacts => ({
  side,
  code: 'call.transport',
  reason: 'The connection to the caller failed',
  sipStatus: 503,
  q850: 38,
});

export const dialogLost = (side: Side, error: GatewayError, answered: boolean): EndFacts => ({
  side,
  code: error.code,
  reason: error.message,
  sipStatus: answered ? 200 : 503,
  q850: 41,
});

export const fellSilent = (side: Side, seconds: number): EndFacts => ({
  side: 'gateway',
  code: 'media.timeout',
  reason: `No media came from the ${side} for ${seconds} s`,
  sipStatus: 200,
  q850: 102,
});
