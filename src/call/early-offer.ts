import type { Side } from '../rtp/index.js';
import type { Dialog, MessageBody } from '../sip/index.js';
import { type MediaBridge, missingDescription, opposite } from './media-bridge.js';

/**
 * The usual case: the caller's INVITE offered, and the callee answers in its 2xx, or before it in an 18x (RFC 3264 §5,
 * RFC 6337 §2). Each fork of the callee answers for itself.
 */
export class EarlyOffer {
  readonly #media: MediaBridge;
  readonly #calleeSide: Side;
  /** Answers that came in an 18x. */
  readonly #early = new Map<Dialog, MessageBody>();

  constructor(media: MediaBridge, callerSide: Side) {
    this.#media = media;
    this.#calleeSide = opposite(callerSide);
  }

  /** A callee answers in an 18x, in a dialog or (without To tag) in none yet. Gives what the caller's 18x says. */
  inProvisional(dialog: Dialog | undefined, answer: MessageBody): MessageBody | undefined {
    if (dialog) this.#early.set(dialog, answer);
    return this.#media.translate(this.#calleeSide, 'answer', answer);
  }

  /**
   * A callee's 2xx answers, or its 18x did (another fork may have described itself since); it is acknowledged once that
   * is in force. Gives what the caller's 2xx may say.
   * @throws GatewayError `sdp.missing` where no answer came at all
   */
  inAnswer(dialog: Dialog, description: MessageBody | undefined): MessageBody | undefined {
    const side = this.#calleeSide;
    const known = this.#media.direction(side) && this.#media.lastReceived(side);
    const answer = description ?? this.#early.get(dialog) ?? known;
    if (!answer) throw missingDescription();
    const body = this.#media.translate(side, 'answer', answer);
    dialog.localDescription = this.#media.lastSent(side);
    // The callee may wait for the ACK until it speaks: what it says must find the way open.
    this.#media.whenInForce(() => dialog.ack());
    return body;
  }
}
