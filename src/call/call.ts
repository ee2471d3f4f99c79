import { GatewayError, type Logger, lazyChild, type Timer } from '../core/index.js';
import type { Admission, PlannedAttempt } from '../routing/index.js';
import type { MediaEvent, Side } from '../rtp/index.js';
import type {
  Dialog,
  HeaderRow,
  InboundLeg,
  InboundLegHandler,
  InboundRequest,
  MessageBody,
  SipRequest,
  SipResponse,
} from '../sip/index.js';
import { Attempt, type AttemptEnd, type AttemptHandler } from './attempt.js';
import { type CallParts, eventOf, type Happening, happeningOf, sourcesOf } from './call-parts.js';
import { type BridgeHooks, DialogBridge, type DialogPair } from './dialog-bridge.js';
import { DtmfInterworking } from './dtmf-interworking.js';
import { EarlyForks } from './early-forks.js';
import { EarlyOffer } from './early-offer.js';
import { callerUnreachable, cancelled, dialogLost, type Ending, fellSilent, hungUp, hungUpEarly } from './ends.js';
import type { CallFacts, EndFacts } from './events.js';
import { mayFailOver, planExhausted } from './failover.js';
import { passingHeaders } from './headers.js';
import { HoldWatch } from './hold-watch.js';
import { IntervalReports } from './interval-reports.js';
import { identityFor } from './invite-parts.js';
import { LateOffer } from './late-offer.js';
import { MediaBridge, opposite } from './media-bridge.js';
import { mediaFamilies } from './media-families.js';
import { closePatiently, MEDIA_PATIENCE_MS, mediaSilent } from './media-patience.js';
import { type AttemptOutcome, faultOf, finalOrder, q850ForStatus, reasonRow, withReason } from './release.js';
import { RestOfPlan } from './rest-of-plan.js';
import { bodyOf, sessionOf } from './session-body.js';

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
  readonly #plan: RestOfPlan;
  #attempts = 0;
  #ringing = false;
  #earlyOffer: EarlyOffer | undefined;
  #lateOffer: LateOffer | undefined;
  readonly #forks: EarlyForks;
  readonly #reports: IntervalReports;
  #maxTimer: Timer | undefined;
  readonly #holds = new HoldWatch();
  readonly #dtmf: DtmfInterworking;
  readonly #outcomes: AttemptOutcome[] = [];
  readonly startedMs: number;
  answeredMs: number | undefined;
  #endedMs: number | undefined;

  constructor(facts: CallFacts, admission: Admission, leg: InboundLeg, parts: CallParts) {
    this.facts = facts;
    this.admission = admission;
    this.#plan = new RestOfPlan(admission.plan);
    this.#leg = leg;
    this.#parts = parts;
    const separate = parts.settings.earlyDialogs === 'each' && sessionOf(leg.request) !== undefined;
    this.#forks = new EarlyForks(leg, separate);
    this.#callerSide = admission.direction === 'Outbound' ? 'customer' : 'remote';
    this.#logger = lazyChild(parts.logger, { transactionId: facts.transactionId });
    this.startedMs = parts.scheduler.wallMs();
    this.#reports = new IntervalReports({
      scheduler: parts.scheduler,
      logger: this.#logger,
      intervalMs: parts.settings.intervalSeconds * 1000,
      wanted: () => this.#state === 'answered',
      read: () => this.#media!.read(),
      report: ({ quality, totals }) => this.#emit({ kind: 'figures', quality, totals, final: false }),
    });
    this.#dtmf = new DtmfInterworking(leg.request, this.#callerSide, parts, (happening) => this.#emit(happening));
    leg.handler = this;
  }

  get state(): string {
    return this.#state;
  }

  /** Undefined before it is open. */
  get media(): MediaBridge | undefined {
    return this.#media;
  }

  /** Seconds since the answer, or between answer and end; 0 for a call that was not answered. */
  get talkedSeconds(): number {
    if (this.answeredMs === undefined) return 0;
    return ((this.#endedMs ?? this.#parts.scheduler.wallMs()) - this.answeredMs) / 1000;
  }

  /** Opens media and starts the first attempt. */
  start(): void {
    const { media, random, settings } = this.#parts;
    const [first] = this.admission.plan;
    const order = {
      id: this.facts.transactionId,
      addressFamily: mediaFamilies(settings.mediaFamilies ?? [], this.#leg, this.#callerSide, first!.host),
      timeoutSeconds: settings.mediaTimeoutSeconds,
      onEvent: (event: MediaEvent) => this.#onMediaEvent(event),
    };
    this.#maxTimer = this.#parts.scheduler.after(MEDIA_PATIENCE_MS, () => this.#onMediaRefused(mediaSilent()));
    MediaBridge.open(media, order, random, this.#dtmf.takesInfo, settings.srtp).then(
      (bridge) => this.#onMediaOpen(bridge),
      (error) => this.#onMediaRefused(error),
    );
  }

  /** Ends the call from our side: drain, operator, limit. Does nothing once it has ended. */
  end(code: string, reason: string, sipStatus: number, q850 = q850ForStatus(sipStatus)): void {
    this.#finish({ side: 'gateway', code, reason, sipStatus, q850 });
  }

  // --- opening -------------------------------------------------------------------------------------------------

  #onMediaOpen(media: MediaBridge): void {
    this.#media = media;
    if (this.#state !== 'opening') return void closePatiently(media, this.#parts.scheduler, this.#logger);
    this.#state = 'trying';
    this.#earlyOffer = new EarlyOffer(media, this.#callerSide);
    this.#lateOffer = new LateOffer(media, this.#callerSide);
    this.#bridge = new DialogBridge(media, this, this.#dtmf, this.#parts.settings, this.#logger);
    this.#dtmf.join(media, this.#bridge);
    media.bound(this.#callerSide, {
      ...sourcesOf(this.admission, this.#callerSide),
      signallingAddress: this.#leg.flow.remote.address,
      encryption: this.admission.encryptionOfCaller,
    });
    this.#maxTimer?.cancel();
    this.#maxTimer = this.#parts.scheduler.after(this.#parts.settings.maxCallSeconds * 1000, () =>
      this.end('call.max-duration', 'The call reached the longest duration allowed', 200, 102),
    );
    this.#reports.start();
    this.#guarded(() => this.#tryNext());
  }

  #onMediaRefused(error: unknown): void {
    const known = error instanceof GatewayError;
    if (!known) this.#logger.error({ err: error }, 'media engine failed');
    this.end(known ? error.code : 'media.failed', known ? error.message : 'The media engine failed', 503);
  }

  // --- attempts ------------------------------------------------------------------------------------------------

  #tryNext(): void {
    const planned = this.#plan.next();
    if (!planned) return this.#finish(planExhausted(this.#outcomes, opposite(this.#callerSide)));
    this.#attempts++;
    if (!this.#parts.takeTarget(planned)) {
      this.#outcomes.push({ status: 503, reason: 'Service Unavailable', code: 'attempt.limit' });
      return this.#tryNext();
    }
    try {
      this.#startAttempt(planned);
    } catch (error) {
      // What the caller offers cannot be read: the call ends, and the target was not tried.
      this.#parts.releaseTarget(planned);
      throw error;
    }
  }

  #startAttempt(planned: PlannedAttempt): void {
    const { signaling, scheduler, settings } = this.#parts;
    const { request } = this.#leg;
    const identity = identityFor(planned, request, settings.domain);
    const offer = sessionOf(request);
    const calleeSide = opposite(this.#callerSide);
    this.#media!.bound(calleeSide, { ...sourcesOf(this.admission, calleeSide), encryption: planned.encryption });
    const body = offer ? this.#media!.translate(this.#callerSide, 'offer', offer) : bodyOf(request);
    const reliableProvisional = offer || this.#leg.supportsReliable ? 'offer' : 'off';
    const { sessionTimer } = settings;
    const parts = { ...identity, body, reliableProvisional, sessionTimer } as const;
    this.#attempt = new Attempt(this.#attempts, planned, parts, signaling, scheduler, this);
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
      const progress = this.#forks.speakFor(dialog);
      this.#join(dialog);
      if (progress.full) return;
      const description = sessionOf(response);
      const reliable = prack !== undefined && this.#leg.supportsReliable;
      const session = description && this.#passEarly(description, dialog, reliable ? prack : undefined);
      const body = description ? session : bodyOf(response);
      const headers = passingHeaders(response, 'INVITE');
      progress.sent(reliable, session !== undefined);
      this.#leg.provisional(response.status, { reason: response.reason, headers, reliable, ...(body && { body }) });
      if (response.status === 180 || response.status === 183)
        this.#noteRinging(attempt, response.status, session !== undefined);
    });
  }

  /**
   * What of a description in an 18x goes on to the caller. An offer (the INVITE brought none) does in a reliable 18x only,
   * once, and its answer comes with the PRACK.
   * @param prack absent where the 18x is not reliable all the way
   */
  #passEarly(
    description: MessageBody,
    dialog: Dialog | undefined,
    prack: ((body?: MessageBody) => void) | undefined,
  ): MessageBody | undefined {
    if (sessionOf(this.#leg.request)) return this.#earlyOffer!.inProvisional(dialog, description);
    return dialog && prack && this.#lateOffer!.inProvisional(dialog, description, prack);
  }

  /** The callee's dialog and the one that stands for it on the caller's leg are one conversation. */
  #join(dialog: Dialog | undefined): void {
    const callee = dialog && { [opposite(this.#callerSide)]: dialog };
    this.#bridge!.join({ ...callee, [this.#callerSide]: this.#leg.dialog });
  }

  onSent(address: string): void {
    this.#media?.reached(opposite(this.#callerSide), address);
  }

  #noteRinging(attempt: Attempt, sipStatus: number, earlyMedia: boolean): void {
    if (this.#ringing) return;
    this.#ringing = true;
    this.#emit({ kind: 'ringing', attempt: attempt.facts, sipStatus, earlyMedia });
  }

  onEnded(attempt: Attempt, end: AttemptEnd): void {
    this.#guarded(() => {
      const { code, reason, status: sipStatus } = end;
      this.#parts.releaseTarget(attempt.planned);
      this.#parts.onTargetOutcome(attempt.planned, end);
      this.#emit({ kind: 'attempt-failed', attempt: attempt.facts, sipStatus, code, reason });
      this.#attempt = undefined;
      if (this.#state !== 'trying') return;
      this.#outcomes.push({ status: sipStatus, reason, code, ...(end.response && { response: end.response }) });
      if (end.code === 'attempt.redirected') this.#plan.redirect(end.response!);
      if (mayFailOver(attempt.planned, end, this.#ringing)) this.#tryNext();
      else this.#finish(planExhausted(this.#outcomes, opposite(this.#callerSide)));
    });
  }

  // --- answer --------------------------------------------------------------------------------------------------

  onAnswered(attempt: Attempt, response: SipResponse, dialog: Dialog): void {
    this.#guarded(() => {
      if (this.#state !== 'trying') return;
      const progress = this.#forks.speakFor(dialog);
      this.#join(dialog);
      this.#parts.onTargetOutcome(attempt.planned, 'answered');
      const description = sessionOf(response);
      this.#whereUsable(attempt, () => {
        const body = sessionOf(this.#leg.request)
          ? this.#earlyOffer!.inAnswer(dialog, description)
          : this.#answerLateOffer(dialog, description);
        progress.whenAcknowledged(() => {
          // To a caller without 100rel what came in a reliable 18x was no answer yet.
          const told = description || !progress.described ? body : undefined;
          this.#acceptOnceHeard(attempt, response, told);
        });
      });
    });
  }

  /** A target whose description may not be used is left, as if it had refused: the plan goes on where its rules say so. */
  #whereUsable(attempt: Attempt, use: () => void): void {
    try {
      use();
    } catch (error) {
      if (!(error instanceof GatewayError) || error.sipStatus !== 488 || this.#state !== 'trying') throw error;
      const q850 = q850ForStatus(488);
      const rows = [reasonRow(q850, UNUSABLE_TEXT)];
      attempt.abandon(rows);
      this.#bridge!.drop(opposite(this.#callerSide), rows);
      this.onEnded(attempt, { status: 488, reason: error.message, code: error.code });
    }
  }

  /** The caller speaks as soon as it is accepted: the engine must have heard of the callee by then. */
  #acceptOnceHeard(attempt: Attempt, response: SipResponse, body: MessageBody | undefined): void {
    this.#media!.whenInForce((fault) =>
      this.#guarded(() => {
        if (fault) throw fault;
        this.#accept(attempt, response, body);
      }),
    );
  }

  #answerLateOffer(dialog: Dialog, description: MessageBody | undefined): MessageBody | undefined {
    const body = this.#lateOffer!.inAnswer(dialog, description);
    const answered = (ack: SipRequest): void => this.#guarded(() => this.#lateOffer!.onAck(ack));
    if (body) this.#bridge!.onceAcknowledged(this.#callerSide, answered);
    return body;
  }

  #accept(attempt: Attempt, response: SipResponse, body: MessageBody | undefined): void {
    if (this.#state !== 'trying') return;
    const headers = passingHeaders(response, 'INVITE');
    const dialog = this.#leg.accept({ headers, ...(body && { body }) });
    dialog.localDescription = body ?? this.#media!.lastSent(this.#callerSide);
    this.#state = 'answered';
    this.answeredMs = this.#parts.scheduler.wallMs();
    const media = this.#media!;
    const encryption = { customer: media.encryption('customer'), remote: media.encryption('remote') };
    const codec = media.codec(opposite(this.#callerSide));
    this.#emit({ kind: 'answered', attempt: attempt.facts, codec, encryption });
  }

  // --- the incoming leg ----------------------------------------------------------------------------------------

  onCancel(request: SipRequest): void {
    this.#finish(cancelled(this.#callerSide, request));
  }

  onAck(request: SipRequest): void {
    this.#bridge?.acknowledged(this.#callerSide, request);
  }

  onAckTimeout(): void {
    this.end('call.no-ack', 'The caller never acknowledged the answer', 200, 102);
  }

  onPrack(incoming: InboundRequest): void {
    this.#guarded(() => {
      this.#lateOffer!.onPrack(incoming);
      this.#forks.acknowledged(incoming.request.to.tag);
    });
  }

  onPrackTimeout(): void {
    this.end('call.no-prack', 'The caller never acknowledged a reliable provisional response', 504);
  }

  onTransportError(error: GatewayError): void {
    this.#logger.info({ code: error.code }, 'caller unreachable');
    this.#finish(callerUnreachable(this.#callerSide));
  }

  // --- the conversation ----------------------------------------------------------------------------------------

  onHangup(side: Side, request: SipRequest, pair: DialogPair): void {
    const calleeSide = opposite(this.#callerSide);
    if (this.#state !== 'trying') this.#finish(hungUp(side, request));
    else if (this.#bridge!.hasOther(pair, calleeSide)) {
      if (side === this.#callerSide) pair[calleeSide]?.bye();
      // A BYE inside an early dialog: the caller may (RFC 3261 §15), a callee that does has refused.
    } else if (side === this.#callerSide) this.onCancel(request);
    else this.#finish(hungUpEarly(side));
  }

  onDialogLost(side: Side, error: GatewayError): void {
    this.#finish(dialogLost(side, error, this.answeredMs !== undefined));
  }

  onMediaChanged(): void {
    for (const change of this.#holds.changes((side) => this.#media!.direction(side))) this.#emit(change);
  }

  onMediaRefused(side: Side, code: string): void {
    this.#emit({ kind: 'media-refused', side, code });
  }

  #onMediaEvent(event: MediaEvent): void {
    if (this.#state === 'ended') return;
    const { side } = event;
    if (event.kind === 'timeout') {
      if (this.#state === 'answered') this.#finish(fellSilent(side, this.#parts.settings.mediaTimeoutSeconds));
    } else {
      this.#emit(happeningOf(event));
      if (event.kind === 'dtmf') this.#dtmf.onEvent(side, event);
    }
  }

  // --- the end -------------------------------------------------------------------------------------------------

  #finish({ told = [], ...end }: Ending): void {
    if (this.#state === 'ended') return;
    const wasAnswered = this.#state === 'answered';
    this.#state = 'ended';
    this.#reports.stop();
    this.#maxTimer?.cancel();
    this.#tellLegs(end, wasAnswered, told);
    const timeMs = this.#parts.scheduler.wallMs();
    this.#endedMs = timeMs;
    void this.#settle(end, timeMs);
  }

  #tellLegs(end: EndFacts, wasAnswered: boolean, told: readonly HeaderRow[]): void {
    const attempt = this.#attempt;
    if (attempt) {
      attempt.abandon(withReason(told, end.q850, 'Call ended'));
      this.#parts.releaseTarget(attempt.planned);
      const { code, reason } = end;
      if (!wasAnswered) this.#emit({ kind: 'attempt-failed', attempt: attempt.facts, sipStatus: 487, code, reason });
    }
    if (!wasAnswered) this.#leg.respond(end.sipStatus, finalOrder(end, this.#parts.settings.domain, told));
    for (const side of ['customer', 'remote'] as const) {
      const dialog = this.#bridge?.dialog(side);
      if (dialog?.state !== 'confirmed') continue;
      dialog.ack();
      dialog.bye(withReason(told, end.q850, BYE_TEXT));
    }
  }

  async #settle(end: EndFacts, timeMs: number): Promise<void> {
    const reading = this.#media && (await closePatiently(this.#media, this.#parts.scheduler, this.#logger));
    if (reading) this.#emit({ kind: 'figures', quality: reading.quality, totals: reading.totals, final: true }, timeMs);
    this.#emit({ kind: 'ended', end }, timeMs);
    this.#parts.onOver(this);
  }

  #emit(happening: Happening, timeMs = this.#parts.scheduler.wallMs()): void {
    this.#parts.emit(eventOf(happening, this.facts.transactionId, timeMs));
  }

  /** What a peer sent may end its own call, loudly, and never more than that. */
  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof GatewayError)) this.#logger.error({ err: error }, 'call ended by an internal fault');
      const { code, reason, status } = faultOf(error);
      this.end(code, reason, this.#state === 'answered' ? 200 : status, q850ForStatus(status));
    }
  }
}

const BYE_TEXT = 'Normal call clearing';
const UNUSABLE_TEXT = 'Session description not acceptable';
