import type { GatewayError } from '../../core/index.js';
import type { SipParseError } from '../message/index.js';

/**
 * The seam between sockets and the SIP core. Transports turn sockets into flows and whole messages; the core turns
 * messages into sends on flows. Beyond framing the transports know no protocol, and the core owns no socket:
 *
 *     socket ─bytes─► framing ─message bytes─► WireReceiver.receive(bytes, flow)          (transport → core)
 *     core ─► Wire.open(target) ─► Flow ─► flow.send(bytes) ─► socket                     (core → transport)
 */

export type TransportName = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss';

/** Ports where a URL or URI names none: RFC 3261 §19.1.2, RFC 7118 §5.2 (HTTP's own). */
export const DEFAULT_PORTS: Readonly<Record<TransportName, number>> = {
  udp: 5060,
  tcp: 5060,
  tls: 5061,
  ws: 80,
  wss: 443,
};

export interface Endpoint {
  /** IPv4 or IPv6 literal, no brackets, no zone. */
  readonly address: string;
  readonly port: number;
}

/** What the TLS handshake of a flow established. */
export interface TlsFacts {
  /** Server name the peer asked for (SNI), on accepted connections. */
  readonly serverName?: string;
  /** subjectAltName DNS names and URIs, else the common name, of a verified peer certificate; empty without one. */
  readonly peerNames: readonly string[];
  /** Name the peer's certificate was verified for, on connections we opened. */
  readonly verifiedName?: string;
}

/** One way to a peer: a UDP 4-tuple or one stream connection. */
export interface Flow {
  readonly transport: TransportName;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** True for everything but UDP: no retransmissions (RFC 3261 §17). */
  readonly reliable: boolean;
  /** True when the peer opened the connection. */
  readonly inbound: boolean;
  readonly tls?: TlsFacts;
  readonly closed: boolean;
  /** Sends one whole message. A failure, now or later, is told by WireReceiver.flowFailed, never thrown. */
  send(bytes: Buffer): void;
  /** Ends a stream connection after what is queued is written; a no-op on UDP. */
  close(): void;
}

/** A place to send to, fully located: RFC 3263 is behind it. */
export interface ResolvedTarget {
  readonly transport: TransportName;
  readonly address: string;
  readonly port: number;
  /** Name to verify in the peer's certificate and to send as SNI; TLS and WSS only. */
  readonly serverName?: string;
}

/** What the core asks of the transports. */
export interface Wire {
  /**
   * Gives a flow to the target: a UDP flow at once, an existing connection to the same place (RFC 3261 §18, RFC 5923
   * aliasing only within our own outgoing connections), or a new one. `done` is called exactly once, possibly before
   * `open` returns; an error has code `transport.refused`, `transport.timeout`, `transport.tls` or
   * `transport.unavailable` (no listener of that family and transport).
   */
  open(target: ResolvedTarget, connectTimeoutMs: number, done: (result: Flow | GatewayError) => void): void;
  /** Address and port to write in Via and Contact for messages on this flow (the advertised ones where configured). */
  sentBy(flow: Pick<Flow, 'transport' | 'local'>): Endpoint;
}

/** What the transports tell the core. */
export interface WireReceiver {
  /** One whole message (datagram or framed). `bytes` belongs to the receiver. */
  receive(bytes: Buffer, flow: Flow): void;
  /** The flow can carry no more: reset, closed by the peer, ICMP error for a UDP peer. */
  flowFailed(flow: Flow, error: GatewayError): void;
  /**
   * What came on a connection cannot be cut into messages. Answer it where `error.message` holds enough to answer; the
   * transport closes the connection after this returns and tells flowFailed with `transport.framing`.
   */
  malformed?(flow: Flow, error: SipParseError): void;
  /** Whether a dialog lives on the connection: it is then not closed for being silent. */
  inUse?(flow: Flow): boolean;
}

/** What is to be located (RFC 3263): a SIP URI's host, port and transport, or a configured host. */
export interface Location {
  readonly host: string;
  readonly port?: number;
  readonly transport?: TransportName;
  /** True for sips: URIs and wherever TLS is required. */
  readonly secure?: boolean;
  /** Name the certificate must be good for where `host` is an address; absent: the address itself. */
  readonly serverName?: string;
}

export interface Locator {
  /**
   * Lists targets in the order to try them; IP literals synchronously. Errors: `dns.not-found`, `dns.failed`,
   * `dns.timeout`. `done` is called exactly once.
   */
  locate(where: Location, done: (result: readonly ResolvedTarget[] | GatewayError) => void): void;
}
