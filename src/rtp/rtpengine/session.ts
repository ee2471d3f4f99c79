import { isIPv6 } from 'node:net';
import { GatewayError, type Scheduler, type Timer } from '../../core/index.js';
import type {
  LegFigures,
  LocalPorts,
  MediaSession,
  RemoteDescription,
  SessionFigures,
  SessionOrder,
  Side,
} from '../engine.js';
import { type Bencoded, type BencodedMap, textOf } from './bencode.js';
import { isNowhere, readPorts, serializePeer, UNKNOWN_PEER } from './description.js';
import { NO_FIGURES, type QueryReading, REFUSED, readQuery } from './figures.js';
import { type Exchange, exchanges, type Keying, NO_KEYS, other, sdesFlags } from './keying.js';
import { Passage } from './passage.js';
import type { Daemon } from './pool.js';
import { type SourcePolicy, sourceFlags } from './sources.js';

export interface SessionParts {
  readonly order: SessionOrder;
  readonly daemon: Daemon;
  /** The daemon's name of the call; unlike any other's. */
  readonly callId: string;
  readonly sources: SourcePolicy;
  readonly scheduler: Scheduler;
  readonly onClosed: () => void;
  /** Something that was ordered could not be done. */
  readonly onFault: (error: unknown) => void;
}

/** Its own address even where the other peer's is 0.0.0.0. */
const REPLACED: readonly Bencoded[] = ['zero-address'];
/** Polls of a session in the time its silence is measured by. */
const POLLS_PER_TIMEOUT = 5;
const MAX_POLL_MS = 5000;
const MIN_POLL_MS = 200;

/**
 * One session at one daemon. rtpengine tells a port only in answer to a description, so the session opens with
 * descriptions of two peers nobody knows; with `port latching` the ports stay as they are over all that follow.
 *
 *   open      offer customer (nowhere) ─► port for remote     answer remote (nowhere) ─► port for customer
 *   describe  offers and answers of both as last described (keying.ts says whose); block or unblock media
 *   read      query      every timeout/5: query, and the silence of each side is judged by its packet count
 *   close     query, delete
 */
export class RtpengineSession implements MediaSession {
  readonly id: string;
  #customer: LocalPorts | undefined;
  #remote: LocalPorts | undefined;
  readonly #parts: SessionParts;
  readonly #peers: Record<Side, RemoteDescription> = { customer: UNKNOWN_PEER, remote: UNKNOWN_PEER };
  readonly #described = new Set<Side>();
  /** By the side whose packets pass. */
  readonly #passages: Readonly<Record<Side, Passage>> = { customer: new Passage(), remote: new Passage() };
  #version = 0;
  #keying: Keying = NO_KEYS;
  #queue: Promise<void> = Promise.resolve();
  /** The last description; rejected where the daemon did not take it. */
  #applied: Promise<void> = this.#queue;
  #last: SessionFigures = NO_FIGURES;
  #closing: Promise<SessionFigures> | undefined;
  #timer: Timer | undefined;
  readonly #silence: Record<Side, { packets: number; sinceMs: number; told: boolean }>;

  constructor(parts: SessionParts) {
    this.id = parts.order.id;
    this.#parts = parts;
    const fresh = () => ({ packets: 0, sinceMs: parts.scheduler.nowMs(), told: false });
    this.#silence = { customer: fresh(), remote: fresh() };
  }

  /** The daemon's name of the call. */
  get callId(): string {
    return this.#parts.callId;
  }

  /** Packets the daemon refused, as it told last. */
  get refused(): number {
    const { customer, remote } = this.#last;
    return (customer.received.dropped[REFUSED] ?? 0) + (remote.received.dropped[REFUSED] ?? 0);
  }

