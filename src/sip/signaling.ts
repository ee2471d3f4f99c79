import type { GatewayError } from '../core/index.js';
import type { SipRequest, SipResponse } from './message/index.js';
import type { Flow, Location, ResolvedTarget } from './transport/flow.js';

/**
 * The signaling engine port: what the call layer asks of SIP, and what SIP tells it. The port hides transactions,
 * retransmissions and sockets, so that another stack can stand behind it (design §2).
 *
 *              INVITE from a peer                            INVITE to a peer
 *      InboundLeg ─ provisional / accept / reject      OutboundLeg ─ cancel
 *          │ accept, or reliable/early 18x                 │ each To tag seen: one Dialog (early, then confirmed)
 *          ▼                                               ▼
 *        Dialog ◄──────── requests inside it, both ways ──────► Dialog
 *
 * Every callback runs on the event loop turn in which its cause arrived; none may throw. All header text is
 * "wire text": one UTF-16 unit per byte (latin1), so that bytes survive; use `decodeUtf8` of sip/message to show it.
 */

export type HeaderRow = readonly [name: string, value: string];

export interface Capabilities {
  readonly reliableProvisional: boolean;
  readonly sessionTimer: boolean;
  /** Sees and sends raw bytes (needed for the SIP message log and captures). */
  readonly rawCapture: boolean;
}

export interface MessageBody {
  /** Content-Type value, such as `application/sdp`. */
  readonly contentType: string;
  readonly bytes: Buffer;
}

/** What goes into a response beside what the engine writes itself (Via, From, To, Call-ID, CSeq, Contact, lengths). */
export interface ResponseOrder {
  readonly reason?: string;
  readonly headers?: readonly HeaderRow[];
  readonly body?: MessageBody;
  /**
   * A refusal of an INVITE that is sent once, and nothing kept: what answers a source that is not proven must not be more
   * than what it sent, for the source may be forged (RFC 3261 §26.3.2.4). A repeated INVITE is judged anew.
   */
  readonly once?: boolean;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
  /** Only challenges of this realm are answered; absent: any realm of the host the order goes to. */
  readonly realm?: string;
}

export interface SignalingEngine {
  readonly capabilities: Capabilities;
  /** Set by the call layer before `start`. */
  handler: SignalingHandler;
  /** Places one INVITE attempt. Outcomes come to `order.handler`, never synchronously. */
  invite(order: InviteOrder): OutboundLeg;
  /** Sends a request outside any dialog (OPTIONS, MESSAGE, REGISTER, …) and gives its final outcome. */
  request(order: RequestOrder, done: (outcome: SipResponse | GatewayError) => void): void;
  /** Everything live in the engine, for debug views and for the "nothing left behind" check. */
  debugView(): EngineView;
}

export interface EngineView {
  readonly serverTransactions: number;
  readonly clientTransactions: number;
  readonly dialogs: number;
  readonly details: readonly object[];
}

export interface SignalingHandler {
  /** A new INVITE outside any dialog. The engine sends 100 after this returns, unless the leg was answered or dropped. */
  onInvite(leg: InboundLeg): void;
  /**
   * Asked of each new INVITE before anything is kept or told of it: the seconds of Retry-After of a 503 where there is more
   * work than can be done in time; undefined where it is taken.
   */
  shedFor?(request: SipRequest): number | undefined;
  /** Any other request outside a dialog: OPTIONS, MESSAGE, REGISTER, REFER, NOTIFY, … */
  onRequest(request: InboundRequest): void;
  /** Every message in or out, after parsing, for logs and ladders. Bytes are not to be kept or changed. */
  onMessage?(direction: 'in' | 'out', message: SipRequest | SipResponse, bytes: Buffer, flow: Flow): void;
}

/** A request that waits for one final answer. */
export interface InboundRequest {
  readonly request: SipRequest;
  readonly flow: Flow;
  /** Sends the final response; a second call does nothing. */
  respond(status: number, order?: ResponseOrder): void;
}

