import { GatewayError } from '../../core/index.js';
import type { ChallengeTally } from '../auth/index.js';
import type { SipResponse } from '../message/index.js';
import type { HeaderRow, ResponseOrder } from '../signaling.js';
import type { ClientTransaction, ClientUser, ListTimer } from '../transaction/index.js';
import type { Flow } from '../transport/flow.js';
import { composeRequest, NO_ROWS } from './compose.js';
import type { InviteDialog } from './invite-dialog.js';
import { estimateBytes } from './large-requests.js';
import type { TargetWalk } from './next-hop.js';
import { ReliableReceiver } from './reliable-receiver.js';

export type Outcome = SipResponse | GatewayError;

/** What the sender of an in-dialog request adds to it. */
export interface DialogRequestPlan {
  readonly method: string;
  readonly order: ResponseOrder;
  /** A session refresh of the engine's own. */
  readonly refresh?: boolean;
  /** Rows of the engine, made anew for each try. */
  readonly ownRows?: () => readonly HeaderRow[];
  /** Responses: provisional and final ones, then nothing after the first final one but repeated 2xx to INVITE. */
  readonly done: (outcome: Outcome) => void;
  /** Takes a final response that leads to another try instead; returns true when it did. */
  readonly retry?: (response: SipResponse, request: DialogRequest) => boolean;
}

/** A re-INVITE that rings is given up after this, as a proxy would (timer C, RFC 3261 §16.6 point 11). */
const TIMER_C_MS = 180_000;

/** Whatever answers the CANCEL of a re-INVITE changes nothing (RFC 3261 §9.1). */
const deafUser: ClientUser = { onResponse: () => {}, onTimeout: () => {}, onTransportError: () => {} };

/** A connection for a request inside a dialog may take this long. */
const CONNECT_TIMEOUT_MS = 5000;

/**
 * One request of ours inside a dialog, through all its tries: each located target in turn while there is no connection
 * (RFC 3263 §4.3), and once more with credentials where it is challenged.
 */
export class DialogRequest implements ClientUser {
  readonly plan: DialogRequestPlan;
  /** CSeq number of the last try. */
  sequence = 0;
  /** True once the first final outcome was told. */
  finished = false;
  /** The dialog was an early one when it was sent. */
  early = false;
  readonly #dialog: InviteDialog;
  readonly #challenges: ChallengeTally = new Map();
  #reliable: ReliableReceiver | undefined;
  #walk: TargetWalk | undefined;
  #flowLost = false;
  #transaction: ClientTransaction | undefined;
  /** A response to the last try came: an INVITE may be told CANCEL (RFC 3261 §9.1). */
  #heard = false;
  #cancelled = false;
  #limit: ListTimer | undefined;
  #credentialRows: readonly HeaderRow[] | undefined;

  constructor(dialog: InviteDialog, plan: DialogRequestPlan) {
    this.#dialog = dialog;
    this.plan = plan;
  }

  /** Sends it, or sends it again with a new CSeq number. */
  send(): void {
    const reached = (result: Flow | GatewayError): void => this.#reached(result);
    this.#walk = this.#dialog.outbox.reach(CONNECT_TIMEOUT_MS, reached, this.#estimatedBytes());
  }

