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
  readonly bytes: Buffer;
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
  /** Legs of calls that are over, in the order of their ends. */
  readonly #over: { readonly transactionId: string; readonly callIds: readonly string[]; readonly dueMs: number }[] =
    [];
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
      if (kept.callId === callId) this.#take(facts, kept.callId, kept.timeMs, kept.message, kept.bytes);
    }
    this.#unclaimed = this.#unclaimed.filter((kept) => kept.callId !== callId);
  }

  /** Forgets the legs of a call a little after it ended, so that the last responses still find it. */
  release(transactionId: string, callIds: readonly string[]): void {
    this.#over.push({ transactionId, callIds, dueMs: this.#scheduler.nowMs() + LINGER_MS });
    if (this.#over.length === 1) this.#waitForNext();
  }

  message(_direction: 'in' | 'out', message: SipRequest | SipResponse, bytes: Buffer, _flow: Flow): void {
    const callId = message.headers.get('Call-ID');
    // Only an answer to a request that lacked it has none.
    if (callId === undefined) return;
    const facts = this.#calls.get(callId);
    const timeMs = this.#scheduler.wallMs();
    if (facts) return this.#take(facts, callId, timeMs, message, bytes);
    if (message instanceof SipResponse || message.method !== 'INVITE') return;
    if (this.#unclaimed.length === MOST_UNCLAIMED) this.#unclaimed.shift();
    this.#unclaimed.push({ callId, timeMs, message, bytes: Buffer.from(bytes) });
  }

  #take(facts: CallFacts, callId: string, timeMs: number, message: SipRequest | SipResponse, bytes: Buffer): void {
    const id = facts.voiceConnectorId;
    if (message instanceof SipResponse) this.#targets.onResponse(id ?? 'unassigned', message.status);
    this.#targets.log.message(callId, timeMs, bytes);
  }

  #forget(): void {
    const nowMs = this.#scheduler.nowMs();
    let due = 0;
    for (const { transactionId, callIds, dueMs } of this.#over) {
      if (dueMs > nowMs) break;
      due++;
      for (const callId of callIds) {
        // A caller may try again under the Call-ID of the call that was refused: that is the new call's by then.
        if (this.#calls.get(callId)?.transactionId !== transactionId) continue;
        this.#calls.delete(callId);
        this.#targets.log.release(callId);
      }
    }
    this.#over.splice(0, due);
    this.#waitForNext();
  }

  /** One timer for all calls that are over, set for the oldest. */
  #waitForNext(): void {
    const next = this.#over[0];
    if (next)
      this.#scheduler.after(Math.max(FORGET_TOGETHER_MS, next.dueMs - this.#scheduler.nowMs()), () => this.#forget());
  }
}

const LINGER_MS = 5000;
/** Calls that end close together are forgotten together. */
const FORGET_TOGETHER_MS = 100;
