import type { Counters, GatewayError, Random } from '../../core/index.js';
import { REGISTERED_METHODS, type SipRequest, type SipResponse, serialize } from '../message/index.js';
import type { Flow, Wire } from '../transport/flow.js';
import { type ClientContext, ClientTransaction, type ClientUser } from './client-transaction.js';
import { BranchMaker, clientKey, mergeKey, serverKey } from './matching.js';
import { type ServerContext, ServerTransaction } from './server-transaction.js';
import { type TimerSettings, timerDelays } from './settings.js';
import type { TimerLists } from './timer-lists.js';
import { hasReadableVia, responseVias, udpResponseTarget, viaValue } from './via.js';

/**
 * All transactions of one core: makes them, finds them, ends them when their flow fails.
 *
 *     response ─► branch + method ──────────► ClientTransaction ─► its user
 *     request ──► branch + sent-by + method ► ServerTransaction (retransmission, ACK) — or nobody: a new request
 */

export interface LayerParts {
  readonly wire: Wire;
  readonly timers: TimerLists;
  readonly settings: TimerSettings;
  readonly random: Random;
  readonly counters: Counters;
  /** Told of every message that goes out; `message` is absent when bytes are sent again. */
  readonly onSent: (message: SipRequest | SipResponse | undefined, bytes: Buffer, flow: Flow) => void;
}

/** How long a connection may take that is opened again only to deliver a response. */
const RESPONSE_CONNECT_MS = 5000;

export class TransactionLayer implements ClientContext, ServerContext {
  readonly timers: TimerLists;
  readonly settings: TimerSettings;
  readonly delays: ClientContext['delays'];
  readonly branches: BranchMaker;
  readonly #wire: Wire;
  readonly #counters: Counters;
  readonly #onSent: LayerParts['onSent'];
  readonly #clients = new Map<string, ClientTransaction>();
  readonly #servers = new Map<string, ServerTransaction>();
  readonly #merges = new Map<string, ServerTransaction>();
  readonly #byFlow = new Map<Flow, Set<ClientTransaction | ServerTransaction>>();

