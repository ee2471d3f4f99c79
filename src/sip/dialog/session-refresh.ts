import { GatewayError } from '../../core/index.js';
import type { SipRequest, SipResponse } from '../message/index.js';
import type { HeaderRow, ResponseOrder } from '../signaling.js';
import { NO_ROWS } from './compose.js';
import type { Outcome } from './dialog-request.js';
import type { InviteDialog } from './invite-dialog.js';
import {
  askRows,
  minimumSe,
  refusedMinimum,
  type SessionTerms,
  SessionTimer,
  type SessionTimerUser,
  settleAsUac,
  settleAsUas,
} from './session-timer.js';

/** A refresh that was turned down is tried again after this, while the interval lasts. */
const RETRY_MS = 10_000;
/** A peer that raises Min-SE with every 422 is not followed for ever. */
const MOST_422 = 3;

/**
 * The session timer of one dialog (RFC 4028): what is asked and settled in INVITE and UPDATE, and the refreshes.
 * UPDATE without a body where the peer allows it, else a re-INVITE that repeats our last description (§7.4).
 */
export class SessionRefresh implements SessionTimerUser {
  readonly #dialog: InviteDialog;
  readonly #timer: SessionTimer;
  #minimumSeconds: number;
  #wantedSeconds: number;
  #settled: SessionTerms | undefined;
  #times422 = 0;

  constructor(dialog: InviteDialog) {
    this.#dialog = dialog;
    this.#timer = new SessionTimer(dialog.context, this);
    this.#minimumSeconds = dialog.context.options.sessionMinimumSeconds;
    this.#wantedSeconds = dialog.context.options.sessionIntervalSeconds;
  }

  get terms(): SessionTerms | undefined {
    return this.#timer.terms;
  }

  /** What an outgoing INVITE asked for. */
  setWishes(intervalSeconds: number, minimumSeconds: number): void {
    this.#wantedSeconds = intervalSeconds;
    this.#minimumSeconds = minimumSeconds;
  }

  stop(): void {
    this.#timer.stop();
  }

  refusedMinimum(request: SipRequest): number | undefined {
    return refusedMinimum(request, this.#dialog.context.options.sessionMinimumSeconds);
  }

  /** Rows of a response to INVITE or UPDATE; a 2xx settles the terms, which `answered` puts in force. */
  answerRows(status: number, request: SipRequest): readonly HeaderRow[] {
    if (status >= 300 || (request.method !== 'INVITE' && request.method !== 'UPDATE')) return NO_ROWS;
    this.#minimumSeconds = Math.max(this.#minimumSeconds, minimumSe(request));
    const settled = settleAsUas(request, this.#wantedSeconds, this.#timer.terms);
    this.#settled = settled?.terms;
    return settled?.rows ?? NO_ROWS;
  }

  /** A 2xx of ours to INVITE or UPDATE went out. */
  answered(): void {
    this.#timer.settle(this.#settled);
  }

  /** A 2xx of the peer to our INVITE or UPDATE. */
  settle(response: SipResponse): void {
    this.#timer.settle(settleAsUac(response));
  }

  /** Rows of our re-INVITE or UPDATE: any of them is a refresh too. */
  requestRows(): readonly HeaderRow[] {
    const { terms } = this.#timer;
    return terms ? askRows(terms.intervalSeconds, this.#minimumSeconds, terms) : NO_ROWS;
  }

  /** Takes a 422 to our re-INVITE or UPDATE; true when another try makes sense (§7.3). */
  raise(response: SipResponse): boolean {
    if (response.status !== 422 || !response.headers.has('Min-SE') || ++this.#times422 > MOST_422) return false;
    this.#minimumSeconds = Math.max(this.#minimumSeconds, minimumSe(response));
    return true;
  }

  onRefreshDue(): void {
    const dialog = this.#dialog;
    if (dialog.state !== 'confirmed') return;
    if (dialog.remoteAllows.has('UPDATE')) {
      dialog.outbox.update({}, (outcome) => this.#refreshed(outcome, 'UPDATE'), true);
      return;
    }
    if (dialog.busy) {
      this.#timer.retryRefresh(RETRY_MS);
      return;
    }
    const { localDescription } = dialog;
    const order: ResponseOrder = localDescription ? { body: localDescription } : {};
    dialog.outbox.invite(order, (outcome) => this.#refreshed(outcome, 'INVITE'), true);
  }

  onSessionExpired(): void {
    this.#expired();
  }

  #refreshed(outcome: Outcome, method: 'UPDATE' | 'INVITE'): void {
    const status = outcome instanceof GatewayError ? (outcome.code === 'sip.timeout' ? 408 : 503) : outcome.status;
    if (status < 200) return;
    if (status < 300) {
      method === 'INVITE' ? this.#dialog.ack() : undefined;
      return;
    }
    if (status === 408 || status === 481) {
      this.#expired();
      return;
    }
    if (method === 'UPDATE' && (status === 405 || status === 501)) this.#dialog.forgetAllow('UPDATE');
    this.#timer.retryRefresh(status === 405 || status === 501 ? 0 : RETRY_MS);
  }

  #expired(): void {
    this.#timer.stop();
    if (this.#dialog.state === 'terminated') return;
    this.#dialog.context.counters.add('sip_timeouts', 'session');
    this.#dialog.handler.onSessionExpired();
  }
}
