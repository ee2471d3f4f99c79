/**
 * The functions of the compiled part (addon.cc, twin.cc) and the values that cross to it. Handles are opaque.
 */
import type { Side, SrtpKeys } from '../engine.js';
import type { PlayedEvent } from '../relay/event-player.js';

/** A relay thread; a session of the packet path without sockets; an SRTP context. */
export type RelayHandle = { readonly relay: unique symbol };
export type TwinHandle = { readonly twin: unique symbol };
export type SrtpHandle = { readonly srtp: unique symbol };

/** A RemoteDescription as the packet path takes it: few members, since reading one costs more than what is in it. */
export interface PackedDescription {
  /**
   * `flags rtpPort rtcpPort address rtcpAddress signallingAddress`, by single spaces; what is unknown is 0 or empty, what
   * is no IP address is read as none. Flags, from bit 0: RTP and RTCP on one port, sends, receives, UDPTL,
   * telephone-events are left out of what goes to it, are played into it, has an RTCP address, has an RTCP port.
   */
  readonly facts: string;
  /** `address/prefix`, by single spaces; absent: any source. */
  readonly allowedSources?: string | undefined;
  /** By payload type, 128 each (see stream/payload-table.ts). */
  readonly clockRatesHz: Float64Array;
  readonly kinds: Uint8Array;
  readonly receive?: SrtpKeys | undefined;
  readonly send?: SrtpKeys | undefined;
}

export type NativeEvent = { readonly id: number; readonly side: Side } & (
  | { readonly kind: 'latched' | 'source-refused'; readonly address: string; readonly port: number }
  | { readonly kind: 'timeout' }
  | {
      readonly kind: 'telephone-event';
      /** The payload's four octets, big-endian (RFC 4733 §2.3). */
      readonly word: number;
      readonly timestamp: number;
      readonly clockRateHz: number;
      readonly nowMs: number;
    }
);

/** Counted up with every change of what crosses; kInterface in addon.cc is the same. */
export const INTERFACE = 4;

export interface NativeBinding {
  readonly interface: number;
  /**
   * Starts a relay thread.
   * @param onWake called when there is something to drain
   * @returns undefined when no thread can be had
   */
  start(
    options: {
      /** Core to run on; −1: any. */
      readonly cpu: number;
      /** Send by a raw socket where the process may (CAP_NET_RAW). */
      readonly raw: boolean;
      /** The engine's monotonic milliseconds minus CLOCK_MONOTONIC's. */
      readonly clockOffsetMs: number;
    },
    counters: Float64Array,
    onWake: () => void,
  ): RelayHandle | undefined;
  /** Binds both legs' ports; returns why it could not. */
  open(
    relay: RelayHandle,
    id: number,
    timeoutMs: number,
    session: {
      /** Of the customer's leg, then of the remote one's: slot of its record, RTP port, address; by single spaces. */
      readonly places: string;
      /** CNAME of our own reports, at most 63 octets. */
      readonly cname: string;
      /** Six random words: SSRC and a 64-bit seed for each side's reporter. */
      readonly seeds: Uint32Array;
    },
  ): string | undefined;
  /** False when a key does not fit its suite, and then nothing has changed. */
  describe(relay: RelayHandle, id: number, side: 0 | 1, description: PackedDescription): boolean;
  /** Plays a telephone-event to a side's peer. */
  play(relay: RelayHandle, id: number, side: 0 | 1, event: PlayedEvent): void;
  /** The id comes back from `drain` when the session's counters stand still; false: there is no such session. */
  close(relay: RelayHandle, id: number): boolean;
  /** Starts to fill a fork's memory (fork/layout.ts), which it keeps alive. `point`: received, plain, sent. */
  fork(
    relay: RelayHandle,
    id: number,
    fork: number,
    side: 0 | 1,
    point: 0 | 1 | 2,
    memory: Uint8Array,
    maxQueued: number,
  ): boolean;
  /** `fork` comes back from `drain` when its memory stands still; false: there is no such fork. */
  unfork(relay: RelayHandle, id: number, fork: number): boolean;
  drain(relay: RelayHandle): {
    readonly events: readonly NativeEvent[];
    readonly closed: readonly number[];
    readonly unforked: readonly number[];
  };
  /** Ends the thread and every session; `drain` then gives what was left. */
  stop(relay: RelayHandle): void;
  sendsRaw(relay: RelayHandle): boolean;
  /** Memory of a session in the packet path, without its records. */
  readonly sessionBytes: number;

  // For tests: the packet path without sockets, SRTP alone, the layout's numbers.
  createTwin(customer: Float64Array, remote: Float64Array, family: 4 | 6): TwinHandle;
  twinDescribe(twin: TwinHandle, side: 0 | 1, description: PackedDescription, nowMs: number): boolean;
  /** Works on `packet` in place; when it goes on, `out` is length, 1 for the RTCP socket, port. */
  twinPacket(
    twin: TwinHandle,
    side: 0 | 1,
    rtcpPort: boolean,
    packet: Uint8Array,
    length: number,
    address: string,
    port: number,
    nowMs: number,
    out: Int32Array,
  ): boolean;
  twinPlay(twin: TwinHandle, side: 0 | 1, event: PlayedEvent): void;
  /** Writes a packet of our own for the event that is played, if one is due; `out` as for `twinPacket`. */
  twinPlayOn(twin: TwinHandle, side: 0 | 1, nowMs: number, packet: Uint8Array, out: Int32Array): boolean;
  /** Writes the first report of our own to a side's peer; returns its length, 0 when there is nothing to tell. */
  twinReport(
    twin: TwinHandle,
    side: 0 | 1,
    ssrc: number,
    cname: string,
    nowMs: number,
    wallMs: number,
    packet: Uint8Array,
  ): number;
  /** As `fork`; the memory must outlive the twin. */
  twinFork(twin: TwinHandle, side: 0 | 1, point: 0 | 1 | 2, memory: Uint8Array, maxQueued: number): boolean;
  twinFinish(twin: TwinHandle): void;
  twinEvents(twin: TwinHandle): readonly NativeEvent[];
  createSrtp(suite: string, key: Uint8Array, sealing: boolean): SrtpHandle | undefined;
  /** 0 open, 1 seal, 2 open RTCP, 3 seal RTCP; returns the new length or an SrtpFailure. */
  srtp(context: SrtpHandle, operation: 0 | 1 | 2 | 3, packet: Uint8Array, length: number): number;
  /** Mean µs of thread time to seal a 172-byte packet. */
  timeSeal(context: SrtpHandle, count: number): number;
  /** The numbers of FORK and FORK_FLAG. */
  forkLayout(): Readonly<Record<string, number>>;
  layout(): {
    readonly legWords: number;
    readonly payloadTypeSlots: number;
    readonly fields: Readonly<Record<string, number>>;
    readonly drops: readonly string[];
  };
}
