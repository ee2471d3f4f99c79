import type { GatewayError } from '../../core/index.js';
import type { SipRequest } from '../message/index.js';
import type { HeaderRow, InboundLeg, InboundLegHandler, ResponseOrder } from '../signaling.js';
import { type ListTimer, type ServerTransaction, type ServerUser, token } from '../transaction/index.js';
import type { Flow } from '../transport/flow.js';
import { composeResponse, contactOf, NO_ROWS, type ResponseTemplate, responseTemplate } from './compose.js';
import type { DialogContext } from './context.js';
import { uasDialogState } from './dialog-state.js';
import { InviteDialog } from './invite-dialog.js';
import { describesSession } from './offer-answer.js';
import { ReliableResponses, type ReliableResponsesUser } from './reliable-responses.js';
import type { Reply } from './reply.js';
import { listsTag, supportsOption } from './session-timer.js';

/** Does nothing; stands in until the call layer has set its own. */
const idle: InboundLegHandler = {
  onCancel: () => {},
  onAck: () => {},
  onAckTimeout: () => {},
  onPrack: (request) => request.respond(200),
  onPrackTimeout: () => {},
  onTransportError: () => {},
};

/**
 * An INVITE that opens a dialog, UAS side (RFC 3261 §13.3): provisional responses, one final one, the 2xx repeated
 * until its ACK, CANCEL (§9.2), reliable provisional responses (RFC 3262 §3), session timer (RFC 4028 §9).
 */
export class InviteServerLeg implements InboundLeg, ServerUser, ReliableResponsesUser {
  handler: InboundLegHandler = idle;
  readonly request: SipRequest;
  readonly flow: Flow;
  readonly localTag: string;
  readonly supportsReliable: boolean;
  readonly dialog: InviteDialog;
  readonly #context: DialogContext;
  readonly #transaction: ServerTransaction;
  readonly #requiresReliable: boolean;
  readonly #template: ResponseTemplate;
  readonly #contact: string;
  #reliable: ReliableResponses | undefined;
  #registered = false;
  #answered = false;
  #held: (ResponseOrder & { status?: number }) | undefined;
  #lastProvisional: Buffer | undefined;
  #again: ListTimer | undefined;

  /** @throws SipSyntaxError where Contact, Record-Route or From cannot make a dialog */
  constructor(context: DialogContext, request: SipRequest, flow: Flow, transaction: ServerTransaction) {
    this.#context = context;
    this.request = request;
    this.flow = flow;
    this.#transaction = transaction;
    this.localTag = token(context.random, 2);
    this.supportsReliable = supportsOption(request, '100rel');
    this.#requiresReliable = listsTag(request, 'Require', '100rel');
    this.#template = responseTemplate(request, transaction);
    this.#contact = contactOf(context.wire, flow, request.requestUri);
    this.dialog = new InviteDialog(context, uasDialogState(request, this.localTag), 'uas', flow);
    this.dialog.noteAllows(request);
    this.dialog.inbox.openInvite = this;
    this.dialog.inbox.onPrack = (reply) => this.#prack(reply);
    if (describesSession(request.contentType)) this.dialog.offers.received();
    transaction.user = this;
    transaction.localTag = this.localTag;
  }

