import { GatewayError } from '../../core/index.js';
import type { DigestClient } from '../auth/index.js';
import type { SipRequest, SipResponse } from '../message/index.js';
import type {
  Dialog,
  DialogHandler,
  HeaderRow,
  MessageBody,
  DialogState as Phase,
  ResponseOrder,
} from '../signaling.js';
import type { Flow } from '../transport/flow.js';
import { NO_ROWS } from './compose.js';
import type { DialogContext } from './context.js';
import { DialogInbox } from './dialog-inbox.js';
import { DialogOutbox } from './dialog-outbox.js';
import type { Outcome } from './dialog-request.js';
import type { DialogState } from './dialog-state.js';
import { idleHandler } from './idle-handler.js';
import { methodSet } from './method-sets.js';
import { describesSession, OfferAnswer } from './offer-answer.js';
import { SessionRefresh } from './session-refresh.js';

/**
 * An INVITE dialog in use, of either role (RFC 3261 §12, §14, §15).
 * Requests that come in are the inbox's, those that go out the outbox's; the RFC 3261 §12 state is `data`.
 *
 *     early ── 2xx ──► confirmed ── BYE either way, or end() ──► terminated
 */
export class InviteDialog implements Dialog {
  handler: DialogHandler = idleHandler;
  localDescription: MessageBody | undefined;
  flow: Flow;
  readonly context: DialogContext;
  readonly data: DialogState;
  readonly role: 'uac' | 'uas';
  readonly offers = new OfferAnswer();
  readonly inbox: DialogInbox;
  readonly session: SessionRefresh;
  readonly outbox: DialogOutbox;
  /** Told once, when the dialog is out of use and out of the table. */
  onEnded: (() => void) | undefined;
  readonly credentials: DigestClient | undefined;
  /** Where the dialog was made with: the only host that may challenge for a realm not seen before. */
  readonly firstAddress: string;
  /** Name of the peer's certificate where the dialog was made, on a TLS connection of ours. */
  readonly verifiedName: string | undefined;
  #phase: Phase = 'early';
  #wasConfirmed = false;
  #remoteAllows: ReadonlySet<string> = NONE;
  /** What waits for the ACK of our 2xx: a BYE of ours, or forgetting a dialog that the peer has ended. */
  #heldEnd: (() => void) | undefined;

  constructor(context: DialogContext, data: DialogState, role: 'uac' | 'uas', flow: Flow, credentials?: DigestClient) {
    this.context = context;
    this.data = data;
    this.role = role;
    this.flow = flow;
    this.firstAddress = flow.remote.address;
    this.verifiedName = flow.tls?.verifiedName;
    this.credentials = credentials;
    this.inbox = new DialogInbox(this);
    this.session = new SessionRefresh(this);
    this.outbox = new DialogOutbox(this);
  }

  get callId(): string {
    return this.data.callId;
  }

  get localTag(): string {
    return this.data.localTag;
  }

  get remoteTag(): string {
    return this.data.remoteTag;
  }

  get state(): Phase {
    return this.#phase;
  }

  get remoteAllows(): ReadonlySet<string> {
    return this.#remoteAllows;
  }

  /** True once a 2xx was sent or received, even when the dialog has ended since. */
  get wasConfirmed(): boolean {
    return this.#wasConfirmed;
  }

  /**
   * True while a re-INVITE of ours would cross another exchange (RFC 3261 §14.1): also while a 2xx of ours has no ACK,
   * for our re-INVITE might overtake it.
   */
  get busy(): boolean {
    const { outbox, inbox, offers } = this;
    return outbox.occupied || inbox.openInvite !== undefined || inbox.awaitsAck || offers.open !== 'none';
  }

  get awaitsAck(): boolean {
    return this.inbox.awaitsAck;
  }