  /** INVITE only: CANCEL, at once or after the first response; the outcome is told all the same. */
  cancel(): void {
    if (this.#cancelled || this.finished) return;
    this.#cancelled = true;
    if (this.#heard) this.#sendCancel();
  }

  onResponse(response: SipResponse, _transaction: ClientTransaction, flow: Flow): void {
    if (this.finished) {
      this.#repeated(response, flow);
      return;
    }
    if (response.status < 200) {
      if (this.#cancelled && !this.#heard) this.#sendCancel();
      this.#heard = true;
      if (!this.#provisional(response)) return;
    } else {
      if (!this.#cancelled && (this.#challenged(response, flow) || this.plan.retry?.(response, this))) return;
      this.#finish();
    }
    this.#dialog.outbox.answered(this, response, flow);
    this.plan.done(response);
  }

  onTimeout(): void {
    this.fail(
      new GatewayError('sip.timeout', `No final response to ${this.plan.method}`, { origin: 'remote', sipStatus: 408 }),
    );
  }

  onTransportError(error: GatewayError, transaction: ClientTransaction): void {
    if (transaction !== this.#transaction || this.finished) return;
    // A re-INVITE is sent anew, or has failed: nobody waits for an answer to this one.
    transaction.giveUp();
    this.#walk?.flowFailed(transaction.flow);
    if (!this.#walk && !this.#flowLost) {
      // The dialog's own flow is gone; its peer may still be located.
      this.#flowLost = true;
      this.send();
      return;
    }
    if (this.#walk?.hasMore) {
      this.#walk.next((result) => this.#reached(result instanceof GatewayError ? result : result.flow));
      return;
    }
    this.fail(error);
  }

  /** The dialog has ended: an answer is waited for as long as it could still be on its way. */
  hurry(): void {
    if (!this.finished) this.#limitTo(64 * this.#dialog.context.options.t1Ms);
  }

  /** Timer C, or 64×T1 after the end of the dialog or CANCEL. */
  onTimer(_name: 'limit'): void {
    this.#limit = undefined;
    this.#transaction?.giveUp();
    this.onTimeout();
  }

  /** Ends it without an answer. */
  fail(error: GatewayError): void {
    if (this.finished) return;
    this.#finish();
    this.#dialog.outbox.failed(this, error);
    this.plan.done(error);
  }

  #reached(result: Flow | GatewayError): void {
    if (this.finished) return;
    if (result instanceof GatewayError) {
      this.fail(result);
      return;
    }
    if (this.#cancelled) {
      this.fail(new GatewayError('sip.cancelled', 'Cancelled before it was sent', { origin: 'local', sipStatus: 487 }));
      return;
    }
    const dialog = this.#dialog;
    const { context, data } = dialog;
    const { method, order } = this.plan;
    const { requestUri, routes } = data.way;
    dialog.flow = result;
    this.early = dialog.state === 'early';
    this.sequence = data.nextSequence();
    const credentialRows = this.#credentialRows ?? dialog.credentials?.authorize(method, requestUri) ?? NO_ROWS;
    const branch = context.layer.branches.make(requestUri);
    const request = composeRequest(
      context,
      {
        method,
        requestUri,
        routes,
        from: data.local,
        to: data.remote,
        callId: data.callId,
        sequence: this.sequence,
        ownRows: [...credentialRows, ...(this.plan.ownRows?.() ?? NO_ROWS)],
        rows: order.headers ?? NO_ROWS,
        body: order.body,
        optionTags: context.options.optionTags,
      },
      result,
      branch,
    );
    if (method === 'INVITE') this.#limitTo(TIMER_C_MS);
    this.#heard = false;
    this.#transaction = context.layer.open(request, branch, result, this);
    this.#transaction.begin();
  }

  #estimatedBytes(): number {
    const { local, remote, way } = this.#dialog.data;
    const { headers = NO_ROWS, body } = this.plan.order;
    return estimateBytes({ requestUri: way.requestUri, from: local, to: remote, headers, ...(body && { body }) });
  }

  #sendCancel(): void {
    const transaction = this.#transaction;
    const cancel = transaction?.buildCancel(NO_ROWS);
    if (!transaction || !cancel) return;
    const { layer, options } = this.#dialog.context;
    layer.send(cancel, transaction.branch, transaction.flow, deafUser);
    this.#limitTo(64 * options.t1Ms);
  }

  #limitTo(ms: number): void {
    const { timers } = this.#dialog.context;
    timers.stop(this.#limit);
    this.#limit = timers.start(ms, this, 'limit');
  }

  #finish(): void {
    this.finished = true;
    this.#dialog.context.timers.stop(this.#limit);
    this.#limit = undefined;
  }

  /** Acknowledges a reliable provisional response to a re-INVITE (RFC 3262 §4); false for one that came before. */
  #provisional(response: SipResponse): boolean {
    if (this.plan.method !== 'INVITE') return true;
    if (response.status > 100 && !this.#cancelled && this.#dialog.state !== 'terminated') this.#limitTo(TIMER_C_MS);
    this.#reliable ??= new ReliableReceiver();
    const order = this.#reliable.take(response);
    if (order.kind === 'next') this.#dialog.outbox.prack(`${order.rseq} ${this.sequence} INVITE`, undefined);
    return order.kind !== 'stale';
  }

  /** RFC 3261 §22: a challenge is answered once; the new credentials go with a new CSeq number. */
  #challenged(response: SipResponse, flow: Flow): boolean {
    if (response.status !== 401 && response.status !== 407) return false;
    const { credentials, data } = this.#dialog;
    const ownHost = flow.remote.address === this.#dialog.firstAddress;
    if (!credentials?.learn(response, this.#challenges, ownHost)) return false;
    this.#credentialRows = credentials.authorize(this.plan.method, data.way.requestUri);
    this.send();
    return true;
  }

  #repeated(response: SipResponse, flow: Flow): void {
    if (this.plan.method === 'INVITE' && response.status >= 200 && response.status < 300)
      this.#dialog.outbox.sentAck.repeat(this.sequence, flow);
  }
}
