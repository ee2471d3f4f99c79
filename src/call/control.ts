import { type Counters, type Logger, type Random, type Scheduler, uuid } from '../core/index.js';
import type { Admission, Decision, Refusal, RequestFacts } from '../routing/index.js';
import type { MediaEngine } from '../rtp/index.js';
import {
  type Flow,
  type HeaderRow,
  type InboundLeg,
  type InboundRequest,
  noteScanner,
  type SignalingEngine,
  type SignalingHandler,
  type SipRequest,
  type SipResponse,
} from '../sip/index.js';
import type { Authenticator } from './authenticator.js';
import { Call } from './call.js';
import type { CallParts, CallSettings } from './call-parts.js';
import type { CallEvent, CallFacts, CallListener } from './events.js';
import type { MessageTrace } from './message-trace.js';
import type { Policy } from './policy.js';
import { q850ForStatus, reasonRow } from './release.js';
import { requestFacts } from './request-facts.js';

export interface ControlParts {
  readonly signaling: SignalingEngine;
  readonly media: MediaEngine;
  readonly policy: Policy;
  readonly authenticator: Authenticator;
  readonly trace: MessageTrace;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly settings: CallSettings;
  readonly listeners: readonly CallListener[];
  /** Our own addresses, with and without port, to tell "the Request-URI host is one of ours". */
  readonly localAddresses: () => readonly string[];
}

/**
 * Call control: where the signaling engine's events become calls. Asks policy about each INVITE, starts the calls it
 * admits, answers the rest, and keeps the table of what runs.
 */
export class CallControl implements SignalingHandler {
  readonly #parts: ControlParts;
  readonly #calls = new Map<string, Call>();
  #draining = false;

  constructor(parts: ControlParts) {
    this.#parts = parts;
  }

  /** Calls in progress, by transactionId. */
  get calls(): ReadonlyMap<string, Call> {
    return this.#calls;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** From now on new INVITEs and OPTIONS get 503. */
  drain(): void {
    this.#draining = true;
    this.#parts.policy.setDraining(true);
  }

  /** Ends every call that is left: end of the drain time, or stop. */
  endAll(code: string, reason: string): void {
    for (const call of [...this.#calls.values()]) call.end(code, reason, call.answeredMs === undefined ? 503 : 200, 41);
  }

  onInvite(leg: InboundLeg): void {
    const { policy, random, authenticator, counters } = this.#parts;
    const transactionId = uuid(random);
    const facts = requestFacts(leg, this.#parts.localAddresses(), (base) => authenticator.judge(leg.request, base));
    const decision = policy.decide(facts);
    counters.add('decisions', decision.kind === 'admit' ? 'admitted' : decision.code);
    if (decision.kind === 'refuse' && !leavesRecord(decision)) return this.#refuse(leg, decision, facts);
    const callFacts = factsOf(transactionId, leg, decision, facts);
    this.#parts.trace.register(leg.request.callId, callFacts);
    this.#received(callFacts, leg, decision);
    if (decision.kind === 'refuse') this.#refuseCall(callFacts, leg, decision, facts);
    else this.#admit(callFacts, decision, leg);
  }

  /** More work than can be done in time: refused before it costs anything, and without a record. */
  shedFor(request: SipRequest): number | undefined {
    const { policy, counters, random } = this.#parts;
    if (policy.isEmergency(request) || !policy.sheds()) return undefined;
    counters.add('decisions', 'node.overloaded');
    return 1 + (random.uint32() % 5);
  }

  onRequest(incoming: InboundRequest): void {
    const { method } = incoming.request;
    if (method === 'OPTIONS') return this.#onOptions(incoming);
    this.#parts.counters.add('requests_refused', 'method');
    // Methods that are allowed, and what nobody may do here: registering, or asking something outside a call.
    incoming.respond(403);
  }

  onMessage(direction: 'in' | 'out', message: SipRequest | SipResponse, bytes: Buffer, flow: Flow): void {
    this.#parts.trace.message(direction, message, bytes, flow);
  }

  #onOptions(incoming: InboundRequest): void {
    if (this.#draining) return incoming.respond(503, { headers: [['Retry-After', '30']] });
    const facts = requestFacts(incoming, this.#parts.localAddresses());
    const known = this.#parts.policy.noteOptions(facts, this.#parts.scheduler.wallMs());
    if (!known) {
      this.#parts.counters.add('requests_refused', 'options-source');
      return incoming.respond(403);
    }
    incoming.respond(200, { headers: [['Accept', 'application/sdp']] });
  }

  #received(facts: CallFacts, leg: InboundLeg, decision: Decision): void {
    const { remote, transport } = leg.flow;
    const timeMs = this.#parts.scheduler.wallMs();
    const { transactionId } = facts;
    const admitted = decision.kind === 'admit';
    const code = decision.kind === 'admit' ? 'call.admitted' : decision.code;
    this.#emit({
      kind: 'received',
      transactionId,
      timeMs,
      facts,
      source: `${remote.address}:${remote.port}`,
      transport,
    });
    this.#emit({ kind: 'decided', transactionId, timeMs, facts, admitted, code, trace: decision.trace });
  }

  #admit(facts: CallFacts, admission: Admission, leg: InboundLeg): void {
    this.#parts.policy.takeCall(admission);
    const call = new Call(facts, admission, leg, this.#callParts(facts, admission));
    this.#calls.set(facts.transactionId, call);
    call.start();
  }

  #callParts(facts: CallFacts, admission: Admission): CallParts {
    const { policy, trace, signaling, media, scheduler, random, logger, settings } = this.#parts;
    const callIds = [facts.callId];
    return {
      signaling,
      media,
      scheduler,
      random,
      logger,
      settings,
      emit: (event) => {
        this.#emit(event);
        if (event.kind === 'source-refused') {
          const { kind, transactionId, side, address, port } = event;
          policy.announce({ kind, transactionId, side, address, port });
        }
      },
      onTargetOutcome: (planned, end) => policy.targetOutcome(planned, end),
      takeTarget: (planned) => policy.takeTarget(planned, admission.emergency),
      releaseTarget: (planned) => policy.releaseTarget(planned),
      onLeg: (callId) => {
        callIds.push(callId);
        trace.register(callId, facts);
      },
      onOver: (call) => {
        policy.releaseCall(admission, call.talkedSeconds);
        this.#calls.delete(call.facts.transactionId);
        trace.release(facts.transactionId, callIds);
      },
    };
  }

  /** A refusal of somebody known: it leaves a record, like every call. */
  #refuseCall(callFacts: CallFacts, leg: InboundLeg, refusal: Refusal, facts: RequestFacts): void {
    this.#refuse(leg, refusal, facts);
    const sipStatus = refusal.status === 'drop' ? 403 : refusal.status;
    const end = {
      side: 'gateway',
      code: refusal.code,
      reason: refusal.reason,
      sipStatus,
      q850: q850ForStatus(sipStatus),
    } as const;
    const { transactionId } = callFacts;
    this.#emit({ kind: 'ended', transactionId, timeMs: this.#parts.scheduler.wallMs(), end });
    this.#parts.trace.release(transactionId, [callFacts.callId]);
  }

