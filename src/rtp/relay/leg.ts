import type { Scheduler } from '../../core/index.js';
import type { MediaEvent, RemoteDescription, Side } from '../engine.js';
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
import { DtmfDetector, EVENT, PayloadTable, Reception } from '../stream/index.js';
import { ACCEPTED, Latch, REFUSED } from './latch.js';
import { DROP, type DropReason, FIELD } from './layout.js';
import type { Outlet } from './outlet.js';
import { Refusals } from './refusals.js';
import { RtcpReader } from './rtcp-reader.js';

/**
 * One side of a session: what comes from its peer is decoded, vetted, counted and handed to the other leg's outlet.
 *
 *     socket ─► classify ─► decode ─► latch ─► direction ─► account ─► other leg's outlet ─► socket
 *                  │           │        │          │                        │
 *                  └───────────┴────────┴──────────┴── dropped, counted ────┘ (no target, peer's direction)
 *
 * Identifiers (SSRC, sequence, payload type) pass unchanged: both legs negotiated one set of payload types.
 */
export class RelayLeg {
  readonly side: Side;
  readonly outlet: Outlet;
  readonly reception: Reception;
  readonly reader: RtcpReader;
  /** The leg that packets go on to; set when the pair is joined. */
  peer!: RelayLeg;
  /** Monotonic ms of the last accepted datagram of any kind; when the peer was described before that. */
  lastHeardMs = 0;
  readonly #record: Float64Array;
  readonly #scheduler: Scheduler;
  readonly #tell: (event: MediaEvent) => void;
  readonly #latch = new Latch();
  readonly #rtcpLatch = new Latch();
  readonly #refusals: Refusals;
  readonly #dtmf: DtmfDetector;
  readonly #view = new RtpView();
  #description: RemoteDescription | undefined;
  #types = new PayloadTable([]);
  #receives = false;
  #udptl = false;

  constructor(
    side: Side,
    record: Float64Array,
    outlet: Outlet,
    scheduler: Scheduler,
    tell: (event: MediaEvent) => void,
  ) {
    this.side = side;
    this.outlet = outlet;
    this.#record = record;
    this.#scheduler = scheduler;
    this.#tell = tell;
    this.reception = new Reception(record);
    this.reader = new RtcpReader(record, this.reception);
    this.#refusals = new Refusals((address, port) => tell({ kind: 'source-refused', side, address, port }));
    this.#dtmf = new DtmfDetector((event, durationMs) => tell({ kind: 'dtmf', side, event, durationMs }));
  }

  get description(): RemoteDescription | undefined {
    return this.#description;
  }

  /** The direction wants media from this peer, and it is not held. */
  get listening(): boolean {
    const description = this.#description;
    return description !== undefined && this.#receives && description.rtpPort !== 0 && !isHeld(description.address);
  }

  /** Sets what is known of the peer; another address, port or key starts latching anew. */
  describe(description: RemoteDescription): void {
    const previous = this.#description;
    const reopen = previous === undefined || isMoved(previous, description);
    const listened = this.listening;
    this.#description = description;
    this.#types = new PayloadTable(description.formats);
    this.#receives = description.direction === 'sendrecv' || description.direction === 'recvonly';
    this.#udptl = description.kind === 'udptl';
    this.#describeLatches(description, reopen);
    if (reopen) this.reception.trustNext();
    if (reopen || !listened) this.lastHeardMs = this.#scheduler.nowMs();
    this.#aim();
  }

