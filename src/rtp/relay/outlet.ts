import type { RemoteDescription } from '../engine.js';
import { FORK_FLAG } from '../fork/index.js';
import type { RtpView } from '../packet/rtp.js';
import { type Endpoint, isSendable } from './address.js';
import type { LegCipher } from './cipher.js';
import type { ShortWay, ShortWayUser } from './connected-socket.js';
import type { EventSplicer } from './event-splicer.js';
import { FIELD } from './layout.js';
import { keepMemory } from './scratch.js';
import type { BoundSocket } from './sockets.js';

/** The stream that goes out of a leg, as a sender report tells it (RFC 3550 §6.4.1). */
export interface SentStream {
  readonly ssrc: number;
  readonly packets: number;
  /** Payload octets */
  readonly octets: number;
}

/**
 * Where a leg's packets go, and how many went. RTP goes to the latched source, before that to the described address.
 * RTCP goes to the latched RTCP source, to the described RTCP address, or, behind a NAT that hides that one, to the port
 * after the latched RTP port; with rtcp-mux it goes where RTP goes (RFC 5761 §5.1.1).
 */
export class Outlet {
  // What every packet needs, together in memory
  /** RTP, or UDPTL, may be sent: an address is known, the direction allows it, and the peer takes that kind. */
  rtpOpen = false;
  #sealed = false;
  #streaming = false;
  /** As an int32: V8 keeps larger numbers elsewhere in memory. */
  #ssrc = 0;
  #packets = 0;
  #octets = 0;
  readonly #records: Float64Array;
  readonly #base: number;
  /** What is played into the stream, or left out of it. */
  splicer: EventSplicer | undefined;
  /** Takes a copy of all that is sent; absent where nobody asked for one. `flags`: of FORK_FLAG. */
  tap: ((wire: Buffer, flags: number, to: Endpoint) => void) | undefined;
  /** Leads to where RTP goes, quicker than by address. */
  way: ShortWay | undefined;

  udptlOpen = false;
  /** RTCP may be sent: held streams still have reports (RFC 3264 §8.4 stops media only). */
  rtcpOpen = false;
  /** The description's direction allows sending. */
  wanted = false;
  readonly #rtp: BoundSocket;
  readonly #rtcp: BoundSocket;
  readonly #family: 4 | 6;
  readonly #cipher: LegCipher;
  #rtpTarget: Endpoint = { address: '', port: 0 };
  #rtcpTarget: Endpoint = { address: '', port: 0 };
  #mux = false;

  /**
   * @param base  where the leg's record begins in `records`
   * @param family  IP version of the sockets; nothing is sent to an address of the other
   */
  constructor(
    records: Float64Array,
    base: number,
    rtp: BoundSocket,
    rtcp: BoundSocket,
    family: 4 | 6,
    cipher: LegCipher,
  ) {
    this.#records = records;
    this.#base = base;
    this.#rtp = rtp;
    this.#rtcp = rtcp;
    this.#family = family;
    this.#cipher = cipher;
  }

  /** Works out the targets anew, after a description or a latch. */
  aim(description: RemoteDescription, rtp: Endpoint | undefined, rtcp: Endpoint | undefined): void {
    const described = { address: description.address, port: description.rtpPort };
    this.#mux = description.rtcpMux === true;
    this.#sealed = this.#cipher.active;
    this.#rtpTarget = rtp ?? described;
    this.#rtcpTarget = this.#mux ? this.#rtpTarget : (rtcp ?? this.#guessRtcp(description, rtp));
    const silenced = description.rtpPort === 0 || description.address === '0.0.0.0' || description.address === '::';
    this.wanted = !silenced && (description.direction === 'sendrecv' || description.direction === 'sendonly');
    const open = this.wanted && isSendable(this.#rtpTarget.address, this.#rtpTarget.port, this.#family);
    this.rtpOpen = open && description.kind !== 'udptl';
    this.udptlOpen = open && description.kind === 'udptl';
    this.rtcpOpen =
      !silenced &&
      description.kind !== 'udptl' &&
      isSendable(this.#rtcpTarget.address, this.#rtcpTarget.port, this.#family);
  }

  /** RTP comes from there, and from nowhere else; or that is not sure. */
  settle(source: Endpoint | undefined, user: ShortWayUser): void {
    this.#rtp.settle?.(source, user);
  }

  /** Sends media; the caller has checked `rtpOpen`. Returns false when it could not be sealed. */
  sendRtp(packet: Buffer, view: RtpView): boolean {
    const wire = this.#sealed ? this.#cipher.seal(packet, view) : packet;
    if (wire === undefined) return false;
    const records = this.#records;
    const base = this.#base;
    records[base + FIELD.sentPackets]!++;
    records[base + FIELD.sentBytes]! += packet.length;
    if ((view.ssrc | 0) !== this.#ssrc || !this.#streaming) this.#startStream(view.ssrc);
    this.#packets++;
    this.#octets += view.payloadBytes;
    const sent = this.way?.send(wire) ?? this.#rtp.send(wire, this.#rtpTarget.port, this.#rtpTarget.address);
    if (!sent) keepMemory(wire);
    if (this.tap) this.tap(wire, 0, this.#rtpTarget);
    return true;
  }

  /** Sends a UDPTL datagram; the caller has checked `udptlOpen`. */
  sendDatagram(datagram: Buffer): void {
    this.#records[this.#base + FIELD.sentPackets]!++;
    this.#records[this.#base + FIELD.sentBytes]! += datagram.length;
    if (!this.#rtp.send(datagram, this.#rtpTarget.port, this.#rtpTarget.address)) keepMemory(datagram);
    this.tap?.(datagram, FORK_FLAG.udptl, this.#rtpTarget);
  }

  /** Sends a compound RTCP datagram; the caller has checked `rtcpOpen`. Returns false when it could not be sealed. */
  sendRtcp(datagram: Buffer): boolean {
    const wire = this.#sealed ? this.#cipher.sealRtcp(datagram) : datagram;
    if (wire === undefined) return false;
    this.#records[this.#base + FIELD.sentRtcpPackets]!++;
    this.#records[this.#base + FIELD.sentRtcpBytes]! += datagram.length;
    const socket = this.#mux ? this.#rtp : this.#rtcp;
    if (!socket.send(wire, this.#rtcpTarget.port, this.#rtcpTarget.address)) keepMemory(wire);
    this.tap?.(wire, FORK_FLAG.rtcp | (this.#mux ? 0 : FORK_FLAG.rtcpSocket), this.#rtcpTarget);
    return true;
  }

  /** The stream last sent; undefined when none was. */
  get stream(): SentStream | undefined {
    return this.#streaming ? { ssrc: this.#ssrc >>> 0, packets: this.#packets, octets: this.#octets } : undefined;
  }

  #startStream(ssrc: number): void {
    this.#streaming = true;
    this.#ssrc = ssrc | 0;
    this.#packets = 0;
    this.#octets = 0;
  }

  #guessRtcp(description: RemoteDescription, rtp: Endpoint | undefined): Endpoint {
    const address = description.rtcpAddress ?? description.address;
    const port = description.rtcpPort ?? description.rtpPort + 1;
    const translated = rtp !== undefined && rtp.address !== description.address;
    return translated && description.rtcpAddress === undefined
      ? { address: rtp.address, port: rtp.port + 1 }
      : { address, port };
  }
}