export interface InboundLeg extends InboundRequest {
  /** Set by the call layer in onInvite. */
  handler: InboundLegHandler;
  /** True when the peer lists 100rel in Supported or Require (RFC 3262). */
  readonly supportsReliable: boolean;
  /** Tag of the responses that go out now: that of `dialog`. */
  readonly localTag: string;
  /**
   * Speaks for another fork of the call from now on: provisional responses and the 2xx go in its dialog, with a To tag of
   * its own (RFC 3261 §13.2.2.4). The first name takes the dialog that is there. Gives that dialog; when the INVITE is
   * answered nothing changes any more, and the other early dialogs are over.
   */
  fork(name: string): Dialog;
  /**
   * Sends a provisional 101–199 response. `reliable` sends it under RFC 3262 (queued behind an unacknowledged one);
   * it is ignored where the peer does not support 100rel and forced where the peer requires it.
   */
  provisional(status: number, order?: ResponseOrder & { reliable?: boolean }): void;
  /** Answers 2xx and confirms the dialog; retransmits until ACK (RFC 3261 §13.3.1.4). */
  accept(order: ResponseOrder & { status?: number }): Dialog;
  /** The early or confirmed dialog; early from the first 1xx with a tag on. */
  readonly dialog: Dialog;
  /** Stays silent: the transaction is forgotten without any response (for sources that are to learn nothing). */
  drop(): void;
}

export interface InboundLegHandler {
  /** CANCEL came and matched; the engine has answered it 200 and the INVITE 487. */
  onCancel(request: SipRequest): void;
  /** ACK for the 2xx, with its body (the answer of a late offer). */
  onAck(request: SipRequest): void;
  /** No ACK within 64×T1 after the 2xx: the call layer ends the call (the engine does not send BYE by itself). */
  onAckTimeout(): void;
  /** PRACK for our reliable response; the engine answers 200 itself unless the PRACK carries a body: then answer it. */
  onPrack(request: InboundRequest): void;
  /** A reliable provisional response stayed without PRACK for 64×T1; the engine has answered 504 (RFC 3262 §3). */
  onPrackTimeout(): void;
  /** The flow failed before a final response could be sent. */
  onTransportError(error: GatewayError): void;
}

export interface InviteOrder {
  readonly requestUri: string;
  /** Where it goes; located by RFC 3263, each located target tried in turn until one gives any response. */
  readonly nextHop: Location;
  /** From and To without tags: name-addr wire text, such as `"HQ" <sip:+12065550100@example.com>`. */
  readonly from: string;
  readonly to: string;
  /** Further header rows, in order. Via, Max-Forwards (unless given), Contact, CSeq, Call-ID, lengths are the engine's. */
  readonly headers: readonly HeaderRow[];
  readonly body?: MessageBody;
  readonly credentials?: Credentials;
  /** Give up a target that sends no response at all within this (UDP) or does not connect within `connectTimeoutMs`. */
  readonly noResponseTimeoutMs: number;
  readonly connectTimeoutMs: number;
  /** Offer 100rel in Supported (`offer`), Require it, or leave it out. */
  readonly reliableProvisional: 'off' | 'offer' | 'require';
  /** Offer a session timer (RFC 4028); absent: none is offered, one asked for by the peer is still honoured. */
  readonly sessionTimer?: SessionTimerOrder;
  readonly handler: OutboundLegHandler;
}

export interface SessionTimerOrder {
  /** Session-Expires in seconds; RFC 4028 §4 default 1800. */
  readonly intervalSeconds: number;
  /** Min-SE in seconds, ≥ 90. */
  readonly minimumSeconds: number;
}

export interface OutboundLegHandler {
  /** The INVITE was handed to a flow: which target (of several located ones). Called again for each target tried. */
  onSent(target: ResolvedTarget, flow: Flow): void;
  /**
   * A provisional response above 100. `dialog` is the early dialog of its To tag, absent when it has none.
   * A reliable one is PRACKed by the engine after this returns, unless `prack` is taken by calling it
   * (with the answer to an offer in the 18x), which may be done later.
   */
  onProvisional(response: SipResponse, dialog: Dialog | undefined, prack?: (body?: MessageBody) => void): void;
  /** A 2xx. The call layer must call `dialog.ack(…)`; each further fork's 2xx comes here again with its own dialog. */
  onAnswered(response: SipResponse, dialog: Dialog): void;
  /** A final 3xx–6xx, the ACK for it already sent; called once, after it nothing more comes. */
  onRejected(response: SipResponse): void;
  /**
   * No final response from any located target; called once. Codes: `dns.*`, `transport.*`, `sip.no-response`
   * (nothing within noResponseTimeoutMs), `sip.timeout` (no final response: timer B, or 64×T1 after CANCEL),
   * `sip.credentials-refused`, `sip.credentials-missing` are NOT used: an unanswerable 401/407 is onRejected.
   */
  onFailed(error: GatewayError): void;
}

