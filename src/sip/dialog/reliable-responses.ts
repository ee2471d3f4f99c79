import { below } from '../../core/index.js';
import type { SipRequest } from '../message/index.js';
import type { ResponseOrder } from '../signaling.js';
import type { ListTimer } from '../transaction/index.js';
import type { DialogContext } from './context.js';
import { describesSession } from './offer-answer.js';

/**
 * Reliable provisional responses of one INVITE, UAS side (RFC 3262 §3): one at a time, repeated with doubling
 * intervals until its PRACK comes; the next waits in the queue; after 64×T1 without PRACK the INVITE is refused.
 *
 *     send 183 ─► out ── PRACK ──► next of the queue
 *                  └ T1, 2×T1, 4×T1 … 64×T1 ─► onPrackExpired
 */
export class ReliableResponses {
  readonly #context: DialogContext;
  readonly #user: ReliableResponsesUser;
  readonly #queue: { readonly status: number; readonly order: ResponseOrder }[] = [];
  #rseq: number;
  #out: { readonly rseq: number; readonly bytes: Buffer; readonly describes: boolean } | undefined;
  #intervalMs = 0;
  #repeat: ListTimer | undefined;
  #expire: ListTimer | undefined;

  constructor(context: DialogContext, user: ReliableResponsesUser) {
    this.#context = context;
    this.#user = user;
    this.#rseq = 1 + below(context.random, 2 ** 31 - 1);
  }

  /** True while one with a session description waits for its PRACK: a 2xx must wait too (§3). */
  get holdsAnswer(): boolean {
    return this.#out?.describes ?? false;
  }

  /** Sends it, or queues it behind the one that waits for its PRACK. */
  send(status: number, order: ResponseOrder): void {
    if (this.#out) this.#queue.push({ status, order });
    else this.#transmit(status, order);
  }

  /** Takes a PRACK by its RAck (§7.2); false when it acknowledges nothing that is out. */
  take(prack: SipRequest, inviteSequence: number): boolean {
    const [rseq, sequence, method] = (prack.headers.get('RAck') ?? '').trim().split(/\s+/);
    const out = this.#out;
    if (!out || method !== 'INVITE' || Number(rseq) !== out.rseq || Number(sequence) !== inviteSequence) return false;
    this.#stopTimers();
    this.#out = undefined;
    return true;
  }

  /** Sends what waited behind the acknowledged one. */
  sendNext(): void {
    const next = this.#out ? undefined : this.#queue.shift();
    if (next) this.#transmit(next.status, next.order);
  }

  /** A final response goes out: nothing is repeated or sent any more, a late PRACK is still taken. */
  stop(): void {
    this.#stopTimers();
    this.#queue.length = 0;
  }

  onTimer(name: 'repeat' | 'expire'): void {
    if (name === 'expire') {
      this.stop();
      this.#user.onPrackExpired();
      return;
    }
    this.#intervalMs *= 2;
    this.#repeat = this.#context.timers.start(this.#intervalMs, this, 'repeat');
    this.#user.repeatReliable(this.#out!.bytes);
  }

  #transmit(status: number, order: ResponseOrder): void {
    const rseq = this.#rseq++;
    const bytes = this.#user.transmitReliable(status, order, rseq);
    this.#out = { rseq, bytes, describes: describesSession(order.body?.contentType) };
    this.#intervalMs = this.#context.options.t1Ms;
    this.#repeat = this.#context.timers.start(this.#intervalMs, this, 'repeat');
    this.#expire = this.#context.timers.start(64 * this.#context.options.t1Ms, this, 'expire');
  }

  #stopTimers(): void {
    this.#context.timers.stop(this.#repeat);
    this.#context.timers.stop(this.#expire);
    this.#repeat = this.#expire = undefined;
  }
}

export interface ReliableResponsesUser {
  /** Sends the response with this RSeq; gives its bytes. */
  transmitReliable(status: number, order: ResponseOrder, rseq: number): Buffer;
  repeatReliable(bytes: Buffer): void;
  onPrackExpired(): void;
}