  /** A 2xx was sent or received. */
  confirm(): void {
    if (this.#phase !== 'early') return;
    this.#phase = 'confirmed';
    this.#wasConfirmed = true;
  }

  // What the call layer asks

  ack(body?: MessageBody): void {
    this.outbox.ack(body);
  }

  reinvite(order: ResponseOrder, done: (outcome: Outcome) => void): void {
    if (this.#phase === 'terminated') this.#refuse(done, ended());
    else if (this.busy) this.#refuse(done, glare());
    else this.outbox.invite(order, done);
  }

  cancelReinvite(): void {
    this.outbox.cancelInvite();
  }

  request(method: string, order: ResponseOrder, done: (outcome: Outcome) => void): void {
    const offers = method === 'UPDATE' && describesSession(order.body?.contentType);
    if (this.#phase === 'terminated') this.#refuse(done, ended());
    else if (offers && this.offers.open !== 'none') this.#refuse(done, glare());
    else if (method === 'UPDATE') this.outbox.update(order, done);
    else this.outbox.other(method, order, done);
  }

  bye(headers: readonly HeaderRow[] = NO_ROWS, done: (outcome: Outcome) => void = () => {}): void {
    if (this.#phase === 'terminated') {
      this.#refuse(done, ended());
      return;
    }
    // The callee may not say BYE before its 2xx: what it says then is a refusal, by the leg or by `inbox.close`.
    if (this.role === 'uas' && !this.#wasConfirmed) {
      this.end();
      this.#refuse(done, ended());
      return;
    }
    // A 2xx is acknowledged whatever follows (§13.2.2.4), though the call layer still waited for an answer to put in.
    this.outbox.ack(undefined);
    this.#terminate();
    this.inbox.close(this.inbox.awaitsAck);
    // Nor before the ACK has come or will never come (RFC 3261 §15).
    if (this.inbox.awaitsAck) this.#heldEnd = () => this.#sendBye(headers, done);
    else this.#sendBye(headers, done);
  }

  // What the legs, the inbox and the requests tell

  /** Ends the dialog without a word to the peer: it was refused. */
  end(): void {
    if (this.#phase === 'terminated') return;
    this.#terminate();
    this.inbox.close(false);
    this.#forget();
  }

  /**
   * The peer said BYE, perhaps in the early dialog while our 2xx is on its way: that is repeated until its ACK all the
   * same (RFC 3261 §13.3.1.4), or a peer that lost it would never hear of its INVITE.
   */
  endByPeer(): void {
    if (!this.inbox.awaitsAck) return this.end();
    this.#terminate();
    this.inbox.close(true);
    this.#heldEnd = () => this.#forget();
  }

  /** Tells the call layer that the peer has lost this dialog (RFC 5057 §5.1); it is left to end it. */
  fail(error: GatewayError): void {
    if (this.#phase === 'terminated') return;
    this.context.counters.add('sip_dialogs_failed');
    this.handler.onDialogFailed(error);
  }

  noteAllows(message: SipRequest | SipResponse): void {
    if (message.headers.has('Allow')) this.#remoteAllows = methodSet(message);
  }

  forgetAllow(method: string): void {
    this.#remoteAllows = new Set([...this.#remoteAllows].filter((each) => each !== method));
  }

  /** An ACK for a 2xx of ours came. */
  ackReceived(ack: SipRequest): void {
    if (describesSession(ack.contentType)) this.offers.received();
    this.offers.reset();
    this.ackSettled();
  }

  /** An ACK came or will never come: a BYE that waited may go. */
  ackSettled(): void {
    if (this.inbox.awaitsAck) return;
    const send = this.#heldEnd;
    this.#heldEnd = undefined;
    send?.();
  }

  /** A response of ours to a request of the peer went out. */
  answered(request: SipRequest, status: number, order: ResponseOrder): void {
    const { method } = request;
    const carriedOffer = method === 'INVITE' || method === 'UPDATE' || method === 'PRACK';
    if (!carriedOffer) return;
    if (status >= 300) {
      if (method !== 'PRACK') this.offers.reset();
      return;
    }
    if (describesSession(order.body?.contentType)) this.offers.sent();
    if (method !== 'PRACK' && this.#phase !== 'terminated') this.session.answered();
  }

  /** For debug views. */
  debugRow(): object {
    const { callId, localTag, remoteTag, role, state, flow, data, session } = this;
    const peer = `${flow.remote.address}:${flow.remote.port}`;
    return {
      kind: 'dialog',
      role,
      state,
      callId,
      localTag,
      remoteTag,
      peer,
      transport: flow.transport,
      remoteTarget: data.remoteTarget,
      session: session.terms,
    };
  }

  #sendBye(headers: readonly HeaderRow[], done: (outcome: Outcome) => void): void {
    this.outbox.bye(headers, (outcome) => {
      if (!(outcome instanceof GatewayError) && outcome.status < 200) return;
      this.#forget();
      done(outcome);
    });
  }

  #terminate(): void {
    this.#phase = 'terminated';
    this.session.stop();
    this.outbox.close();
  }

  /** Out of the table; what the call layer hung on it is let go, for absorbing transactions may still hold it. */
  #forget(): void {
    this.context.dialogs.remove(this);
    this.handler = idleHandler;
    this.onEnded?.();
    this.onEnded = undefined;
  }

  #refuse(done: (outcome: Outcome) => void, error: GatewayError): void {
    this.context.defer(() => done(error));
  }
}

const NONE: ReadonlySet<string> = new Set();

const ended = (): GatewayError =>
  new GatewayError('sip.dialog-ended', 'The dialog has ended', { origin: 'local', sipStatus: 481 });
const glare = (): GatewayError =>
  new GatewayError('sip.glare', 'Another offer or INVITE is under way', { origin: 'local', sipStatus: 491 });
