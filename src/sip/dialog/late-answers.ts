import type { SipResponse } from '../message/index.js';
import type { ClientTransaction, ClientUser, TimerOwner } from '../transaction/index.js';
import type { Flow, ResolvedTarget } from '../transport/flow.js';
import { Cancel } from './cancel.js';
import { NO_ROWS } from './compose.js';
import type { DialogContext } from './context.js';
import type { Forks } from './forks.js';

/**
 * Takes an INVITE transaction over when nobody waits for its answers any more: its target was silent or out of reach and
 * another was tried, its connection broke, or its call is over. A phone that rings now is cancelled, one that answers now
 * is hung up (RFC 3261 §13.2.2.4), and a repeated 2xx gets its ACK.
 */
export class LateAnswers implements ClientUser, TimerOwner<'limit'> {
  readonly #context: DialogContext;
  readonly #forks: Forks;
  readonly #target: ResolvedTarget;
  /** The INVITE that is not waited for without end. */
  #limited: ClientTransaction | undefined;

  /** @param target where the INVITE went */
  constructor(context: DialogContext, forks: Forks, target: ResolvedTarget) {
    this.#context = context;
    this.#forks = forks;
    this.#target = target;
  }

  /** The connection broke while it rang. @param told a CANCEL is on its way already */
  rang(transaction: ClientTransaction, told: boolean): void {
    transaction.handOver(this);
    this.#limit(transaction);
    if (!told) new Cancel(this.#context, transaction, this.#target, NO_ROWS).send();
  }

  onResponse(response: SipResponse, transaction: ClientTransaction, flow: Flow): void {
    if (response.status < 200) this.#ringing(transaction);
    else if (response.status < 300 && !this.#forks.repeatAck(response, flow)) this.#hangUp(response, flow);
  }

  onTimeout(): void {}

  onTransportError(): void {}

  /** No final response to what was cancelled (RFC 3261 §9.1). */
  onTimer(_name: 'limit'): void {
    this.#limited?.giveUp();
  }

  #ringing(transaction: ClientTransaction): void {
    if (this.#limited) return;
    this.#limit(transaction);
    new Cancel(this.#context, transaction, this.#target, NO_ROWS).send();
  }

  #limit(transaction: ClientTransaction): void {
    this.#limited = transaction;
    this.#context.timers.start(64 * this.#context.options.t1Ms, this, 'limit');
  }

  #hangUp(response: SipResponse, flow: Flow): void {
    if (this.#forks.isTooMany(response)) return;
    const { dialog } = this.#forks.of(response, flow);
    this.#context.counters.add('sip_late_answers');
    dialog.data.refreshTarget(response);
    dialog.confirm();
    dialog.outbox.expectAck(response.cseq.sequence);
    dialog.ack();
    dialog.bye();
  }
}
