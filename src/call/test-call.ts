import type { Scheduler } from '../core/index.js';
import type { PlannedAttempt } from '../routing/index.js';
import { escapeUser, type SignalingEngine } from '../sip/index.js';
import { locationOf, uriOf } from './health-prober.js';
import { reasonRow } from './release.js';

export interface TestCallOutcome {
  readonly target: string;
  readonly answered: boolean;
  /** Final status; undefined when nothing answered. */
  readonly status: number | undefined;
  readonly reason: string;
  readonly tookMs: number;
}

/** How long an answered rehearsal stands before BYE. */
const STAND_MS = 1000;

/** What came of a rehearsal: the target that ended it, and all that were tried. */
export interface TestCallsOutcome extends TestCallOutcome {
  readonly attempts: readonly TestCallOutcome[];
}

/**
 * Rehearses an emergency call: the plan's targets in order, on to the next wherever a call would go on to the next (no
 * response, a transport error, a status of the target's failover list).
 * @param plan not empty
 */
export async function placeTestCalls(
  plan: readonly PlannedAttempt[],
  domain: string,
  signaling: SignalingEngine,
  scheduler: Scheduler,
): Promise<TestCallsOutcome> {
  const attempts: TestCallOutcome[] = [];
  for (const planned of plan) {
    const outcome = await placeTestCall(planned, domain, signaling, scheduler);
    attempts.push(outcome);
    const { answered, status } = outcome;
    if (answered || (status !== undefined && !planned.failover.statuses.has(status))) break;
  }
  return { ...attempts.at(-1)!, attempts };
}

/**
 * Calls one target of a plan to see whether it answers: the rehearsal of an emergency call. The description
 * offered is `inactive`, so no media flows; the call ends a second after the answer, and where nobody answers at the
 * target's ring limit.
 */
function placeTestCall(
  planned: PlannedAttempt,
  domain: string,
  signaling: SignalingEngine,
  scheduler: Scheduler,
): Promise<TestCallOutcome> {
  const startMs = scheduler.nowMs();
  return new Promise((resolve) => {
    const tell = (status: number | undefined, reason: string): void => {
      ringing.cancel();
      const answered = status !== undefined && status < 300;
      resolve({ target: planned.targetKey, answered, status, reason, tookMs: Math.round(scheduler.nowMs() - startMs) });
    };
    const leg = signaling.invite({
      requestUri: uriOf(planned).replace('sip:', `sip:${escapeUser(planned.calledNumber)}@`),
      nextHop: locationOf(planned),
      from: `<sip:${escapeUser(planned.callingNumber)}@${domain}>`,
      to: `<sip:${escapeUser(planned.calledNumber)}@${domain}>`,
      headers: [['P-Asserted-Identity', `<sip:${escapeUser(planned.callingNumber)}@${domain}>`], ...planned.headers],
      body: { contentType: 'application/sdp', bytes: Buffer.from(inactiveOffer) },
      ...(planned.credentials && { credentials: planned.credentials }),
      noResponseTimeoutMs: planned.noResponseTimeoutMs,
      connectTimeoutMs: planned.connectTimeoutMs,
      reliableProvisional: 'off',
      handler: {
        onSent: () => {},
        onProvisional: () => {},
        onAnswered: (response, dialog) => {
          dialog.ack();
          tell(response.status, response.reason);
          scheduler.after(STAND_MS, () => dialog.bye([reasonRow(16, 'Rehearsal over')]));
        },
        onRejected: ({ status, reason }) => tell(status, reason),
        onFailed: (error) => tell(undefined, error.message),
      },
    });
    const ringing = scheduler.after(planned.ringTimeoutSeconds * 1000, () => leg.cancel([reasonRow(19, 'No answer')]));
  });
}

const inactiveOffer = [
  'v=0',
  'o=trunkline 1 1 IN IP4 0.0.0.0',
  's=-',
  'c=IN IP4 0.0.0.0',
  't=0 0',
  'm=audio 9 RTP/AVP 0',
  'a=rtpmap:0 PCMU/8000',
  'a=inactive',
  '',
].join('\r\n');
