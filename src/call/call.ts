import { isIP } from 'node:net';
import { GatewayError, type Logger, type Timer } from '../core/index.js';
import type { Admission, PlannedAttempt } from '../routing/index.js';
import type { MediaEvent, Side } from '../rtp/index.js';
import type {
  Dialog,
  InboundLeg,
  InboundLegHandler,
  InboundRequest,
  MessageBody,
  SipRequest,
  SipResponse,
} from '../sip/index.js';
import { Attempt, type AttemptEnd, type AttemptHandler } from './attempt.js';
import type { CallParts, Happening } from './call-parts.js';
import { type BridgeHooks, DialogBridge } from './dialog-bridge.js';
import type { CallEvent, CallFacts, EndFacts } from './events.js';
import { passingHeaders } from './headers.js';
import { identityFor } from './invite-parts.js';
import { MediaBridge, missingDescription, opposite } from './media-bridge.js';
import { type AttemptOutcome, bestResponse, q850ForStatus, q850OfReason, reasonRow } from './release.js';
import { bodyOf, sessionAddress, sessionOf } from './session-body.js';

/**
 * One call: the incoming leg, the attempts of its plan one after another, the media between, and its end.
 *
 *   opening ──media open──► trying ──2xx──► answered ──BYE, loss, limit──► ended
 *      └──no port, CANCEL──────┴──plan exhausted, CANCEL──────────────────────┘
 *
 * Every way out leads through `#finish`: it runs once, tells both legs, closes the media, and emits `ended`.
 */
export class Call implements InboundLegHandler, AttemptHandler, BridgeHooks {
  readonly facts: CallFacts;
  readonly admission: Admission;
  readonly #parts: CallParts;
  readonly #leg: InboundLeg;
  readonly #callerSide: Side;
  readonly #logger: Logger;
  #state: 'opening' | 'trying' | 'answered' | 'ended' = 'opening';
  #media: MediaBridge | undefined;
  #bridge: DialogBridge | undefined;
  #attempt: Attempt | undefined;
  #next = 0;
  #ringing = false;
  #prack: ((body?: MessageBody) => void) | undefined;
  /** Reliable provisional responses to the caller without their PRACK, in order: whether each describes the session. */
  readonly #unacknowledged: boolean[] = [];
  /** The caller has our description in a message that cannot be lost: a reliable 18x (RFC 3262 §5). */
  #describedReliably = false;
  /** The callee's answer, which waits for the PRACK of a description (RFC 3262 §3). */
  #heldAnswer: (() => void) | undefined;
  #intervalTimer: Timer | undefined;
  #maxTimer: Timer | undefined;
  #held: Record<Side, boolean> = { customer: false, remote: false };
  readonly #outcomes: AttemptOutcome[] = [];
  readonly startedMs: number;
  answeredMs: number | undefined;
  #endedMs: number | undefined;

  constructor(facts: CallFacts, admission: Admission, leg: InboundLeg, parts: CallParts) {
    this.facts = facts;
    this.admission = admission;
    this.#leg = leg;
    this.#parts = parts;
    this.#callerSide = admission.direction === 'Outbound' ? 'customer' : 'remote';
    this.#logger = parts.logger.child({ transactionId: facts.transactionId });
    this.startedMs = parts.scheduler.wallMs();
    leg.handler = this;
  }

  get state(): string {
    return this.#state;
  }

