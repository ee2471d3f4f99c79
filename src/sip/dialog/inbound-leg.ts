import type { GatewayError } from '../../core/index.js';
import type { SipRequest } from '../message/index.js';
import type { HeaderRow, InboundLeg, InboundLegHandler, ResponseOrder } from '../signaling.js';
import { type ListTimer, type ServerTransaction, type ServerUser, token } from '../transaction/index.js';
import type { Flow } from '../transport/flow.js';
import { composeResponse, contactOf, NO_ROWS, type ResponseTemplate, responseTemplate } from './compose.js';
import type { DialogContext } from './context.js';
import type { InviteDialog } from './invite-dialog.js';
import type { Reply } from './reply.js';
import { ServerFork, type ServerForkUser } from './server-fork.js';
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
 * until its ACK, CANCEL (§9.2), reliable provisional responses (RFC 3262 §3), session timer (RFC 4028 §9). The call layer
 * may answer as a proxy would that forked the INVITE: with several early dialogs, of which one is confirmed at most.
 */
export class InviteServerLeg implements InboundLeg, ServerUser, ServerForkUser {
  handler: InboundLegHandler = idle;
  readonly request: SipRequest;
  readonly flow: Flow;
  readonly supportsReliable: boolean;
  readonly #context: DialogContext;
  readonly #transaction: ServerTransaction;
  readonly #requiresReliable: boolean;
  readonly #template: ResponseTemplate;
  readonly #contact: string;
  /** By the name of the fork; the first is nobody's until one is named. */
  readonly #forks = new Map<string, ServerFork>();
  /** The one last spoken of. */
  #fork: ServerFork;
  #unnamed = true;
  #answered = false;
  #held: (ResponseOrder & { status?: number }) | undefined;
  #lastProvisional: Buffer | undefined;
  #again: ListTimer | undefined;
  /** Set where the caller wants an answer by a certain time (RFC 3261 §13.3.1). */
  #expires: ListTimer | undefined;

  /** @throws SipSyntaxError where Contact, Record-Route or From cannot make a dialog */
  constructor(context: DialogContext, request: SipRequest, flow: Flow, transaction: ServerTransaction) {
    this.#context = context;
    this.request = request;
    this.flow = flow;
    this.#transaction = transaction;
    this.supportsReliable = supportsOption(request, '100rel');
    this.#requiresReliable = listsTag(request, 'Require', '100rel');
    this.#template = responseTemplate(request, transaction);
    this.#contact = contactOf(context.wire, flow, request.requestUri);
    this.#fork = this.#newFork();
    transaction.user = this;
    transaction.localTag = this.localTag;
    const seconds = /^\d{1,7}$/.exec(request.headers.get('Expires') ?? '')?.[0];
    if (seconds !== undefined) this.#expires = context.timers.start(1000 * Number(seconds), this, 'expires');
  }

  get localTag(): string {
    return this.#fork.localTag;
  }

  get dialog(): InviteDialog {
    return this.#fork.dialog;
  }