  constructor(parts: LayerParts) {
    this.timers = parts.timers;
    this.settings = parts.settings;
    this.delays = { reliable: timerDelays(parts.settings, true), unreliable: timerDelays(parts.settings, false) };
    this.branches = new BranchMaker(parts.random);
    this.#wire = parts.wire;
    this.#counters = parts.counters;
    this.#onSent = parts.onSent;
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  get serverCount(): number {
    return this.#servers.size;
  }

  /** Flows that a transaction waits on. */
  get flowCount(): number {
    return this.#byFlow.size;
  }

  /** The Via value of a request of ours on this flow. */
  via(flow: Flow, branch: string): string {
    return viaValue(flow.transport, this.#wire.sentBy(flow), branch);
  }

  /**
   * Opens a client transaction; its `begin` sends the request. The request must be complete, its topmost Via made by
   * `via` with this branch.
   */
  open(request: SipRequest, branch: string, flow: Flow, user: ClientUser): ClientTransaction {
    const transaction = new ClientTransaction(this, request, branch, flow, user);
    this.#clients.set(transaction.key, transaction);
    this.#watch(transaction);
    this.#counters.add('sip_requests_out', methodLabel(request.method));
    return transaction;
  }

  /** Opens a client transaction and sends its request; the user may be called before this returns. */
  send(request: SipRequest, branch: string, flow: Flow, user: ClientUser): void {
    this.open(request, branch, flow, user).begin();
  }

  /** Sends an ACK for a 2xx: no transaction, no response (RFC 3261 §13.2.2.4). Returns its bytes, to be sent again. */
  sendAck(request: SipRequest, flow: Flow): Buffer {
    const bytes = serialize(request);
    this.#counters.add('sip_requests_out', 'ACK');
    this.transmit(request, bytes, flow, false);
    return bytes;
  }

  /**
   * Answers a request without a transaction: one too malformed to be handled, or one too many (RFC 3261 §8.2.7).
   * @param told off: nobody hears of what is sent, as nobody heard of the request
   */
  sendStateless(request: SipRequest, flow: Flow, compose: (vias: readonly string[]) => SipResponse, told = true): void {
    const readable = hasReadableVia(request);
    // A Via that cannot be read goes back as it came, to where it came from.
    const response = compose(readable ? responseVias(request, flow) : request.headers.all('Via'));
    this.#counters.add('sip_responses_out', classLabel(response.status));
    const to = readable ? this.#responseFlow(request, flow) : flow;
    if (told) this.transmit(response, serialize(response), to, false);
    else to.send(serialize(response));
  }

  /** Gives a response to its client transaction; false when there is none. */
  receiveResponse(response: SipResponse, flow: Flow): boolean {
    const branch = response.topVia.branch;
    const transaction = branch && this.#clients.get(clientKey(branch, response.cseq.method));
    if (!transaction) return false;
    transaction.receive(response, flow);
    return true;
  }

  /** The server transaction that this request repeats, or that this ACK or CANCEL belongs to. */
  findServer(request: SipRequest): ServerTransaction | undefined {
    const { method } = request;
    const transaction = this.#servers.get(
      serverKey(request, method === 'ACK' || method === 'CANCEL' ? 'INVITE' : method),
    );
    return transaction && (method !== 'ACK' || ownsAck(transaction, request)) ? transaction : undefined;
  }

  /** A repeated CANCEL has a transaction of its own beside the INVITE's. */
  findCancel(request: SipRequest): ServerTransaction | undefined {
    return this.#servers.get(serverKey(request, 'CANCEL'));
  }

  /** True when the same request was already here over another path (RFC 3261 §8.2.2.2). */
  isMerged(transaction: ServerTransaction): boolean {
    return transaction.mergeKey !== '' && this.#merges.get(transaction.mergeKey) !== transaction;
  }

  /** Opens a server transaction for a new request. */
  openServer(request: SipRequest, flow: Flow): ServerTransaction {
    const merge = request.to.tag === undefined && request.method !== 'CANCEL' ? mergeKey(request) : '';
    const vias = responseVias(request, flow);
    const keys = { key: serverKey(request, request.method), mergeKey: merge };
    const transaction = new ServerTransaction(this, request, keys, vias, this.#responseFlow(request, flow));
    this.#servers.set(transaction.key, transaction);
    if (merge !== '' && !this.#merges.has(merge)) this.#merges.set(merge, transaction);
    this.#watch(transaction);
    return transaction;
  }

  /**
   * Tells what waits on this flow. A datagram that could not be sent says little of the next one: of what goes by UDP only
   * requests without any response yet are told, so that another target may be tried; all else is repeated or times out.
   */
  flowFailed(flow: Flow, error: GatewayError): void {
    for (const transaction of this.#waitingOn(flow)) {
      if (flow.reliable || transaction.heedsSendErrors) transaction.transportFailed(error);
    }
  }

  /** A connection is one object; a UDP peer that was forgotten meanwhile has more than one. */
  #waitingOn(flow: Flow): (ClientTransaction | ServerTransaction)[] {
    if (flow.reliable) return [...(this.#byFlow.get(flow) ?? [])];
    const waiting: (ClientTransaction | ServerTransaction)[] = [];
    for (const [watched, transactions] of this.#byFlow) {
      if (watched === flow || sameTuple(watched, flow)) waiting.push(...transactions);
    }
    return waiting;
  }

  transmit(message: SipRequest | SipResponse | undefined, bytes: Buffer, flow: Flow, again: boolean): void {
    if (again) this.#counters.add('sip_retransmissions', 'request');
    flow.send(bytes);
    this.#onSent(message, bytes, flow);
  }

  transmitResponse(
    transaction: ServerTransaction,
    message: SipResponse | undefined,
    bytes: Buffer,
    again: boolean,
  ): void {
    if (again) this.#counters.add('sip_retransmissions', 'response');
    if (message) this.#counters.add('sip_responses_out', classLabel(message.status));
    if (!transaction.flow.closed) {
      transaction.flow.send(bytes);
      this.#onSent(message, bytes, transaction.flow);
      return;
    }
    this.#sendAnew(transaction, message, bytes);
  }

  move(transaction: ClientTransaction | ServerTransaction, flow: Flow): void {
    this.#unwatch(transaction);
    transaction.flow = flow;
    if (!transaction.terminated) this.#watch(transaction);
  }

  removeClient(transaction: ClientTransaction): void {
    // A CANCEL that is sent once more has the same key.
    if (this.#clients.get(transaction.key) === transaction) this.#clients.delete(transaction.key);
    this.#unwatch(transaction);
  }

  removeServer(transaction: ServerTransaction): void {
    this.#servers.delete(transaction.key);
    if (this.#merges.get(transaction.mergeKey) === transaction) this.#merges.delete(transaction.mergeKey);
    this.#unwatch(transaction);
  }

  /** One row for each transaction, for debug views. */
  *debugRows(): IterableIterator<object> {
    for (const kind of [this.#clients, this.#servers]) {
      for (const transaction of kind.values())
        yield describe(transaction, kind === this.#clients ? 'client' : 'server');
    }
  }

  /** RFC 3261 §18.2.2: a UDP peer without rport is answered at its sent-by port. */
  #responseFlow(request: SipRequest, flow: Flow): Flow {
    const target = udpResponseTarget(request, flow);
    if (!target) return flow;
    let found = flow;
    this.#wire.open(target, 0, (result) => {
      if (!(result instanceof Error)) found = result;
    });
    return found;
  }

  /** The connection is gone: one is opened to where the Via says (RFC 3261 §18.2.2). */
  #sendAnew(transaction: ServerTransaction, message: SipResponse | undefined, bytes: Buffer): void {
    const target = transaction.reconnect;
    if (!target) {
      this.#counters.add('sip_responses_lost', 'closed');
      return;
    }
    this.#wire.open(target, RESPONSE_CONNECT_MS, (result) => {
      if (result instanceof Error) return this.#counters.add('sip_responses_lost', 'connect');
      this.move(transaction, result);
      result.send(bytes);
      this.#onSent(message, bytes, result);
    });
  }

  #watch(transaction: ClientTransaction | ServerTransaction): void {
    const watched = this.#byFlow.get(transaction.flow);
    if (watched) watched.add(transaction);
    else this.#byFlow.set(transaction.flow, new Set([transaction]));
  }

  #unwatch(transaction: ClientTransaction | ServerTransaction): void {
    const watched = this.#byFlow.get(transaction.flow);
    if (watched?.delete(transaction) && watched.size === 0) this.#byFlow.delete(transaction.flow);
  }
}

