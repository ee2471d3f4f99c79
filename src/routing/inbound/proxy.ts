import { type Check, note, type RefusalResult, refuse, type StepResult, skip } from '../judgement.js';
import type { ProxyRoute } from '../snapshot.js';
import { carrierCheck } from '../termination/carriers.js';

/**
 * Proxy phone sessions: a participant calls the proxy number and the other participant is called with the proxy number
 * as caller, by the same carriers as any outbound call. Neither sees the other's number.
 *
 *     A (+1…01) ─calls─► proxy number ─► session(A, B) ─► B (+1…02), caller: the number that stands for A
 */
export const proxyCheck: Check = {
  name: 'inbound.proxy',
  run(judgement) {
    const { called, calling, snapshot, live } = judgement;
    if (!snapshot.proxyNumbers.has(called)) return NOT_PROXY;
    const input = { proxyNumber: called, caller: calling };
    const route = snapshot.proxySessions.get(`${called} ${calling}`);
    if (!route) return strangerOutcome(snapshot.numbers.has(called), input);
    if (expired(route, live.wallMs)) return refuse('proxy.session-expired', 404, 'Proxy session has expired', input);
    judgement.proxy = route;
    judgement.connector = snapshot.connectors.get(route.session.voiceConnectorId);
    judgement.called = route.calledNumber;
    judgement.calling = route.presentedNumber;
    const planned = carrierCheck.run(judgement);
    if (planned.verdict === 'fail') return planned;
    return note('proxy.routed', 'The other participant is called.', {
      ...input,
      session: route.session.id,
      ...planned.input,
    });
  },
};

const NOT_PROXY = skip('Not a proxy number.');

const expired = ({ session }: ProxyRoute, wallMs: number | undefined): boolean =>
  session.expiresAtMs !== undefined && wallMs !== undefined && wallMs >= session.expiresAtMs;

/** Somebody else calls the number: as an assigned number it goes its ordinary way. */
function strangerOutcome(assigned: boolean, input: Readonly<Record<string, unknown>>): StepResult | RefusalResult {
  if (assigned) return skip('Not a participant of a proxy session; the number is assigned.', input);
  return refuse('proxy.not-a-participant', 403, 'Caller is not in a session on this proxy number', input);
}
