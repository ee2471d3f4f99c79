import type { MessageLog } from '../../peers/sip/message-log.js';
import type { CallRecord } from '../../support/gateway.js';
import type { Script } from './script.js';

/** A call as both its ends script it, and what must be seen of it. */

export type SipTransport = 'UDP' | 'TCP' | 'TLS';

export interface Seen {
  /** Every message of the caller, and of the answerer. */
  readonly caller: MessageLog;
  readonly answerer: MessageLog;
  readonly record: CallRecord;
}

export interface Scenario {
  readonly name: string;
  readonly caller: (call: Script) => void;
  readonly answerer: (call: Script) => void;
  /** Calls the answerer gets; default 1. */
  readonly answeredCalls?: number;
  /** Settings of the carrier that leads to the answerer. */
  readonly carrier?: Readonly<Record<string, unknown>>;
  /** It is about what happens between the gateway and a carrier. */
  readonly outboundOnly?: true;
  /** What the call detail record must hold. */
  readonly record: Readonly<Record<string, unknown>>;
  /** Further expectations. */
  readonly check?: (seen: Seen) => void;
  /** Where it applies; default all. */
  readonly transports?: readonly SipTransport[];
  readonly limitMs?: number;
}

/** An answered call that one side ended. */
export const completed = (hangupSide: 'customer' | 'remote' | 'gateway', code = 'call.hangup') => ({
  Status: 'Completed',
  Trunkline: { Code: code, SipStatus: 200, HangupSide: hangupSide },
});

/** A call that was never answered. */
export const failed = (code: string, sipStatus: number) => ({
  Status: 'Failed',
  Trunkline: { Code: code, SipStatus: sipStatus },
});
