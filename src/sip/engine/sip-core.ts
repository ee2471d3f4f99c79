import type { Counters, GatewayError, Logger, Random, Scheduler } from '../../core/index.js';
import {
  type CoreOptions,
  DEFAULT_OPTIONS,
  type DialogContext,
  DialogTable,
  InviteClientLeg,
  InviteServerLeg,
  Reply,
  samePeer,
} from '../dialog/index.js';
import {
  type ParseLimits,
  parseDatagram,
  type SipParseError,
  type SipRequest,
  SipResponse,
  SipSyntaxError,
} from '../message/index.js';
import type {
  Capabilities,
  EngineView,
  InviteOrder,
  OutboundLeg,
  RequestOrder,
  SignalingEngine,
  SignalingHandler,
} from '../signaling.js';
import {
  classLabel,
  methodLabel,
  type ServerTransaction,
  TimerLists,
  TransactionLayer,
  token,
} from '../transaction/index.js';
import type { Flow, Locator, Wire, WireReceiver } from '../transport/flow.js';
import { ClientRequest } from './client-request.js';
import { Deferred } from './deferred.js';
import { isAnswerDue, malformedResponse } from './malformed.js';
import { refusingHandler } from './refusing-handler.js';
import { checkRequest, type Refusal } from './request-checks.js';
import { statelessResponse } from './stateless.js';

/** All that a core is built from. */
export interface CoreParts {
  readonly wire: Wire;
  readonly locator: Locator;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly options?: Partial<CoreOptions>;
  readonly parseLimits?: ParseLimits;
}

/**
 * The SIP core: messages in from flows, messages out to flows, and between them the port of signaling.ts.
 *
 *     receive ─► parse ─┬─ response ─► client transaction ─► leg, dialog or request
 *                       └─ request ──┬─ known transaction: repeated request, ACK, CANCEL
 *                                    ├─ To tag ─► checks ─► dialog │ 481
 *                                    └─ new ────► checks ─► onInvite │ onRequest
 *
 * It owns no socket, clock or randomness. Nothing a peer sends makes it throw: what a handler of the call layer
 * throws is logged and answered 500.
 */
export class SipCore implements SignalingEngine, WireReceiver, DialogContext {
  readonly capabilities: Capabilities = { reliableProvisional: true, sessionTimer: true, rawCapture: true };
  handler: SignalingHandler = refusingHandler;
  readonly wire: Wire;
  readonly locator: Locator;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly options: CoreOptions;
  readonly timers: TimerLists;
  readonly layer: TransactionLayer;
  readonly dialogs = new DialogTable();
  readonly #deferred: Deferred;
  readonly #parseLimits: ParseLimits | undefined;

