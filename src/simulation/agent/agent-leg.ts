import { hexToken, type Random, type Scheduler, type Timer, unit } from '../../core/index.js';
import { type Flow, type SipMessage, type SipRequest, SipResponse, serialize } from '../../sip/index.js';
import type { Duty, Fate, Manners, SessionWish } from '../shape/index.js';
import { GATEWAY_ADDRESS, type PeerTransport } from '../topology.js';
import type { AgentDialog } from './agent-dialog.js';
import type { AgentHost } from './agent-host.js';
import { ClientExchange, type Heard } from './client-exchange.js';
import { makeRequest, type Row } from './compose.js';
import { type Direction, readDescription, writeDescription } from './description.js';
import { receiveInside } from './inside.js';
import { ServerExchange } from './server-exchange.js';
import type { SessionWatchUser } from './session-watch.js';
import { refreshSession } from './talk.js';

/** A stream without any address: well-formed, and of no use. */
const NO_ADDRESS = Buffer.from('v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n');

export interface Complaint {
  readonly text: string;
  /** Of a request that was never answered: that nothing of it arrived, or no answer to it, explains that. */
  readonly branch: string | undefined;
}

/** What every leg needs. */
export interface LegParts {
  readonly host: AgentHost;
  readonly callId: string;
  readonly call: number;
  /** `caller`, `callee 1`. */
  readonly name: string;
  readonly transport: PeerTransport;
  readonly time: Scheduler;
  readonly random: Random;
}

/**
 * One side of one call, at a peer: a small SIP user agent of its own making, so that it can judge the gateway. It does
 * what its script says, keeps to the protocol otherwise, and notes what the gateway does wrong:
 *
 *     offence    wrong whatever happened           complaint   wrong unless something broke on the way
 */
export abstract class AgentLeg implements SessionWatchUser {
  readonly host: AgentHost;
  readonly callId: string;
  readonly call: number;
  readonly name: string;
  readonly transport: PeerTransport;
  readonly random: Random;
  /** By what `keyOf` says of their tags. */
  readonly dialogs = new Map<string, AgentDialog>();
  readonly offences: string[] = [];
  readonly complaints: Complaint[] = [];
  /** `dead`: hears and says nothing any more. `amnesic`: knows nothing of the call. */
  mode: 'live' | 'dead' | 'amnesic' = 'live';
  /** Its host was off the network, or it cannot reach the gateway: it may have missed something. */
  disturbed = false;
  /** A connection of it broke, with what was on its way. */
  cut = false;
  flow: Flow | undefined;
  abstract readonly manners: Manners;
  abstract readonly allowsUpdate: boolean;
  abstract readonly refusalAck: Duty;
  abstract readonly wish: SessionWish | undefined;
  readonly #time: Scheduler;
  readonly #clients = new Map<string, ClientExchange>();
  readonly #servers = new Map<string, ServerExchange>();
  /** Every way it has talked by: what breaks may have held something for it. */
  readonly #used = new Set<Flow>();
  readonly #session: { readonly id: number; version: number };
  #codec: 0 | 8 = 0;

  constructor(parts: LegParts) {
    this.host = parts.host;
    this.callId = parts.callId;
    this.call = parts.call;
    this.name = parts.name;
    this.transport = parts.transport;
    this.random = parts.random;
    this.#time = parts.time;
    this.#session = { id: parts.random.uint32(), version: 0 };
  }

  /** True while this side believes that something of the call is still going on. */
  abstract get open(): boolean;

  get lazy(): boolean {
    return this.wish?.lazy ?? false;
  }

  /** @param unanswered the request that got no response, where that is the complaint */
  complain(text: string, unanswered?: SipRequest): void {
    this.complaints.push({ text, branch: unanswered?.topVia.branch });
  }

  /** Counts that something out of the ordinary did happen. */
  note(what: string): void {
    this.host.tally.add(what);
  }

  // Time and chance

