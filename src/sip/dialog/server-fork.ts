import type { SipRequest } from '../message/index.js';
import type { HeaderRow, ResponseOrder } from '../signaling.js';
import type { Flow } from '../transport/flow.js';
import type { DialogContext } from './context.js';
import { uasDialogState } from './dialog-state.js';
import { InviteDialog } from './invite-dialog.js';
import { describesSession } from './offer-answer.js';
import { ReliableResponses, type ReliableResponsesUser } from './reliable-responses.js';
import type { Reply } from './reply.js';

/** What a fork asks of its INVITE. */
export interface ServerForkUser {
  /** Sends a reliable response with these rows and the fork's tag; gives its bytes. */
  transmitReliable(fork: ServerFork, status: number, order: ResponseOrder, rows: readonly HeaderRow[]): Buffer;
  repeatReliable(bytes: Buffer): void;
  onPrackExpired(): void;
  onPrack(fork: ServerFork, reply: Reply): void;
  /** The peer has ended the fork's dialog while the INVITE has no final response. */
  onClosed(fork: ServerFork, status: number): void;
}

/**
 * One of the early dialogs that an INVITE of a peer has with us: a To tag and an order of reliable responses of its own
 * (RFC 3261 §12.1.1, RFC 3262 §3), as if a proxy had forked the INVITE to several of us.
 */
export class ServerFork implements ReliableResponsesUser {
  readonly localTag: string;
  readonly dialog: InviteDialog;
  readonly #context: DialogContext;
  readonly #user: ServerForkUser;
  #reliable: ReliableResponses | undefined;
  #registered = false;

  /** @throws SipSyntaxError where Contact, Record-Route or From cannot make a dialog */
  constructor(context: DialogContext, request: SipRequest, flow: Flow, localTag: string, user: ServerForkUser) {
    this.#context = context;
    this.#user = user;
    this.localTag = localTag;
    this.dialog = new InviteDialog(context, uasDialogState(request, localTag), 'uas', flow);
    this.dialog.noteAllows(request);
    this.dialog.inbox.openInvite = { respond: (status) => user.onClosed(this, status) };
    this.dialog.inbox.onPrack = (reply) => user.onPrack(this, reply);
    if (describesSession(request.contentType)) this.dialog.offers.received();
  }

  /** True while the peer knows of it and it has not ended. */
  get live(): boolean {
    return this.#registered && this.dialog.state !== 'terminated';
  }

  get reliable(): ReliableResponses {
    this.#reliable ??= new ReliableResponses(this.#context, this);
    return this.#reliable;
  }

  /** True while a description waits for its PRACK: the 2xx must wait too (RFC 3262 §3). */
  get holdsAnswer(): boolean {
    return this.#reliable?.holdsAnswer ?? false;
  }

  /** A response with its tag goes out: the peer has this dialog from now on. */
  register(): void {
    if (this.#registered) return;
    this.#registered = true;
    this.#context.dialogs.add(this.dialog);
  }

  /** Takes a PRACK by its RAck; false when it acknowledges nothing that is out. */
  takePrack(prack: SipRequest, inviteSequence: number): boolean {
    if (!this.#reliable?.take(prack, inviteSequence)) return false;
    if (describesSession(prack.contentType)) this.dialog.offers.received();
    return true;
  }

  /** The INVITE has its final response: nothing provisional goes out any more. */
  settle(): void {
    this.#reliable?.stop();
    this.dialog.inbox.openInvite = undefined;
  }

  transmitReliable(status: number, order: ResponseOrder, rseq: number): Buffer {
    const bytes = this.#user.transmitReliable(this, status, order, [
      ['Require', '100rel'],
      ['RSeq', String(rseq)],
    ]);
    if (describesSession(order.body?.contentType)) this.dialog.offers.sent();
    return bytes;
  }

  repeatReliable(bytes: Buffer): void {
    this.#user.repeatReliable(bytes);
  }

  onPrackExpired(): void {
    this.#user.onPrackExpired();
  }
}
