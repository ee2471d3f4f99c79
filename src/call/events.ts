import type { TraceStep } from '../routing/index.js';
import type { ReportedVoip, Side } from '../rtp/index.js';
import type { IntervalQuality, Path } from './quality.js';

/**
 * Call events: everything that happens to a call, typed and time-stamped. The call layer emits them; journal, record,
 * media log, metrics, ladder and live view are projections of this one stream, so they cannot disagree.
 */

export type Direction = 'Inbound' | 'Outbound';

export interface CallFacts {
  /** UUID of the call. */
  readonly transactionId: string;
  /** SIP Call-ID of the incoming leg. */
  readonly callId: string;
  readonly direction: Direction;
  /** Absent when no connector could be told. */
  readonly voiceConnectorId: string | undefined;
  readonly from: string;
  readonly to: string;
  readonly sipAuthUser?: string;
}

export interface AttemptFacts {
  /** 1 for the first. */
  readonly number: number;
  /** Carrier or route: `carrier:main 192.0.2.1:5060/UDP`. */
  readonly target: string;
  readonly callId: string;
}

export type HangupSide = 'customer' | 'remote' | 'gateway';

export interface EndFacts {
  /** Who ended it. */
  readonly side: HangupSide;
  /** Stable code, such as `call.hangup`, `termination.cps-exceeded`, `media.timeout`. */
  readonly code: string;
  /** One sentence. */
  readonly reason: string;
  /** Final status the caller got; 200 for an answered call. */
  readonly sipStatus: number;
  /** ITU-T Q.850 cause. */
  readonly q850: number;
}

/** Cumulative figures of one path since the call began. */
export interface PathTotals {
  readonly rtpPackets: number;
  readonly rtpBytes: number;
  readonly rtcpPackets: number;
  readonly rtcpBytes: number;
  readonly packetsLost: number | null;
  /** Measured paths only. */
  readonly reordered?: number | null;
  readonly duplicates?: number | null;
  readonly jitterMaxUs?: number | null;
  readonly burstDensity?: number | null;
  readonly gapDensity?: number | null;
  readonly dropped?: Readonly<Record<string, number>>;
  /** What the far end last said of the quality that it hears (RTCP XR, RFC 3611 §4.7); on what we send. */
  readonly reportedVoip?: ReportedVoip;
}

type Body =
  | { readonly kind: 'received'; readonly facts: CallFacts; readonly source: string; readonly transport: string }
  | {
      readonly kind: 'decided';
      readonly facts: CallFacts;
      readonly admitted: boolean;
      readonly code: string;
      readonly trace: readonly TraceStep[];
    }
  | { readonly kind: 'attempt-started'; readonly attempt: AttemptFacts }
  | {
      readonly kind: 'attempt-failed';
      readonly attempt: AttemptFacts;
      readonly sipStatus: number | undefined;
      readonly code: string;
      readonly reason: string;
    }
  | {
      readonly kind: 'ringing';
      readonly attempt: AttemptFacts;
      readonly sipStatus: number;
      readonly earlyMedia: boolean;
    }
  | {
      readonly kind: 'answered';
      readonly attempt: AttemptFacts;
      readonly codec: string | undefined;
      readonly encryption: Readonly<Record<Side, string>>;
    }
  | { readonly kind: 'media-latched'; readonly side: Side; readonly address: string; readonly port: number }
  | { readonly kind: 'source-refused'; readonly side: Side; readonly address: string; readonly port: number }
  | { readonly kind: 'held' | 'resumed'; readonly side: Side }
  /** A change of media that `side` asked for in the call was refused by us. */
  | { readonly kind: 'media-refused'; readonly side: Side; readonly code: string }
  /** A side keyed a digit: as telephone-event in RTP, or in SIP INFO where that is turned into one. */
  | {
      readonly kind: 'dtmf';
      readonly side: Side;
      readonly event: number;
      readonly durationMs: number;
      readonly way: 'rtp' | 'info';
    }
  /** A digit that came from `side` in INFO, or was to go to it that way, and did not. */
  | { readonly kind: 'dtmf-refused'; readonly side: Side; readonly code: string; readonly sipStatus?: number }
  | {
      readonly kind: 'figures';
      readonly quality: IntervalQuality;
      readonly totals: Readonly<Record<Path, PathTotals>>;
      readonly final: boolean;
    }
  | { readonly kind: 'ended'; readonly end: EndFacts };

export type CallEvent = Body & {
  readonly transactionId: string;
  /** Unix epoch milliseconds. */
  readonly timeMs: number;
};

/** Anything that listens to call events. Must not throw and must not wait. */
export interface CallListener {
  onCallEvent(event: CallEvent): void;
}