/** An ACK of RFC 2543 shares no branch rule; its To tag must be the one we answered with (RFC 3261 §17.2.3). */
function ownsAck(transaction: ServerTransaction, ack: SipRequest): boolean {
  return !transaction.key.startsWith('2543 ') || ack.to.tag === transaction.localTag;
}

const sameTuple = (a: Flow, b: Flow): boolean =>
  !a.reliable &&
  !b.reliable &&
  a.remote.port === b.remote.port &&
  a.remote.address === b.remote.address &&
  a.local.port === b.local.port;

function describe(transaction: ClientTransaction | ServerTransaction, side: string): object {
  const { method, state, key, flow, msLeft } = transaction;
  return {
    kind: 'transaction',
    side,
    method,
    state,
    key,
    peer: `${flow.remote.address}:${flow.remote.port}`,
    transport: flow.transport,
    msLeft,
  };
}

/** Counter label of a method; methods from the wire that are not known become `other`. */
export const methodLabel = (method: string): string => (REGISTERED_METHODS.has(method) ? method : 'other');

const CLASSES = ['', '1xx', '2xx', '3xx', '4xx', '5xx', '6xx'] as const;

/** Counter label of a status. */
export const classLabel = (status: number): string => CLASSES[Math.trunc(status / 100)] ?? 'other';
