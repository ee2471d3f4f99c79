import { GatewayError } from '../../core/index.js';
import type { SipResponse } from '../message/index.js';
import type { HeaderRow, MessageBody, ResponseOrder } from '../signaling.js';
import type { Flow } from '../transport/flow.js';
import { composeRequest, NO_ROWS } from './compose.js';
import { DialogRequest, type Outcome } from './dialog-request.js';
import { GlareRetry } from './glare-retry.js';
import type { InviteDialog } from './invite-dialog.js';
import { flowLeadsTo, locationInside, TargetWalk } from './next-hop.js';
import { describesSession } from './offer-answer.js';
import { SentAck } from './sent-ack.js';

/** A connection for an ACK may take this long; the peer repeats its 2xx meanwhile. */
const ACK_CONNECT_MS = 5000;

/**
 * What we send inside a dialog, and what its answers mean (RFC 3261 §12.2.1, §13.2.2.4, §14.1; RFC 3311 §5.1; RFC 3262
 * §4; RFC 5057 §5.1).
 *
 *     answer ─► target, Allow, offer, session timer of the dialog ─► whoever asked
 *               401 407 422 491 ─► sent again      408 481 ─► the dialog is lost
 */
export class DialogOutbox {
  /** True while an INVITE of ours, the first or a later one, has no final response. */
  inviteInProgress: boolean;
  readonly sentAck: SentAck;
  readonly #dialog: InviteDialog;
  readonly #glare: GlareRetry;
  /** Our INVITE inside the dialog that has no final response yet. */
  #invite: DialogRequest | undefined;
  /** CSeq number of the 2xx that the call layer has yet to ACK. */
  #toAck: number | undefined;

  constructor(dialog: InviteDialog) {
    this.#dialog = dialog;
    this.inviteInProgress = dialog.role === 'uac';
    this.sentAck = new SentAck(dialog.context);
    this.#glare = new GlareRetry(dialog, this);
  }

  /** True while a re-INVITE of ours is under way, or waits after a 491: the next one would cross it. */
  get occupied(): boolean {
    return this.inviteInProgress || this.#glare.isWaiting;
  }

  /** A 2xx to an INVITE of ours with this CSeq number waits for `ack`. */
  expectAck(sequence: number): void {
    this.inviteInProgress = false;
    this.#toAck = sequence;
  }

  ack(body: MessageBody | undefined): void {
    const sequence = this.#toAck;
    if (sequence === undefined) return;
    this.#toAck = undefined;
    const { context, offers } = this.#dialog;
    offers.reset();
    this.reach(ACK_CONNECT_MS, (result) => {
      if (result instanceof GatewayError) context.counters.add('sip_send_errors', 'ack');
      else this.#sendAck(sequence, result, body);
    });
  }

  bye(headers: readonly HeaderRow[], done: (outcome: Outcome) => void): void {
    new DialogRequest(this.#dialog, { method: 'BYE', order: { headers }, done }).send();
  }

  /** Acknowledges a reliable provisional response (RFC 3262 §4). */
  prack(rack: string, body: MessageBody | undefined): void {
    if (describesSession(body?.contentType)) this.#dialog.offers.sent();
    const order = body ? { body } : {};
    new DialogRequest(this.#dialog, { method: 'PRACK', order, ownRows: () => [['RAck', rack]], done: () => {} }).send();
  }

  /** @param refresh a session refresh: its failure is the session's matter, not the dialog's */
  invite(order: ResponseOrder, done: (outcome: Outcome) => void, refresh = false): void {
    const request = new DialogRequest(this.#dialog, {
      method: 'INVITE',
      order,
      refresh,
      ownRows: () => this.#dialog.session.requestRows(),
      done,
      retry: (response, tried) => this.#retryInvite(response, tried),
    });
    this.sendInvite(request);
  }

  /** Gives up our INVITE under way, if there is one; one that waits after a 491 is not sent again. */
  cancelInvite(): void {
    this.#invite?.cancel();
    this.#glare.stop();
  }

  /** Sends an INVITE for the first time, or again after its back-off. */
  sendInvite(request: DialogRequest): void {
    this.inviteInProgress = true;
    this.#invite = request;
    if (describesSession(request.plan.order.body?.contentType)) this.#dialog.offers.sent();
    request.send();
  }

  update(order: ResponseOrder, done: (outcome: Outcome) => void, refresh = false): void {
    if (describesSession(order.body?.contentType)) this.#dialog.offers.sent();
    new DialogRequest(this.#dialog, {
      method: 'UPDATE',
      order,
      refresh,
      ownRows: () => this.#dialog.session.requestRows(),
      done,
      retry: (response, tried) => this.#raised(response, tried),
    }).send();
  }

