import type { SipRequest } from '../message/index.js';
import type { ListTimer, ServerTransaction } from '../transaction/index.js';
import type { DialogContext } from './context.js';

/**
 * Repeats a 2xx to an INVITE until its ACK comes (RFC 3261 §13.3.1.4): after T1, then doubling up to T2, on every
 * transport, because a hop behind the first may lose it; after 64×T1 the peer counts as gone.
 *
 *     2xx   T1  2×T1    4×T1        T2 …            64×T1
 *     ├─────┼────┼───────┼───────────┼─── … ──────────┤ expired
 */
export class AckWaiter {
  /** CSeq number of the INVITE. */
  readonly sequence: number;
  readonly user: AckWaiterUser;
  readonly #context: DialogContext;
  readonly #transaction: ServerTransaction;
  readonly #bytes: Buffer;
  #intervalMs: number;
  #repeat: ListTimer | undefined;
  #expire: ListTimer | undefined;

  /** @param transaction the answered INVITE's; its last response is what is repeated */
  constructor(context: DialogContext, sequence: number, transaction: ServerTransaction, user: AckWaiterUser) {
    this.sequence = sequence;
    this.user = user;
    this.#context = context;
    this.#transaction = transaction;
    this.#bytes = transaction.lastBytes!;
    this.#intervalMs = context.options.t1Ms;
    this.#repeat = context.timers.start(this.#intervalMs, this, 'repeat');
    this.#expire = context.timers.start(64 * context.options.t1Ms, this, 'expire');
  }

  onTimer(name: 'repeat' | 'expire'): void {
    if (name === 'expire') {
      this.stop();
      this.user.onAckExpired(this);
      return;
    }
    this.#intervalMs = Math.min(2 * this.#intervalMs, this.#context.options.t2Ms);
    this.#repeat = this.#context.timers.start(this.#intervalMs, this, 'repeat');
    this.#transaction.repeat(this.#bytes);
  }

  /** The ACK came, or nobody waits for it any more. */
  stop(): void {
    this.#context.timers.stop(this.#repeat);
    this.#context.timers.stop(this.#expire);
    this.#repeat = this.#expire = undefined;
    this.#transaction.settle();
  }
}

export interface AckWaiterUser {
  onAckReceived(ack: SipRequest): void;
  onAckExpired(waiter: AckWaiter): void;
}
