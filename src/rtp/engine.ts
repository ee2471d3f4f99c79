/**
 * The media engine port: what the call layer asks of media, whichever engine carries it (design §2, §5).
 *
 *      customer side                 session                  remote side
 *   peer ── cust2vc ──► [leg customer] ──► [leg remote] ── vc2rem ──► peer
 *   peer ◄─ vc2cust ─── [leg customer] ◄── [leg remote] ◄─ rem2vc ─── peer
 *
 * A session has two legs, each with one local address and an even/odd port pair per media stream. What arrives on one
 * leg leaves on the other. Descriptions are plain values: this port knows no SDP and no SIP.
 */

export type Side = 'customer' | 'remote';

/** Direction of a stream as its leg's SDP has it, seen from our end (RFC 3264 §5.1, §8.4). */
export type StreamDirection = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

export interface PayloadFormat {
  /** 0–127 */
  readonly payloadType: number;
  /** Encoding name as in rtpmap, upper case: `PCMU`, `G729`, `TELEPHONE-EVENT`. */
  readonly encoding: string;
  /** RTP clock in Hz; 8000 for G.722 (RFC 3551 §4.5.2). */
  readonly clockRateHz: number;
  readonly channels?: number;
}

/** Keys of one direction (RFC 3711, RFC 4568); `key` is master key then master salt. */
export interface SrtpKeys {
  readonly suite: SrtpSuite;
  readonly key: Buffer;
}

export type SrtpSuite =
  | 'AES_CM_128_HMAC_SHA1_80'
  | 'AES_CM_128_HMAC_SHA1_32'
  | 'AES_192_CM_HMAC_SHA1_80'
  | 'AES_192_CM_HMAC_SHA1_32'
  | 'AES_256_CM_HMAC_SHA1_80'
  | 'AES_256_CM_HMAC_SHA1_32'
  | 'AEAD_AES_128_GCM'
  | 'AEAD_AES_256_GCM';

/** What the far end of a leg said of itself, and what was agreed. */
export interface RemoteDescription {
  /** Address and port of its SDP; port 0 or address 0.0.0.0 / `::`: nothing is sent to it. */
  readonly address: string;
  readonly rtpPort: number;
  /** RTCP address where it differs (a=rtcp, RFC 3605); default rtpPort + 1. */
  readonly rtcpAddress?: string;
  readonly rtcpPort?: number;
  readonly rtcpMux?: boolean;
  readonly direction: StreamDirection;
  readonly formats: readonly PayloadFormat[];
  /** Packet time that it asked for, ms, where known: no engine needs it, the MOS of what it is sent does. */
  readonly ptimeMs?: number;
  /** Address its signalling comes from: third best match while latching. */
  readonly signallingAddress?: string;
  /** CIDR blocks that bound every acceptable source; absent: any. */
  readonly allowedSources?: readonly string[];
  /** Absent: plain RTP. `receive` opens what the peer seals; `send` seals what goes to it. */
  readonly srtp?: { readonly receive: SrtpKeys; readonly send: SrtpKeys };
  /** `rtp` (default), or UDPTL (T.38), which is relayed and counted as datagrams without RTP reading. */
  readonly kind?: 'rtp' | 'udptl';
  /**
   * Where one side alone has telephone-events (RFC 4733): `drop` leaves those of the other side out of what goes to this
   * peer, which takes none, without a hole in the sequence numbers; `play` lets `playEvent` put some in. Absent: they pass.
   */
  readonly telephoneEvents?: 'drop' | 'play';
}

export interface LocalPorts {
  /** Address to write in SDP (the advertised one where configured). */
  readonly address: string;
  /** Even. */
  readonly rtpPort: number;
  /** rtpPort + 1. */
  readonly rtcpPort: number;
}

