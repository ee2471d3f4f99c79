import { GatewayError } from '../../core/index.js';
import { type ChallengeTally, DigestClient } from '../auth/index.js';
import type { SipResponse } from '../message/index.js';
import type { HeaderRow, InviteOrder, MessageBody, OutboundLeg } from '../signaling.js';
import { type ClientTransaction, type ClientUser, type ListTimer, token } from '../transaction/index.js';
import type { Flow, ResolvedTarget } from '../transport/flow.js';
import { Cancel } from './cancel.js';
import { composeRequest, NO_ROWS } from './compose.js';
import type { DialogContext } from './context.js';
import { uacRouteSet } from './dialog-state.js';
import { Forks } from './forks.js';
import type { InviteDialog } from './invite-dialog.js';
import { estimateBytes } from './large-requests.js';
import { LateAnswers } from './late-answers.js';
import { type Reached, TargetWalk } from './next-hop.js';
import { describesSession } from './offer-answer.js';
import { askRows, minimumSe } from './session-timer.js';

/** So many 422 are followed; each raises the interval. */
const MOST_422 = 3;

/**
 * An INVITE of ours, UAC side (RFC 3261 §13.2): walked over the located targets (RFC 3263 §4.3), repeated with
 * credentials (§22) or a larger session interval (RFC 4028 §7.3), cancelled (§9.1), answered by one fork or several.
 *
 *     locate ─► connect ─► INVITE ─┬─ nothing, 503, transport error ─► next target
 *                                  ├─ 401 407 422 ─► INVITE again, CSeq + 1
 *                                  ├─ 1xx ─► early dialog of its To tag ─ PRACK where reliable
 *                                  ├─ 2xx ─► confirmed dialog of its To tag (each further one too)
 *                                  └─ the rest ─► onRejected
 */
export class InviteClientLeg implements OutboundLeg, ClientUser {
  readonly triesElsewhere = true;
  readonly callId: string;
  readonly localTag: string;
  readonly #context: DialogContext;
  readonly #order: InviteOrder;
  readonly #from: string;
  readonly #walk: TargetWalk;
  readonly #credentials: DigestClient | undefined;
  readonly #challenges: ChallengeTally = new Map();
  readonly #forks: Forks;
  #reached: Reached | undefined;
  #transaction: ClientTransaction | undefined;
  /** Lost its connection before any response: the same copy goes to the same target again. */
  #interrupted: ClientTransaction | undefined;
  #sequence = 1;
  #heard = false;
  #answered = false;
  #over = false;
  #lastRefusal: SipResponse | undefined;
  #lastError: GatewayError | undefined;
  #cancelRows: readonly HeaderRow[] | undefined;
  #cancelSent = false;
  #credentialRows: readonly HeaderRow[] = NO_ROWS;
  #minimumSeconds: number;
  #times422 = 0;
  #silence: ListTimer | undefined;
  #cancelWait: ListTimer | undefined;