  /** Seconds since the answer, or between answer and end; 0 for a call that was not answered. */
  get talkedSeconds(): number {
    if (this.answeredMs === undefined) return 0;
    return ((this.#endedMs ?? this.#parts.scheduler.wallMs()) - this.answeredMs) / 1000;
  }

  /** Opens media and starts the first attempt. */
  start(): void {
    const { media, random, settings } = this.#parts;
    const order = {
      id: this.facts.transactionId,
      addressFamily: this.#addressFamily(),
      timeoutSeconds: settings.mediaTimeoutSeconds,
      onEvent: (event: MediaEvent) => this.#onMediaEvent(event),
    };
    MediaBridge.open(media, order, random).then(
      (bridge) => this.#onMediaOpen(bridge),
      (error) => this.#onMediaRefused(error),
    );
  }

  /** Where media is carried over IPv4 and IPv6, each leg takes what its peer speaks. */
  #addressFamily(): Partial<Record<Side, 4 | 6>> {
    const families = this.#parts.settings.mediaFamilies ?? [];
    if (families.length < 2) return {};
    const { request, flow } = this.#leg;
    const caller = familyOf(sessionAddress(sessionOf(request)) ?? flow.remote.address);
    const callee = familyOf(this.admission.plan[0]!.host);
    return {
      ...(caller && { [this.#callerSide]: caller }),
      ...(callee && { [opposite(this.#callerSide)]: callee }),
    };
  }

  /** Ends the call from our side: drain, operator, limit. Does nothing once it has ended. */
  end(code: string, reason: string, sipStatus: number, q850 = q850ForStatus(sipStatus)): void {
    this.#finish({ side: 'gateway', code, reason, sipStatus, q850 });
  }

  // --- opening -------------------------------------------------------------------------------------------------

  #onMediaOpen(media: MediaBridge): void {
    this.#media = media;
    if (this.#state !== 'opening') return void media.close();
    this.#state = 'trying';
    this.#bridge = new DialogBridge(media, this, this.#parts.settings, this.#logger);
    const { mediaSources, allowedSources, encryptionOfCaller } = this.admission;
    media.bound(this.#callerSide, {
      signallingAddress: this.#leg.flow.remote.address,
      mediaSources: mediaSources[this.#callerSide],
      allowedSources: allowedSources?.[this.#callerSide],
      encryption: encryptionOfCaller,
    });
    this.#maxTimer = this.#parts.scheduler.after(this.#parts.settings.maxCallSeconds * 1000, () =>
      this.end('call.max-duration', 'The call reached the longest duration allowed', 200, 102),
    );
    this.#scheduleInterval();
    this.#guarded(() => this.#tryNext());
  }

  #onMediaRefused(error: unknown): void {
    const known = error instanceof GatewayError;
    if (!known) this.#logger.error({ err: error }, 'media engine failed');
    this.end(known ? error.code : 'media.failed', known ? error.message : 'The media engine failed', 503);
  }

  // --- attempts ------------------------------------------------------------------------------------------------

  #tryNext(): void {
    const planned = this.admission.plan[this.#next];
    if (!planned) return this.#planExhausted();
    this.#next++;
    if (!this.#parts.takeTarget(planned)) {
      this.#outcomes.push({ status: 503, reason: 'Service Unavailable', code: 'attempt.limit' });
      return this.#tryNext();
    }
    this.#startAttempt(planned);
  }

  #startAttempt(planned: PlannedAttempt): void {
    const { signaling, scheduler, settings } = this.#parts;
    const { request } = this.#leg;
    const identity = identityFor(planned, request, settings.domain);
    const offer = sessionOf(request);
    const calleeSide = opposite(this.#callerSide);
    const { mediaSources, allowedSources } = this.admission;
    this.#media!.bound(calleeSide, {
      mediaSources: mediaSources[calleeSide],
      allowedSources: allowedSources?.[calleeSide],
      encryption: planned.encryption,
    });
    const body = offer ? this.#media!.translate(this.#callerSide, 'offer', offer) : bodyOf(request);
    const reliableProvisional = offer || this.#leg.supportsReliable ? 'offer' : 'off';
    const { sessionTimer } = settings;
    const parts = { ...identity, body, reliableProvisional, sessionTimer } as const;
    this.#attempt = new Attempt(this.#next, planned, parts, signaling, scheduler, this);
    this.#parts.onLeg(this.#attempt.callId);
    this.#emit({ kind: 'attempt-started', attempt: this.#attempt.facts });
  }

  onProvisional(
    attempt: Attempt,
    response: SipResponse,
    dialog: Dialog | undefined,
    prack?: (body?: MessageBody) => void,
  ): void {
    this.#guarded(() => {
      if (this.#state !== 'trying') return;
      if (dialog) this.#bridge!.attach(opposite(this.#callerSide), dialog);
      const description = sessionOf(response);
      const reliable = prack !== undefined && this.#leg.supportsReliable;
      const offersLate = description !== undefined && !sessionOf(this.#leg.request);
      if (offersLate && prack) this.#prack = prack;
      const passes = description && (!offersLate || reliable);
      const role = offersLate ? 'offer' : 'answer';
      const session = passes ? this.#media!.translate(opposite(this.#callerSide), role, description) : undefined;
      const body = description ? session : bodyOf(response);
      const headers = passingHeaders(response, 'INVITE');
      this.#noteReliable(reliable, session !== undefined);
      this.#leg.provisional(response.status, { reason: response.reason, headers, reliable, ...(body && { body }) });
      this.#bridge!.attach(this.#callerSide, this.#leg.dialog);
      if (response.status === 180 || response.status === 183)
        this.#noteRinging(attempt, response.status, session !== undefined);
    });
  }

  onSent(address: string): void {
    this.#media?.reached(opposite(this.#callerSide), address);
  }

  #noteRinging(attempt: Attempt, sipStatus: number, earlyMedia: boolean): void {
    if (this.#ringing) return;
    this.#ringing = true;
    this.#emit({ kind: 'ringing', attempt: attempt.facts, sipStatus, earlyMedia });
  }

  /** The engine sends reliably what the caller requires to be reliable, whatever is asked for. */
  #noteReliable(reliable: boolean, describes: boolean): void {
    const required = this.#leg.request.headers.list('Require').some((tag) => tag.toLowerCase() === '100rel');
    if (reliable || required) this.#unacknowledged.push(describes);
  }

  onEnded(attempt: Attempt, end: AttemptEnd): void {
    this.#guarded(() => {
      const { code, reason, status: sipStatus } = end;
      this.#parts.releaseTarget(attempt.planned);
      this.#parts.onTargetOutcome(attempt.planned, end);
      this.#emit({ kind: 'attempt-failed', attempt: attempt.facts, sipStatus, code, reason });
      this.#attempt = undefined;
      if (this.#state !== 'trying') return;
      this.#outcomes.push({ status: sipStatus, reason, code });
      if (this.#mayFailOver(attempt.planned, end)) this.#tryNext();
      else this.#planExhausted();
    });
  }

  /** Design §4, "Next attempt after": never a second ring, and only codes the target's rules name. */
  #mayFailOver({ failover }: PlannedAttempt, { code, status }: AttemptEnd): boolean {
    if (code === 'attempt.ring-timeout') return failover.afterRinging && failover.statuses.has(480);
    if (this.#ringing && !failover.afterRinging) return false;
    return status === undefined || (status >= 300 && status < 400) || failover.statuses.has(status);
  }

  #planExhausted(): void {
    const { status, reason } = bestResponse(this.#outcomes);
    const last = this.#outcomes.at(-1);
    this.#finish({
      side: opposite(this.#callerSide),
      code: last?.code === 'attempt.ring-timeout' ? 'call.ring-timeout' : (last?.code ?? 'attempt.none'),
      reason: last?.reason ?? reason,
      sipStatus: status,
      q850: q850ForStatus(status),
    });
  }

  // --- answer --------------------------------------------------------------------------------------------------

  onAnswered(attempt: Attempt, response: SipResponse, dialog: Dialog): void {
    this.#guarded(() => {
      const calleeSide = opposite(this.#callerSide);
      if (this.#state !== 'trying') return;
      this.#bridge!.attach(calleeSide, dialog);
      this.#parts.onTargetOutcome(attempt.planned, 'answered');
      const description = sessionOf(response);
      const body = sessionOf(this.#leg.request)
        ? this.#answerEarlyOffer(dialog, description)
        : this.#answerLateOffer(dialog, description);
      this.#heldAnswer = () => this.#accept(attempt, response, body());
      this.#acceptWhenAcknowledged();
    });
  }

  /** The usual case: the caller offered, the callee's 200 (or its reliable 18x) answers. Gives what the caller's 200 says. */
  #answerEarlyOffer(dialog: Dialog, description: MessageBody | undefined): () => MessageBody | undefined {
    dialog.ack();
    const calleeSide = opposite(this.#callerSide);
    const body = description && this.#media!.translate(calleeSide, 'answer', description);
    if (!body && this.#media!.direction(calleeSide) === undefined) throw missingDescription();
    dialog.localDescription = this.#media!.lastSent(calleeSide);
    // The callee's answer may have come in a reliable 18x alone; to a caller without 100rel that was no answer yet.
    return () => body ?? (this.#describedReliably ? undefined : this.#media!.lastSent(this.#callerSide));
  }

  /** The callee's 200 offers; the caller's ACK will answer, and only then the callee's ACK goes. */
  #answerLateOffer(dialog: Dialog, description: MessageBody | undefined): () => MessageBody | undefined {
    if (this.#prack || !description) {
      dialog.ack();
      if (!description && !this.#prack) throw missingDescription();
      return () => undefined;
    }
    const body = this.#media!.translate(opposite(this.#callerSide), 'offer', description);
    this.#bridge!.onceAcknowledged(this.#callerSide, (ack) => this.#finishLateOffer(dialog, ack));
    return () => body;
  }

  #finishLateOffer(dialog: Dialog, ack: SipRequest): void {
    this.#guarded(() => {
      const answer = sessionOf(ack);
      const body = answer && this.#media!.translate(this.#callerSide, 'answer', answer);
      dialog.ack(body);
      if (!body) throw missingDescription();
      dialog.localDescription = body;
    });
  }

  /** A description that waits for its PRACK holds the answer back (RFC 3262 §3): the caller has not been answered yet. */
  #acceptWhenAcknowledged(): void {
    const accept = this.#heldAnswer;
    if (this.#state !== 'trying' || this.#unacknowledged.includes(true)) return;
    this.#heldAnswer = undefined;
    accept?.();
  }

  #accept(attempt: Attempt, response: SipResponse, body: MessageBody | undefined): void {
    const headers = passingHeaders(response, 'INVITE');
    const dialog = this.#leg.accept({ headers, ...(body && { body }) });
    dialog.localDescription = body ?? this.#media!.lastSent(this.#callerSide);
    this.#bridge!.attach(this.#callerSide, dialog);
    this.#state = 'answered';
    this.answeredMs = this.#parts.scheduler.wallMs();
    this.#noteAnswered(attempt);
  }

  #noteAnswered(attempt: Attempt): void {
    const media = this.#media!;
    this.#emit({
      kind: 'answered',
      attempt: attempt.facts,
      codec: media.codec(opposite(this.#callerSide)),
      encryption: { customer: media.encryption('customer'), remote: media.encryption('remote') },
    });
  }

  // --- the incoming leg ----------------------------------------------------------------------------------------

  onCancel(request: SipRequest): void {
    const q850 = q850OfReason(request.headers.get('Reason')) ?? 16;
    const reason = 'The caller gave up before the call was answered';
    this.#finish({ side: this.#callerSide, code: 'call.cancelled', reason, sipStatus: 487, q850 });
  }

  onAck(request: SipRequest): void {
    this.#bridge?.acknowledged(this.#callerSide, request);
  }

  onAckTimeout(): void {
    this.end('call.no-ack', 'The caller never acknowledged the answer', 200, 102);
  }

  onPrack(incoming: InboundRequest): void {
    this.#guarded(() => {
      this.#answerPrack(incoming);
      if (this.#unacknowledged.shift()) this.#describedReliably = true;
      this.#acceptWhenAcknowledged();
    });
  }