  fork(name: string): InviteDialog {
    const known = this.#forks.get(name);
    if (this.#answered || this.#held) return (known ?? this.#fork).dialog;
    if (known) this.#fork = known;
    else if (!this.#unnamed) this.#fork = this.#newFork();
    this.#unnamed = false;
    this.#forks.set(name, this.#fork);
    return this.#fork.dialog;
  }

  provisional(status: number, order: ResponseOrder & { reliable?: boolean } = {}): void {
    if (this.#answered || this.#held || status < 101 || status > 199) return;
    this.#fork.register();
    if (this.#requiresReliable || (order.reliable && this.supportsReliable)) {
      this.#fork.reliable.send(status, order);
      return;
    }
    this.#transaction.respond(this.#compose(status, order, NO_ROWS));
    this.#lastProvisional = this.#transaction.lastBytes;
    this.#restartRepeat();
  }

  accept(order: ResponseOrder & { status?: number }): InviteDialog {
    if (this.#answered || this.#held) return this.dialog;
    this.#fork.register();
    this.dialog.confirm();
    if (this.#fork.holdsAnswer) this.#held = order;
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
    const response = this.#compose(status, order, NO_ROWS);
    if (order.once) this.#transaction.respondOnce(response);
    else this.#transaction.respond(response);
    this.dialog.answered(this.request, status, order);
    for (const { dialog } of this.#all()) dialog.end();
  }

  drop(): void {
    if (this.#answered) return;
    this.#finish();
    this.#transaction.forget();
    for (const { dialog } of this.#all()) dialog.end();
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

  // What the forks ask

  transmitReliable(fork: ServerFork, status: number, order: ResponseOrder, rows: readonly HeaderRow[]): Buffer {
    this.#transaction.respond(this.#compose(status, order, rows, fork.localTag));
    return this.#transaction.lastBytes!;
  }

  repeatReliable(bytes: Buffer): void {
    this.#transaction.repeat(bytes);
  }

  onPrack(fork: ServerFork, reply: Reply): void {
    if (!fork.takePrack(reply.request, this.request.cseq.sequence)) {
      reply.respond(481);
      return;
    }
    if (reply.request.body.length === 0) reply.respond(200);
    this.handler.onPrack(reply);
    const held = fork === this.#fork ? this.#held : undefined;
    if (held) {
      this.#held = undefined;
      this.#accept(held);
    } else if (!this.#answered) fork.reliable.sendNext();
  }

  /** RFC 3261 §15.1.2: a BYE for an early dialog ends the INVITE with it, unless the peer has another. */
  onClosed(fork: ServerFork, status: number): void {
    if (this.#all().some((other) => other !== fork && other.live)) return;
    this.respond(status);
  }

  onPrackExpired(): void {
    this.#context.counters.add('sip_timeouts', 'prack');
    this.#held = undefined;
    this.respond(504);
    this.handler.onPrackTimeout();
  }

  /** An invitation that has expired is over as if it were cancelled. */
  onTimer(name: 'again' | 'expires'): void {
    if (name === 'expires') return this.onCancel(this.request);
    this.#again = undefined;
    if (this.#lastProvisional) this.#transaction.repeat(this.#lastProvisional);
    this.#restartRepeat();
  }

  #accept(order: ResponseOrder & { status?: number }): void {
    const { dialog, request } = this;
    const status = order.status ?? 200;
    this.#finish();
    for (const other of this.#all()) if (other !== this.#fork) other.dialog.end();
    this.#transaction.respond(this.#compose(status, order, dialog.session.answerRows(status, request)));
    dialog.answered(request, status, order);
    dialog.inbox.awaitAck(request.cseq.sequence, this.#transaction, {
      onAckReceived: (ack) => this.handler.onAck(ack),
      onAckExpired: () => this.handler.onAckTimeout(),
    });
  }

  /** No provisional response goes out any more. */
  #finish(): void {
    this.#answered = true;
    this.#held = undefined;
    for (const fork of this.#all()) fork.settle();
    this.#lastProvisional = undefined;
    this.#context.timers.stop(this.#again);
    this.#context.timers.stop(this.#expires);
    this.#again = this.#expires = undefined;
  }

  #newFork(): ServerFork {
    return new ServerFork(this.#context, this.request, this.flow, token(this.#context.random, 2), this);
  }

  #all(): ServerFork[] {
    return this.#unnamed ? [this.#fork] : [...new Set(this.#forks.values())];
  }

  #restartRepeat(): void {
    this.#context.timers.stop(this.#again);
    this.#again = this.#context.timers.start(this.#context.options.provisionalRepeatMs, this, 'again');
  }

  #compose(status: number, order: ResponseOrder, ownRows: readonly HeaderRow[], localTag = this.localTag) {
    const dialog = status < 300;
    return composeResponse(
      this.#template,
      {
        status,
        localTag,
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