  constructor(context: DialogContext, order: InviteOrder) {
    this.#context = context;
    this.#order = order;
    this.callId = token(context.random, 4);
    this.localTag = token(context.random, 2);
    this.#from = `${order.from};tag=${this.localTag}`;
    this.#walk = new TargetWalk(context, order.nextHop, order.connectTimeoutMs, estimateBytes(order));
    this.#credentials = order.credentials && new DigestClient(order.credentials, context.random);
    this.#minimumSeconds = order.sessionTimer?.minimumSeconds ?? 0;
    this.#forks = new Forks(context, {
      requestUri: order.requestUri,
      from: this.#from,
      localTag: this.localTag,
      credentials: this.#credentials,
      sessionTimer: order.sessionTimer,
      offered: describesSession(order.body?.contentType),
    });
    this.#forks.onAllEnded = () => {
      if (!this.#answered) return;
      // Nothing holds on to the leg and its handler any more.
      this.#forks.onAllEnded = undefined;
      this.#transaction?.handOver(new LateAnswers(context, this.#forks, this.#reached!.target));
    };
    context.defer(() => this.#nextTarget());
  }

  cancel(headers: readonly HeaderRow[] = NO_ROWS): void {
    if (this.#cancelRows || this.#over || this.#answered) return;
    this.#cancelRows = headers;
    if (this.#heard) this.#sendCancel();
  }

  // What the transactions tell

  onResponse(response: SipResponse, transaction: ClientTransaction, flow: Flow): void {
    if (transaction !== this.#transaction) return;
    const { status } = response;
    this.#hear();
    if (status < 200) this.#provisional(response, flow);
    else if (status < 300) this.#success(response, flow);
    else this.#failure(response);
  }

  onTimeout(transaction: ClientTransaction): void {
    if (transaction !== this.#transaction) return;
    this.#lastError = new GatewayError('sip.timeout', 'No response to INVITE', { origin: 'remote', sipStatus: 408 });
    this.#nextTarget();
  }

  onTransportError(error: GatewayError, transaction: ClientTransaction): void {
    if (transaction !== this.#transaction || this.#answered || this.#over) return;
    if (this.#heard) {
      // The connection broke while it rang: it is told by a new one, and may answer by one (RFC 3261 §18.2.2).
      new LateAnswers(this.#context, this.#forks, this.#reached!.target).rang(transaction, this.#cancelSent);
      this.#fail(error);
      return;
    }
    this.#lastError = error;
    if (this.#walk.flowFailed(transaction.flow)) this.#interrupted = transaction;
    this.#nextTarget();
  }

  onEnded(transaction: ClientTransaction): void {
    if (transaction === this.#transaction && this.#answered) this.#forks.endEarly();
  }

  onTimer(name: 'silence' | 'cancel'): void {
    if (name === 'silence') {
      this.#silence = undefined;
      this.#context.counters.add('sip_timeouts', 'no-response');
      this.#lastError = new GatewayError('sip.no-response', 'No response to INVITE', {
        origin: 'remote',
        sipStatus: 408,
      });
      this.#nextTarget();
      return;
    }
    this.#cancelWait = undefined;
    this.#transaction?.giveUp();
    this.#fail(new GatewayError('sip.timeout', 'No final response after CANCEL', { origin: 'remote', sipStatus: 408 }));
  }

  #nextTarget(): void {
    this.#leaveTarget();
    if (this.#cancelRows) {
      this.#fail(this.#lastError ?? cancelled());
      return;
    }
    if (!this.#walk.hasMore) {
      this.#giveUp();
      return;
    }
    this.#walk.next((result) => {
      if (this.#over) return;
      if (this.#cancelRows) return this.#fail(cancelled());
      if (!(result instanceof GatewayError)) return this.#sendTo(result);
      this.#lastError = result;
      this.#giveUp();
    });
  }

  /** A refusal heard says more than silence of another target. */
  #giveUp(): void {
    if (this.#lastRefusal) this.#reject(this.#lastRefusal);
    else this.#fail(this.#lastError!);
  }

  #leaveTarget(): void {
    this.#context.timers.stop(this.#silence);
    this.#silence = undefined;
    const left = this.#transaction;
    this.#transaction = undefined;
    this.#heard = false;
    if (!left || left.terminated || left.state === 'completed') return;
    left.handOver(new LateAnswers(this.#context, this.#forks, this.#reached!.target));
    left.abandon();
  }

  #sendTo(reached: Reached): void {
    const { layer, timers } = this.#context;
    const order = this.#order;
    const interrupted = this.#interruptedAt(reached.target);
    this.#reached = reached;
    if (interrupted) {
      this.#repeat(interrupted, reached);
      return;
    }
    const branch = layer.branches.make(order.requestUri);
    const request = composeRequest(
      this.#context,
      {
        method: 'INVITE',
        requestUri: order.requestUri,
        routes: NO_ROUTES,
        from: this.#from,
        to: order.to,
        callId: this.callId,
        sequence: this.#sequence,
        ownRows: this.#ownRows(),
        rows: order.headers,
        body: order.body,
        optionTags: this.#optionTags(),
      },
      reached.flow,
      branch,
    );
    this.#silence = timers.start(order.noResponseTimeoutMs, this, 'silence');
    order.handler.onSent(reached.target, reached.flow);
    if (this.#over) return;
    this.#transaction = layer.open(request, branch, reached.flow, this);
    this.#transaction.begin();
  }

  /** The INVITE that this target may have, or not: nothing was heard of it before its connection broke. */
  #interruptedAt(target: ResolvedTarget): ClientTransaction | undefined {
    const interrupted = this.#interrupted;
    this.#interrupted = undefined;
    return interrupted?.state === 'calling' && target === this.#reached?.target ? interrupted : undefined;
  }

  /**
   * The same copy by another connection. A callee that has it takes it for a repetition and sends its last response
   * again (RFC 3261 §17.2.1), where a new branch would be refused as merged (§8.2.2.2).
   */
  #repeat(transaction: ClientTransaction, { target, flow }: Reached): void {
    this.#silence = this.#context.timers.start(this.#order.noResponseTimeoutMs, this, 'silence');
    this.#order.handler.onSent(target, flow);
    if (this.#over) return;
    transaction.handOver(this);
    this.#transaction = transaction;
    transaction.repeatOn(flow);
  }

  #ownRows(): readonly HeaderRow[] {
    const { reliableProvisional, sessionTimer } = this.#order;
    const rows: HeaderRow[] = [...this.#credentialRows];
    if (reliableProvisional === 'require') rows.push(['Require', '100rel']);
    if (sessionTimer) rows.push(...askRows(sessionTimer.intervalSeconds, this.#minimumSeconds, undefined));
    return rows;
  }

  #optionTags(): readonly string[] {
    const { optionTags } = this.#context.options;
    return this.#order.reliableProvisional === 'off' ? optionTags.filter((tag) => tag !== '100rel') : optionTags;
  }

  /** The first response of a target: it lives, and may be told to CANCEL. */
  #hear(): void {
    this.#context.timers.stop(this.#silence);
    this.#silence = undefined;
    this.#heard = true;
  }

  #provisional(response: SipResponse, flow: Flow): void {
    if (this.#cancelRows && !this.#cancelSent) this.#sendCancel();
    if (response.status === 100 || this.#over) return;
    if (response.to.tag === undefined) {
      this.#order.handler.onProvisional(response, undefined);
      return;
    }
    if (this.#forks.isTooMany(response)) return;
    const { dialog, reliable } = this.#forks.of(response, flow);
    if (dialog.state !== 'early') return;
    const order = reliable.take(response);
    if (order.kind === 'stale') {
      this.#context.counters.add('sip_stray', 'reliable-response');
      return;
    }
    dialog.data.refreshTarget(response);
    dialog.noteAllows(response);
    if (order.kind === 'unreliable') {
      this.#order.handler.onProvisional(response, dialog);
      return;
    }
    this.#reliableProvisional(response, dialog, order.rseq);
  }

  /** RFC 3262 §4: acknowledged by PRACK; one that brings an offer waits for the call layer's answer. */
  #reliableProvisional(response: SipResponse, dialog: InviteDialog, rseq: number): void {
    const rack = `${rseq} ${this.#sequence} INVITE`;
    const describes = describesSession(response.contentType);
    const isOffer = describes && dialog.offers.open === 'none' && this.#order.body === undefined;
    if (describes) dialog.offers.received();
    let sent = false;
    const prack = (body?: MessageBody): void => {
      if (sent || dialog.state === 'terminated') return;
      sent = true;
      dialog.outbox.prack(rack, body);
    };
    this.#order.handler.onProvisional(response, dialog, prack);
    if (!isOffer) prack();
  }

  #success(response: SipResponse, flow: Flow): void {
    if (this.#forks.repeatAck(response, flow) || this.#forks.isTooMany(response)) return;
    const { dialog } = this.#forks.of(response, flow);
    this.#answered = true;
    this.#stopCancelWait();
    dialog.data.refreshTarget(response);
    dialog.data.replaceRouteSet(uacRouteSet(response));
    dialog.flow = flow;
    dialog.noteAllows(response);
    if (describesSession(response.contentType)) dialog.offers.received();
    dialog.confirm();
    dialog.outbox.expectAck(this.#sequence);
    dialog.session.settle(response);
    this.#order.handler.onAnswered(response, dialog);
  }

  #failure(response: SipResponse): void {
    if (this.#over) return;
    if (!this.#cancelRows && this.#retries(response)) return;
    this.#reject(response);
  }

  #retries(response: SipResponse): boolean {
    const { status } = response;
    if ((status === 401 || status === 407) && this.#credentials?.learn(response, this.#challenges, true)) {
      this.#credentialRows = this.#credentials.authorize('INVITE', this.#order.requestUri);
      return this.#sendAgain();
    }
    if (status === 422 && this.#order.sessionTimer && response.headers.has('Min-SE') && ++this.#times422 <= MOST_422) {
      this.#minimumSeconds = Math.max(this.#minimumSeconds, minimumSe(response));
      this.#forks.minimumSeconds = this.#minimumSeconds;
      return this.#sendAgain();
    }
    if (status !== 503) return false;
    this.#lastRefusal = response;
    if (!this.#walk.hasMore) return false;
    this.#forks.endEarly();
    this.#nextTarget();
    return true;
  }

  /** To the same target, as a new request of the same leg (RFC 3261 §22.2). */
  #sendAgain(): true {
    this.#sequence++;
    this.#forks.endEarly();
    this.#transaction = undefined;
    this.#heard = false;
    this.#sendTo(this.#reached!);
    return true;
  }

  #sendCancel(): void {
    const transaction = this.#transaction;
    if (!transaction) return;
    this.#cancelSent = true;
    new Cancel(this.#context, transaction, this.#reached!.target, this.#cancelRows!).send();
    this.#cancelWait = this.#context.timers.start(64 * this.#context.options.t1Ms, this, 'cancel');
  }

  #reject(response: SipResponse): void {
    this.#finish();
    this.#order.handler.onRejected(response);
  }

  #fail(error: GatewayError): void {
    if (this.#over) return;
    this.#finish();
    this.#order.handler.onFailed(error);
  }

  #finish(): void {
    this.#over = true;
    this.#stopCancelWait();
    this.#context.timers.stop(this.#silence);
    this.#silence = undefined;
    this.#forks.endEarly();
  }

  #stopCancelWait(): void {
    this.#context.timers.stop(this.#cancelWait);
    this.#cancelWait = undefined;
  }
}

const NO_ROUTES: readonly string[] = [];

const cancelled = (): GatewayError =>
  new GatewayError('sip.cancelled', 'Cancelled before anything was sent', { origin: 'local', sipStatus: 487 });
