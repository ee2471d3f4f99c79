import type { Dialog, InboundLeg } from '../sip/index.js';
import { ReliableProgress } from './reliable-progress.js';

/**
 * What is known of a call before its answer, for each fork of the callee: an early dialog there has one of its own on the
 * caller's leg (RFC 3261 §13.2.2.4), in which the caller has got some things reliably and some not.
 *
 *     callee: 183 tag a, 183 tag b, 200 tag b  ──►  caller: 183 tag x, 183 tag y, 200 tag y
 *
 * An INVITE without an offer is answered in one dialog: the caller's one answer goes to every fork.
 */
export class EarlyForks {
  readonly #leg: InboundLeg;
  readonly #separate: boolean;
  readonly #progress = new Map<string, ReliableProgress>();

  /** @param separate false: all forks are one early dialog to the caller */
  constructor(leg: InboundLeg, separate: boolean) {
    this.#leg = leg;
    this.#separate = separate;
  }

  /**
   * What goes to the caller from now on is of this dialog of the callee; a response without To tag is of the last one's.
   * Gives what the caller has of it.
   */
  speakFor(dialog: Dialog | undefined): ReliableProgress {
    if (dialog && this.#separate) this.#leg.fork(`${dialog.callId} ${dialog.remoteTag}`);
    const { localTag, request } = this.#leg;
    const known = this.#progress.get(localTag);
    if (known) return known;
    const progress = new ReliableProgress(request);
    this.#progress.set(localTag, progress);
    return progress;
  }

  /** A PRACK of the caller came in the dialog of this tag of ours. */
  acknowledged(localTag: string | undefined): void {
    this.#progress.get(localTag ?? '')?.acknowledged();
  }
}
