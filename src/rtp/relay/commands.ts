import type { ForkPoint, MediaEvent, RemoteDescription, Side } from '../engine.js';
import type { PlayedEvent } from './event-player.js';

/**
 * What passes between the engine (signalling's thread) and a relay host (a worker's thread). Plain values only. Commands
 * of one session arrive in the order they were given. Counters do not pass here: both sides see the same memory.
 */
export interface LegPlace {
  /** Slot of the leg's record in the shared memory. */
  readonly slot: number;
  /** Local address to bind. */
  readonly address: string;
  /** Even; RTCP is on the next. */
  readonly rtpPort: number;
}

export type RelayCommand =
  | {
      readonly kind: 'open';
      readonly id: number;
      readonly legs: Readonly<Record<Side, LegPlace>>;
      readonly timeoutMs: number;
    }
  | { readonly kind: 'describe'; readonly id: number; readonly side: Side; readonly description: RemoteDescription }
  | {
      readonly kind: 'fork';
      readonly id: number;
      /** Unlike any other's of the engine. */
      readonly fork: number;
      readonly side: Side;
      readonly point: ForkPoint;
      /** See fork/layout.ts. */
      readonly memory: SharedArrayBuffer;
      readonly maxQueued: number;
    }
  | { readonly kind: 'unfork'; readonly id: number; readonly fork: number }
  | { readonly kind: 'play'; readonly id: number; readonly side: Side; readonly event: PlayedEvent }
  | { readonly kind: 'close'; readonly id: number }
  | { readonly kind: 'stop' };

export type RelayReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'opened'; readonly id: number }
  /** A port could not be bound; neither leg is open. */
  | { readonly kind: 'open-failed'; readonly id: number; readonly side: Side; readonly reason: string }
  | { readonly kind: 'event'; readonly id: number; readonly event: MediaEvent }
  /** Nothing of the fork's memory changes after this. */
  | { readonly kind: 'unforked'; readonly fork: number }
  /** Nothing of the session's counters, nor of its forks' memory, changes after this. */
  | { readonly kind: 'closed'; readonly id: number }
  /** A broken invariant in the packet path; the session goes on without that packet. */
  | { readonly kind: 'fault'; readonly id: number; readonly reason: string }
  | { readonly kind: 'stopped' };
