import type { GatewayError } from '../../core/index.js';
import type { SipRequest, SipResponse } from '../message/index.js';
import { serialize } from '../message/index.js';
import type { Flow, ResolvedTarget } from '../transport/flow.js';
import { inviteServerTable } from './invite-server.js';
import { KeptBytes } from './kept-bytes.js';
import { nonInviteServerTable } from './non-invite-server.js';
import type { Action } from './table.js';
import { type RunnerContext, Transaction } from './transaction.js';
import { reconnectTarget } from './via.js';

/** Whoever answers the request. */
export interface ServerUser {
  /** An ACK that shares the branch of its answered INVITE (RFC 2543 peers do that for 2xx too). */
  onAck?(request: SipRequest, flow: Flow): void;
  /** A CANCEL that matches the INVITE, already answered (§9.2). */
  onCancel?(request: SipRequest, flow: Flow): void;
  /** No ACK for a final response other than 2xx (timer H). */
  onAckTimeout?(): void;
  onTransportError?(error: GatewayError): void;
}

export interface ServerContext extends RunnerContext {
  transmit(message: SipRequest | SipResponse | undefined, bytes: Buffer, flow: Flow, again: boolean): void;
  transmitResponse(
    transaction: ServerTransaction,
    message: SipResponse | undefined,
    bytes: Buffer,
    again: boolean,
  ): void;
  /** Puts the transaction on another flow, for its own was lost. */
  move(transaction: ServerTransaction, flow: Flow): void;
  removeServer(transaction: ServerTransaction): void;
}

const NO_USER: ServerUser = {};

/** A server transaction of either kind; made by the layer. */
export class ServerTransaction extends Transaction {
  readonly method: string;
  /** Key under which a merged request is known; '' when it needs none. */
  readonly mergeKey: string;
  /** Via values of every response; none once only absorbing is left. */
  vias: readonly string[];
  /** Where a new connection would lead if this one is lost; undefined where none can (UDP, WebSocket). */
  readonly reconnect: ResolvedTarget | undefined;
  user: ServerUser = NO_USER;
  /** To tag of the responses; an RFC 2543 ACK must carry it. */
  localTag = '';
  readonly #context: ServerContext;
  #request: SipRequest | undefined;
  readonly #kept = new KeptBytes();
  /** What came with the event that runs now. */
  #message: SipRequest | SipResponse | undefined;
  #error: GatewayError | undefined;

  constructor(
    context: ServerContext,
    request: SipRequest,
    keys: { readonly key: string; readonly mergeKey: string },
    vias: readonly string[],
    flow: Flow,
  ) {
    const invite = request.method === 'INVITE';
    super(context, invite ? inviteServerTable : nonInviteServerTable, invite ? 'proceeding' : 'trying', keys.key, flow);
    this.#context = context;
    this.#request = request;
    this.method = request.method;
    this.mergeKey = keys.mergeKey;
    this.vias = vias;
    this.reconnect = reconnectTarget(request, flow);
  }

  /** The request, until its final response is sent. */
  get request(): SipRequest | undefined {
    return this.#request;
  }

  /** True once a final response was sent. */
  get answered(): boolean {
    return this.state !== 'proceeding' && this.state !== 'trying';
  }

  /** A retransmission of the request, or the ACK of an INVITE. */
  receive(request: SipRequest, flow: Flow): void {
    if (this.flow.closed && !flow.closed) this.#context.move(this, flow);
    this.#message = request;
    this.dispatch(request.method === 'ACK' ? 'ack' : 'request');
    this.#message = undefined;
  }

  /** Sends a response, complete. One that the state does not allow is not sent. */
  respond(response: SipResponse): void {
    this.#message = response;
    this.dispatch(this.#eventOf(response.status));
    this.#message = undefined;
  }

  /** Sends a final response and forgets the request: it is not repeated, and no ACK is waited for (RFC 3261 §8.2.7). */
  respondOnce(response: SipResponse): void {
    if (this.answered) return;
    this.#send(response);
    this.forget();
  }

  /** Sends the last response again: the user's own repetition of a 2xx or reliable 1xx. */
  repeat(bytes: Buffer): void {
    if (!this.terminated) this.#context.transmitResponse(this, undefined, bytes, true);
  }

  /** The 2xx to an INVITE is acknowledged, or given up: what is left only absorbs copies of the INVITE. */
  settle(): void {
    if (this.state !== 'accepted') return;
    this.#kept.drop();
    this.#letGo();
  }

  /** Ends the transaction without a response. */
  forget(): void {
    this.dispatch('forget');
  }

  /** Bytes last sent, for `repeat`. */
  get lastBytes(): Buffer | undefined {
    return this.#kept.bytes;
  }

  /** Responses by UDP are repeated, here or when the request is. */
  readonly heedsSendErrors = false;

  transportFailed(error: GatewayError): void {
    this.#error = error;
    this.dispatch('transportError');
    this.#error = undefined;
  }

  protected perform(kind: Action['kind']): void {
    switch (kind) {
      case 'send':
        this.#send(this.#message as SipResponse);
        return;
      case 'resend':
        this.#resend();
        return;
      case 'passUp':
        this.user.onAck?.(this.#message as SipRequest, this.flow);
        return;
      case 'release':
        this.#request = undefined;
        // What is left of another request than INVITE tells its user nothing any more.
        if (this.state === 'completed') this.#kept.shelve();
        if (this.method !== 'INVITE') this.#letGo();
        return;
      case 'reportTimeout':
        this.user.onAckTimeout?.();
        return;
      case 'reportTransportError':
        this.user.onTransportError?.(this.#error!);
        return;
    }
  }

  protected onTerminated(): void {
    this.#context.removeServer(this);
  }

  #resend(): void {
    const { bytes } = this.#kept;
    if (bytes) this.#context.transmitResponse(this, undefined, bytes, true);
  }

  #letGo(): void {
    this.user = NO_USER;
    this.vias = [];
  }

  #send(response: SipResponse): void {
    const bytes = serialize(response);
    this.#kept.keep(bytes);
    this.#context.transmitResponse(this, response, bytes, false);
  }

  #eventOf(status: number): string {
    if (status < 200) return 'send1xx';
    if (this.method !== 'INVITE') return 'send200to699';
    return status < 300 ? 'send2xx' : 'send300to699';
  }
}
