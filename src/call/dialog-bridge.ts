import { GatewayError, type Logger } from '../core/index.js';
import type { Side } from '../rtp/index.js';
import type {
  Dialog,
  DialogHandler,
  HeaderRow,
  InboundRequest,
  MessageBody,
  SipRequest,
  SipResponse,
} from '../sip/index.js';
import { passingHeaders } from './headers.js';
import { type MediaBridge, missingDescription, opposite } from './media-bridge.js';
import { mediaWarning } from './release.js';
import { bodyOf, sessionOf } from './session-body.js';

/** What the call hears of its two dialogs. */
export interface BridgeHooks {
  /** @param pair the dialogs of which one was hung up */
  onHangup(side: Side, request: SipRequest, pair: DialogPair): void;
  /** A dialog is dead without a BYE. */
  onDialogLost(side: Side, error: GatewayError): void;
  /** Session descriptions changed on a side: hold, resume, new codec. */
  onMediaChanged(): void;
  /** A change of media that a side asked for was refused by us. */
  onMediaRefused(side: Side, code: string): void;
}

/** Who deals with digits in INFO. */
export interface DigitTaker {
  /** An INFO; true where it has been dealt with, and answered. */
  onInfo(side: Side, incoming: InboundRequest): boolean;
}

export interface BridgeSettings {
  /** REFER goes to the other side, or is refused with 403. */
  readonly refer: 'pass' | 'refuse';
  /** Host that warns of media that is refused. */
  readonly domain: string;
}

/** Dialogs that belong together: a fork of the callee and the dialog that stands for it on the caller's leg. */
export type DialogPair = Partial<Record<Side, Dialog>>;

type Outcome = SipResponse | GatewayError;

/**
 * Joins two dialogs into one conversation: what one peer asks inside its dialog is asked of the other, and the answer
 * comes back. While a call is forked each fork's dialogs are a pair; from the answer on there is one. Session descriptions are translated on the way; everything hop-by-hop stays on its own leg.
 *
 *   re-INVITE ──translate──► re-INVITE        UPDATE ──► UPDATE, or re-INVITE where the peer lacks it
 *   200 ◄──translate── 200, ACK at once       late offer: the ACK waits for the other side's ACK
 */
export class DialogBridge {
  readonly #pairs: DialogPair[] = [];
  /** The pair that speaks for the call: the last one joined. */
  #current: DialogPair = {};
  readonly #awaitingAck: Partial<Record<Side, (request: SipRequest) => void>> = {};
  /** A re-INVITE for a side that has yet to acknowledge our last 2xx: fax calls change over that fast. */
  readonly #postponed: Partial<Record<Side, () => void>> = {};
  /** Sides that cancelled the re-INVITE they had sent. */
  readonly #cancelled = new Set<Side>();
  readonly #media: MediaBridge;
  readonly #hooks: BridgeHooks;
  readonly #digits: DigitTaker;
  readonly #settings: BridgeSettings;
  readonly #logger: Logger;

  constructor(media: MediaBridge, hooks: BridgeHooks, digits: DigitTaker, settings: BridgeSettings, logger: Logger) {
    this.#media = media;
    this.#hooks = hooks;
    this.#digits = digits;
    this.#settings = settings;
    this.#logger = logger;
  }

  /** These dialogs speak for the call from now on; one of them alone joins the pair it is of. */
  join(dialogs: DialogPair): void {
    const sides = SIDES.filter((side) => dialogs[side] !== undefined);
    let pair = this.#pairs.find((each) => sides.some((side) => each[side] === dialogs[side]));
    if (!pair) {
      pair = {};
      this.#pairs.push(pair);
    }
    this.#current = pair;
    for (const side of sides) {
      const dialog = dialogs[side]!;
      if (pair[side] === dialog) continue;
      pair[side] = dialog;
      dialog.handler = this.#handlerFor(side, pair);
    }
  }

  /** A side's dialog is nothing to the call any more; where it was answered it ends with BYE. */
  drop(side: Side, headers: readonly HeaderRow[]): void {
    const dialog = this.#current[side];
    delete this.#current[side];
    if (dialog?.state !== 'confirmed') return;
    dialog.ack();
    dialog.bye(headers);
  }

  /** The dialog that speaks for a side. */
  dialog(side: Side): Dialog | undefined {
    return this.#current[side];
  }

  /** True while a callee's fork other than this pair's is in an early dialog. */
  hasOther(pair: DialogPair, calleeSide: Side): boolean {
    return this.#pairs.some((each) => each !== pair && each[calleeSide]?.state === 'early');
  }

