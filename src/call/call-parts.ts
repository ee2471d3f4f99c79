import type { Logger, Random, Scheduler } from '../core/index.js';
import type { Admission, PlannedAttempt } from '../routing/index.js';
import type { MediaEngine, MediaEvent, SdesPolicy, Side } from '../rtp/index.js';
import type { SessionTimerOrder, SignalingEngine } from '../sip/index.js';
import type { AttemptEnd } from './attempt.js';
import type { Call } from './call.js';
import type { BridgeSettings } from './dialog-bridge.js';
import type { CallEvent } from './events.js';

/** Event without what every event has. */
export type Happening = CallEvent extends infer Event
  ? Event extends CallEvent
    ? Omit<Event, 'transactionId' | 'timeMs'>
    : never
  : never;

/**
 * An event of a call. What every call has is written out by kind: objects put together from parts that are not known when
 * the code is compiled are slow to make, and slow for everybody who reads them.
 */
export function eventOf(happening: Happening, transactionId: string, timeMs: number): CallEvent {
  const { kind } = happening;
  switch (kind) {
    case 'attempt-started':
      return { kind, attempt: happening.attempt, transactionId, timeMs };
    case 'ringing': {
      const { attempt, sipStatus, earlyMedia } = happening;
      return { kind, attempt, sipStatus, earlyMedia, transactionId, timeMs };
    }
    case 'answered': {
      const { attempt, codec, encryption } = happening;
      return { kind, attempt, codec, encryption, transactionId, timeMs };
    }
    case 'figures': {
      const { quality, totals, final } = happening;
      return { kind, quality, totals, final, transactionId, timeMs };
    }
    case 'ended':
      return { kind, end: happening.end, transactionId, timeMs };
    default:
      return { ...happening, transactionId, timeMs };
  }
}

/** What the media engine tells, as an event of the call; silence is no event but an end. */
export function happeningOf(told: Exclude<MediaEvent, { kind: 'timeout' }>): Happening {
  const { side } = told;
  switch (told.kind) {
    case 'latched':
      return { kind: 'media-latched', side, address: told.address, port: told.port };
    case 'source-refused':
      return { kind: 'source-refused', side, address: told.address, port: told.port };
    case 'dtmf':
      return { kind: 'dtmf', side, event: told.event, durationMs: told.durationMs, way: 'rtp' };
  }
}

/** Where a side's media may come from, as it was admitted. */
export const sourcesOf = ({ mediaSources, allowedSources }: Admission, side: Side) => ({
  mediaSources: mediaSources[side],
  allowedSources: allowedSources?.[side],
});

/** What a call needs of its surroundings. */
export interface CallParts {
  readonly signaling: SignalingEngine;
  readonly media: MediaEngine;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly logger: Logger;
  readonly settings: CallSettings;
  emit(event: CallEvent): void;
  /** A target's answer or silence, for its health (passive signals) and Retry-After. */
  onTargetOutcome(planned: PlannedAttempt, end: AttemptEnd | 'answered'): void;
  /** Asked before each attempt: false when the target's limits are exhausted by now. */
  takeTarget(planned: PlannedAttempt): boolean;
  releaseTarget(planned: PlannedAttempt): void;
  /** Call-ID of a leg, as it comes to be and when the call is over. */
  onLeg(callId: string): void;
  /** The call is over and its last event emitted. */
  onOver(call: Call): void;
}

export interface CallSettings extends BridgeSettings {
  /** Host of our From and P-Asserted-Identity URIs. */
  readonly domain: string;
  /** Forks of the callee are early dialogs of their own to the caller, or one. */
  readonly earlyDialogs: 'each' | 'one';
  readonly mediaTimeoutSeconds: number;
  /** Digits between a side with telephone-events and one with SIP INFO are translated (default), or left alone. */
  readonly dtmf?: 'auto' | 'pass';
  /** Which SRTP suites may be agreed on; absent: all. */
  readonly srtp?: SdesPolicy;
  /** IP versions that media sockets are open for; absent: one, whatever it is. */
  readonly mediaFamilies?: readonly (4 | 6)[];
  readonly maxCallSeconds: number;
  readonly intervalSeconds: number;
  /** Offered to callees (RFC 4028). */
  readonly sessionTimer: SessionTimerOrder;
}
