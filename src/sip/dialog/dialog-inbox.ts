import { below, GatewayError } from '../../core/index.js';
import { type SipRequest, SipSyntaxError } from '../message/index.js';
import type { ResponseOrder } from '../signaling.js';
import type { ServerTransaction } from '../transaction/index.js';
import type { Flow } from '../transport/flow.js';
import { AckWaiter, type AckWaiterUser } from './ack-waiter.js';
import type { InviteDialog } from './invite-dialog.js';
import { describesSession } from './offer-answer.js';
import { admitSource } from './peer-sources.js';
import { Reply, type ReplyHooks } from './reply.js';

/**
 * What comes in inside a dialog (RFC 3261 §12.2.2, §14.2, §15.1.2; RFC 3311 §5.2; RFC 4028 §9).
 *
 *     source? ─► CSeq? ─► BYE │ INVITE: glare, overlap, timer │ UPDATE: offer glare, timer │ PRACK │ the rest
 *       481       500
 */
export class DialogInbox implements ReplyHooks {
  /** Takes a PRACK where reliable responses are out; set by the inbound leg. */
  onPrack: ((reply: Reply) => void) | undefined;
  /** An INVITE of the peer that has no final answer yet: the first one, or a re-INVITE. */
  openInvite: { respond(status: number, order?: ResponseOrder): void } | undefined;
  readonly #dialog: InviteDialog;
  #openUpdate: Reply | undefined;
  #waiters: AckWaiter[] = [];

  constructor(dialog: InviteDialog) {
    this.#dialog = dialog;
  }

  /** True while a 2xx of ours waits for its ACK. */
  get awaitsAck(): boolean {
    return this.#waiters.length > 0;
  }

  /** A request other than ACK and CANCEL, its transaction open. */
  receive(request: SipRequest, flow: Flow, transaction: ServerTransaction): void {
    const { context, data, flow: known } = this.#dialog;
    const reply = new Reply(context, request, flow, transaction, '', this);
    admitSource(context, data, known, flow, (ok) => {
      if (ok) return this.#taken(reply);
      context.counters.add('sip_rejected', 'dialog-source');
      reply.respond(481);
    });
  }

  /** An ACK for a 2xx of ours (RFC 3261 §13.3.1.4). */
  receiveAck(ack: SipRequest, flow: Flow): void {
    const { context, data, flow: known } = this.#dialog;
    admitSource(context, data, known, flow, (ok) => {
      const waiter = this.#waiters.find((each) => each.sequence === ack.cseq.sequence);
      if (!ok || !waiter) return context.counters.add('sip_stray', ok ? 'ack-repeated' : 'ack-source');
      this.#dialog.flow = flow;
      this.#drop(waiter);
      this.#dialog.ackReceived(ack);
      waiter.user.onAckReceived(ack);
    });
  }

