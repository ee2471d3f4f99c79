import type { Scheduler } from '../../core/index.js';
import type { ForkPoint, MediaEvent, RemoteDescription, Side } from '../engine.js';
import { FORK_FLAG, LegForks, type RingWriter } from '../fork/index.js';
import {
  classifyDatagram,
  decodeRtcp,
  decodeRtp,
  decodeTelephoneEvent,
  isRtcpType,
  middle32,
  type RtcpPacket,
  RtpView,
} from '../packet/index.js';
import { DtmfDetector, EVENT, payloadTable, Reception } from '../stream/index.js';
import type { Endpoint } from './address.js';
import { type LegCipher, sameKeys } from './cipher.js';
import type { ShortWay, ShortWayUser } from './connected-socket.js';
import type { PlayedEvent } from './event-player.js';
import { EventSplicer } from './event-splicer.js';
import { Gate } from './gate.js';
import { DROP, type DropReason, FIELD, LEG_WORDS } from './layout.js';
import type { Outlet } from './outlet.js';
import type { ReportFacts } from './reporter.js';
import { RtcpReader } from './rtcp-reader.js';
import { scratch } from './scratch.js';
import type { PairUser } from './socket-shelf.js';

export interface RelayLegParts {
  readonly side: Side;
  /** Legs' counters (see layout.ts), and where this leg's begin, cleared. */
  readonly records: Float64Array;
  readonly base: number;
  readonly outlet: Outlet;
  /** The same that the outlet seals with. */
  readonly cipher: LegCipher;
  readonly scheduler: Scheduler;
  readonly tell: (event: MediaEvent) => void;
  /** A broken invariant; told a few times at most. */
  readonly onFault: (error: unknown) => void;
}

const MAX_FAULTS_TOLD = 3;

/** Where every leg reads the packet in hand: one packet is dealt with before the next, and this stays in the cache. */
const view = new RtpView();

/**
 * One side of a session: what comes from its peer is decoded, vetted, counted and handed to the other leg's outlet.
 *
 *     socket ─► classify ─► srtp open ─► decode ─► gate ─► direction ─► account ─► other leg's outlet: seal ─► socket
 *                  │            │           │        │         │                      │
 *                  └────────────┴───────────┴────────┴─────────┴── dropped, counted ──┘
 *
 * SSRC, timestamp and payload type pass unchanged: both legs negotiated one set of payload types.
 */
export class RelayLeg implements PairUser, ShortWayUser {
  // What every packet needs, together in memory
  #sealed = false;
  #udptl = false;
  #receives = false;
  /**
   * The source that the second socket is connected to is the latched one: what comes by it need not be judged, and what
   * goes there may go that way.
   */
  #trusted = false;
  #wayAddress = '';
  #wayPort = 0;
  #description: RemoteDescription | undefined;
  #forks: LegForks | undefined;
  #types = payloadTable([]);
  /** Of the peer: where packets go on to. */
  #onward!: Outlet;
  readonly #scheduler: Scheduler;
  readonly #records: Float64Array;
  readonly #base: number;
  readonly reception: Reception;

  readonly #cipher: LegCipher;
  readonly #gate: Gate;
  readonly side: Side;
  readonly outlet: Outlet;
  readonly reader: RtcpReader;
  /** The leg's own. */
  readonly #record: Float64Array;
  readonly #tellFault: (error: unknown) => void;
  readonly #dtmf: DtmfDetector;
  #peer!: RelayLeg;
  /** The socket connected to a source that had settled. */
  #way: ShortWay | undefined;
  /** Last sign of life but RTP and UDPTL, monotonic ms. */
  #heardMs = 0;

