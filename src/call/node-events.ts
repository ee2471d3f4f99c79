import type { HealthChange } from '../routing/index.js';
import type { Side } from '../rtp/index.js';

/** What happens to the node, or is of note beyond its call; each leaves one log line and a count in `trunkline_node_events_total`. */
export type NodeEvent =
  | ({ readonly kind: 'target-up' | 'target-down' } & HealthChange)
  | { readonly kind: 'fraud-hold' | 'fraud-release'; readonly voiceConnectorId: string; readonly country: string }
  | {
      readonly kind: 'emergency-call';
      readonly voiceConnectorId: string;
      readonly callingNumber: string;
      readonly calledNumber: string;
    }
  /** A stranger spoke to a port of a call: told once for its address and port, 16 times a side at most. */
  | {
      readonly kind: 'source-refused';
      readonly transactionId: string;
      readonly side: Side;
      readonly address: string;
      readonly port: number;
    }
  | {
      readonly kind: 'registered' | 'registration-failed';
      readonly carrier: string;
      readonly reason: string;
      /** Reason phrase of the carrier. */
      readonly wire?: string;
    };

/** Log message of each kind. */
export const NODE_EVENT_LINES: Readonly<Record<NodeEvent['kind'], string>> = {
  'target-up': 'target health changed',
  'target-down': 'target health changed',
  'fraud-hold': 'country held: a fraud limit was reached',
  'fraud-release': 'fraud hold released',
  'emergency-call': 'emergency call placed',
  'source-refused': 'media source refused',
  registered: 'registered with carrier',
  'registration-failed': 'registration with carrier failed',
};
