import type { Scheduler } from '../core/index.js';
import { type Flow, type SipRequest, SipResponse } from '../sip/index.js';
import type { CallFacts } from './events.js';
import type { SipMessageLog } from './log/sip-log.js';

/** What hears of each SIP message of a call. */
export interface TraceTargets {
  /** Counts a response of a connector's call. */
  readonly onResponse: (voiceConnectorId: string, status: number) => void;
  /** Whether the connector has enableSIPLogs. */
  readonly logs: (voiceConnectorId: string) => boolean;
  readonly log: SipMessageLog;
}

interface Unclaimed {
  readonly callId: string;
  readonly timeMs: number;
  readonly message: SipRequest | SipResponse;
  readonly text: string;
}

const MOST_UNCLAIMED = 16;

/**
 * Tells which call a SIP message belongs to, by its Call-ID. The first message of a leg is seen before its call is
 * known (an INVITE comes in, an INVITE goes out before its Call-ID is told): the last few such are kept until claimed.
 */
export class MessageTrace {
  readonly #targets: TraceTargets;
  readonly #scheduler: Scheduler;
  readonly #calls = new Map<string, CallFacts>();
  #unclaimed: Unclaimed[] = [];

  constructor(targets: TraceTargets, scheduler: Scheduler) {
    this.#targets = targets;
    this.#scheduler = scheduler;
  }

  /** Messages with this Call-ID belong to that call, the kept ones too. */
  register(callId: string, facts: CallFacts): void {
    this.#calls.set(callId, facts);
    const { voiceConnectorId, transactionId } = facts;
    if (voiceConnectorId !== undefined && this.#targets.logs(voiceConnectorId)) {
      this.#targets.log.register(callId, voiceConnectorId, transactionId);
    }
    for (const kept of this.#unclaimed) {
      if (kept.callId === callId) this.#take(facts, kept.callId, kept.timeMs, kept.message, () => kept.text);
    }
    this.#unclaimed = this.#unclaimed.filter((kept) => kept.callId !== callId);
  }

  /** Forgets legs a little after their call ended, so that the last responses still find it. */
  release(callIds: readonly string[]): void {
    this.#scheduler.after(LINGER_MS, () => {
      for (const callId of callIds) {
        this.#calls.delete(callId);
        this.#targets.log.release(callId);
      }
    });
  }

  message(_direction: 'in' | 'out', message: SipRequest | SipResponse, bytes: Buffer, _flow: Flow): void {
    const callId = message.headers.get('Call-ID');
    // Only an answer to a request that lacked it has none.
    if (callId === undefined) return;
    const facts = this.#calls.get(callId);
    const timeMs = this.#scheduler.wallMs();
    if (facts) return this.#take(facts, callId, timeMs, message, () => bytes.toString('utf8'));
    if (this.#unclaimed.length === MOST_UNCLAIMED) this.#unclaimed.shift();
    this.#unclaimed.push({ callId, timeMs, message, text: bytes.toString('utf8') });
  }

  #take(facts: CallFacts, callId: string, timeMs: number, message: SipRequest | SipResponse, text: () => string): void {
    const id = facts.voiceConnectorId;
    if (message instanceof SipResponse) this.#targets.onResponse(id ?? 'unassigned', message.status);
    this.#targets.log.message(callId, timeMs, text);
  }
}

const LINGER_MS = 5000;
