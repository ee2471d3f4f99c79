import type { PlannedAttempt } from '../routing/index.js';
import type { Side } from '../rtp/index.js';
import type { AttemptEnd } from './attempt.js';
import type { Ending } from './ends.js';
import { type AttemptOutcome, bestResponse, endingHeaders, q850ForStatus, q850Of } from './release.js';

/** Design §4, "Next attempt after": never a second ring, and only codes the target's rules name. */
export function mayFailOver({ failover }: PlannedAttempt, { code, status }: AttemptEnd, ringing: boolean): boolean {
  if (code === 'attempt.ring-timeout') return failover.afterRinging && failover.statuses.has(480);
  if (ringing && !failover.afterRinging) return false;
  return status === undefined || (status >= 300 && status < 400) || failover.statuses.has(status);
}

/** The end of a call whose attempts all came to nothing: the best of their responses (RFC 3261 §16.7). */
export function planExhausted(outcomes: readonly AttemptOutcome[], side: Side): Ending {
  const { status, reason, response } = bestResponse(outcomes);
  const last = outcomes.at(-1);
  return {
    side,
    code: last?.code === 'attempt.ring-timeout' ? 'call.ring-timeout' : (last?.code ?? 'attempt.none'),
    reason: last?.reason ?? reason,
    sipStatus: status,
    q850: (response && q850Of(response)) ?? q850ForStatus(status),
    ...(response && { told: endingHeaders(response, 'INVITE') }),
  };
}