export interface OutboundLeg {
  readonly callId: string;
  readonly localTag: string;
  /**
   * CANCELs: at once after a provisional response, else as soon as one comes (RFC 3261 §9.1). onRejected (487),
   * onAnswered (the 2xx crossed it: ACK and BYE are the call layer's) or onFailed still follows.
   */
  cancel(headers?: readonly HeaderRow[]): void;
}

export type DialogState = 'early' | 'confirmed' | 'terminated';

/** A peer-to-peer SIP relationship (RFC 3261 §12), early or confirmed. */
export interface Dialog {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  readonly state: DialogState;
  /** The flow in-dialog requests last came or went on. */
  readonly flow: Flow;
  /** Methods the peer listed in Allow; empty when it sent none. */
  readonly remoteAllows: ReadonlySet<string>;
  /** True while a 2xx of ours has no ACK yet: a re-INVITE must wait for it. */
  readonly awaitsAck: boolean;
  handler: DialogHandler;
  /** ACKs the 2xx of our INVITE or re-INVITE that has none yet; repeated 2xx are answered with the same ACK by the engine. */
  ack(body?: MessageBody): void;
  /** Sends a re-INVITE; `done` gets provisional and final outcomes; after a 2xx call `ack`. 491 is retried per §14.1. */
  reinvite(order: ResponseOrder, done: (outcome: SipResponse | GatewayError) => void): void;
  /** CANCELs the re-INVITE under way, if there is one; `done` still gets its outcome: 487, or the 2xx that crossed it. */
  cancelReinvite(): void;
  /** Sends any other request inside the dialog (UPDATE, INFO, MESSAGE, REFER, NOTIFY, OPTIONS). */
  request(method: string, order: ResponseOrder, done: (outcome: SipResponse | GatewayError) => void): void;
  /** Sends BYE and terminates the dialog at once; `done` when answered or timed out. */
  bye(headers?: readonly HeaderRow[], done?: (outcome: SipResponse | GatewayError) => void): void;
  /** Session description last sent or received here, which session refreshes repeat (RFC 4028 §7.4); set by the call layer. */
  localDescription: MessageBody | undefined;
}

export interface DialogHandler {
  /** BYE; the engine has answered 200 and the dialog is terminated. */
  onBye(request: SipRequest): void;
  /**
   * A re-INVITE. Answer it with respond (2xx is retransmitted until ACK); its ACK comes to onAck.
   * Glare (491), overlap (500) and bad CSeq are handled by the engine before this.
   * A CANCEL of it answers 487 and comes to `onReinviteCancelled`.
   */
  onReinvite(request: InboundRequest): void;
  onReinviteCancelled?(request: SipRequest): void;
  /** ACK for a 2xx to a re-INVITE. */
  onAck(request: SipRequest): void;
  /** UPDATE, INFO, MESSAGE, REFER, NOTIFY, OPTIONS, … inside the dialog; session-timer-only UPDATEs are handled inside. */
  onRequest(request: InboundRequest): void;
  /** Session interval passed without refresh (RFC 4028 §10), or a refresh got 408/481: the call layer ends the call. */
  onSessionExpired(): void;
  /** No ACK for a 2xx to a re-INVITE within 64×T1, or 481/408 to a request of ours (RFC 5057): the dialog is dead. */
  onDialogFailed(error: GatewayError): void;
}

export interface RequestOrder {
  readonly method: string;
  readonly requestUri: string;
  readonly nextHop: Location;
  readonly from: string;
  readonly to: string;
  readonly headers: readonly HeaderRow[];
  readonly body?: MessageBody;
  readonly credentials?: Credentials;
  /** Final outcome at the latest after this; `sip.timeout` then. Default 64×T1. */
  readonly timeoutMs?: number;
  readonly connectTimeoutMs: number;
  /** Call-ID and CSeq to continue (REGISTER refreshes, RFC 3261 §10.2); absent: fresh ones. */
  readonly callId?: string;
  readonly sequence?: number;
  /**
   * Contact of a REGISTER: this user at the address that faces the server, with these parameters behind (RFC 3261
   * §10.2.1); absent: none but what the method has by itself.
   */
  readonly contact?: { readonly user: string; readonly params: string };
}
