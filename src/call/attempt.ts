import type { GatewayError, Scheduler, Timer } from '../core/index.js';
import type { PlannedAttempt } from '../routing/index.js';
import type {
  Dialog,
  HeaderRow,
  MessageBody,
  OutboundLeg,
  SessionTimerOrder,
  SignalingEngine,
  SipResponse,
} from '../sip/index.js';
import type { AttemptFacts } from './events.js';
import { reasonRow } from './release.js';

/** What the call hears of an attempt, until it lets go of it. */
export interface AttemptHandler {
  onProvisional(
    attempt: Attempt,
    response: SipResponse,
    dialog: Dialog | undefined,
    prack?: (body?: MessageBody) => void,
  ): void;
  /** The INVITE went to this address. */
  onSent(address: string): void;
  /** The first 2xx; the call must `ack` the dialog. */
  onAnswered(attempt: Attempt, response: SipResponse, dialog: Dialog): void;
  /** It came to nothing; `status` is the final response's, undefined without one. */
  onEnded(attempt: Attempt, end: AttemptEnd): void;
}

export interface AttemptEnd {
  readonly status: number | undefined;
  readonly reason: string;
  readonly code: string;
  readonly response?: SipResponse;
}

export interface InviteParts {
  readonly from: string;
  readonly to: string;
  readonly requestUri: string;
  readonly headers: readonly HeaderRow[];
  readonly body: MessageBody | undefined;
  readonly reliableProvisional: 'off' | 'offer' | 'require';
  readonly sessionTimer: SessionTimerOrder;
}

/**
 * One outbound leg on its way: INVITE, its ring limit, and its end. An attempt that lost (cancelled, timed out, raced)
 * stays alive by itself until its transaction is over: a late 2xx is ACKed and ended with BYE (RFC 3261 §9.1, §13.2.2.4).
 */
export class Attempt {
  readonly planned: PlannedAttempt;
  readonly facts: AttemptFacts;
  readonly #leg: OutboundLeg;
  #handler: AttemptHandler | undefined;
  #ringTimer: Timer | undefined;
  #answered: Dialog | undefined;
  #ringTimedOut = false;

  constructor(
    number: number,
    planned: PlannedAttempt,
    parts: InviteParts,
    signaling: SignalingEngine,
    scheduler: Scheduler,
    handler: AttemptHandler,
  ) {
    this.planned = planned;
    this.#handler = handler;
    this.#leg = signaling.invite({
      requestUri: parts.requestUri,
      nextHop: nextHop(planned),
      from: parts.from,
      to: parts.to,
      headers: parts.headers,
      ...(parts.body && { body: parts.body }),
      ...(planned.credentials && { credentials: planned.credentials }),
      noResponseTimeoutMs: planned.noResponseTimeoutMs,
      connectTimeoutMs: planned.connectTimeoutMs,
      reliableProvisional: parts.reliableProvisional,
      sessionTimer: parts.sessionTimer,
      handler: {
        onSent: (target) => this.#handler?.onSent(target.address),
        onProvisional: (response, dialog, prack) => this.#handler?.onProvisional(this, response, dialog, prack),
        onAnswered: (response, dialog) => this.#onAnswered(response, dialog),
        onRejected: (response) => this.#onRejected(response),
        onFailed: (error) => this.#onFailed(error),
      },
    });
    this.facts = { number, target: planned.targetKey, callId: this.#leg.callId };
    this.#ringTimer = scheduler.after(planned.ringTimeoutSeconds * 1000, () => this.#onRingTimeout());
  }

  /** Our local tag and Call-ID of this leg. */
  get callId(): string {
    return this.#leg.callId;
  }

  /** Gives the attempt up: CANCEL, and BYE should it be answered all the same. The call hears no more of it. */
  abandon(rows: readonly HeaderRow[]): void {
    this.#handler = undefined;
    this.#stopRinging();
    if (!this.#answered) this.#leg.cancel(rows);
  }

  #stopRinging(): void {
    this.#ringTimer?.cancel();
    this.#ringTimer = undefined;
  }

  #onRingTimeout(): void {
    this.#ringTimedOut = true;
    this.#leg.cancel([reasonRow(19, 'No answer')]);
  }

  #onAnswered(response: SipResponse, dialog: Dialog): void {
    this.#stopRinging();
    if (this.#answered || !this.#handler) {
      endLateAnswer(dialog);
      if (!this.#handler) this.#answered = dialog;
      return;
    }
    this.#answered = dialog;
    this.#handler.onAnswered(this, response, dialog);
  }

  #onRejected(response: SipResponse): void {
    const { status, reason } = response;
    if (this.#ringTimedOut)
      this.#end({ status: 480, reason: 'No answer within the ring limit', code: 'attempt.ring-timeout' });
    else this.#end({ status, reason, code: status < 400 ? 'attempt.redirected' : 'attempt.rejected', response });
  }

  #onFailed(error: GatewayError): void {
    if (this.#ringTimedOut)
      this.#end({ status: 480, reason: 'No answer within the ring limit', code: 'attempt.ring-timeout' });
    else this.#end({ status: undefined, reason: error.message, code: attemptCode(error.code) });
  }

  #end(end: AttemptEnd): void {
    this.#stopRinging();
    const handler = this.#handler;
    this.#handler = undefined;
    handler?.onEnded(this, end);
  }
}

function nextHop(planned: PlannedAttempt) {
  return {
    host: planned.host,
    ...(planned.port !== undefined && { port: planned.port }),
    transport: planned.protocol.toLowerCase() as 'udp' | 'tcp' | 'tls',
    secure: planned.protocol === 'TLS',
  };
}

/** A 2xx nobody waits for: the CANCEL crossed it, or another fork was first. */
function endLateAnswer(dialog: Dialog): void {
  dialog.ack();
  dialog.bye([reasonRow(26, 'Answered elsewhere or after cancel')]);
}

/** Our code for an attempt whose target gave no final response. */
function attemptCode(code: string): string {
  if (code === 'sip.no-response') return 'attempt.no-response';
  if (code === 'sip.timeout') return 'attempt.timeout';
  return code.startsWith('dns.') ? 'attempt.not-located' : 'attempt.transport';
}