  #refuse(leg: InboundLeg, refusal: Refusal, facts: RequestFacts): void {
    const { address } = facts.source;
    if (!leavesRecord(refusal)) noteScanner(this.#parts.counters, leg.request.headers.get('User-Agent'));
    this.#parts.logger.info({ code: refusal.code, status: refusal.status, source: address }, 'call refused');
    if (refusal.status === 'drop') return leg.drop();
    leg.respond(refusal.status, {
      reason: phrase(refusal.reason),
      headers: this.#refusalHeaders(leg, refusal),
      once: UNPROVEN.has(refusal.code),
    });
  }

  #refusalHeaders(leg: InboundLeg, refusal: Refusal): HeaderRow[] {
    const rows: HeaderRow[] = [];
    if (refusal.challenge)
      rows.push(...this.#parts.authenticator.challenge(leg.flow.remote.address, refusal.challenge.stale));
    if (refusal.retryAfterSeconds !== undefined) rows.push(['Retry-After', String(refusal.retryAfterSeconds)]);
    if (refusal.warning !== undefined) {
      rows.push(['Warning', `${refusal.warning} ${this.#parts.settings.domain} "${phrase(refusal.reason)}"`]);
    }
    if (typeof refusal.status === 'number') rows.push(reasonRow(q850ForStatus(refusal.status), refusal.code));
    return rows;
  }

  /** Listeners must not throw; one that does is named, and the others still hear. */
  #emit(event: CallEvent): void {
    for (const listener of this.#parts.listeners) {
      try {
        listener.onCallEvent(event);
      } catch (error) {
        this.#parts.counters.add('listener_faults');
        this.#parts.logger.error(
          { err: error, kind: event.kind, transactionId: event.transactionId },
          'event listener failed',
        );
      }
    }
  }
}

/**
 * Refusals that are counted and logged but leave no record: those of a source nobody vouches for, which could otherwise
 * fill the disk, and digest challenges, which are half of a call that follows.
 */
const WITHOUT_RECORD = new Set([
  'request.unknown-source',
  'termination.no-such-connector',
  'termination.source-denied',
  'termination.source-banned',
  'termination.credentials-missing',
  'termination.credentials-stale',
  'termination.credentials-invalid',
  'termination.credentials-replayed',
]);

/** Refusals of a source that may be forged; one that answered a challenge is not. */
const UNPROVEN = new Set([...WITHOUT_RECORD].filter((code) => !/credentials-(invalid|replayed)$/.test(code)));

const leavesRecord = (refusal: Refusal): boolean =>
  refusal.direction !== undefined && !WITHOUT_RECORD.has(refusal.code);

function factsOf(transactionId: string, leg: InboundLeg, decision: Decision, facts: RequestFacts): CallFacts {
  const { authentication } = facts;
  return {
    transactionId,
    callId: leg.request.callId,
    direction: decision.direction ?? 'Outbound',
    voiceConnectorId: decision.voiceConnectorId,
    from: decision.callingNumber,
    to: decision.calledNumber,
    ...(authentication.state === 'valid' && { sipAuthUser: authentication.username }),
  };
}

/** Text of ours as a reason phrase or quoted warn-text: printable ASCII without quotes. */
const phrase = (text: string): string => text.replace(/[^\x20-\x7e]|["\\]/g, '').slice(0, 128);
