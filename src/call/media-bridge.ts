import { GatewayError, type Random } from '../core/index.js';
import type {
  ForkOrder,
  LocalPorts,
  MediaEngine,
  MediaFork,
  MediaSession,
  PayloadFormat,
  RemoteDescription,
  SdesPolicy,
  SessionFigures,
  SessionOrder,
  Side,
  StreamDirection,
} from '../rtp/index.js';
import { type MessageBody, type OfferedStream, offeredStreams } from '../sip/index.js';
import { type EventMode, EventNegotiation } from './event-negotiation.js';
import type { PathTotals } from './events.js';
import { type EncryptionMode, MediaCrypto } from './media-crypto.js';
import type { Path } from './quality.js';
import { type IntervalQuality, intervalQuality, pathTotals } from './quality.js';
import {
  describeMedia,
  inPlaces,
  payloadFormats,
  readSession,
  rewriteSession,
  type SessionBody,
  type SourceBounds,
} from './session-body.js';

/** What is kept of each side's description. */
interface SideState {
  /** o= session id and version of what we send to this side (RFC 3264 §8). */
  readonly originId: number;
  version: number;
  /** Description last sent to this side. */
  lastSent: MessageBody | undefined;
  /** Description last received from this side that is in force. */
  lastReceived: MessageBody | undefined;
  formats: readonly PayloadFormat[];
  /** As the engine was told, and what it does with telephone-events on their way to this side. */
  described: RemoteDescription | undefined;
  events: EventMode;
  direction: StreamDirection | undefined;
  /** The streams of its last offer, each of which an answer has a place for. */
  offered: readonly OfferedStream[];
  /** Its last offer had rtcp-mux. */
  offeredMux: boolean;
  signallingAddress: string | undefined;
  sources: Omit<SourceBounds, 'signallingAddress'>;
  readonly crypto: MediaCrypto;
}

/** Whether a side lists INFO in Allow, or has sent digits in INFO before. */
export type TakesInfo = (side: Side) => boolean;

/** Whether a description offers or answers (RFC 3264): SDES reads and writes it differently. */
export type Role = 'offer' | 'answer';

export interface BridgeReading {
  readonly quality: IntervalQuality;
  readonly totals: Record<Path, PathTotals>;
}

const SIDES = ['customer', 'remote'] as const;

export const opposite = (side: Side): Side => (side === 'customer' ? 'remote' : 'customer');

/**
 * Media of one call: anchors both sides at the media engine and translates session descriptions between the legs.
 *
 *      body from customer ──translate──► body for remote, with our address and remote-side ports
 *                         └──describe──► media engine learns where the customer is
 */
export class MediaBridge {
  readonly #session: MediaSession;
  readonly #sides: Record<Side, SideState>;
  readonly #negotiation: EventNegotiation | undefined;
  #previous: SessionFigures | undefined;
  #totals: Record<Path, PathTotals> | undefined;
  #closed: Promise<BridgeReading> | undefined;

  private constructor(session: MediaSession, random: Random, takesInfo: TakesInfo | undefined, srtp: SdesPolicy) {
    this.#session = session;
    if (takesInfo && session.interworksEvents) this.#negotiation = new EventNegotiation(takesInfo);
    const state = (): SideState => ({
      originId: random.uint32(),
      version: 0,
      lastSent: undefined,
      lastReceived: undefined,
      formats: [],
      described: undefined,
      events: undefined,
      direction: undefined,
      offered: [],
      offeredMux: false,
      signallingAddress: undefined,
      sources: { mediaSources: undefined, allowedSources: undefined },
      crypto: new MediaCrypto('off', random, srtp),
    });
    this.#sides = { customer: state(), remote: state() };
  }

  /**
   * Opens media ports for a call. Rejects with `media.no-port` (503) when none is free.
   * @param takesInfo whether a side takes digits in INFO; absent: telephone-events pass as they come, or do not
   * @param srtp which suites may be agreed on; absent: all
   */
  static async open(
    engine: MediaEngine,
    order: SessionOrder,
    random: Random,
    takesInfo?: TakesInfo,
    srtp: SdesPolicy = {},
  ): Promise<MediaBridge> {
    return new MediaBridge(await engine.open(order), random, takesInfo, srtp);
  }

