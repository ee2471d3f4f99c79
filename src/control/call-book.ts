import type { CallEvent, CallFacts, CallListener } from '../call/index.js';
import type { TraceStep } from '../routing/index.js';

/** A call as the API shows it: live, or one of the latest that ended. */
export interface CallView extends CallFacts {
  readonly state: 'received' | 'trying' | 'ringing' | 'answered' | 'ended';
  readonly receivedMs: number;
  readonly answeredMs?: number;
  readonly endedMs?: number;
  readonly source: string;
  readonly target?: string;
  readonly code: string;
  readonly sipStatus?: number;
  readonly trace: readonly TraceStep[];
  /** What happened, in order; figures are left out. */
  readonly events: readonly object[];
}

/** A call as it is kept: its events as they came, since few calls are ever looked at. */
interface Draft {
  readonly facts: CallFacts;
  readonly source: string;
  readonly receivedMs: number;
  state: CallView['state'];
  answeredMs: number | undefined;
  endedMs: number | undefined;
  target: string | undefined;
  code: string;
  sipStatus: number | undefined;
  trace: readonly TraceStep[];
  readonly happened: CallEvent[];
}

const ENDED_KEPT = 500;
const EVENTS_KEPT = 200;

/** A projection of the call events for the API: every live call, and the last 500 that ended. */
export class CallBook implements CallListener {
  readonly #live = new Map<string, Draft>();
  readonly #ended = new Map<string, Draft>();

  onCallEvent(event: CallEvent): void {
    if (event.kind === 'received') this.#live.set(event.transactionId, drafted(event));
    const call = this.#live.get(event.transactionId);
    if (!call || event.kind === 'figures') return;
    note(call, event);
    if (event.kind === 'ended') this.#end(event.transactionId, call);
  }

  live(): readonly CallView[] {
    return Array.from(this.#live.values(), shown);
  }

  find(transactionId: string): CallView | undefined {
    const call = this.#live.get(transactionId) ?? this.#ended.get(transactionId);
    return call && shown(call);
  }

  #end(transactionId: string, call: Draft): void {
    this.#live.delete(transactionId);
    this.#ended.set(transactionId, call);
    if (this.#ended.size > ENDED_KEPT) this.#ended.delete(this.#ended.keys().next().value!);
  }
}

/** Every member is there from the start: an object that grows is slow to make and to write to. */
function drafted({ facts, timeMs, source }: Extract<CallEvent, { kind: 'received' }>): Draft {
  return {
    facts,
    source,
    receivedMs: timeMs,
    state: 'received',
    answeredMs: undefined,
    endedMs: undefined,
    target: undefined,
    code: '',
    sipStatus: undefined,
    trace: NO_STEPS,
    happened: [],
  };
}

const NO_STEPS: readonly TraceStep[] = [];

function shown({ facts, happened, answeredMs, endedMs, target, sipStatus, ...call }: Draft): CallView {
  return {
    ...facts,
    ...call,
    ...(answeredMs !== undefined && { answeredMs }),
    ...(endedMs !== undefined && { endedMs }),
    ...(target !== undefined && { target }),
    ...(sipStatus !== undefined && { sipStatus }),
    events: happened.map(({ transactionId: _, ...event }) => event),
  };
}

function note(call: Draft, event: CallEvent): void {
  if (call.happened.length < EVENTS_KEPT && event.kind !== 'received' && event.kind !== 'decided')
    call.happened.push(event);
  if (event.kind === 'decided') {
    call.code = event.code;
    call.trace = event.trace;
  } else if (event.kind === 'attempt-started') {
    call.state = 'trying';
    call.target = event.attempt.target;
  } else if (event.kind === 'ringing') call.state = 'ringing';
  else if (event.kind === 'answered') {
    call.state = 'answered';
    call.answeredMs = event.timeMs;
  } else if (event.kind === 'ended') {
    call.state = 'ended';
    call.endedMs = event.timeMs;
    call.code = event.end.code;
    call.sipStatus = event.end.sipStatus;
  }
}