/** Counters of what was received from one leg's peer, measured here (RFC 3550 §6.4.1, A.3, A.8). Cumulative unless said. */
export interface ReceptionFigures {
  readonly packets: number;
  /** RTP bytes: header and payload, without UDP/IP. */
  readonly bytes: number;
  readonly rtcpPackets: number;
  readonly rtcpBytes: number;
  /**
   * Expected minus received over all synchronisation sources; may fall when late packets come, never below 0. These
   * three are null where the engine does not measure them.
   */
  readonly lost: number | null;
  /** Packets with a sequence number below the highest seen that were not seen before. */
  readonly reordered: number | null;
  readonly duplicates: number | null;
  /** Interarrival jitter of the current source now, microseconds; null before the second packet. */
  readonly jitterUs: number | null;
  /** Mean and maximum of the jitter estimate over the packets since the previous `read` with `closeInterval`. */
  readonly jitterMeanUs: number | null;
  readonly jitterMaxUs: number | null;
  /** Loss pattern for the E-model and RFC 3611 §4.7.2, in packets, since the previous interval close. */
  readonly intervalExpected: number;
  readonly intervalLost: number;
  /** Mean length of runs of consecutive lost packets in the interval; null when nothing was lost. */
  readonly meanLossRun: number | null;
  /** RFC 3611 §4.7.2 over the whole call: fractions 0–1 and mean durations in ms; null when unknown. */
  readonly burstDensity: number | null;
  readonly gapDensity: number | null;
  readonly ssrc: number | null;
  /** Payload type that carried most packets of the interval (events and comfort noise aside); null when none came. */
  readonly payloadType: number | null;
  /** Monotonic ms of the last packet; null when none. */
  readonly lastPacketMs: number | null;
  /** Dropped packets by reason: `source`, `malformed`, `srtp-auth`, `srtp-replay`, `direction`, `stun`, `dtls`, … */
  readonly dropped: Readonly<Record<string, number>>;
}

/** Counters of what was sent to one leg's peer, and what that peer's RTCP says of it. */
export interface TransmissionFigures {
  readonly packets: number;
  readonly bytes: number;
  readonly rtcpPackets: number;
  readonly rtcpBytes: number;
  /** Far end's report blocks about what we send (RFC 3550 §6.4.1); null until one came. */
  readonly reportedLost: number | null;
  readonly reportedJitterUs: number | null;
  /** Fraction lost of the far end's last report, 0–1. */
  readonly reportedFractionLost: number | null;
  /** The far end's last XR VoIP metrics about what we send (RFC 3611 §4.7); absent until some came. */
  readonly reportedVoip?: ReportedVoip;
}

/** What a far end says of the quality it hears; null where it marks a value unavailable. */
export interface ReportedVoip {
  /** 0–1 */
  readonly lossRate: number;
  readonly discardRate: number;
  /** 0–100 */
  readonly rFactor: number | null;
  /** 1.0–5.0 */
  readonly mosCq: number | null;
}

export interface LegFigures {
  readonly received: ReceptionFigures;
  readonly sent: TransmissionFigures;
  /** Round trip between us and this peer from LSR/DLSR, microseconds: last, and mean of the interval; null if unknown. */
  readonly rttUs: number | null;
  readonly rttMeanUs: number | null;
  /** Latched source, absent until then. */
  readonly latched?: { readonly address: string; readonly port: number };
}

export interface SessionFigures {
  readonly customer: LegFigures;
  readonly remote: LegFigures;
}

export type MediaEvent =
  | { readonly kind: 'latched'; readonly side: Side; readonly address: string; readonly port: number }
  /** First packet refused from a source; once per source address and port, at most 16 told per leg. */
  | { readonly kind: 'source-refused'; readonly side: Side; readonly address: string; readonly port: number }
  /** Nothing came from this side for the timeout while its direction wanted media. */
  | { readonly kind: 'timeout'; readonly side: Side }
  /** One telephone-event finished (RFC 4733): event 0–16, duration in ms. */
  | { readonly kind: 'dtmf'; readonly side: Side; readonly event: number; readonly durationMs: number };

export interface SessionOrder {
  /** For logs and events; the call's transactionId. */
  readonly id: string;
  readonly onEvent: (event: MediaEvent) => void;
  /** Silence that raises `timeout`, seconds. */
  readonly timeoutSeconds: number;
  /** IP version of each leg's local address, where the first address listened on is not what the peer can reach. */
  readonly addressFamily?: Readonly<Partial<Record<Side, 4 | 6>>>;
}

/**
 * Where a fork copies packets of one leg:
 *
 *     peer ──► received ──► SRTP opened ──► plain ──► other leg …
 *     peer ◄── sent ◄── SRTP sealed ◄── … other leg
 *
 * `received` and `plain` are packets that were accepted from the peer (neither strangers' nor malformed ones); on a leg
 * without SRTP they are the same. `sent` is what left to the peer, our own RTCP reports included.
 */