  /** A datagram came to the RTP port. Returns whether it went on to the other leg. */
  onRtpPort(datagram: Buffer, address: string, port: number): boolean {
    if (this.#description === undefined) return this.#drop('undescribed');
    if (this.#udptl) return this.#onUdptl(datagram, address, port);
    const first = datagram.length > 1 ? datagram[0]! : 0;
    if (first >> 6 !== 2) return this.#dropForeign(datagram);
    if (isRtcpType(datagram[1]!)) return this.#onRtcp(datagram, address, port, this.#latch);
    return this.#onRtp(datagram, address, port);
  }

  /** A datagram came to the RTCP port. Returns whether it went on. */
  onRtcpPort(datagram: Buffer, address: string, port: number): boolean {
    if (this.#description === undefined) return this.#drop('undescribed');
    if (classifyDatagram(datagram) !== 'rtcp') return this.#dropForeign(datagram);
    return this.#onRtcp(datagram, address, port, this.#rtcpLatch);
  }

  /** Called every second or so. */
  onTick(nowMs: number): void {
    this.#dtmf.onTick(nowMs);
  }

  /** The leg ends: settles figures that were waiting for late packets. */
  finish(): void {
    this.#record[FIELD.version]!++;
    this.reception.finish();
    this.#record[FIELD.version]!++;
  }

  #onRtp(datagram: Buffer, address: string, port: number): boolean {
    const view = this.#view;
    if (decodeRtp(datagram, view) !== undefined) return this.#drop('malformed');
    const nowMs = this.#scheduler.nowMs();
    if (!this.#fromPeer(this.#latch, address, port, nowMs)) return false;
    if (!this.#receives) return this.#drop('direction');
    this.#record[FIELD.version]!++;
    this.reception.onPacket(view, datagram.length, nowMs, this.#types);
    this.#record[FIELD.version]!++;
    this.lastHeardMs = nowMs;
    if (this.#types.kinds[view.payloadType] === EVENT) this.#onEvent(datagram, view, nowMs);
    return this.#forward(datagram, view);
  }

  #forward(packet: Buffer, view: RtpView): boolean {
    const outlet = this.peer.outlet;
    if (!outlet.open) return this.#drop(outlet.wanted ? 'no-target' : 'peer-direction');
    outlet.sendRtp(packet, view);
    return true;
  }

  #onEvent(packet: Buffer, view: RtpView, nowMs: number): void {
    const event = decodeTelephoneEvent(packet, view.payloadOffset, view.payloadBytes);
    if (event) this.#dtmf.onPacket(event, view.timestamp, this.#types.clockRatesHz[view.payloadType]!, nowMs);
  }

  #onUdptl(datagram: Buffer, address: string, port: number): boolean {
    const nowMs = this.#scheduler.nowMs();
    if (!this.#fromPeer(this.#latch, address, port, nowMs)) return false;
    if (!this.#receives) return this.#drop('direction');
    const record = this.#record;
    record[FIELD.version]!++;
    record[FIELD.packets]!++;
    record[FIELD.bytes]! += datagram.length;
    record[FIELD.lastPacketMs] = nowMs;
    record[FIELD.version]!++;
    this.lastHeardMs = nowMs;
    const outlet = this.peer.outlet;
    if (!outlet.open) return this.#drop(outlet.wanted ? 'no-target' : 'peer-direction');
    outlet.sendDatagram(datagram);
    return true;
  }

  #onRtcp(datagram: Buffer, address: string, port: number, latch: Latch): boolean {
    const outcome = decodeRtcp(datagram);
    if (!outcome.ok) return this.#drop('rtcp-malformed');
    const nowMs = this.#scheduler.nowMs();
    if (!this.#fromPeer(latch, address, port, nowMs)) return false;
    const record = this.#record;
    record[FIELD.version]!++;
    record[FIELD.rtcpPackets]!++;
    record[FIELD.rtcpBytes]! += datagram.length;
    this.reader.read(outcome.packets, nowMs, this.peer.reception);
    record[FIELD.version]!++;
    this.lastHeardMs = nowMs;
    if (!this.peer.outlet.rtcpOpen) return this.#drop('no-target');
    this.peer.noteReportsSent(outcome.packets, nowMs);
    this.peer.outlet.sendRtcp(datagram);
    return true;
  }

  /** Remembers the sender reports that go to this leg's peer, for the round trip. */
  noteReportsSent(packets: readonly RtcpPacket[], nowMs: number): void {
    for (const packet of packets) {
      if (packet.type === 'sr') this.reader.ledger.note(middle32(packet.ntpSeconds, packet.ntpFraction), nowMs);
    }
  }

  #fromPeer(latch: Latch, address: string, port: number, nowMs: number): boolean {
    const verdict = latch.judge(address, port, nowMs, false);
    if (verdict === ACCEPTED) return true;
    if (verdict === REFUSED) {
      this.#drop('source');
      this.#refusals.note(address, port);
      return false;
    }
    this.#onLatched(latch, address, port);
    return true;
  }

  #onLatched(latch: Latch, address: string, port: number): void {
    if (latch === this.#latch) {
      this.#rtcpLatch.expect(address);
      this.#tell({ kind: 'latched', side: this.side, address, port });
    }
    this.#aim();
  }

  #describeLatches(description: RemoteDescription, reopen: boolean): void {
    const { address, rtpPort, rtcpPort, rtcpAddress, signallingAddress, allowedSources } = description;
    this.#latch.describe({ address, port: rtpPort, signallingAddress, allowedSources }, reopen);
    const rtcp = { address: rtcpAddress ?? address, port: rtcpPort ?? rtpPort + 1 };
    this.#rtcpLatch.describe({ ...rtcp, signallingAddress, allowedSources }, reopen);
  }

  #aim(): void {
    if (this.#description) this.outlet.aim(this.#description, this.#latch.latched, this.#rtcpLatch.latched);
  }

  #dropForeign(datagram: Buffer): boolean {
    const kind = classifyDatagram(datagram);
    return this.#drop(kind === 'stun' || kind === 'dtls' ? kind : 'not-rtp');
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
    !sameKeys(previous.srtp, next.srtp)
  );
}

function sameKeys(previous: RemoteDescription['srtp'], next: RemoteDescription['srtp']): boolean {
  if (!previous || !next) return previous === next;
  return previous.receive.suite === next.receive.suite && Buffer.compare(previous.receive.key, next.receive.key) === 0;
}
