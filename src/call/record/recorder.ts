import type { CallEvent, CallListener, EndFacts } from '../events.js';
import {
  applyEvent,
  buildRecord,
  type CallDetailRecord,
  type CallState,
  openState,
  type RecordContext,
} from './call-detail-record.js';

/** Takes a finished record; must make it durable, retrying as long as it takes. */
export interface RecordSink {
  put(record: CallDetailRecord): void;
}

/**
 * The projection from call events to call detail records: one state per open call, one record at its end.
 * Events of a call that was never `received`, or already ended, change nothing.
 */
export class CallRecorder implements CallListener {
  readonly #open = new Map<string, CallState>();
  readonly #context: RecordContext;
  readonly #sink: RecordSink;

  constructor(context: RecordContext, sink: RecordSink) {
    this.#context = context;
    this.#sink = sink;
  }

  get openCalls(): number {
    return this.#open.size;
  }

  onCallEvent(event: CallEvent): void {
    if (event.kind === 'received') {
      this.#open.set(event.transactionId, openState(event));
      return;
    }
    const state = this.#open.get(event.transactionId);
    if (!state) return;
    if (event.kind === 'ended') this.#finish(state, event.end, event.timeMs, false);
    else applyEvent(state, event);
  }

  /** Ends every call still open, as of its last sign of life: what a crash cut. Returns how many there were. */
  recoverOpenCalls(): number {
    const states = [...this.#open.values()];
    for (const state of states) this.#finish(state, CUT_BY_CRASH, state.lastSignMs, true);
    return states.length;
  }

  #finish(state: CallState, end: EndFacts, endMs: number, recovered: boolean): void {
    this.#open.delete(state.facts.transactionId);
    this.#sink.put(buildRecord(state, end, endMs, this.#context, recovered));
  }
}

const CUT_BY_CRASH: EndFacts = {
  side: 'gateway',
  code: 'gateway.crash',
  reason: 'The gateway process ended during the call; the record was rebuilt from the journal at restart',
  sipStatus: 500,
  q850: 41,
};