  provisional(status: number, order: ResponseOrder & { reliable?: boolean } = {}): void {
    if (this.#answered || this.#held || status < 101 || status > 199) return;
    this.#register();
    if (this.#requiresReliable || (order.reliable && this.supportsReliable)) {
      this.#reliable ??= new ReliableResponses(this.#context, this);
      this.#reliable.send(status, order);
      return;
    }
    this.#transaction.respond(this.#compose(status, order, NO_ROWS));
    this.#lastProvisional = this.#transaction.lastBytes;
    this.#restartRepeat();
  }

  accept(order: ResponseOrder & { status?: number }): InviteDialog {
    if (this.#answered || this.#held) return this.dialog;
    this.#register();
    this.dialog.confirm();
    if (this.#reliable?.holdsAnswer) this.#held = order;
    else this.#accept(order);
    return this.dialog;
  }

  respond(status: number, order: ResponseOrder = {}): void {
    if (this.#answered || status < 200) return;
    if (status < 300) {
      this.accept({ ...order, status });
      return;
    }
    this.#finish();
    this.#transaction.respond(this.#compose(status, order, NO_ROWS));
    this.dialog.answered(this.request, status, order);
    this.dialog.end();
  }

  drop(): void {
    if (this.#answered) return;
    this.#finish();
    this.#transaction.forget();
    this.dialog.end();
  }

  // What the transaction tells

  onCancel(cancel: SipRequest): void {
    if (this.#answered) return;
    this.respond(487);
    this.handler.onCancel(cancel);
  }

  /** An ACK on the INVITE's own branch, as RFC 2543 peers send it. */
  onAck(ack: SipRequest, flow: Flow): void {
    this.dialog.inbox.receiveAck(ack, flow);
  }

  onAckTimeout(): void {
    this.#context.counters.add('sip_timeouts', 'ack');
  }

  onTransportError(error: GatewayError): void {
    if (this.#answered) return;
    try {
      this.handler.onTransportError(error);
    } finally {
      // The transaction must end; RFC 3261 §18.2.2 may even get the answer through by a new connection.
      this.respond(503);
    }
  }

  // What the reliable responses ask

  transmitReliable(status: number, order: ResponseOrder, rseq: number): Buffer {
    this.#transaction.respond(
      this.#compose(status, order, [
        ['Require', '100rel'],
        ['RSeq', String(rseq)],
      ]),
    );
    if (describesSession(order.body?.contentType)) this.dialog.offers.sent();
    return this.#transaction.lastBytes!;
  }

  repeatReliable(bytes: Buffer): void {
    this.#transaction.repeat(bytes);
  }

  onPrackExpired(): void {
    this.#context.counters.add('sip_timeouts', 'prack');
    this.#held = undefined;
    this.respond(504);
    this.handler.onPrackTimeout();
  }

  onTimer(_name: 'again'): void {
    this.#again = undefined;
    if (this.#lastProvisional) this.#transaction.repeat(this.#lastProvisional);
    this.#restartRepeat();
  }

  #accept(order: ResponseOrder & { status?: number }): void {
    const { dialog, request } = this;
    const status = order.status ?? 200;
    this.#finish();
    this.#transaction.respond(this.#compose(status, order, dialog.session.answerRows(status, request)));
    dialog.answered(request, status, order);
    dialog.inbox.awaitAck(request.cseq.sequence, this.#transaction, {
      onAckReceived: (ack) => this.handler.onAck(ack),
      onAckExpired: () => this.handler.onAckTimeout(),
    });
  }

  #prack(reply: Reply): void {
    const { request } = reply;
    if (!this.#reliable?.take(request, this.request.cseq.sequence)) {
      reply.respond(481);
      return;
    }
    if (describesSession(request.contentType)) this.dialog.offers.received();
    if (request.body.length === 0) reply.respond(200);
    this.handler.onPrack(reply);
    const held = this.#held;
    this.#held = undefined;
    if (held) this.#accept(held);
    else if (!this.#answered) this.#reliable.sendNext();
  }

  /** No provisional response goes out any more. */
  #finish(): void {
    this.#answered = true;
    this.#held = undefined;
    this.#reliable?.stop();
    this.#lastProvisional = undefined;
    this.#context.timers.stop(this.#again);
    this.#again = undefined;
    this.dialog.inbox.openInvite = undefined;
  }

  #register(): void {
    if (this.#registered) return;
    this.#registered = true;
    this.#context.dialogs.add(this.dialog);
  }

  #restartRepeat(): void {
    this.#context.timers.stop(this.#again);
    this.#again = this.#context.timers.start(this.#context.options.provisionalRepeatMs, this, 'again');
  }

  #compose(status: number, order: ResponseOrder, ownRows: readonly HeaderRow[]) {
    const dialog = status < 300;
    return composeResponse(
      this.#template,
      {
        status,
        localTag: this.localTag,
        order,
        ownRows,
        contact: dialog ? this.#contact : '',
        dialog,
        abilities: dialog && (status >= 200 || ownRows.length > 0),
      },
      this.#context.options,
    );
  }
}