  /** Repeats the 2xx just sent until its ACK comes. */
  awaitAck(sequence: number, transaction: ServerTransaction, user: AckWaiterUser): void {
    const waiter = new AckWaiter(this.#dialog.context, sequence, transaction, {
      onAckReceived: (ack) => user.onAckReceived(ack),
      onAckExpired: (expired) => {
        this.#drop(expired);
        this.#dialog.context.counters.add('sip_timeouts', 'ack');
        try {
          user.onAckExpired(expired);
        } finally {
          this.#dialog.ackSettled();
        }
      },
    });
    this.#waiters.push(waiter);
  }

  /** The dialog is over: nothing is repeated, an INVITE still open is answered (§15.1.2). */
  close(keepWaiters: boolean): void {
    if (!keepWaiters) {
      for (const waiter of this.#waiters) waiter.stop();
      this.#waiters = [];
    }
    this.openInvite?.respond(487);
    this.openInvite = undefined;
  }

  ownRows(status: number, reply: Reply) {
    return this.#dialog.session.answerRows(status, reply.request);
  }

  onAnswered(status: number, order: ResponseOrder, reply: Reply): void {
    const { request } = reply;
    const { method } = request;
    const taken = reply === this.openInvite || reply === this.#openUpdate;
    if (reply === this.openInvite) this.openInvite = undefined;
    if (reply === this.#openUpdate) this.#openUpdate = undefined;
    // What was refused before it was taken left no offer open.
    if (taken || status < 300) this.#dialog.answered(request, status, order);
    if (method !== 'INVITE' || status >= 300) return;
    this.awaitAck(request.cseq.sequence, reply.transaction, {
      onAckReceived: (ack) => this.#dialog.handler.onAck(ack),
      onAckExpired: () => this.#dialog.fail(noAck()),
    });
  }

  /** An UPDATE that was never answered must not stand in the way of the next. */
  onForgotten(reply: Reply): void {
    if (reply !== this.#openUpdate) return;
    this.#openUpdate = undefined;
    this.#dialog.offers.reset();
  }

  onCancel(cancel: SipRequest, reply: Reply): void {
    if (reply.answered) return;
    reply.respond(487);
    this.#dialog.handler.onReinviteCancelled?.(cancel);
  }

  /** The ACK of an RFC 2543 peer shares the INVITE's branch. */
  onAck(ack: SipRequest, reply: Reply): void {
    this.receiveAck(ack, reply.flow);
  }

  /** Whatever happens now, the request is answered. */
  #taken(reply: Reply): void {
    try {
      this.#sequenced(reply);
    } catch (error) {
      if (!(error instanceof SipSyntaxError)) {
        if (!reply.answered) reply.respond(500);
        throw error;
      }
      this.#refuse(reply, 400, 'malformed');
    }
  }

  #sequenced(reply: Reply): void {
    const dialog = this.#dialog;
    const { request } = reply;
    if (dialog.state === 'terminated') {
      reply.respond(request.method === 'BYE' ? 200 : 481);
      return;
    }
    if (!dialog.data.takeRemoteSequence(request.cseq.sequence)) {
      this.#refuse(reply, 500, 'cseq', { reason: 'CSeq Out Of Order' });
      return;
    }
    dialog.flow = reply.flow;
    switch (request.method) {
      case 'BYE':
        this.#bye(reply);
        return;
      case 'INVITE':
        this.#invite(reply);
        return;
      case 'UPDATE':
        this.#update(reply);
        return;
      case 'PRACK':
        this.#prack(reply);
        return;
      default:
        dialog.handler.onRequest(reply);
        return;
    }
  }

  #bye(reply: Reply): void {
    const { handler } = this.#dialog;
    reply.respond(200);
    this.#dialog.endByPeer();
    handler.onBye(reply.request);
  }

  #invite(reply: Reply): void {
    const dialog = this.#dialog;
    if (dialog.outbox.inviteInProgress || dialog.offers.open === 'local') {
      this.#refuse(reply, 491, 'glare');
      return;
    }
    if (this.openInvite || dialog.offers.open === 'remote') {
      this.#refuseLater(reply);
      return;
    }
    if (this.#refusedInterval(reply)) return;
    dialog.data.refreshTarget(reply.request);
    dialog.noteAllows(reply.request);
    if (describesSession(reply.request.contentType)) dialog.offers.received();
    this.openInvite = reply;
    dialog.handler.onReinvite(reply);
  }

  #update(reply: Reply): void {
    const dialog = this.#dialog;
    const { request } = reply;
    const offers = describesSession(request.contentType);
    if (offers && dialog.offers.open === 'local') {
      this.#refuse(reply, 491, 'glare');
      return;
    }
    if (this.#openUpdate || (offers && dialog.offers.open === 'remote')) {
      this.#refuseLater(reply);
      return;
    }
    if (this.#refusedInterval(reply)) return;
    dialog.data.refreshTarget(request);
    dialog.noteAllows(request);
    if (offers) dialog.offers.received();
    else if (request.body.length === 0 && request.headers.has('Session-Expires')) {
      reply.respond(200);
      return;
    }
    this.#openUpdate = reply;
    dialog.handler.onRequest(reply);
  }

  #prack(reply: Reply): void {
    if (this.onPrack) {
      this.onPrack(reply);
      return;
    }
    this.#refuse(reply, 481, 'prack');
  }

  /** RFC 4028 §9: an interval below what we accept. */
  #refusedInterval(reply: Reply): boolean {
    const minimum = this.#dialog.session.refusedMinimum(reply.request);
    if (minimum === undefined) return false;
    this.#refuse(reply, 422, 'session-interval', { headers: [['Min-SE', String(minimum)]] });
    return true;
  }

  /** RFC 3261 §14.2, RFC 3311 §5.2: one after the other, please. */
  #refuseLater(reply: Reply): void {
    const seconds = below(this.#dialog.context.random, 11);
    this.#refuse(reply, 500, 'overlap', { headers: [['Retry-After', String(seconds)]] });
  }

  #refuse(reply: Reply, status: number, reason: string, order?: ResponseOrder): void {
    this.#dialog.context.counters.add('sip_rejected', reason);
    reply.respond(status, order);
  }

  #drop(waiter: AckWaiter): void {
    waiter.stop();
    this.#waiters = this.#waiters.filter((each) => each !== waiter);
  }
}

const noAck = (): GatewayError =>
  new GatewayError('sip.no-ack', 'No ACK for the answer to a re-INVITE', { origin: 'remote', sipStatus: 408 });
