import { GatewayError } from '../../core/index.js';
import { type ChallengeTally, DigestClient } from '../auth/index.js';
import {
  composeRequest,
  contactOf,
  type DialogContext,
  estimateBytes,
  NO_ROWS,
  type Reached,
  TargetWalk,
} from '../dialog/index.js';
import type { SipResponse } from '../message/index.js';
import type { HeaderRow, RequestOrder } from '../signaling.js';
import { type ClientTransaction, type ClientUser, type ListTimer, token } from '../transaction/index.js';

/**
 * A request outside any dialog through all its tries: located targets in turn after a transport error or 503
 * (RFC 3263 §4.3), and credentials where it is challenged (RFC 3261 §22). Tells one final outcome.
 */
export class ClientRequest implements ClientUser {
  readonly triesElsewhere = true;
  readonly #context: DialogContext;
  readonly #order: RequestOrder;
  readonly #done: (outcome: SipResponse | GatewayError) => void;
  readonly #walk: TargetWalk;
  readonly #credentials: DigestClient | undefined;
  readonly #challenges: ChallengeTally = new Map();
  readonly #callId: string;
  readonly #from: string;
  #sequence: number;
  #credentialRows: readonly HeaderRow[] = NO_ROWS;
  #reached: Reached | undefined;
  #transaction: ClientTransaction | undefined;
  #deadline: ListTimer | undefined;
  #lastRefusal: SipResponse | undefined;
  #over = false;

  constructor(context: DialogContext, order: RequestOrder, done: (outcome: SipResponse | GatewayError) => void) {
    this.#context = context;
    this.#order = order;
    this.#done = done;
    this.#walk = new TargetWalk(context, order.nextHop, order.connectTimeoutMs, estimateBytes(order));
    this.#credentials = order.credentials && new DigestClient(order.credentials, context.random);
    this.#callId = order.callId ?? token(context.random, 4);
    this.#sequence = order.sequence ?? 1;
    this.#from = `${order.from};tag=${token(context.random, 2)}`;
    this.#deadline = context.timers.start(order.timeoutMs ?? 64 * context.options.t1Ms, this, 'deadline');
    context.defer(() => this.#nextTarget());
  }

  onResponse(response: SipResponse, transaction: ClientTransaction): void {
    if (this.#over || transaction !== this.#transaction || response.status < 200) return;
    const { status } = response;
    if ((status === 401 || status === 407) && this.#credentials?.learn(response, this.#challenges, true)) {
      this.#credentialRows = this.#credentials.authorize(this.#order.method, this.#order.requestUri);
      this.#sequence++;
      this.#sendTo(this.#reached!);
      return;
    }
    if (status === 503 && this.#walk.hasMore) {
      this.#lastRefusal = response;
      this.#nextTarget();
      return;
    }
    this.#finish(response);
  }

  onTimeout(): void {
    this.#finish(timedOut(this.#order.method));
  }

  onTransportError(error: GatewayError, transaction: ClientTransaction): void {
    if (transaction !== this.#transaction) return;
    this.#walk.flowFailed(transaction.flow);
    if (this.#walk.hasMore) this.#nextTarget();
    else this.#finish(this.#lastRefusal ?? error);
  }

  onTimer(_name: 'deadline'): void {
    this.#deadline = undefined;
    this.#transaction?.giveUp();
    this.#finish(timedOut(this.#order.method));
  }

  #nextTarget(): void {
    if (this.#over) return;
    this.#walk.next((result) => {
      if (this.#over) return;
      if (result instanceof GatewayError) this.#finish(this.#lastRefusal ?? result);
      else this.#sendTo(result);
    });
  }

  #sendTo(reached: Reached): void {
    const { layer, options } = this.#context;
    const { method, requestUri, to, headers, body, contact } = this.#order;
    this.#reached = reached;
    const branch = layer.branches.make(requestUri);
    const parts = {
      method,
      requestUri,
      routes: [],
      from: this.#from,
      to,
      callId: this.#callId,
      sequence: this.#sequence,
      ownRows: contact ? [...this.#credentialRows, this.#contactRow(contact, reached)] : this.#credentialRows,
      rows: headers,
      body,
      optionTags: options.optionTags,
    };
    this.#transaction = layer.open(
      composeRequest(this.#context, parts, reached.flow, branch),
      branch,
      reached.flow,
      this,
    );
    this.#transaction.begin();
  }

  #contactRow({ user, params }: NonNullable<RequestOrder['contact']>, { flow }: Reached): HeaderRow {
    return ['Contact', `${contactOf(this.#context.wire, flow, this.#order.requestUri, user)}${params}`];
  }

  #finish(outcome: SipResponse | GatewayError): void {
    if (this.#over) return;
    this.#over = true;
    this.#context.timers.stop(this.#deadline);
    this.#done(outcome);
  }
}

const timedOut = (method: string): GatewayError =>
  new GatewayError('sip.timeout', `No final response to ${method}`, { origin: 'remote', sipStatus: 408 });
