import { type DialogContext, InviteServerLeg, Reply, samePeer } from '../dialog/index.js';
import { type SipRequest, SipSyntaxError } from '../message/index.js';
import type { SignalingHandler } from '../signaling.js';
import { methodLabel, type ServerTransaction, token } from '../transaction/index.js';
import type { Flow } from '../transport/flow.js';
import { checkRequest, type Refusal } from './request-checks.js';
import { statelessResponse } from './stateless.js';

/**
 * Where requests come in (RFC 3261 §8.2, §9.2, §12.2.2, §17.2.3).
 *
 *     known transaction ─► repeated request, ACK, CANCEL
 *     To tag ─► checks ─► dialog │ 481
 *     new ────► checks ─► onInvite │ onRequest │ 481
 */
export class RequestEntry {
  readonly #core: DialogContext;
  readonly #handler: () => SignalingHandler;
  readonly #onError: (error: unknown) => void;

  /** @param onError told of what a handler throws; its request is answered 500 */
  constructor(core: DialogContext, handler: () => SignalingHandler, onError: (error: unknown) => void) {
    this.#core = core;
    this.#handler = handler;
    this.#onError = onError;
  }

  /** A request as it came. */
  take(request: SipRequest, flow: Flow): void {
    const { method } = request;
    if (method === 'ACK') {
      this.#ack(request, flow);
      return;
    }
    if (method === 'CANCEL') {
      this.#cancel(request, flow);
      return;
    }
    const known = this.#core.layer.findServer(request);
    if (known) {
      this.#core.counters.add('sip_absorbed', methodLabel(method));
      known.receive(request, flow);
      return;
    }
    if (request.to.tag === undefined && this.#isFull()) {
      this.#shed(request, flow, BUSY_SECONDS);
      return;
    }
    this.#opened(request, flow, this.#core.layer.openServer(request, flow));
  }

  /**
   * Whether a request was refused before it cost anything, as the node has more calls than it can serve. Asked before
   * anybody hears of it: what all of them would do with it is what there is no time for.
   */
  shed(request: SipRequest, flow: Flow): boolean {
    if (request.method !== 'INVITE' || request.to.tag !== undefined) return false;
    if (this.#core.layer.findServer(request)) return false;
    const seconds = this.#handler().shedFor?.(request);
    if (!seconds) return false;
    this.#shed(request, flow, seconds);
    return true;
  }

  /** A new request, its transaction open: whatever happens now, it is answered. */
  #opened(request: SipRequest, flow: Flow, transaction: ServerTransaction): void {
    try {
      this.#dispatch(request, flow, transaction);
    } catch (error) {
      const malformed = error instanceof SipSyntaxError;
      if (!malformed) this.#onError(error);
      if (transaction.answered) return;
      this.#core.counters.add('sip_rejected', malformed ? 'malformed' : 'internal');
      new Reply(this.#core, request, flow, transaction, token(this.#core.random, 2)).respond(malformed ? 400 : 500);
    }
  }

  #dispatch(request: SipRequest, flow: Flow, transaction: ServerTransaction): void {
    const inside = request.to.tag !== undefined;
    const refused = checkRequest(request, transaction, inside, this.#core);
    if (refused) {
      this.#refuse(request, flow, transaction, refused);
      return;
    }
    if (inside) {
      this.#inside(request, flow, transaction);
      return;
    }
    switch (request.method) {
      case 'INVITE':
        this.#invite(request, flow, transaction);
        return;
      case 'BYE':
      case 'PRACK':
      case 'UPDATE':
      case 'INFO':
        this.#refuse(request, flow, transaction, NO_DIALOG);
        return;
      default:
        this.#handler().onRequest(new Reply(this.#core, request, flow, transaction, token(this.#core.random, 2)));
        return;
    }
  }

  #inside(request: SipRequest, flow: Flow, transaction: ServerTransaction): void {
    const dialog = this.#core.dialogs.find(request);
    if (!dialog) {
      this.#refuse(request, flow, transaction, NO_DIALOG);
      return;
    }
    if (request.method === 'INVITE') this.#trying(request, transaction);
    dialog.inbox.receive(request, flow, transaction);
  }

