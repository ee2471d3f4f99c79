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
import { composeRequest, NO_ROWS } from './compose.js';
import type { DialogContext } from './context.js';
import { DialogInbox } from './dialog-inbox.js';
import { DialogRequest, type Outcome } from './dialog-request.js';
import type { DialogState } from './dialog-state.js';
import { GlareRetry } from './glare-retry.js';
import { idleHandler } from './idle-handler.js';
import { methodSet } from './method-sets.js';
import { flowLeadsTo, locationOf, TargetWalk } from './next-hop.js';
import { describesSession, OfferAnswer } from './offer-answer.js';
import { SentAck } from './sent-ack.js';
import { SessionRefresh } from './session-refresh.js';

/**
 * An INVITE dialog in use, of either role: what the call layer sends through it, and what becomes of the answers.
 * Requests that come in are the inbox's; the RFC 3261 §12 state is `data`.
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
  readonly sentAck: SentAck;
  /** Told once, when the dialog is out of use and out of the table. */
  onEnded: (() => void) | undefined;
  readonly credentials: DigestClient | undefined;
  /** Where the dialog was made with: the only host that may challenge for a realm not seen before. */
  readonly firstAddress: string;
  /** True while an INVITE of ours, the first or a later one, has no final response. */
  inviteInProgress: boolean;
  #phase: Phase = 'early';
  #wasConfirmed = false;
  #remoteAllows: ReadonlySet<string> = NONE;
  readonly #glare: GlareRetry;
  /** CSeq number of the 2xx that the call layer has yet to ACK. */
  #toAck: number | undefined;
  #heldBye: (() => void) | undefined;

  constructor(context: DialogContext, data: DialogState, role: 'uac' | 'uas', flow: Flow, credentials?: DigestClient) {
    this.context = context;
    this.data = data;
    this.role = role;
    this.flow = flow;
    this.firstAddress = flow.remote.address;
    this.credentials = credentials;
    this.inviteInProgress = role === 'uac';
    this.sentAck = new SentAck(context);
    this.inbox = new DialogInbox(this);
    this.session = new SessionRefresh(this);
    this.#glare = new GlareRetry(this);
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

  /** True while a re-INVITE of ours would cross another exchange (RFC 3261 §14.1). */
  get busy(): boolean {
    return this.inviteInProgress || this.inbox.openInvite !== undefined || this.offers.open !== 'none';
  }

  /** A 2xx was sent or received. */
  confirm(): void {
    if (this.#phase !== 'early') return;
    this.#phase = 'confirmed';
    this.#wasConfirmed = true;
  }

  // What the call layer asks

  ack(body?: MessageBody): void {
    const sequence = this.#toAck;
    if (sequence === undefined) return;
    this.#toAck = undefined;
    this.offers.reset();
    this.reach(ACK_CONNECT_MS, (result) => {
      if (result instanceof GatewayError) return this.context.counters.add('sip_send_errors', 'ack');
      const bytes = this.context.layer.sendAck(this.#compose('ACK', sequence, result, body), result);
      this.sentAck.keep(sequence, bytes, result);
    });
  }

  reinvite(order: ResponseOrder, done: (outcome: Outcome) => void): void {
    if (this.#phase === 'terminated') {
      this.#refuse(done, ended());
      return;
    }
    if (this.busy) {
      this.#refuse(done, glare());
      return;
    }
    this.sendInvite(order, done);
  }

  request(method: string, order: ResponseOrder, done: (outcome: Outcome) => void): void {
    if (this.#phase === 'terminated') {
      this.#refuse(done, ended());
      return;
    }
    if (method !== 'UPDATE') {
      new DialogRequest(this, { method, order, done }).send();
      return;
    }
    if (describesSession(order.body?.contentType)) {
      if (this.offers.open !== 'none') {
        this.#refuse(done, glare());
        return;
      }
      this.offers.sent();
    }
    this.#sendUpdate(order, done);
  }

  bye(headers: readonly HeaderRow[] = NO_ROWS, done?: (outcome: Outcome) => void): void {
    if (this.#phase === 'terminated') {
      if (done) this.#refuse(done, ended());
      return;
    }
    this.#terminate();
    const send = (): void => {
      const finish = (outcome: Outcome): void => {
        if (!(outcome instanceof GatewayError) && outcome.status < 200) return;
        this.#forget();
        done?.(outcome);
      };
      new DialogRequest(this, { method: 'BYE', order: { headers }, done: finish }).send();
    };
    // The callee may not say BYE before the ACK has come or will never come (RFC 3261 §15).
    this.inbox.close(this.inbox.awaitsAck);
    if (this.inbox.awaitsAck) this.#heldBye = send;
    else send();
  }

  // What the legs, the inbox and the requests tell

  /** Ends the dialog without a word to the peer: it was refused, or the peer said BYE. */
  end(): void {
    if (this.#phase === 'terminated') return;
    this.#terminate();
    this.inbox.close(false);
    this.#forget();
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

  /** A 2xx to an INVITE of ours with this CSeq number waits for `ack`. */
  expectAck(sequence: number): void {
    this.inviteInProgress = false;
    this.#toAck = sequence;
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
    const send = this.#heldBye;
    this.#heldBye = undefined;
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

  /** A response to a request of ours came. */
  requestAnswered(request: DialogRequest, response: SipResponse, flow: Flow): void {
    const { method } = request.plan;
    const { status } = response;
    if (status < 200) return;
    if (method === 'INVITE') this.inviteInProgress = false;
    if (status >= 300) {
      this.#refused(request, status);
      return;
    }
    this.flow = flow;
    if (method === 'PRACK' && describesSession(response.contentType)) this.offers.received();
    if (method !== 'INVITE' && method !== 'UPDATE') return;
    this.data.refreshTarget(response);
    this.noteAllows(response);
    if (describesSession(response.contentType)) this.offers.received();
    if (method === 'UPDATE') this.offers.reset();
    else this.expectAck(request.sequence);
    if (this.#phase !== 'terminated') {
      this.session.settle(response);
      return;
    }
    this.ack();
  }

  requestFailed(request: DialogRequest, error: GatewayError): void {
    if (request.plan.method === 'INVITE') this.inviteInProgress = false;
    this.#refused(request, error.code === 'sip.timeout' ? 408 : 0);
  }

  /** Acknowledges a reliable provisional response (RFC 3262 §4). */
  sendPrack(rack: string, body?: MessageBody): void {
    if (describesSession(body?.contentType)) this.offers.sent();
    const order = body ? { body } : {};
    new DialogRequest(this, { method: 'PRACK', order, ownRows: () => [['RAck', rack]], done: () => {} }).send();
  }

  /** Sends a session refresh; its failure is the session's matter, not the dialog's. */
  sendRefresh(method: 'INVITE' | 'UPDATE', order: ResponseOrder, done: (outcome: Outcome) => void): void {
    if (method === 'UPDATE') this.#sendUpdate(order, done, true);
    else this.sendInvite(order, done, true);
  }

  sendInvite(order: ResponseOrder, done: (outcome: Outcome) => void, refresh = false): void {
    this.inviteInProgress = true;
    if (describesSession(order.body?.contentType)) this.offers.sent();
    new DialogRequest(this, {
      method: 'INVITE',
      order,
      refresh,
      ownRows: () => this.session.requestRows(),
      done,
      retry: (response, request) => this.#retryInvite(response, request),
    }).send();
  }

  /** Sends an INVITE of ours again after its back-off. */
  resendInvite(request: DialogRequest): void {
    this.inviteInProgress = true;
    if (describesSession(request.body?.contentType)) this.offers.sent();
    request.send();
  }

  /** Gives the flow to the next hop: the dialog's own where it leads there, else a located one. */
  reach(connectTimeoutMs: number, done: (result: Flow | GatewayError) => void): TargetWalk | undefined {
    const { nextHop } = this.data.way;
    const where = locationOf(nextHop);
    if (flowLeadsTo(this.flow, nextHop) || (!where && !this.flow.closed)) {
      done(this.flow);
      return undefined;
    }
    if (!where) {
      done(new GatewayError('sip.unroutable', 'The remote target is no SIP URI', { origin: 'remote', sipStatus: 500 }));
      return undefined;
    }
    const walk = new TargetWalk(this.context, where, connectTimeoutMs);
    walk.next((result) => done(result instanceof GatewayError ? result : result.flow));
    return walk;
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

  #sendUpdate(order: ResponseOrder, done: (outcome: Outcome) => void, refresh = false): void {
    new DialogRequest(this, {
      method: 'UPDATE',
      order,
      refresh,
      ownRows: () => this.session.requestRows(),
      done,
      retry: (response, request) => this.session.raise(response) && this.#again(request),
    }).send();
  }

  #retryInvite(response: SipResponse, request: DialogRequest): boolean {
    if (this.session.raise(response)) return this.#again(request);
    if (response.status !== 491 || this.#phase === 'terminated') return false;
    return this.#glare.wait(request);
  }

  #again(request: DialogRequest): true {
    request.send();
    return true;
  }

  #refused(request: DialogRequest, status: number): void {
    const { method, refresh } = request.plan;
    if (describesSession(request.body?.contentType)) this.offers.reset();
    if (method === 'BYE' || refresh || (status !== 408 && status !== 481)) return;
    const error = new GatewayError('sip.dialog-lost', `${method} was answered ${status}`, {
      origin: 'remote',
      sipStatus: status,
    });
    this.context.defer(() => this.fail(error));
  }

  #compose(method: string, sequence: number, flow: Flow, body: MessageBody | undefined): SipRequest {
    const { data, context, credentials } = this;
    const { requestUri, routes } = data.way;
    const parts = {
      method,
      requestUri,
      routes,
      from: data.local,
      to: data.remote,
      callId: data.callId,
      sequence,
      ownRows: credentials?.inviteRows ?? NO_ROWS,
      rows: NO_ROWS,
      body,
      optionTags: context.options.optionTags,
    };
    return composeRequest(context, parts, flow, context.layer.branches.make(requestUri));
  }

  #terminate(): void {
    this.#phase = 'terminated';
    this.session.stop();
    this.#glare.stop();
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

/** A connection for an ACK may take this long; the peer repeats its 2xx meanwhile. */
const ACK_CONNECT_MS = 5000;

const ended = (): GatewayError =>
  new GatewayError('sip.dialog-ended', 'The dialog has ended', { origin: 'local', sipStatus: 481 });
const glare = (): GatewayError =>
  new GatewayError('sip.glare', 'Another offer or INVITE is under way', { origin: 'local', sipStatus: 491 });
