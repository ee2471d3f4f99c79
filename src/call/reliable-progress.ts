import type { SipRequest } from '../sip/index.js';

/** Responses that may wait for their PRACK. */
const MOST_WAITING = 16;

/**
 * What the caller has in messages that cannot be lost, and what waits for that (RFC 3262 §3, §5).
 *
 *     183 with our description ──► PRACK ──► described          the callee's 200 meanwhile ──► held ──► accepted
 *
 * The engine sends one reliable provisional response at a time, so PRACKs come in the order of the responses.
 */
export class ReliableProgress {
  /** The engine sends reliably what the caller requires to be reliable, whatever is asked for. */
  readonly #required: boolean;
  /** Reliable responses without their PRACK, oldest first: whether each describes the session. */
  readonly #unacknowledged: boolean[] = [];
  #held: (() => void) | undefined;
  #described = false;

  /** @param invite the caller's */
  constructor(invite: SipRequest) {
    this.#required = invite.headers.list('Require').some((tag) => tag.toLowerCase() === '100rel');
  }

  /** True once the caller has acknowledged a description. */
  get described(): boolean {
    return this.#described;
  }

  /** True while so many wait that no more are to go out: a callee may ring on while the caller acknowledges nothing. */
  get full(): boolean {
    return this.#unacknowledged.length >= MOST_WAITING;
  }

  /** A provisional response goes out. @param reliable as it was ordered */
  sent(reliable: boolean, describes: boolean): void {
    if (reliable || this.#required) this.#unacknowledged.push(describes);
  }

  /** A PRACK came. */
  acknowledged(): void {
    if (this.#unacknowledged.shift()) this.#described = true;
    this.#release();
  }

  /** Runs it at once, or when no description waits for its PRACK any more: until then the caller is not answered. */
  whenAcknowledged(run: () => void): void {
    this.#held = run;
    this.#release();
  }

  #release(): void {
    if (this.#unacknowledged.includes(true)) return;
    const run = this.#held;
    this.#held = undefined;
    run?.();
  }
}