  after(delayMs: number, run: () => void): Timer {
    return this.#time.after(delayMs, () => {
      if (this.mode === 'live') run();
    });
  }

  meet(fate: Fate | undefined): void {
    if (!fate) return;
    this.after(fate.afterMs, () => {
      this.note(fate.kind === 'die' ? 'peer dies in a call' : 'peer forgets a call');
      if (fate.kind === 'die') this.mode = 'dead';
      else this.host.forget(this);
    });
  }

  token(): string {
    return hexToken(this.random, 2);
  }

  /** Milliseconds, uniform, in steps of 10. */
  backOffMs(lowMs: number, highMs: number): number {
    return lowMs + 10 * Math.floor((unit(this.random) * (highMs - lowMs)) / 10);
  }

  // Sending

  /** Gives the flow requests go out on; opens a connection where the last one is gone. */
  withFlow(done: (flow: Flow | undefined) => void, ownConnection = false): void {
    if (this.flow && !this.flow.closed) {
      done(this.flow);
      return;
    }
    this.host.reach(this.transport, ownConnection, (flow) => {
      if (this.mode !== 'live') return;
      this.flow = flow;
      if (flow) this.#used.add(flow);
      else this.disturbed = true;
      done(flow);
    });
  }

  transmit(bytes: Buffer, flow: Flow): void {
    if (this.mode !== 'live') return;
    if (!flow.closed) flow.send(bytes);
    else this.withFlow((other) => other?.send(bytes));
  }

  /** Sends a request in an exchange of its own. */
  send(request: SipRequest, heard: (heard: Heard) => void): void {
    this.withFlow((flow) => {
      if (!flow) {
        heard('failed');
        return;
      }
      const exchange = new ClientExchange(this, request, flow, heard);
      this.#clients.set(`${request.topVia.branch} ${request.method}`, exchange);
    });
  }

  /** A request inside a dialog. */
  compose(dialog: AgentDialog, method: string, rows: readonly Row[], body?: Buffer, sequence?: number): SipRequest {
    const withContact = method === 'INVITE' || method === 'UPDATE' || method === 'REFER';
    return makeRequest({
      method,
      uri: dialog.remoteTarget,
      via: this.via(),
      from: dialog.local,
      to: dialog.remote,
      callId: this.callId,
      sequence: sequence ?? ++dialog.localSequence,
      rows: [...(withContact ? this.contactRows() : []), ...rows],
      body,
    });
  }

  ask(dialog: AgentDialog, method: string, rows: readonly Row[], body?: Buffer, heard?: (heard: Heard) => void): void {
    this.send(this.compose(dialog, method, rows, body), heard ?? (() => {}));
  }

  /** ACK of a 2xx, kept to be sent again. */
  acknowledge(dialog: AgentDialog, sequence: number, body?: Buffer): void {
    const ack = serialize(this.compose(dialog, 'ACK', [], body, sequence));
    dialog.acks.set(sequence, ack);
    this.withFlow((flow) => flow && this.transmit(ack, flow));
  }

  bye(dialog: AgentDialog, how: string): void {
    if (dialog.state === 'over') return;
    dialog.end(how);
    const request = this.compose(dialog, 'BYE', [['Reason', 'Q.850;cause=16;text="Normal call clearing"']]);
    this.send(request, (heard) => {
      if (heard === 'timeout') this.complain('BYE was never answered', request);
    });
  }

  via(branch = `z9hG4bK${hexToken(this.random, 3)}`): string {
    const { address, port } = this.host.endpoint;
    return `SIP/2.0/${this.transport.toUpperCase()} ${address}:${port};branch=${branch};rport`;
  }

  contactRows(): readonly Row[] {
    const { address, port } = this.host.endpoint;
    const transport = this.transport === 'udp' ? '' : ';transport=tcp';
    return [
      ['Contact', `<sip:agent@${address}:${port}${transport}>`],
      [
        'Allow',
        `INVITE, ACK, CANCEL, BYE, PRACK, OPTIONS, INFO, MESSAGE, NOTIFY, REFER${this.allowsUpdate ? ', UPDATE' : ''}`,
      ],
      ['Supported', 'timer'],
    ];
  }

  /** A description of this side; a change of codec changes it from now on. */
  describe(direction: Direction = 'sendrecv', codec = this.#codec): Buffer {
    this.#codec = codec;
    if (this.manners.garbles) return NO_ADDRESS;
    const port = 30_000 + 2 * (this.#session.id % 10_000);
    const said = { address: this.host.endpoint.address, port, direction };
    return writeDescription({ id: this.#session.id, version: ++this.#session.version }, said, codec);
  }

  /** Looks at the description of a message: it must name a port of the gateway. */
  read(message: SipMessage): ReturnType<typeof readDescription> {
    const said = readDescription(message);
    if (said === undefined) return undefined;
    const sound =
      said !== 'malformed' && said.address === GATEWAY_ADDRESS && said.port >= 10_000 && said.port % 2 === 0;
    if (!sound) this.offences.push(`a description that names no port of the gateway: ${JSON.stringify(said)}`);
    return said;
  }

  // Receiving

  receive(message: SipRequest | SipResponse, flow: Flow): void {
    if (this.mode !== 'live') return;
    if (message instanceof SipResponse) {
      this.#clients.get(`${message.topVia.branch} ${message.cseq.method}`)?.receive(message);
      return;
    }
    this.flow = flow;
    this.#used.add(flow);
    if (message.method === 'ACK') this.#ack(message);
    else this.#request(message, flow);
  }

  /** The flow is gone: what waited on it has failed. */
  flowFailed(flow: Flow): void {
    const waiting = [...this.#clients.values()].filter((client) => client.flow === flow && client.waiting);
    if (waiting.length > 0 || this.#used.has(flow)) this.cut = true;
    for (const client of waiting) client.fail();
  }

  /** An exchange for the INVITE that an ACK or CANCEL names by its branch. */
  protected findInvite(request: SipRequest): ServerExchange | undefined {
    return this.#servers.get(`${request.topVia.branch} INVITE`);
  }

  /** The tag that tells this side's dialogs apart. */
  protected keyOf(localTag: string, _remoteTag: string): string {
    return localTag;
  }

  /** A request outside any dialog: the INVITE of a callee. */
  protected abstract onInvite(exchange: ServerExchange): void;
  protected abstract onCancel(exchange: ServerExchange, cancel: ServerExchange): void;
  /** PRACK inside the dialog. */
  abstract onPrack(exchange: ServerExchange, dialog: AgentDialog): void;
  /** ACK for a 2xx. */
  abstract onAck(exchange: ServerExchange, dialog: AgentDialog, ack: SipRequest): void;
  /** No ACK for a 2xx within 64×T1. */
  abstract onNoAck(tag: string, exchange: ServerExchange): void;

  refresh(dialog: AgentDialog): void {
    refreshSession(this, dialog);
  }

  onSessionExpired(dialog: AgentDialog): void {
    this.complain('the session was not refreshed');
    this.bye(dialog, 'session expired');
  }

  #request(request: SipRequest, flow: Flow): void {
    const key = `${request.topVia.branch} ${request.method}`;
    const known = this.#servers.get(key);
    if (known) {
      known.repeated();
      return;
    }
    const exchange = new ServerExchange(this, request, flow);
    this.#servers.set(key, exchange);
    const tag = request.to.tag;
    const dialog = tag === undefined ? undefined : this.dialogs.get(this.keyOf(tag, request.from.tag ?? ''));
    if (request.method === 'CANCEL') {
      const invite = this.findInvite(request);
      if (invite) this.onCancel(invite, exchange);
      else exchange.respond(481, { tag: this.token() });
    } else if (tag === undefined && request.method === 'INVITE') this.onInvite(exchange);
    else if (dialog) receiveInside(this, dialog, exchange);
    else exchange.respond(481, { tag: this.token() });
  }

  #ack(ack: SipRequest): void {
    const tag = ack.to.tag ?? '';
    const dialog = this.dialogs.get(this.keyOf(tag, ack.from.tag ?? ''));
    for (const exchange of this.#servers.values()) {
      const { request } = exchange;
      if (request.method !== 'INVITE' || request.cseq.sequence !== ack.cseq.sequence) continue;
      if (exchange.acknowledged(tag) && dialog) this.onAck(exchange, dialog, ack);
    }
  }
}