export type ForkPoint = 'received' | 'plain' | 'sent';

/** A copy of one packet that went by. */
export interface ForkedPacket {
  readonly data: Buffer;
  /** Monotonic ms on the engine's clock: when it was read from the socket; of what was sent, when it was given to it. */
  readonly atMs: number;
  readonly kind: 'rtp' | 'rtcp' | 'udptl';
  /** The peer's address and port: source of what was received, destination of what was sent. */
  readonly peer: { readonly address: string; readonly port: number };
  /** Our port that it came to, or left from. */
  readonly localPort: number;
}

export interface ForkOrder {
  readonly side: Side;
  readonly point: ForkPoint;
  /** Packets that may wait for the consumer, 1–8192; default 512. Memory: about 2 KiB each. */
  readonly maxQueued?: number;
  /**
   * Takes packets in the order they went by, some at a time. The next come when what it returns has resolved; until then
   * they wait, and what finds the queue full is dropped and counted. A consumer that throws or rejects ends its fork.
   */
  readonly onPackets: (packets: readonly ForkedPacket[]) => void | Promise<void>;
}

/** What became of the packets that went by while the fork was open; when it has closed these are all of them. */
export interface ForkFigures {
  /** Put into the queue. */
  readonly copied: number;
  /** Found the queue full. */
  readonly dropped: number;
  /** Longer than 2048 octets. */
  readonly oversized: number;
  /** Of `copied`: still queued when the fork closed, and not taken because the consumer was busy or had failed. */
  readonly abandoned: number;
}

export interface MediaFork {
  read(): ForkFigures;
  /** Copies no more, hands over what waits unless the consumer is busy, frees the queue. Idempotent. */
  close(): Promise<ForkFigures>;
  /** Resolves when the fork has closed, by `close`, with its session, or by its consumer's failure, which it then tells. */
  readonly ended: Promise<{ readonly figures: ForkFigures; readonly failure?: unknown }>;
}

export interface MediaSession {
  readonly id: string;
  /** Ports of each leg, bound when the session opened. */
  readonly customer: LocalPorts;
  readonly remote: LocalPorts;
  /** Sets or changes what is known of a side's peer; re-opens latching when its address, port or keys changed. */
  describe(side: Side, description: RemoteDescription): void;
  /**
   * Resolves once what was described so far is in force, rejects where it could not be; absent where `describe` takes
   * effect at once. Who waits for it loses no first packet.
   */
  settled?(): Promise<void>;
  /** Telephone-events are told, left out and played here; without it they only pass. */
  readonly interworksEvents: boolean;
  /**
   * Plays a telephone-event (0–16, in ms) to a side's peer, after those asked for before, in place of the packets of the
   * other side or, where that is silent, beside it. Given up where the peer may not be sent to.
   * @throws GatewayError `media.dtmf-unsupported` without `interworksEvents`
   */
  playEvent(side: Side, event: number, durationMs: number): void;
  /** Reads all figures; `closeInterval` ends the interval, so that interval figures start anew. */
  read(closeInterval: boolean): Promise<SessionFigures>;
  /**
   * Copies what goes by at a point of a leg to a consumer in this process; the packet path never waits for it. Closes with
   * the session.
   * @throws GatewayError `media.fork-unsupported` where the engine cannot; `media.fork-limit` for the ninth of a session;
   * `media.fork-closed` when the session has closed
   */
  fork(order: ForkOrder): MediaFork;
  /** Stops forwarding, gives final figures, puts the ports into quarantine. Idempotent. */
  close(): Promise<SessionFigures>;
}

export interface EngineHealth {
  readonly sessions: number;
  readonly portsInUse: number;
  readonly portsQuarantined: number;
  readonly portsFree: number;
  /** Dropped packets by reason over all sessions since start. */
  readonly dropped: Readonly<Record<string, number>>;
}

export interface MediaEngine {
  readonly name: 'native' | 'typescript' | 'rtpengine';
  start(): Promise<void>;
  /** Closes every session and socket. */
  stop(): Promise<void>;
  /** Binds ports for both legs. Rejects with GatewayError `media.no-port` when none is free. */
  open(order: SessionOrder): Promise<MediaSession>;
  /** Everything, for metrics and debug views: walks all sessions. */
  health(): EngineHealth;
  /** Free ports now; cheap, read at each decision. */
  readonly portsFree: number;
}