  constructor({ side, records, base, outlet, cipher, scheduler, tell, onFault }: RelayLegParts) {
    this.side = side;
    this.outlet = outlet;
    this.#records = records;
    this.#base = base;
    this.#record = records.subarray(base, base + LEG_WORDS);
    this.#cipher = cipher;
    this.#scheduler = scheduler;
    this.#tellFault = onFault;
    this.reception = new Reception(records, base);
    this.reader = new RtcpReader(this.#record, this.reception);
    this.#dtmf = new DtmfDetector((event, durationMs) => tell({ kind: 'dtmf', side, event, durationMs }));
    this.#gate = new Gate({
      onLatched: (address, port) => {
        this.#trust(undefined);
        this.#aim();
        tell({ kind: 'latched', side, address, port });
      },
      onRefused: (address, port) => tell({ kind: 'source-refused', side, address, port }),
    });
  }

  /** The leg that packets go on to. */
  get peer(): RelayLeg {
    return this.#peer;
  }

  set peer(peer: RelayLeg) {
    this.#peer = peer;
    this.#onward = peer.outlet;
  }

  /** Monotonic ms of the last accepted datagram of any kind; when the peer was described, if that was later. */
  get lastHeardMs(): number {
    return Math.max(this.#heardMs, this.#record[FIELD.lastPacketMs]!);
  }

  get description(): RemoteDescription | undefined {
    return this.#description;
  }

  /** Carries RTP, and so has RTCP beside it. */
  get isRtp(): boolean {
    return this.#description !== undefined && !this.#udptl;
  }

  /** The direction wants media from this peer, and it is not held. */
  get listening(): boolean {
    const description = this.#description;
    return description !== undefined && this.#receives && description.rtpPort !== 0 && !isHeld(description.address);
  }

  /**
   * Sets what is known of the peer; another address, port or key starts latching anew.
   * @throws GatewayError `media.srtp-key`; the previous description, or none, stays in force
   */
  describe(description: RemoteDescription): void {
    this.#cipher.describe(description.kind === 'udptl' ? undefined : description.srtp);
    this.#sealed = this.#cipher.active;
    const reopen = this.#description === undefined || isMoved(this.#description, description);
    const listened = this.listening;
    this.#description = description;
    this.#types = payloadTable(description.formats);
    if (description.telephoneEvents) this.outlet.splicer ??= new EventSplicer();
    this.outlet.splicer?.describe(this.#types, description.telephoneEvents === 'drop');
    this.#receives = description.direction === 'sendrecv' || description.direction === 'recvonly';
    this.#udptl = description.kind === 'udptl';
    this.#gate.describe(description, reopen);
    if (reopen) this.reception.trustNext();
    if (reopen) this.#trust(undefined);
    if (reopen || !listened) this.#heardMs = this.#scheduler.nowMs();
    this.#aim();
  }

  readonly onRtp = (datagram: Buffer, address: string, port: number): void => {
    try {
      this.onRtpPort(datagram, address, port);
    } catch (error) {
      this.#fault(error);
    }
  };

  /** A datagram of the settled source, by the socket connected to it. */
  onDatagram(datagram: Buffer): void {
    try {
      // What is sealed is opened into memory that lasts; all else must not be overwritten while it waits in a socket.
      const packet = this.#sealed ? datagram : scratch(datagram).first(datagram.length);
      this.onRtpPort(packet, this.#wayAddress, this.#wayPort, this.#trusted);
    } catch (error) {
      this.#fault(error);
    }
  }

  /** Trusted from the next tick on, if the source is the same then. */
  onShortWay(way: ShortWay, source: Endpoint): void {
    this.#way = way;
    this.#wayAddress = source.address;
    this.#wayPort = source.port;
  }

  #trust(way: ShortWay | undefined): void {
    this.#trusted = way !== undefined;
    this.outlet.way = way;
  }

  readonly onRtcp = (datagram: Buffer, address: string, port: number): void => {
    try {
      this.onRtcpPort(datagram, address, port);
    } catch (error) {
      this.#fault(error);
    }
  };

  /**
   * A datagram came to the RTP port. Returns whether it went on to the other leg.
   * @param trusted  it is known to be from the latched source
   */
  onRtpPort(datagram: Buffer, address: string, port: number, trusted = false): boolean {
    if (this.#description === undefined) return this.#drop('undescribed');
    if (this.#udptl) return this.#onUdptl(datagram, address, port, trusted);
    const first = datagram.length > 1 ? datagram[0]! : 0;
    if (first >> 6 !== 2) return this.#dropForeign(datagram);
    if (isRtcpType(datagram[1]!)) return this.#onRtcp(datagram, address, port, true);
    return this.#onRtp(datagram, address, port, trusted);
  }

  /** A datagram came to the RTCP port. Returns whether it went on. */
  onRtcpPort(datagram: Buffer, address: string, port: number): boolean {
    if (this.#description === undefined) return this.#drop('undescribed');
    if (classifyDatagram(datagram) !== 'rtcp') return this.#dropForeign(datagram);
    return this.#onRtcp(datagram, address, port, false);
  }

  /** A broken invariant costs the packet, is counted and told; it never reaches the event loop. */
  #fault(error: unknown): void {
    this.#record[FIELD.version]! += this.#record[FIELD.version]! % 2;
    if (++this.#record[DROP.internal]! <= MAX_FAULTS_TOLD) this.#tellFault(error);
  }

  /** Copies what goes by at a point into a fork's queue. */
  fork(id: number, point: ForkPoint, writer: RingWriter): void {
    this.#forks ??= new LegForks();
    this.#forks.add(id, point, writer);
    this.outlet.tap = (wire, flags, { address, port }) =>
      this.#forks?.sent(wire, { atMs: this.#scheduler.nowMs(), flags, address, port });
  }

  unfork(id: number): void {
    this.#forks?.remove(id);
    if (this.#forks?.empty === false) return;
    this.#forks = undefined;
    this.outlet.tap = undefined;
  }

  /** Called a few times a second. */
  onTick(nowMs: number): void {
    this.#dtmf.onTick(nowMs);
    // What is trusted is so until the latch moves or is opened, and both take the trust away.
    if (!this.#trusted) this.#settle(this.#gate.settledSource(nowMs));
  }

  #settle(source: Endpoint | undefined): void {
    if (source?.port !== this.#wayPort || source.address !== this.#wayAddress) {
      this.#way = undefined;
      this.#wayPort = 0;
    }
    this.outlet.settle(source, this);
    this.#trust(this.#way);
  }

  /** The leg ends: settles figures that were waiting for late packets. */
  finish(): void {
    this.#record[FIELD.version]!++;
    this.reception.finish();
    this.#record[FIELD.version]!++;
  }

  /** Sends this leg's peer a report of our own. */
  sendReport(datagram: Buffer, middle: number | undefined): void {
    if (middle !== undefined) this.reader.ledger.note(middle, this.#scheduler.nowMs());
    this.outlet.sendRtcp(datagram);
  }

  /** What a report of our own to this leg's peer is written from. */
  get reportFacts(): ReportFacts {
    const { outlet, peer, reception } = this;
    return { sent: outlet.stream, origin: peer.reception, received: reception, cname: peer.reader.cname };
  }

  #onRtp(datagram: Buffer, address: string, port: number, trusted: boolean): boolean {
    const sealed = this.#sealed;
    if (this.#forks) this.#forks.hold(datagram);
    const packet = sealed ? this.#cipher.open(datagram) : datagram;
    if (typeof packet === 'string') return this.#drop(packet);
    if (decodeRtp(packet, view) !== undefined) return this.#drop('malformed');
    const nowMs = this.#scheduler.nowMs();
    if (!trusted && !this.#gate.admitRtp(address, port, nowMs, sealed)) return this.#drop('source');
    if (!this.#receives) return this.#drop('direction');
    this.#account(packet, nowMs);
    if (this.#forks) this.#forks.accepted(packet, { atMs: nowMs, flags: 0, address, port });
    return this.#forward(packet, nowMs);
  }

  #account(packet: Buffer, nowMs: number): void {
    const version = this.#base + FIELD.version;
    this.#records[version]!++;
    this.reception.onPacket(view, packet.length, nowMs, this.#types);
    this.#records[version]!++;
    if (this.#types.kinds[view.payloadType] === EVENT) this.#onEvent(packet, nowMs);
  }

  #forward(packet: Buffer, nowMs: number): boolean {
    const outlet = this.#onward;
    if (!outlet.rtpOpen) return this.#dropUnsent();
    const splicer = outlet.splicer;
    if (splicer === undefined) return outlet.sendRtp(packet, view) || this.#drop('srtp-seal');
    const spliced = splicer.pass(packet, view, this.#types.kinds[view.payloadType]!, nowMs);
    if (spliced === undefined) return this.#drop('telephone-event');
    return outlet.sendRtp(spliced, view) || this.#drop('srtp-seal');
  }

  /** Plays a telephone-event to this leg's peer, where its description says that it may. */
  play(event: PlayedEvent): void {
    this.outlet.splicer?.play(event);
  }

  /** Called every 10 ms while an event is played to this leg's peer. Returns whether one still is. */
  playOn(nowMs: number): boolean {
    const splicer = this.outlet.splicer;
    if (!splicer?.busy) return false;
    if (!this.outlet.rtpOpen) splicer.clear();
    const packet = splicer.busy ? splicer.originate(view, this.peer.reception.current, nowMs) : undefined;
    if (packet && !this.outlet.sendRtp(packet, view)) this.peer.#drop('srtp-seal');
    return splicer.busy;
  }

  #onEvent(packet: Buffer, nowMs: number): void {
    const event = decodeTelephoneEvent(packet, view.payloadOffset, view.payloadBytes);
    if (event) this.#dtmf.onPacket(event, view.timestamp, this.#types.clockRatesHz[view.payloadType]!, nowMs);
  }

  #onUdptl(datagram: Buffer, address: string, port: number, trusted: boolean): boolean {
    const nowMs = this.#scheduler.nowMs();
    if (!trusted && !this.#gate.admitRtp(address, port, nowMs, false)) return this.#drop('source');
    if (!this.#receives) return this.#drop('direction');
    const record = this.#record;
    record[FIELD.version]!++;
    record[FIELD.packets]!++;
    record[FIELD.bytes]! += datagram.length;
    record[FIELD.lastPacketMs] = nowMs;
    record[FIELD.version]!++;
    this.#forks?.hold(datagram);
    this.#forks?.accepted(datagram, { atMs: nowMs, flags: FORK_FLAG.udptl, address, port });
    if (!this.peer.outlet.udptlOpen) return this.#dropUnsent();
    this.peer.outlet.sendDatagram(datagram);
    return true;
  }

  #onRtcp(received: Buffer, address: string, port: number, muxed: boolean): boolean {
    const sealed = this.#sealed;
    this.#forks?.hold(received);
    const datagram = sealed ? this.#cipher.openRtcp(received) : received;
    if (typeof datagram === 'string') return this.#drop(datagram);
    const outcome = decodeRtcp(datagram);
    if (!outcome.ok) return this.#drop('rtcp-malformed');
    const nowMs = this.#scheduler.nowMs();
    if (!this.#admitRtcp(address, port, nowMs, sealed, muxed)) return this.#drop('source');
    const record = this.#record;
    record[FIELD.version]!++;
    record[FIELD.rtcpPackets]!++;
    record[FIELD.rtcpBytes]! += datagram.length;
    this.reader.read(outcome.packets, nowMs, this.peer.reception);
    record[FIELD.version]!++;
    this.#heardMs = nowMs;
    const flags = FORK_FLAG.rtcp | (muxed ? 0 : FORK_FLAG.rtcpSocket);
    this.#forks?.accepted(datagram, { atMs: nowMs, flags, address, port });
    return this.peer.passReports(datagram, outcome.packets, nowMs) || this.#drop('no-target');
  }

  /** Sends the other side's RTCP to this leg's peer, remembering its sender reports for the round trip. */
  passReports(datagram: Buffer, packets: readonly RtcpPacket[], nowMs: number): boolean {
    if (!this.outlet.rtcpOpen || !this.outlet.sendRtcp(datagram)) return false;
    for (const packet of packets) {
      if (packet.type === 'sr') this.reader.ledger.note(middle32(packet.ntpSeconds, packet.ntpFraction), nowMs);
    }
    return true;
  }

  #admitRtcp(address: string, port: number, nowMs: number, authentic: boolean, muxed: boolean): boolean {
    if (muxed) return this.#gate.admitRtp(address, port, nowMs, authentic);
    const admitted = this.#gate.admitRtcp(address, port, nowMs, authentic);
    if (admitted === 'moved') this.#aim();
    return admitted !== false;
  }

  #aim(): void {
    if (this.#description) this.outlet.aim(this.#description, this.#gate.rtpSource, this.#gate.rtcpSource);
  }

  #dropForeign(datagram: Buffer): boolean {
    const kind = classifyDatagram(datagram);
    return this.#drop(kind === 'stun' || kind === 'dtls' ? kind : 'not-rtp');
  }

  #dropUnsent(): false {
    return this.#drop(this.peer.outlet.wanted ? 'no-target' : 'peer-direction');
  }

  #drop(reason: DropReason): false {
    this.#record[DROP[reason]]!++;
    return false;
  }
}

const isHeld = (address: string): boolean => address === '0.0.0.0' || address === '::';

function isMoved(previous: RemoteDescription, next: RemoteDescription): boolean {
  return (
    previous.address !== next.address ||
    previous.rtpPort !== next.rtpPort ||
    previous.rtcpPort !== next.rtcpPort ||
    previous.rtcpAddress !== next.rtcpAddress ||
    previous.rtcpMux !== next.rtcpMux ||
    !sameKeys(previous.srtp?.receive, next.srtp?.receive)
  );
}
