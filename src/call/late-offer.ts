import type { Side } from '../rtp/index.js';
import type { Dialog, InboundRequest, MessageBody, SipRequest } from '../sip/index.js';
import { type MediaBridge, missingDescription, opposite } from './media-bridge.js';
import { sessionOf } from './session-body.js';

/**
 * The offer of a callee to a caller whose INVITE brought none, and its answer (RFC 3264 §5, RFC 3262 §5, RFC 6337 §2).
 *
 *     callee: offer in a reliable 18x or 2xx ──► caller: the same way ──► its PRACK or ACK answers ──► PRACK or ACK
 *
 * The caller answers once in its INVITE. What another target offers after that is answered for it, with what it said.
 */
export class LateOffer {
  readonly #media: MediaBridge;
  readonly #callerSide: Side;
  #state: 'none' | 'made' | 'answered' = 'none';
  readonly #waiting: ((answer: MessageBody) => void)[] = [];
  /** Dialogs whose offer came in a reliable provisional response. */
  readonly #early = new Set<Dialog>();

  constructor(media: MediaBridge, callerSide: Side) {
    this.#media = media;
    this.#callerSide = callerSide;
  }

  /** A callee offers in a reliable 18x: once goes on, and its PRACK brings the answer. */
  inProvisional(dialog: Dialog, offer: MessageBody, prack: (body?: MessageBody) => void): MessageBody | undefined {
    if (this.#early.has(dialog)) return void prack();
    this.#early.add(dialog);
    return this.#made(offer, prack);
  }

  /**
   * A callee's 200 offers, where no 18x of its dialog did. The caller's ACK will answer, and only then the callee's goes.
   * Gives what the caller's 200 says.
   * @throws GatewayError `sdp.missing` where there was no offer at all; the 200 is acknowledged
   */
  inAnswer(dialog: Dialog, offer: MessageBody | undefined): MessageBody | undefined {
    if (this.#early.has(dialog)) {
      dialog.ack();
      dialog.localDescription = this.#media.lastSent(opposite(this.#callerSide));
      return undefined;
    }
    if (!offer) {
      dialog.ack();
      throw missingDescription();
    }
    return this.#made(offer, (answer) => {
      dialog.localDescription = answer;
      this.#media.whenInForce(() => dialog.ack(answer));
    });
  }

  /** The caller's ACK. @throws GatewayError `sdp.missing` where it has no answer */
  onAck(ack: SipRequest): void {
    const answer = sessionOf(ack);
    if (!answer) throw missingDescription();
    this.answered(answer);
  }

  /**
   * A callee offers. Gives the offer that goes to the caller; undefined when it has had one already.
   * @param answer called with the answer for the callee, at once where it is known
   */
  #made(offer: MessageBody, answer: (body: MessageBody) => void): MessageBody | undefined {
    const body = this.#media.translate(opposite(this.#callerSide), 'offer', offer);
    if (this.#state === 'answered') {
      answer(this.#media.translate(this.#callerSide, 'answer', this.#media.lastReceived(this.#callerSide)!));
      return undefined;
    }
    this.#waiting.push(answer);
    if (this.#state === 'made') return undefined;
    this.#state = 'made';
    return body;
  }

  /** The caller answers; false when nothing was offered to it, or it has answered before. */
  answered(description: MessageBody): boolean {
    if (this.#state !== 'made') return false;
    this.#state = 'answered';
    const body = this.#media.translate(this.#callerSide, 'answer', description);
    for (const answer of this.#waiting.splice(0)) answer(body);
    return true;
  }

  /**
   * Answers a PRACK of the caller, which may bring the answer.
   * @throws GatewayError where its description cannot be used; the PRACK is not left unanswered
   */
  onPrack(incoming: InboundRequest): void {
    const answer = sessionOf(incoming.request);
    try {
      incoming.respond(!answer || this.answered(answer) ? 200 : 488);
    } finally {
      incoming.respond(488);
    }
  }
}