  /** Runs once, when the ACK for the 2xx sent to `side` comes. */
  onceAcknowledged(side: Side, run: (request: SipRequest) => void): void {
    this.#awaitingAck[side] = run;
  }

  /** ACK for a 2xx we sent to `side`. */
  acknowledged(side: Side, request: SipRequest): void {
    const run = this.#awaitingAck[side];
    delete this.#awaitingAck[side];
    run?.(request);
    const postponed = this.#postponed[side];
    delete this.#postponed[side];
    postponed?.();
  }

  #handlerFor(side: Side, pair: DialogPair): DialogHandler {
    return {
      onBye: (request) => this.#hooks.onHangup(side, request, pair),
      onReinvite: (incoming) => this.#guard(side, incoming, () => this.#relayReinvite(side, incoming)),
      onReinviteCancelled: () => this.#cancelReinvite(side),
      onAck: (request) => this.acknowledged(side, request),
      onRequest: (incoming) => this.#guard(side, incoming, () => this.#relayRequest(side, incoming, pair)),
      onSessionExpired: () =>
        this.#hooks.onDialogLost(
          side,
          new GatewayError('call.session-expired', 'The session timer ran out without a refresh', { origin: 'remote' }),
        ),
      onDialogFailed: (error) => this.#hooks.onDialogLost(side, error),
    };
  }

  /** What a peer sends may be refused, and never throws past here. */
  #guard(side: Side, incoming: InboundRequest, run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      const { code, message, sipStatus = 500 } = error;
      this.#logger.warn({ code, method: incoming.request.method }, 'in-dialog request refused');
      if (sipStatus === 488) this.#hooks.onMediaRefused(side, code);
      incoming.respond(sipStatus, { headers: mediaWarning(code, message, this.#settings.domain) });
    }
  }

  #relayReinvite(side: Side, incoming: InboundRequest): void {
    this.#cancelled.delete(side);
    const peer = this.#current[opposite(side)];
    if (peer?.state !== 'confirmed') return incoming.respond(491);
    if (peer.awaitsAck) {
      this.#postponed[opposite(side)] = () => {
        if (!this.#cancelled.delete(side)) this.#guard(side, incoming, () => this.#relayReinvite(side, incoming));
      };
      return;
    }
    const offer = sessionOf(incoming.request);
    if (offer) this.#relayOffer(side, incoming, peer, offer, 'reinvite');
    else this.#relayLateOffer(side, incoming, peer);
  }

  /** The side that asked for a change gives it up: so do we on the other leg. */
  #cancelReinvite(side: Side): void {
    this.#cancelled.add(side);
    this.#current[opposite(side)]?.cancelReinvite();
  }

  /** A change was accepted after the side that wanted it had cancelled it: the other side is told what holds. */
  #restore(side: Side, peer: Dialog): void {
    const inForce = this.#media.lastReceived(side);
    if (!inForce || peer.state !== 'confirmed') return;
    const body = this.#media.translate(side, 'offer', inForce, false);
    peer.reinvite({ body }, (outcome) => {
      if (!isSuccess(outcome)) return;
      peer.ack();
      peer.localDescription = body;
    });
  }

  #relayOffer(side: Side, incoming: InboundRequest, peer: Dialog, offer: MessageBody, by: 'reinvite' | 'UPDATE'): void {
    const body = this.#media.translate(side, 'offer', offer, false);
    const headers = passingHeaders(incoming.request, incoming.request.method);
    const before = peer.localDescription;
    peer.localDescription = body;
    const done = (outcome: Outcome): void =>
      this.#guard(side, incoming, () => {
        if (isProvisional(outcome)) return;
        if (by === 'reinvite' && isSuccess(outcome)) peer.ack();
        if (this.#cancelled.delete(side) && isSuccess(outcome)) return this.#restore(side, peer);
        if (isSuccess(outcome)) return this.#acceptAnswer(side, incoming, offer, outcome);
        peer.localDescription = before;
        refuse(incoming, outcome);
      });
    if (by === 'reinvite') peer.reinvite({ headers, body }, done);
    else peer.request('UPDATE', { headers, body }, done);
  }

  #acceptAnswer(side: Side, incoming: InboundRequest, offer: MessageBody, response: SipResponse): void {
    const answer = sessionOf(response);
    if (!answer) throw missingDescription();
    const body = this.#media.accept(side, offer, answer);
    this.#setDescription(side, body);
    incoming.respond(200, { headers: passingHeaders(response, incoming.request.method), body });
    this.#hooks.onMediaChanged();
  }

  #relayLateOffer(side: Side, incoming: InboundRequest, peer: Dialog): void {
    const headers = passingHeaders(incoming.request, 'INVITE');
    peer.reinvite({ headers }, (outcome) =>
      this.#guard(side, incoming, () => {
        if (isProvisional(outcome)) return;
        if (!isSuccess(outcome)) return refuse(incoming, outcome);
        const offer = sessionOf(outcome);
        if (!offer) {
          peer.ack();
          throw missingDescription();
        }
        const body = this.#translateLate(opposite(side), peer, offer);
        this.#setDescription(side, body);
        this.onceAcknowledged(side, (ack) => this.#ackLateOffer(side, peer, offer, ack));
        incoming.respond(200, { headers: passingHeaders(outcome, 'INVITE'), body });
      }),
    );
  }

  /** What of a late offer goes on; one that may not ends its call, since the peer holds it for agreed on (RFC 3261 §14.1). */
  #translateLate(from: Side, peer: Dialog, offer: MessageBody): MessageBody {
    try {
      return this.#media.translate(from, 'offer', offer, false);
    } catch (error) {
      peer.ack();
      if (error instanceof GatewayError) this.#hooks.onDialogLost(from, error);
      throw error;
    }
  }

  /** The answer to a late offer, on its way from one ACK into the other. */
  #ackLateOffer(side: Side, peer: Dialog, offer: MessageBody, ack: SipRequest): void {
    const answer = sessionOf(ack);
    if (!answer) {
      peer.ack();
      this.#hooks.onDialogLost(side, missingDescription());
      return;
    }
    try {
      this.#media.apply(opposite(side), 'offer', offer);
      const body = this.#media.translate(side, 'answer', answer);
      peer.localDescription = body;
      peer.ack(body);
      this.#hooks.onMediaChanged();
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      peer.ack();
      this.#hooks.onDialogLost(side, error);
    }
  }

  #relayRequest(side: Side, incoming: InboundRequest, pair: DialogPair): void {
    const { method } = incoming.request;
    const peer = pair[opposite(side)];
    if (method === 'OPTIONS') return incoming.respond(200);
    if (!peer || peer.state === 'terminated') return incoming.respond(481);
    if (method === 'UPDATE') return this.#relayUpdate(side, incoming, peer);
    if (method === 'REFER' && this.#settings.refer === 'refuse') return incoming.respond(403);
    if (method === 'INFO' && this.#digits.onInfo(side, incoming)) return;
    const body = bodyOf(incoming.request);
    peer.request(method, { headers: passingHeaders(incoming.request, method), ...(body && { body }) }, (outcome) => {
      if (isProvisional(outcome)) return;
      if (!isSuccess(outcome)) return refuse(incoming, outcome);
      const answer = bodyOf(outcome);
      const headers = passingHeaders(outcome, method);
      incoming.respond(outcome.status, { headers, ...(answer && { body: answer }) });
    });
  }

  #relayUpdate(side: Side, incoming: InboundRequest, peer: Dialog): void {
    const offer = sessionOf(incoming.request);
    if (!offer) return incoming.respond(200);
    const lacksUpdate = peer.remoteAllows.size > 0 && !peer.remoteAllows.has('UPDATE');
    if (!lacksUpdate) return this.#relayOffer(side, incoming, peer, offer, 'UPDATE');
    if (peer.state !== 'confirmed') return incoming.respond(488);
    this.#relayOffer(side, incoming, peer, offer, 'reinvite');
  }

  #setDescription(side: Side, body: MessageBody): void {
    const dialog = this.#current[side];
    if (dialog) dialog.localDescription = body;
  }
}

const SIDES = ['customer', 'remote'] as const;

const isResponse = (outcome: Outcome): outcome is SipResponse => !(outcome instanceof GatewayError);
const isProvisional = (outcome: Outcome): boolean => isResponse(outcome) && outcome.status < 200;
const isSuccess = (outcome: Outcome): outcome is SipResponse =>
  isResponse(outcome) && outcome.status >= 200 && outcome.status < 300;

/** A request the other side refused or did not answer, told to the side that asked. */
function refuse(incoming: InboundRequest, outcome: Outcome): void {
  if (!isResponse(outcome)) return incoming.respond(outcome.sipStatus ?? 408);
  const passable = outcome.status >= 400 && outcome.status !== 401 && outcome.status !== 407;
  const later = outcome.headers.get('Retry-After');
  const headers = later === undefined ? [] : [['Retry-After', later] as const];
  incoming.respond(passable ? outcome.status : 500, passable ? { reason: outcome.reason, headers } : {});
}