  /** The daemon saw the end of a telephone-event. */
  digit(side: Side, event: number, durationMs: number): void {
    if (!this.#closing) this.#parts.order.onEvent({ kind: 'dtmf', side, event, durationMs });
  }

  /** The daemon passes events on and tells their end; it leaves none out, and puts none into a stream that it relays. */
  readonly interworksEvents = false;

  playEvent(): never {
    throw new GatewayError('media.dtmf-unsupported', 'rtpengine plays no telephone-events here', {
      origin: 'local',
      sipStatus: 488,
    });
  }

  get customer(): LocalPorts {
    return this.#customer!;
  }

  get remote(): LocalPorts {
    return this.#remote!;
  }

  /** Takes ports of the daemon. @throws GatewayError as `NgClient.request`; `media.no-port` where it has none */
  async open(): Promise<void> {
    const [customer, remote] = await this.#settle('customer');
    this.#remote = readPorts(remote);
    this.#customer = readPorts(customer);
    if (!this.#remote || !this.#customer) {
      throw new GatewayError('media.no-port', 'The rtpengine daemon gave no port', {
        origin: 'remote',
        sipStatus: 503,
      });
    }
    await Promise.all([this.#gate('customer'), this.#gate('remote')]);
    this.#schedule();
  }

  /** Told to the daemon in the order it was called; what the daemon then refuses is a fault, told to `onFault`. */
  describe(side: Side, description: RemoteDescription): void {
    if (this.#closing) return;
    this.#peers[side] = description;
    this.#described.add(side);
    this.#hear(side);
    this.#applied = this.#queue.then(() => this.#apply(side));
    this.#queue = this.#applied.catch(this.#parts.onFault);
  }

  settled(): Promise<void> {
    return this.#applied;
  }

  async read(): Promise<SessionFigures> {
    return this.#closing ?? this.#query();
  }

  /** @throws GatewayError `media.fork-unsupported`, always: the packets are in another process */
  fork(): never {
    throw new GatewayError('media.fork-unsupported', 'The rtpengine engine copies no packets to this process', {
      origin: 'local',
    });
  }

  close(): Promise<SessionFigures> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #apply(side: Side): Promise<void> {
    await this.#settle(side);
    await Promise.all([this.#gate('customer'), this.#gate('remote')]);
  }

  /** Makes the daemon know both peers and their keys; resolves with what it says to the customer and to the remote. */
  async #settle(described: Side): Promise<[string, string]> {
    const next = { customer: this.#peers.customer.srtp, remote: this.#peers.remote.srtp };
    const orders = exchanges(this.#keying, next, described);
    // Should one fail, no key counts as told.
    this.#keying = NO_KEYS;
    let told: [string, string] = ['', ''];
    for (const exchange of orders) told = await this.#exchange(exchange);
    this.#keying = next;
    return told;
  }

  /** Directions in descriptions do not stop the daemon's packets: what a side sends is blocked and unblocked apart. */
  async #gate(from: Side): Promise<void> {
    const to = this.#peers[other(from)];
    const passes = this.#described.size === 2 && /recv/.test(this.#peers[from].direction) && /send/.test(to.direction);
    if (passes === this.#passages[from].open) return;
    const { client } = this.#parts.daemon;
    const call = { 'call-id': this.#parts.callId };
    await client.request(passes ? 'unblock media' : 'block media', { ...call, 'from-tag': from });
    this.#passages[from].set(passes, readQuery(await client.request('query', call)).counted[from]);
  }

  async #exchange(exchange: Exchange): Promise<[string, string]> {
    const { offerer } = exchange;
    const answerer = other(offerer);
    const { client } = this.#parts.daemon;
    const version = ++this.#version;
    const fax = this.#peers.customer.kind === 'udptl' && this.#peers.remote.kind === 'udptl';
    const offer = await client.request('offer', {
      ...this.#order(exchange, offerer, version, fax),
      ...(!fax && { 'transport-protocol': exchange.lines[answerer].length > 0 ? 'RTP/SAVP' : 'RTP/AVP' }),
      'address family': this.#family(answerer) === 6 ? 'IP6' : 'IP4',
      'rtcp-mux': ['offer', 'accept'],
    });
    const answer = await client.request('answer', this.#order(exchange, answerer, version, fax));
    const told = [textOf(answer.sdp) ?? '', textOf(offer.sdp) ?? ''] as const;
    return offerer === 'customer' ? [told[0], told[1]] : [told[1], told[0]];
  }

  /** What an offer and an answer have in common; a switch to T.38 is told once both sides have made it. */
  #order(exchange: Exchange, side: Side, version: number, fax: boolean): BencodedMap {
    const peer: RemoteDescription = { ...this.#peers[side], kind: fax ? 'udptl' : 'rtp' };
    const lines = fax ? [] : exchange.lines[side];
    return {
      'call-id': this.#parts.callId,
      'from-tag': exchange.offerer,
      'to-tag': other(exchange.offerer),
      sdp: serializePeer(peer, version, lines, this.#family(side)),
      flags: sourceFlags(this.#parts.sources, this.#peers[side], lines.length > 0),
      replace: REPLACED,
      ICE: 'remove',
      DTLS: 'off',
      SDES: sdesFlags(exchange),
    };
  }

  #family(side: Side): 4 | 6 {
    const peer = this.#peers[side];
    if (isNowhere(peer)) return this.#parts.order.addressFamily?.[side] ?? 4;
    return isIPv6(peer.address) ? 6 : 4;
  }

  async #query(): Promise<SessionFigures> {
    await this.#queue;
    try {
      this.#note(readQuery(await this.#parts.daemon.client.request('query', { 'call-id': this.#parts.callId })));
    } catch (error) {
      this.#parts.onFault(error);
    }
    return this.#last;
  }

  #note({ counted, figures }: QueryReading): void {
    for (const side of ['customer', 'remote'] as const) {
      const [before, now] = [this.#last[side].latched, counted[side].latched];
      if (now && (now.address !== before?.address || now.port !== before.port)) {
        this.#parts.order.onEvent({ kind: 'latched', side, ...now });
      }
      if (counted[side].packets !== this.#silence[side].packets) this.#hear(side, counted[side].packets);
    }
    this.#last = { customer: this.#withSent('customer', figures), remote: this.#withSent('remote', figures) };
  }

  #withSent(side: Side, figures: SessionFigures): LegFigures {
    const leg = figures[side];
    return { ...leg, sent: { ...leg.sent, ...this.#passages[other(side)].passed(figures[other(side)].received) } };
  }

  #hear(side: Side, packets = this.#silence[side].packets): void {
    this.#silence[side] = { packets, sinceMs: this.#parts.scheduler.nowMs(), told: false };
  }

  #schedule(): void {
    const { order, scheduler } = this.#parts;
    const pollMs = Math.min(MAX_POLL_MS, Math.max(MIN_POLL_MS, (order.timeoutSeconds * 1000) / POLLS_PER_TIMEOUT));
    this.#timer = scheduler.after(pollMs, () => void this.#poll());
  }

  async #poll(): Promise<void> {
    await this.#query();
    if (this.#closing) return;
    for (const side of ['customer', 'remote'] as const) this.#judge(side);
    this.#schedule();
  }

  #judge(side: Side): void {
    const silence = this.#silence[side];
    const { direction, rtpPort } = this.#peers[side];
    const waitedFor = this.#described.size === 2 && rtpPort !== 0 && /recv/.test(direction);
    const nowMs = this.#parts.scheduler.nowMs();
    if (!waitedFor) this.#hear(side);
    else if (!silence.told && nowMs - silence.sinceMs >= this.#parts.order.timeoutSeconds * 1000) {
      silence.told = true;
      this.#parts.order.onEvent({ kind: 'timeout', side });
    }
  }

  async #finish(): Promise<SessionFigures> {
    this.#timer?.cancel();
    const figures = await this.#query();
    try {
      await this.#parts.daemon.client.request('delete', { 'call-id': this.#parts.callId, 'delete delay': 0 });
    } catch (error) {
      this.#parts.onFault(error);
    }
    this.#parts.onClosed();
    return figures;
  }
}
