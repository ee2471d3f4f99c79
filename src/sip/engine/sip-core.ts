import type { Counters, GatewayError, Logger, Random, Scheduler } from '../../core/index.js';
import {
  type CoreOptions,
  DEFAULT_OPTIONS,
  type DialogContext,
  DialogTable,
  InviteClientLeg,
  LargeRequests,
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
import { classLabel, methodLabel, TimerLists, TransactionLayer } from '../transaction/index.js';
import type { Flow, Locator, Wire, WireReceiver } from '../transport/flow.js';
import { ClientRequest } from './client-request.js';
import { Deferred } from './deferred.js';
import { isAnswerDue, malformedResponse } from './malformed.js';
import { refusingHandler } from './refusing-handler.js';
import { RequestEntry } from './request-entry.js';

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
 *                       ├─ request ──► RequestEntry ───────► dialog, onInvite, onRequest
 *                       └─ neither ──► 400 and its like where it can be answered
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
  readonly largeRequests: LargeRequests;
  readonly layer: TransactionLayer;
  readonly dialogs = new DialogTable();
  readonly #deferred: Deferred;
  readonly #entry: RequestEntry;
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
    this.largeRequests = new LargeRequests(parts.scheduler, this.options.udpRequestLimitBytes);
    this.timers = new TimerLists(parts.scheduler, (error) => this.#internalError(error));
    this.#deferred = new Deferred(parts.scheduler, (task) => this.#guarded(task));
    this.#entry = new RequestEntry(
      this,
      () => this.handler,
      (error) => this.#internalError(error),
    );
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

  /** Asked once in an idle time of a connection: looking through all dialogs costs less than a book of them. */
  inUse(flow: Flow): boolean {
    for (const dialog of this.dialogs.values()) if (dialog.flow === flow) return true;
    return false;
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
    if (this.handler.shedFor && !(message instanceof SipResponse) && this.#entry.shed(message, flow)) return;
    if (this.handler.onMessage) this.#tell('in', message, bytes, flow);
    if (message instanceof SipResponse) {
      this.#response(message, flow);
      return;
    }
    this.counters.add('sip_requests_in', methodLabel(message.method));
    this.#entry.take(message, flow);
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

  #malformed(error: SipParseError, flow: Flow): void {
    this.counters.add('sip_parse_errors', error.code);
    const { message, status, reason } = error;
    if (!isAnswerDue(message)) return;
    this.layer.sendStateless(message, flow, (vias) =>
      malformedResponse(message, vias, status, reason, this.options.userAgent),
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
}