  constructor(parts: CoreParts) {
    this.wire = parts.wire;
    this.locator = parts.locator;
    this.scheduler = parts.scheduler;
    this.random = parts.random;
    this.logger = parts.logger;
    this.counters = parts.counters;
    this.options = { ...DEFAULT_OPTIONS, ...parts.options };
    this.#parseLimits = parts.parseLimits;
    this.timers = new TimerLists(parts.scheduler, (error) => this.#internalError(error));
    this.#deferred = new Deferred(parts.scheduler, (task) => this.#guarded(task));
    this.layer = new TransactionLayer({
      wire: parts.wire,
      timers: this.timers,
      settings: this.options,
      random: parts.random,
      counters: parts.counters,
      onSent: (message, bytes, flow) => this.#sent(message, bytes, flow),
    });
  }

  // SignalingEngine

  invite(order: InviteOrder): OutboundLeg {
    return new InviteClientLeg(this, order);
  }

  request(order: RequestOrder, done: (outcome: SipResponse | GatewayError) => void): void {
    new ClientRequest(this, order, done);
  }

  debugView(): EngineView {
    const details: object[] = [...this.layer.debugRows()];
    for (const dialog of this.dialogs.values()) details.push(dialog.debugRow());
    return {
      serverTransactions: this.layer.serverCount,
      clientTransactions: this.layer.clientCount,
      dialogs: this.dialogs.size,
      details,
    };
  }

  // WireReceiver

  receive(bytes: Buffer, flow: Flow): void {
    this.#deferred.enter();
    try {
      this.#received(bytes, flow);
    } catch (error) {
      this.#internalError(error);
    } finally {
      this.#deferred.leave();
    }
  }

  flowFailed(flow: Flow, error: GatewayError): void {
    this.turn(() => this.layer.flowFailed(flow, error));
  }

  malformed(flow: Flow, error: SipParseError): void {
    this.turn(() => this.#malformed(error, flow));
  }

  // DialogContext

  defer(task: () => void): void {
    this.#deferred.add(task);
  }

  turn(task: () => void): void {
    this.#deferred.enter();
    this.#guarded(task);
    this.#deferred.leave();
  }

  #received(bytes: Buffer, flow: Flow): void {
    const outcome = parseDatagram(bytes, this.#parseLimits);
    if (outcome.kind === 'error') {
      this.#malformed(outcome.error, flow);
      return;
    }
    if (outcome.kind !== 'message') {
      this.counters.add('sip_parse_errors', 'parse.truncated');
      return;
    }
    const { message } = outcome;
    if (this.handler.onMessage) this.#tell('in', message, bytes, flow);
    if (message instanceof SipResponse) {
      this.#response(message, flow);
      return;
    }
    this.counters.add('sip_requests_in', methodLabel(message.method));
    this.#request(message, flow);
  }

  #response(response: SipResponse, flow: Flow): void {
    this.counters.add('sip_responses_in', classLabel(response.status));
    // Two Via mean it was misrouted to us (RFC 3261 §8.1.3.3).
    if (response.headers.all('Via').length > 1) {
      this.counters.add('sip_stray', 'via');
      return;
    }
    try {
      if (!this.layer.receiveResponse(response, flow)) this.counters.add('sip_stray', 'response');
    } catch (error) {
      if (!(error instanceof SipSyntaxError)) throw error;
      this.counters.add('sip_parse_errors', 'response-field');
    }
  }

  #request(request: SipRequest, flow: Flow): void {
    const { method } = request;
    if (method === 'ACK') {
      this.#ack(request, flow);
      return;
    }
    if (method === 'CANCEL') {
      this.#cancel(request, flow);
      return;
    }
    const known = this.layer.findServer(request);
    if (known) {
      this.counters.add('sip_absorbed', methodLabel(method));
      known.receive(request, flow);
      return;
    }
    if (this.layer.serverCount >= this.options.maxServerTransactions) {
      this.#overloaded(request, flow);
      return;
    }
    this.#opened(request, flow, this.layer.openServer(request, flow));
  }

  /** A new request, its transaction open: whatever happens now, it is answered. */
  #opened(request: SipRequest, flow: Flow, transaction: ServerTransaction): void {
    try {
      this.#dispatch(request, flow, transaction);
    } catch (error) {
      const malformed = error instanceof SipSyntaxError;
      if (!malformed) this.#internalError(error);
      if (transaction.answered) return;
      this.counters.add('sip_rejected', malformed ? 'malformed' : 'internal');
      new Reply(this, request, flow, transaction, this.#tag()).respond(malformed ? 400 : 500);
    }
  }

  #dispatch(request: SipRequest, flow: Flow, transaction: ServerTransaction): void {
    const inside = request.to.tag !== undefined;
    const refused = checkRequest(request, transaction, inside, this);
    if (refused) {
      this.#refuse(request, flow, transaction, refused);
      return;
    }
    if (inside) {
      this.#inside(request, flow, transaction);
      return;
    }
    switch (request.method) {
      case 'INVITE':
        this.#invite(request, flow, transaction);
        return;
      case 'BYE':
      case 'PRACK':
      case 'UPDATE':
      case 'INFO':
        this.#refuse(request, flow, transaction, NO_DIALOG);
        return;
      default:
        this.handler.onRequest(new Reply(this, request, flow, transaction, this.#tag()));
        return;
    }
  }

  #inside(request: SipRequest, flow: Flow, transaction: ServerTransaction): void {
    const dialog = this.dialogs.find(request);
    if (!dialog) {
      this.#refuse(request, flow, transaction, NO_DIALOG);
      return;
    }
    if (request.method === 'INVITE') this.#trying(request, transaction);
    dialog.inbox.receive(request, flow, transaction);
  }

