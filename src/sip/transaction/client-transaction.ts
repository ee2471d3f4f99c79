import type { GatewayError } from '../../core/index.js';
import { SipRequest, type SipResponse, serialize } from '../message/index.js';
import type { HeaderRow } from '../signaling.js';
import type { Flow } from '../transport/flow.js';
import { inviteClientTable } from './invite-client.js';
import { KeptBytes } from './kept-bytes.js';
import { branchOf, clientKey } from './matching.js';
import { nonInviteClientTable } from './non-invite-client.js';
import type { Action } from './table.js';
import { type RunnerContext, Transaction } from './transaction.js';

/** Whoever sent the request. */
export interface ClientUser {
  /** A response; for INVITE every 2xx comes here while the transaction is accepted (RFC 6026 §7.2). */
  onResponse(response: SipResponse, transaction: ClientTransaction, flow: Flow): void;
  /**
   * True for who may turn to another target: it is told of a datagram that could not be sent (RFC 3261 §18.4). To all
   * others such an error says little of the next copy, so their requests are repeated, or time out.
   */
  readonly triesElsewhere?: boolean;
  /** No final response in 64×T1 (timers B and F). */
  onTimeout(transaction: ClientTransaction): void;
  onTransportError(error: GatewayError, transaction: ClientTransaction): void;
  /** The transaction is gone: no response comes any more. */
  onEnded?(transaction: ClientTransaction): void;
}

const nothing = (): void => undefined;
const NOBODY: ClientUser = { onResponse: nothing, onTimeout: nothing, onTransportError: nothing };

export interface ClientContext extends RunnerContext {
  transmit(message: SipRequest | SipResponse | undefined, bytes: Buffer, flow: Flow, again: boolean): void;
  /** Puts the transaction on another flow, for its own was lost. */
  move(transaction: ClientTransaction, flow: Flow): void;
  removeClient(transaction: ClientTransaction): void;
}

/** A client transaction of either kind; made by the layer. */
export class ClientTransaction extends Transaction {
  readonly method: string;
  #user: ClientUser;
  readonly #context: ClientContext;
  #request: SipRequest | undefined;
  readonly #kept = new KeptBytes();
  /** What came with the event that runs now. */
  #response: SipResponse | undefined;
  #responseFlow: Flow | undefined;
  #error: GatewayError | undefined;

  /** @param request complete, with our Via (of `branch`) topmost */
  constructor(context: ClientContext, request: SipRequest, branch: string, flow: Flow, user: ClientUser) {
    const invite = request.method === 'INVITE';
    super(
      context,
      invite ? inviteClientTable : nonInviteClientTable,
      'initial',
      clientKey(branch, request.method),
      flow,
    );
    this.#context = context;
    this.method = request.method;
    this.#user = user;
    this.#request = request;
    this.#kept.keep(serialize(request));
  }

  get branch(): string {
    return branchOf(this.key);
  }

  /** Sends the request for the first time. */
  begin(): void {
    this.dispatch('begin');
  }

  receive(response: SipResponse, flow: Flow): void {
    // A peer answers by another connection when it has lost the one of the request, which we may not know yet
    // (RFC 3261 §18.2.2): ACK and CANCEL go there too.
    if (flow !== this.flow && this.flow.reliable && flow.reliable && !flow.closed) this.#context.move(this, flow);
    this.#response = response;
    this.#responseFlow = flow;
    this.dispatch(this.#eventOf(response.status));
    this.#response = this.#responseFlow = undefined;
  }

  transportFailed(error: GatewayError): void {
    this.#error = error;
    this.dispatch('transportError');
    this.#error = undefined;
  }

  /** Whatever comes from now on is another's to deal with. */
  handOver(user: ClientUser): void {
    this.#user = user;
  }

  /** True while a datagram that could not be sent is of weight: before any response, and to who may try elsewhere. */
  get heedsSendErrors(): boolean {
    return this.#user.triesElsewhere === true && (this.state === 'calling' || this.state === 'trying');
  }

  /** INVITE only: stops retransmitting, while late responses still come to the user. */
  abandon(): void {
    this.dispatch('abandon');
  }

  /** INVITE without any response only: the same copy once more, on a flow that replaces the one it lost. */
  repeatOn(flow: Flow): void {
    this.#context.move(this, flow);
    this.dispatch('repeat');
  }

  /** Ends the wait for a final response without a word to the user. */
  giveUp(): void {
    this.dispatch('giveUp');
  }

  /** A CANCEL for this INVITE, in a transaction of its own on the same branch (RFC 3261 §9.1); undefined once answered. */
  buildCancel(rows: readonly HeaderRow[]): SipRequest | undefined {
    const invite = this.#request;
    return invite && follower(invite, 'CANCEL', invite.headers.get('To')!, rows);
  }

  protected perform(kind: Action['kind']): void {
    switch (kind) {
      case 'send':
        this.#context.transmit(this.#request, this.#kept.bytes!, this.flow, false);
        return;
      case 'resend':
      case 'resendAck':
        this.#context.transmit(undefined, this.#kept.bytes!, this.flow, true);
        return;
      case 'sendAck':
        this.#sendAck();
        return;
      case 'passUp':
        this.#user.onResponse(this.#response!, this, this.#responseFlow!);
        this.#letGo();
        return;
      case 'release':
        this.#request = undefined;
        // The ACK of a refused INVITE is sent again; everything else has been said.
        if (this.state === 'completed' && this.method === 'INVITE') this.#kept.shelve();
        else this.#kept.drop();
        return;
      case 'reportTimeout':
        this.#user.onTimeout(this);
        return;
      case 'reportTransportError':
        this.#user.onTransportError(this.#error!, this);
        return;
    }
  }

  protected onTerminated(): void {
    this.#context.removeClient(this);
    this.#user.onEnded?.(this);
  }

  /**
   * What is left of another request than INVITE only absorbs copies of the response: who asked, and waits for nothing more,
   * is let go with all that hangs on it. What outlives a few collections of young objects is dear to collect.
   */
  #letGo(): void {
    if (this.state === 'completed' && this.method !== 'INVITE' && !this.#user.onEnded) this.#user = NOBODY;
  }

  #sendAck(): void {
    const ack = follower(this.#request!, 'ACK', this.#response!.headers.get('To')!, []);
    const bytes = serialize(ack);
    this.#kept.keep(bytes);
    this.#context.transmit(ack, bytes, this.flow, false);
  }

  #eventOf(status: number): string {
    if (status < 200) return 'response1xx';
    if (this.method !== 'INVITE') return 'response200to699';
    return status < 300 ? 'response2xx' : 'response300to699';
  }
}

/** An ACK or CANCEL after an INVITE: same Request-URI, top Via, Route, From, Call-ID, CSeq number (§9.1, §17.1.1.3). */
function follower(invite: SipRequest, method: string, to: string, rows: readonly HeaderRow[]): SipRequest {
  const request = SipRequest.create(method, invite.requestUri);
  const from = invite.headers;
  const into = request.headers;
  into.append('Via', from.get('Via')!);
  into.append('Max-Forwards', '70');
  for (const route of from.all('Route')) into.append('Route', route);
  into.append('From', from.get('From')!);
  into.append('To', to);
  into.append('Call-ID', invite.callId);
  into.append('CSeq', `${invite.cseq.sequence} ${method}`);
  for (const [name, value] of rows) into.append(name, value);
  into.append('Content-Length', '0');
  return request;
}
