import { GatewayError } from '../../core/index.js';
import type { SipResponse } from '../message/index.js';
import type { ClientTransaction, ClientUser, TimerOwner } from '../transaction/index.js';
import type { Flow, ResolvedTarget } from '../transport/flow.js';
import { NO_ROWS } from './compose.js';
import type { DialogContext } from './context.js';
import type { Forks } from './forks.js';

/** A connection for a CANCEL may take this long. */
const CANCEL_CONNECT_MS = 5000;

/**
 * Takes an INVITE transaction over when nobody waits for its answers any more: its target was silent or out of reach and
 * another was tried, its connection broke, or its call is over. A phone that rings now is cancelled, one that answers now is hung up (RFC 3261 §13.2.2.4),
 * and a repeated 2xx gets its ACK.
 */
export class LateAnswers implements ClientUser, TimerOwner<'limit'> {
  readonly #context: DialogContext;
  readonly #forks: Forks;
  #transaction: ClientTransaction | undefined;

  constructor(context: DialogContext, forks: Forks) {
    this.#context = context;
    this.#forks = forks;
  }

  /** The connection of this INVITE broke while it rang: CANCEL goes over a new one. */
  takeOver(transaction: ClientTransaction, target: ResolvedTarget): void {
    transaction.handOver(this);
    this.#limit(transaction);
    this.#context.wire.open(target, CANCEL_CONNECT_MS, (result) => {
      if (!(result instanceof GatewayError)) this.#context.turn(() => this.#sendCancel(transaction, result));
    });
  }

  onResponse(response: SipResponse, transaction: ClientTransaction, flow: Flow): void {
    if (response.status < 200) this.#cancel(transaction);
    else if (response.status < 300 && !this.#forks.repeatAck(response, flow)) this.#hangUp(response, flow);
  }

  onTimeout(): void {}

  onTransportError(): void {}

  /** No final response to what was cancelled (RFC 3261 §9.1). */
  onTimer(_name: 'limit'): void {
    this.#transaction?.giveUp();
  }

  #cancel(transaction: ClientTransaction): void {
    if (this.#transaction) return;
    this.#limit(transaction);
    this.#sendCancel(transaction, transaction.flow);
  }

  #limit(transaction: ClientTransaction): void {
    this.#transaction = transaction;
    this.#context.timers.start(64 * this.#context.options.t1Ms, this, 'limit');
  }

  #sendCancel(transaction: ClientTransaction, flow: Flow): void {
    const cancel = transaction.buildCancel(NO_ROWS);
    if (cancel) this.#context.layer.send(cancel, transaction.branch, flow, deafUser);
  }

  #hangUp(response: SipResponse, flow: Flow): void {
    const { dialog } = this.#forks.of(response, flow);
    this.#context.counters.add('sip_late_answers');
    dialog.confirm();
    dialog.outbox.expectAck(response.cseq.sequence);
    dialog.ack();
    dialog.bye();
  }
}

/** Whatever answers a CANCEL changes nothing (RFC 3261 §9.1). */
export const deafUser: ClientUser = { onResponse: () => {}, onTimeout: () => {}, onTransportError: () => {} };