  #answerPrack(incoming: InboundRequest): void {
    const body = sessionOf(incoming.request);
    if (!body) return incoming.respond(200);
    if (!this.#prack) return incoming.respond(488);
    const answer = this.#media!.translate(this.#callerSide, 'answer', body);
    this.#prack(answer);
    incoming.respond(200);
  }

  onPrackTimeout(): void {
    this.end('call.no-prack', 'The caller never acknowledged a reliable provisional response', 504);
  }

  onTransportError(error: GatewayError): void {
    const reason = 'The connection to the caller failed';
    this.#logger.info({ code: error.code }, 'caller unreachable');
    this.#finish({ side: this.#callerSide, code: 'call.transport', reason, sipStatus: 503, q850: 38 });
  }

  // --- the conversation ----------------------------------------------------------------------------------------

  onHangup(side: Side, request: SipRequest): void {
    if (this.#state === 'trying') return this.#hungUpEarly(side, request);
    const q850 = q850OfReason(request.headers.get('Reason')) ?? 16;
    this.#finish({ side, code: 'call.hangup', reason: `The ${side} hung up`, sipStatus: 200, q850 });
  }

  /** A BYE inside an early dialog: the caller may (RFC 3261 §15), a callee that does has refused. */
  #hungUpEarly(side: Side, request: SipRequest): void {
    if (side === this.#callerSide) return this.onCancel(request);
    const reason = `The ${side} hung up before the answer`;
    this.#finish({ side, code: 'call.hangup', reason, sipStatus: 480, q850: q850ForStatus(480) });
  }

  onDialogLost(side: Side, error: GatewayError): void {
    this.#finish({ side, code: error.code, reason: error.message, sipStatus: this.answeredMs ? 200 : 503, q850: 41 });
  }

  onMediaChanged(): void {
    for (const side of ['customer', 'remote'] as const) {
      const direction = this.#media!.direction(side);
      const held = direction === 'recvonly' || direction === 'inactive';
      if (held === this.#held[side]) continue;
      this.#held[side] = held;
      this.#emit({ kind: held ? 'held' : 'resumed', side });
    }
  }

  #onMediaEvent(event: MediaEvent): void {
    if (this.#state === 'ended') return;
    const { side } = event;
    if (event.kind === 'timeout') {
      if (this.#state !== 'answered') return;
      const reason = `No media came from the ${side} for ${this.#parts.settings.mediaTimeoutSeconds} s`;
      this.#finish({ side: 'gateway', code: 'media.timeout', reason, sipStatus: 200, q850: 102 });
    } else if (event.kind === 'latched') {
      this.#emit({ kind: 'media-latched', side, address: event.address, port: event.port });
    } else if (event.kind === 'source-refused') {
      this.#emit({ kind: 'source-refused', side, address: event.address, port: event.port });
    } else {
      this.#emit({ kind: 'dtmf', side, event: event.event, durationMs: event.durationMs });
    }
  }

  #scheduleInterval(): void {
    this.#intervalTimer = this.#parts.scheduler.after(this.#parts.settings.intervalSeconds * 1000, () => {
      this.#scheduleInterval();
      if (this.#state === 'answered') void this.#reportInterval();
    });
  }

  async #reportInterval(): Promise<void> {
    try {
      const reading = await this.#media!.read();
      if (this.#state === 'answered') this.#emit({ kind: 'figures', ...reading, final: false });
    } catch (error) {
      this.#logger.error({ err: error }, 'media figures not read');
    }
  }

  // --- the end -------------------------------------------------------------------------------------------------

  #finish(end: EndFacts): void {
    if (this.#state === 'ended') return;
    const wasAnswered = this.#state === 'answered';
    this.#state = 'ended';
    this.#intervalTimer?.cancel();
    this.#maxTimer?.cancel();
    this.#tellLegs(end, wasAnswered);
    const timeMs = this.#parts.scheduler.wallMs();
    this.#endedMs = timeMs;
    void this.#settle(end, timeMs);
  }

  #tellLegs(end: EndFacts, wasAnswered: boolean): void {
    const attempt = this.#attempt;
    if (attempt) {
      attempt.abandon(end.q850, 'Call ended');
      this.#parts.releaseTarget(attempt.planned);
      if (!wasAnswered) this.#emitCancelled(attempt, end);
    }
    if (!wasAnswered && end.code !== 'call.cancelled') {
      this.#leg.respond(end.sipStatus, finalOrder(end));
    }
    for (const side of ['customer', 'remote'] as const) {
      const dialog = this.#bridge?.dialog(side);
      if (dialog?.state === 'confirmed') dialog.bye([reasonRow(end.q850, BYE_TEXT)]);
    }
  }