  /**
   * What a side may do: where its media may come from, its encryption. Called before the side's first description, and
   * again for each attempt at the callee: nothing of the attempt before is used again.
   */
  bound(side: Side, bounds: SourceBounds & { readonly encryption: EncryptionMode }): void {
    const state = this.#sides[side];
    state.signallingAddress = bounds.signallingAddress;
    state.sources = bounds;
    state.crypto.restart(bounds.encryption);
    state.direction = undefined;
    state.described = undefined;
    this.#negotiation?.learn(side, []);
  }

  /** A side's signalling goes to this address, as was found after `bound`. */
  reached(side: Side, signallingAddress: string): void {
    this.#sides[side].signallingAddress = signallingAddress;
  }

  /**
   * The body that goes to the other side in place of one received from `from`, which is an offer or an answer; the
   * media engine learns `from`'s description unless `apply` is off (an offer in a re-INVITE is applied once accepted).
   * @throws GatewayError `sdp.malformed` (400), `sdp.not-acceptable`, `media.srtp-*`, `media.t38-unencrypted` (488)
   */
  translate(from: Side, role: Role, body: MessageBody, apply = true): MessageBody {
    const to = this.#sides[opposite(from)];
    const received = role === 'answer' ? inPlaces(readSession(body), to.offered) : readSession(body);
    if (received.media?.isUdptl) for (const side of SIDES) this.#sides[side].crypto.allowFax();
    if (apply) this.#learn(from, role, received, body);
    else this.#sides[from].crypto.vetOffer(received.media);
    const ports = this.#session[opposite(from)];
    const crypto = role === 'offer' ? to.crypto.offer() : to.crypto.answer();
    const mux = role === 'answer' && to.offeredMux;
    const edit = this.#negotiation?.edit(from, role, payloadFormats(received.media));
    if (apply && role === 'answer') this.#settleEvents();
    const draft = rewriteSession(received, ports, to.originId, to.version, crypto, mux, edit);
    if (to.lastSent === undefined) to.lastSent = draft;
    if (draft.bytes.equals(to.lastSent.bytes)) return draft;
    to.version++;
    to.lastSent = rewriteSession(received, ports, to.originId, to.version, crypto, mux, edit);
    return to.lastSent;
  }

  /** Runs once the engine has taken what was described, or has failed to: at once where it takes it at once. */
  whenInForce(run: (fault?: unknown) => void): void {
    const settled = this.#session.settled?.();
    if (settled) settled.then(() => run(), run);
    else run();
  }

  /** The description last sent to a side: what a session refresh repeats. */
  lastSent(side: Side): MessageBody | undefined {
    return this.#sides[side].lastSent;
  }

  /** The description of a side that is in force. */
  lastReceived(side: Side): MessageBody | undefined {
    return this.#sides[side].lastReceived;
  }

  /** Copies of a side's packets (see MediaSession.fork). */
  fork(order: ForkOrder): MediaFork {
    return this.#session.fork(order);
  }

  /** Our ports towards a side, with the address that its description tells. */
  localPorts(side: Side): LocalPorts {
    return this.#session[side];
  }

  /** How a side's media is protected: `none`, or its SRTP suite. */
  encryption(side: Side): string {
    return this.#sides[side].crypto.suite;
  }