  other(method: string, order: ResponseOrder, done: (outcome: Outcome) => void): void {
    new DialogRequest(this.#dialog, { method, order, done }).send();
  }

  /** A response to a request of ours came; told before whoever asked is. */
  answered(request: DialogRequest, response: SipResponse, flow: Flow): void {
    const { method } = request.plan;
    const { status } = response;
    if (status < 200) return;
    if (method === 'INVITE') this.#inviteOver();
    if (status >= 300) this.#refused(request, status);
    else this.#accepted(request, response, flow);
  }

  failed(request: DialogRequest, error: GatewayError): void {
    if (request.plan.method === 'INVITE') this.#inviteOver();
    this.#refused(request, error.code === 'sip.timeout' ? 408 : 0);
  }

  /** The dialog is over. */
  close(): void {
    this.#glare.stop();
    this.#invite?.hurry();
  }

  /**
   * Gives the flow to the next hop: the dialog's own where it leads there, else a located one. A peer may name itself by
   * what only its own network can resolve or reach; it is then tried where it last spoke from.
   * @param sizeBytes about how large the request is (RFC 3261 §18.1.1)
   */
  reach(connectTimeoutMs: number, done: (result: Flow | GatewayError) => void, sizeBytes = 0): TargetWalk | undefined {
    const { flow, data, context, verifiedName } = this.#dialog;
    const { nextHop } = data.way;
    const where = locationInside(nextHop, flow, verifiedName);
    if (flowLeadsTo(flow, nextHop) || (!where && !flow.closed)) {
      done(flow);
      return undefined;
    }
    if (!where) {
      done(unroutable());
      return undefined;
    }
    const walk = new TargetWalk(context, where, connectTimeoutMs, sizeBytes);
    walk.next((result) => {
      if (!(result instanceof GatewayError)) return done(result.flow);
      const { flow: latest } = this.#dialog;
      done(latest.closed ? result : latest);
    });
    return walk;
  }

  #inviteOver(): void {
    this.inviteInProgress = false;
    this.#invite = undefined;
  }

  #accepted(request: DialogRequest, response: SipResponse, flow: Flow): void {
    const dialog = this.#dialog;
    const { method } = request.plan;
    const { offers } = dialog;
    dialog.flow = flow;
    if (CARRIES_OFFERS.has(method) && describesSession(response.contentType)) offers.received();
    if (method !== 'INVITE' && method !== 'UPDATE') return;
    dialog.data.refreshTarget(response);
    dialog.noteAllows(response);
    if (method === 'UPDATE') offers.reset();
    else this.expectAck(request.sequence);
    if (dialog.state !== 'terminated') dialog.session.settle(response);
    else this.ack(undefined);
  }

  #refused(request: DialogRequest, status: number): void {
    const dialog = this.#dialog;
    const { method, refresh, order } = request.plan;
    if (CARRIES_OFFERS.has(method) && describesSession(order.body?.contentType)) dialog.offers.reset();
    if (method === 'BYE' || refresh || (status !== 408 && status !== 481)) return;
    // What becomes of an early dialog its INVITE tells; phones that know no INFO before the answer are no reason to hang up.
    if (method === 'INFO' && request.early) return;
    const facts = { origin: 'remote', sipStatus: status } as const;
    const error = new GatewayError('sip.dialog-lost', `${method} was answered ${status}`, facts);
    dialog.context.defer(() => dialog.fail(error));
  }

  #retryInvite(response: SipResponse, request: DialogRequest): boolean {
    if (this.#raised(response, request)) return true;
    return response.status === 491 && this.#dialog.state !== 'terminated' && this.#glare.wait(request);
  }

  /** A 422 that another try can follow (RFC 4028 §7.3). */
  #raised(response: SipResponse, request: DialogRequest): boolean {
    if (!this.#dialog.session.raise(response)) return false;
    request.send();
    return true;
  }

  #sendAck(sequence: number, flow: Flow, body: MessageBody | undefined): void {
    const { data, context, credentials } = this.#dialog;
    const { requestUri, routes } = data.way;
    const parts = {
      method: 'ACK',
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
    const ack = composeRequest(context, parts, flow, context.layer.branches.make(requestUri));
    this.sentAck.keep(sequence, context.layer.sendAck(ack, flow), flow);
  }
}

/** Methods whose bodies are offers and answers; a description in any other is of no consequence here. */
const CARRIES_OFFERS = new Set(['INVITE', 'UPDATE', 'PRACK']);

const unroutable = (): GatewayError =>
  new GatewayError('sip.unroutable', 'The remote target is no SIP URI', { origin: 'remote', sipStatus: 500 });
