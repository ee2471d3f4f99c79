import type { SipResponse } from '../message/index.js';
import type { ClientTransaction, ClientUser, TimerOwner } from '../transaction/index.js';
import type { Flow } from '../transport/flow.js';
import { NO_ROWS } from './compose.js';
import type { DialogContext } from './context.js';
import type { Forks } from './forks.js';

/**
 * Takes an INVITE transaction over when nobody waits for its answers any more: its target was silent and another was
 * tried, or its call is over. A phone that rings now is cancelled, one that answers now is hung up (RFC 3261 §13.2.2.4),
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

  onResponse(response: SipResponse, transaction: ClientTransaction, flow: Flow): void {
    if (response.status < 200) this.#cancel(transaction);
    else if (response.status < 300 && !this.#forks.repeatAck(response)) this.#hangUp(response, flow);
  }

  onTimeout(): void {}

  onTransportError(): void {}

  /** No final response to what was cancelled (RFC 3261 §9.1). */
  onTimer(_name: 'limit'): void {
    this.#transaction?.giveUp();
  }

  #cancel(transaction: ClientTransaction): void {
    const cancel = this.#transaction ? undefined : transaction.buildCancel(NO_ROWS);
    if (!cancel) return;
    this.#transaction = transaction;
    this.#context.timers.start(64 * this.#context.options.t1Ms, this, 'limit');
    this.#context.layer.send(cancel, transaction.branch, transaction.flow, deafUser);
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
