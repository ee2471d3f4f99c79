import { below, GatewayError, type Timer } from '../../core/index.js';
import type { DialogOutbox } from './dialog-outbox.js';
import type { DialogRequest } from './dialog-request.js';
import type { InviteDialog } from './invite-dialog.js';

/** After so many 491 in a row the answer is given up to whoever asked. */
const MOST_TRIES = 5;

/**
 * Sends a re-INVITE again that was answered 491 (RFC 3261 §14.1): the owner of the Call-ID waits 2.1–4 s, the other
 * side 0–2 s, both in steps of 10 ms, so that the two do not meet again.
 */
export class GlareRetry {
  readonly #dialog: InviteDialog;
  readonly #outbox: DialogOutbox;
  #timer: Timer | undefined;
  #waiting: DialogRequest | undefined;
  #tries = 0;

  constructor(dialog: InviteDialog, outbox: DialogOutbox) {
    this.#dialog = dialog;
    this.#outbox = outbox;
  }

  /** True while a request waits to be sent again: another re-INVITE of ours must not go out before it. */
  get isWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  /** Takes the request; false when it was tried often enough. */
  wait(request: DialogRequest): boolean {
    if (++this.#tries > MOST_TRIES) {
      this.#tries = 0;
      return false;
    }
    const { context, role } = this.#dialog;
    // While waiting, an INVITE of the peer is welcome.
    this.#outbox.inviteInProgress = false;
    this.#dialog.offers.reset();
    const steps = role === 'uac' ? 210 + below(context.random, 191) : below(context.random, 201);
    this.#waiting = request;
    this.#timer = context.scheduler.after(10 * steps, () => context.turn(() => this.#again()));
    return true;
  }

  /** The dialog has ended: the request is told so. */
  stop(): void {
    this.#timer?.cancel();
    const waiting = this.#waiting;
    this.#timer = this.#waiting = undefined;
    if (waiting) this.#dialog.context.defer(() => waiting.fail(abandoned()));
  }

  #again(): void {
    const request = this.#waiting!;
    this.#timer = this.#waiting = undefined;
    if (this.#dialog.busy) {
      if (!this.wait(request)) request.fail(abandoned());
      return;
    }
    this.#outbox.sendInvite(request);
  }
}

const abandoned = (): GatewayError =>
  new GatewayError('sip.glare', 'The re-INVITE kept crossing others', { origin: 'local', sipStatus: 491 });