  #invite(request: SipRequest, flow: Flow, transaction: ServerTransaction): void {
    const leg = new InviteServerLeg(this, request, flow, transaction);
    const minimum = leg.dialog.session.refusedMinimum(request);
    if (minimum !== undefined) {
      this.counters.add('sip_rejected', 'session-interval');
      leg.respond(422, { headers: [['Min-SE', String(minimum)]] });
      return;
    }
    this.handler.onInvite(leg);
    if (transaction.state === 'proceeding' && !transaction.lastBytes) this.#trying(request, transaction);
  }

  /** 100 at once, so that the sender stops repeating (RFC 3261 §17.2.1). */
  #trying(request: SipRequest, transaction: ServerTransaction): void {
    const response = statelessResponse(request, transaction.vias, 100, '', {}, this.options);
    const timestamp = request.headers.get('Timestamp');
    if (timestamp !== undefined) response.headers.append('Timestamp', timestamp);
    transaction.respond(response);
  }

  #ack(ack: SipRequest, flow: Flow): void {
    const transaction = this.layer.findServer(ack);
    if (transaction) {
      transaction.receive(ack, flow);
      return;
    }
    const dialog = ack.to.tag === undefined ? undefined : this.dialogs.find(ack);
    if (dialog) dialog.inbox.receiveAck(ack, flow);
    else this.counters.add('sip_stray', 'ack');
  }

  /** RFC 3261 §9.2: answered at once; the INVITE's user decides what it means. */
  #cancel(cancel: SipRequest, flow: Flow): void {
    const repeated = this.layer.findCancel(cancel);
    if (repeated) {
      repeated.receive(cancel, flow);
      return;
    }
    if (this.layer.serverCount >= this.options.maxServerTransactions) {
      this.#overloaded(cancel, flow);
      return;
    }
    const invite = this.layer.findServer(cancel);
    const transaction = this.layer.openServer(cancel, flow);
    const foreign = invite !== undefined && this.options.bindSources && !samePeer(invite.flow, flow);
    if (!invite || foreign) {
      this.#refuse(cancel, flow, transaction, foreign ? { ...NO_DIALOG, reason: 'dialog-source' } : NO_DIALOG);
      return;
    }
    new Reply(this, cancel, flow, transaction, invite.localTag).respond(200);
    invite.user.onCancel?.(cancel, flow);
  }

  #refuse(request: SipRequest, flow: Flow, transaction: ServerTransaction, refused: Refusal): void {
    this.counters.add('sip_rejected', refused.reason);
    new Reply(this, request, flow, transaction, this.#tag()).respond(refused.status, refused.order);
  }

  #malformed(error: SipParseError, flow: Flow): void {
    this.counters.add('sip_parse_errors', error.code);
    const { message, status, reason } = error;
    if (!isAnswerDue(message)) return;
    this.layer.sendStateless(message, flow, (vias) =>
      malformedResponse(message, vias, status, reason, this.options.userAgent),
    );
  }

  #overloaded(request: SipRequest, flow: Flow): void {
    this.counters.add('sip_rejected', 'transactions');
    this.#answerStateless(request, flow, 503, { headers: [['Retry-After', '5']] });
  }

  #answerStateless(
    request: SipRequest,
    flow: Flow,
    status: number,
    order: { reason?: string; headers?: [string, string][] },
  ): void {
    this.layer.sendStateless(request, flow, (vias) =>
      statelessResponse(request, vias, status, 'stateless', order, this.options),
    );
  }

  #sent(message: SipRequest | SipResponse | undefined, bytes: Buffer, flow: Flow): void {
    if (!this.handler.onMessage) return;
    if (message) {
      this.#tell('out', message, bytes, flow);
      return;
    }
    const outcome = parseDatagram(bytes, this.#parseLimits);
    if (outcome.kind === 'message') this.#tell('out', outcome.message, bytes, flow);
  }

  /** Nothing waits for who listens, and what a listener throws stops nothing. */
  #tell(direction: 'in' | 'out', message: SipRequest | SipResponse, bytes: Buffer, flow: Flow): void {
    try {
      this.handler.onMessage?.(direction, message, bytes, flow);
    } catch (error) {
      this.#internalError(error);
    }
  }

  #guarded(task: () => void): void {
    try {
      task();
    } catch (error) {
      this.#internalError(error);
    }
  }

  #internalError(error: unknown): void {
    this.counters.add('sip_internal_errors');
    this.logger.error({ err: error }, 'SIP core: a handler threw');
  }

  #tag(): string {
    return token(this.random, 2);
  }
}

const NO_DIALOG: Refusal = { status: 481, reason: 'no-dialog', order: {} };