  #emitCancelled(attempt: Attempt, end: EndFacts): void {
    const { code, reason } = end;
    this.#emit({ kind: 'attempt-failed', attempt: attempt.facts, sipStatus: 487, code, reason });
  }

  async #settle(end: EndFacts, timeMs: number): Promise<void> {
    try {
      const reading = await this.#media?.close();
      if (reading) this.#emit({ kind: 'figures', ...reading, final: true }, timeMs);
    } catch (error) {
      this.#logger.error({ err: error }, 'media not closed cleanly');
    }
    this.#emit({ kind: 'ended', end }, timeMs);
    this.#parts.onOver(this);
  }

  #emit(happening: Happening, timeMs = this.#parts.scheduler.wallMs()): void {
    this.#parts.emit({ ...happening, transactionId: this.facts.transactionId, timeMs } as CallEvent);
  }

  /** What a peer sent may end its own call, loudly, and never more than that. */
  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      const known = error instanceof GatewayError;
      if (!known) this.#logger.error({ err: error }, 'call ended by an internal fault');
      const code = known ? error.code : 'call.internal';
      const reason = known ? error.message : 'An internal fault ended the call';
      const status = known ? (error.sipStatus ?? 500) : 500;
      this.end(code, reason, this.#state === 'answered' ? 200 : status, q850ForStatus(status));
    }
  }
}

/** IP version of an address; undefined for a host name. */
function familyOf(host: string): 4 | 6 | undefined {
  const version = isIP(host);
  return version === 4 || version === 6 ? version : undefined;
}

const BYE_TEXT = 'Normal call clearing';

function finalOrder(end: EndFacts) {
  const retry = end.sipStatus === 503 ? [['Retry-After', '5'] as const] : [];
  return { headers: [reasonRow(end.q850, 'Trunkline'), ...retry] };
}