  /**
   * An offer within the call, translated without `apply` before, was answered by the other side. Where the answer cannot
   * be used nothing is changed: whoever offered goes on as before (RFC 3261 §14.1), and so do we towards it.
   * @returns the answer as it goes to `from`
   * @throws GatewayError as `translate`
   */
  accept(from: Side, offer: MessageBody, answer: MessageBody): MessageBody {
    const answering = opposite(from);
    const received = readSession(answer);
    this.#sides[answering].crypto.vetAnswer(received.media);
    describeMedia(received, this.#sides[answering].sources, 'answer');
    this.apply(from, 'offer', offer);
    return this.translate(answering, 'answer', answer);
  }

  /** Applies a description received earlier from `from`. */
  apply(from: Side, role: Role, body: MessageBody): void {
    this.#learn(from, role, readSession(body), body);
  }

  /** @throws GatewayError `sip.dialog-ended` (481) once the media is closed: an answer that came after the call ended */
  #learn(from: Side, role: Role, received: SessionBody, body: MessageBody): void {
    if (this.#closed) throw callOver();
    const side = this.#sides[from];
    side.lastReceived = body;
    if (role === 'offer') side.offered = offeredStreams(received.description);
    if (role === 'offer') side.crypto.receiveOffer(received.media);
    else side.crypto.receiveAnswer(received.media);
    const { keys } = side.crypto;
    // Who seals under the leg's keys is the peer, wherever it speaks from: only configured blocks bound it.
    const allowedSources = keys ? undefined : side.sources.allowedSources;
    const { mediaSources } = side.sources;
    const bounds = { mediaSources, allowedSources, signallingAddress: side.signallingAddress };
    const description = describeMedia(received, bounds, role);
    side.offeredMux = role === 'offer' && description.rtcpMux === true;
    side.formats = description.formats;
    side.direction = description.direction;
    const srtp = description.kind === 'udptl' ? undefined : keys;
    this.#negotiation?.learn(from, description.formats);
    side.described = { ...description, ...(srtp && { srtp }) };
    this.#describe(from);
  }

  #describe(side: Side): void {
    const { described, events } = this.#sides[side];
    if (described) this.#session.describe(side, { ...described, ...(events && { telephoneEvents: events }) });
  }

  /** Offer and answer are complete: the engine is told who has telephone-events and who does not. */
  #settleEvents(): void {
    for (const side of SIDES) {
      const events = this.#negotiation?.mode(side);
      if (events === this.#sides[side].events) continue;
      this.#sides[side].events = events;
      this.#describe(side);
    }
  }

  /** What happens to telephone-events on their way to a side: `drop` where it has none, `play` where it alone has. */
  eventMode(side: Side): EventMode {
    return this.#sides[side].events;
  }

  /** Plays a telephone-event to a side, once `eventMode` is `play`. */
  playEvent(side: Side, event: number, durationMs: number): void {
    this.#session.playEvent(side, event, durationMs);
  }

  /** Direction of a side as last described, seen from us; undefined before its first description. */
  direction(side: Side): StreamDirection | undefined {
    return this.#sides[side].direction;
  }

  /** Name of the codec agreed: the first format of the answering side that is not an event or comfort noise. */
  codec(side: Side): string | undefined {
    return this.#sides[side].formats.find((format) => !NOT_SPEECH.has(format.encoding))?.encoding;
  }

  /** Figures since the previous reading, and totals. */
  async read(): Promise<BridgeReading> {
    return this.#reading(await this.#session.read(true));
  }

  /** Ends the media and gives the last interval and the totals; again the same when called again. */
  close(): Promise<BridgeReading> {
    this.#closed ??= this.#session.close().then((figures) => this.#reading(figures));
    return this.#closed;
  }

  #reading(figures: SessionFigures): BridgeReading {
    const formats = { customer: this.#sides.customer.formats, remote: this.#sides.remote.formats };
    const quality = intervalQuality(this.#previous, figures, formats, this.#packetTimesMs());
    this.#previous = figures;
    this.#totals = pathTotals(figures, this.#totals);
    return { quality, totals: this.#totals };
  }

  /** A side sends packets of the length that the other asked for, who hears them (RFC 8866 §6.4), else of its own. */
  #packetTimesMs(): Partial<Record<Side, number>> {
    const [near, far] = SIDES.map((side) => {
      const { ptimeMs } = this.#sides[side].described ?? {};
      return ptimeMs !== undefined && ptimeMs <= PTIME_MAX_MS ? ptimeMs : undefined;
    });
    const [said, heard] = [far ?? near, near ?? far];
    return { ...(said !== undefined && { customer: said }), ...(heard !== undefined && { remote: heard }) };
  }
}

/** The longest packets that a receiver is to be ready for (RFC 3551 §4.2); what says more is not believed. */
const PTIME_MAX_MS = 200;

const NOT_SPEECH = new Set(['TELEPHONE-EVENT', 'CN', 'RED']);

const callOver = (): GatewayError =>
  new GatewayError('sip.dialog-ended', 'The call is over', { origin: 'local', sipStatus: 481 });

/** An answer where an offer was expected, or none where one was. */
export const missingDescription = (): GatewayError =>
  new GatewayError('sdp.missing', 'A session description was expected and did not come', {
    origin: 'remote',
    sipStatus: 488,
  });
