import type { Counters, Logger, Scheduler } from '../../core/index.js';
import { DEFAULT_LIMITS as DEFAULT_PARSE_LIMITS, type ParseLimits } from '../message/index.js';
import type { ConnectionFlow } from './connection-flow.js';
import type { WireReceiver } from './flow.js';
import type { SourceGuard } from './protection/index.js';

/** Bounds on what peers can make us keep. Every one has a default; times in milliseconds, sizes in bytes. */
export interface TransportLimits {
  /** Largest message accepted; a larger one is dropped from UDP and closes a connection. */
  readonly message: ParseLimits;
  /** Receive buffer asked of the system for each UDP socket; it gives at most net.core.rmem_max. */
  readonly udpReceiveBufferBytes: number;
  /** UDP peers remembered per listener; forgetting one costs nothing but a new flow object. */
  readonly udpFlows: number;
  /** Accepted connections, in all and from one source address. */
  readonly connections: number;
  readonly connectionsPerSource: number;
  /** From accept to a finished TLS handshake, and again to a finished WebSocket upgrade. */
  readonly handshakeMs: number;
  /** From there to the end of the first whole message; pings do not count. */
  readonly firstMessageMs: number;
  /** From the first byte of any message to its last. */
  readonly messageMs: number;
  /** Without a message or ping in either direction, where no dialog lives on the connection. */
  readonly idleMs: number;
  /** Bytes waiting in one connection for a peer that does not read, or in a UDP socket for the network. */
  readonly writeQueueBytes: number;
  /** From close() until what is still queued is thrown away. */
  readonly closeMs: number;
  /** Between WebSocket pings; a connection that misses two in a row is closed. */
  readonly webSocketPingMs: number;
}

export const DEFAULT_TRANSPORT_LIMITS: TransportLimits = {
  message: DEFAULT_PARSE_LIMITS,
  udpReceiveBufferBytes: 4 * 1024 * 1024,
  udpFlows: 10_000,
  connections: 10_000,
  connectionsPerSource: 256,
  handshakeMs: 10_000,
  firstMessageMs: 15_000,
  messageMs: 10_000,
  idleMs: 3_600_000,
  writeQueueBytes: 1024 * 1024,
  closeMs: 2_000,
  webSocketPingMs: 30_000,
};

/** Most bytes one message can have: a datagram, a WebSocket message. */
export const maxMessageBytes = (limits: TransportLimits): number =>
  limits.message.maxHeaderBytes + limits.message.maxBodyBytes;

/** What every transport works with. */
export interface TransportContext {
  readonly limits: TransportLimits;
  readonly guard: SourceGuard;
  readonly receiver: Required<WireReceiver>;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  readonly counters: Counters;
  /** Every open connection; each enters and leaves by itself. */
  readonly connections: Set<ConnectionFlow>;
}
