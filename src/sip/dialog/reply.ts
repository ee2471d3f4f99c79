import type { GatewayError } from '../../core/index.js';
import type { SipRequest } from '../message/index.js';
import type { HeaderRow, InboundRequest, ResponseOrder } from '../signaling.js';
import type { ListTimer, ServerTransaction, ServerUser } from '../transaction/index.js';
import type { Flow } from '../transport/flow.js';
import { composeResponse, contactOf, NO_ROWS, responseTemplate } from './compose.js';
import type { DialogContext } from './context.js';

/** What the owner of a request adds to its answer, and learns of it. */
export interface ReplyHooks {
  /** Rows the engine adds to this response, such as Session-Expires. */
  ownRows?(status: number, reply: Reply): readonly HeaderRow[];
  /** After the response was sent. */
  onAnswered?(status: number, order: ResponseOrder, reply: Reply): void;
  /** Nobody answered it in time. */
  onForgotten?(reply: Reply): void;
  onCancel?(cancel: SipRequest, reply: Reply): void;
  onAck?(ack: SipRequest, reply: Reply): void;
  onTransportError?(error: GatewayError, reply: Reply): void;
}

/** Methods whose 2xx refreshes the remote target and tells our abilities. */
const TARGET_METHODS = new Set(['INVITE', 'UPDATE']);
const ABILITY_METHODS = new Set(['INVITE', 'UPDATE', 'OPTIONS']);

/**
 * A request that waits for its one final answer. A request other than INVITE that stays unanswered for 64×T1 is
 * forgotten in silence: its sender has stopped waiting by then (timer F, RFC 4320 §4.2), and nothing may be left behind.
 */
export class Reply implements InboundRequest, ServerUser {
  readonly request: SipRequest;
  readonly flow: Flow;
  readonly transaction: ServerTransaction;
  readonly #context: DialogContext;
  readonly #localTag: string;
  readonly #hooks: ReplyHooks;
  #answered = false;
  #guard: ListTimer | undefined;

  /** @param localTag To tag of the response where the request carries none */
  constructor(
    context: DialogContext,
    request: SipRequest,
    flow: Flow,
    transaction: ServerTransaction,
    localTag: string,
    hooks: ReplyHooks = {},
  ) {
    this.#context = context;
    this.request = request;
    this.flow = flow;
    this.transaction = transaction;
    this.#localTag = localTag;
    this.#hooks = hooks;
    transaction.user = this;
    if (request.method === 'INVITE') transaction.localTag = request.to.tag ?? localTag;
    if (request.method !== 'INVITE') this.#guard = context.timers.start(64 * context.options.t1Ms, this, 'guard');
  }

  get answered(): boolean {
    return this.#answered;
  }

  respond(status: number, order: ResponseOrder = {}): void {
    if (this.#answered || status < 200) return;
    this.#answered = true;
    this.#context.timers.stop(this.#guard);
    this.#guard = undefined;
    const response = this.#compose(status, order);
    if (order.once && this.request.method === 'INVITE') this.transaction.respondOnce(response);
    else this.transaction.respond(response);
    this.#hooks.onAnswered?.(status, order, this);
  }

  onTimer(_name: 'guard'): void {
    this.#guard = undefined;
    this.#answered = true;
    this.#context.counters.add('sip_unanswered');
    this.transaction.forget();
    this.#hooks.onForgotten?.(this);
  }

  onCancel(cancel: SipRequest): void {
    this.#hooks.onCancel?.(cancel, this);
  }

  onAck(ack: SipRequest): void {
    this.#hooks.onAck?.(ack, this);
  }

  onTransportError(error: GatewayError): void {
    this.#hooks.onTransportError?.(error, this);
  }

  #compose(status: number, order: ResponseOrder) {
    const { request, flow } = this;
    const success = status < 300;
    const { method } = request;
    const template = responseTemplate(request, this.transaction);
    const parts = {
      status,
      localTag: this.#localTag,
      order,
      ownRows: this.#hooks.ownRows?.(status, this) ?? NO_ROWS,
      contact: success && TARGET_METHODS.has(method) ? contactOf(this.#context.wire, flow, request.requestUri) : '',
      dialog: false,
      abilities: (success && ABILITY_METHODS.has(method)) || status === 405,
    };
    return composeResponse(template, parts, this.#context.options);
  }
}