  #invite(request: SipRequest, flow: Flow, transaction: ServerTransaction): void {
    const leg = new InviteServerLeg(this.#core, request, flow, transaction);
    const minimum = leg.dialog.session.refusedMinimum(request);
    if (minimum !== undefined) {
      this.#core.counters.add('sip_rejected', 'session-interval');
      leg.respond(422, { headers: [['Min-SE', String(minimum)]] });
      return;
    }
    try {
      this.#handler().onInvite(leg);
    } catch (error) {
      this.#onError(error);
      leg.respond(500);
    }
    if (transaction.state === 'proceeding' && !transaction.lastBytes) this.#trying(request, transaction);
  }

  /** 100 at once, so that the sender stops repeating (RFC 3261 §17.2.1). */
  #trying(request: SipRequest, transaction: ServerTransaction): void {
    const response = statelessResponse(request, transaction.vias, 100, '', {}, this.#core.options);
    const timestamp = request.headers.get('Timestamp');
    if (timestamp !== undefined) response.headers.append('Timestamp', timestamp);
    transaction.respond(response);
  }

  #ack(ack: SipRequest, flow: Flow): void {
    const transaction = this.#core.layer.findServer(ack);
    if (transaction) {
      transaction.receive(ack, flow);
      return;
    }
    const dialog = ack.to.tag === undefined ? undefined : this.#core.dialogs.find(ack);
    if (dialog) dialog.inbox.receiveAck(ack, flow);
    else this.#core.counters.add('sip_stray', 'ack');
  }

  /** RFC 3261 §9.2: answered at once; the INVITE's user decides what it means. */
  #cancel(cancel: SipRequest, flow: Flow): void {
    const repeated = this.#core.layer.findCancel(cancel);
    if (repeated) {
      repeated.receive(cancel, flow);
      return;
    }
    const invite = this.#core.layer.findServer(cancel);
    const transaction = this.#core.layer.openServer(cancel, flow);
    const foreign = invite !== undefined && this.#core.options.bindSources && !samePeer(invite.flow, flow);
    if (!invite || foreign) {
      this.#refuse(cancel, flow, transaction, foreign ? { ...NO_DIALOG, reason: 'dialog-source' } : NO_DIALOG);
      return;
    }
    new Reply(this.#core, cancel, flow, transaction, invite.localTag).respond(200);
    invite.user.onCancel?.(cancel, flow);
  }

  #refuse(request: SipRequest, flow: Flow, transaction: ServerTransaction, refused: Refusal): void {
    this.#core.counters.add('sip_rejected', refused.reason);
    const reply = new Reply(this.#core, request, flow, transaction, token(this.#core.random, 2));
    // Nobody has looked at where a request outside any dialog comes from.
    reply.respond(refused.status, { ...refused.order, once: request.to.tag === undefined });
  }

  /** Requests inside a dialog are served all the same: refusing them would only keep calls alive. */
  #isFull(): boolean {
    return this.#core.layer.serverCount >= this.#core.options.maxServerTransactions;
  }

  /** Nothing is kept of it: a refusal that costs as much as a call would add to the load it is to relieve. */
  #shed(request: SipRequest, flow: Flow, seconds: number): void {
    const { counters, layer, options } = this.#core;
    counters.add('sip_rejected', this.#isFull() ? 'transactions' : 'overload');
    const order = { headers: [['Retry-After', String(seconds)]] } as const;
    layer.sendStateless(
      request,
      flow,
      (vias) => statelessResponse(request, vias, 503, 'stateless', order, options),
      false,
    );
  }
}

const NO_DIALOG: Refusal = { status: 481, reason: 'no-dialog', order: {} };
const BUSY_SECONDS = 5;
