import type { TraceStep } from '../../routing/index.js';
import type { AttemptFacts, CallEvent, CallFacts, EndFacts, PathTotals } from '../events.js';
import type { IntervalQuality, Path } from '../quality.js';

/**
 * The call detail record (design §6): built from the events of one call, and from nothing else, so that a record
 * rebuilt from the journal after a crash is the record the call would have had.
 */

/** What every record of a node says of the node. */
export interface RecordContext {
  readonly awsAccountId: string;
  readonly region: string;
  readonly node: string;
  /** ISO 3166 country of an E.164 number; '' where unknown. */
  readonly countryOf: (number: string) => string;
  /** Calling name of a number of ours; '' where it has none. */
  readonly nameOf: (number: string) => string;
}

export interface AttemptRecord {
  readonly Number: number;
  readonly Target: string;
  readonly CallId: string;
  readonly StartTimeEpochMs: number;
  RingingMs: number | null;
  AnsweredMs: number | null;
  EndedMs: number | null;
  SipStatus: number | null;
  Code: string | null;
  Reason: string | null;
}

/** Everything remembered of a call between its first event and its record. */
export interface CallState {
  facts: CallFacts;
  readonly startedMs: number;
  lastSignMs: number;
  trace: readonly TraceStep[];
  admitted: boolean;
  ringingMs: number | undefined;
  answeredMs: number | undefined;
  codec: string | undefined;
  encryption: Readonly<Record<string, string>> | undefined;
  source: string;
  transport: string;
  readonly attempts: AttemptRecord[];
  totals: Readonly<Record<Path, PathTotals>> | undefined;
  readonly quality: { sum: number; count: number; worst: number | null }[];
  lastQuality: IntervalQuality | undefined;
  refusedSources: number;
}

/** The state a call starts with, from its `received` event. */
export function openState(event: Extract<CallEvent, { kind: 'received' }>): CallState {
  return {
    facts: event.facts,
    startedMs: event.timeMs,
    lastSignMs: event.timeMs,
    trace: [],
    admitted: false,
    ringingMs: undefined,
    answeredMs: undefined,
    codec: undefined,
    encryption: undefined,
    source: event.source,
    transport: event.transport,
    attempts: [],
    totals: undefined,
    quality: [
      { sum: 0, count: 0, worst: null },
      { sum: 0, count: 0, worst: null },
    ],
    lastQuality: undefined,
    refusedSources: 0,
  };
}

/** Takes one event into the state; `received` and `ended` are the caller's. */
export function applyEvent(state: CallState, event: CallEvent): void {
  state.lastSignMs = event.timeMs;
  switch (event.kind) {
    case 'decided':
      state.trace = event.trace;
      state.admitted = event.admitted;
      state.facts = event.facts;
      return;
    case 'attempt-started':
      state.attempts.push(openAttempt(event.attempt, event.timeMs));
      return;
    case 'attempt-failed':
      closeAttempt(state, event);
      return;
    case 'ringing':
      state.ringingMs ??= event.timeMs;
      note(state, event.attempt, (attempt) => (attempt.RingingMs ??= event.timeMs - attempt.StartTimeEpochMs));
      return;
    case 'answered':
      applyAnswer(state, event);
      return;
    case 'figures':
      applyFigures(state, event.quality, event.totals);
      return;
    case 'source-refused':
      state.refusedSources++;
      return;
    default:
  }
}

const openAttempt = (attempt: AttemptFacts, timeMs: number): AttemptRecord => ({
  Number: attempt.number,
  Target: attempt.target,
  CallId: attempt.callId,
  StartTimeEpochMs: timeMs,
  RingingMs: null,
  AnsweredMs: null,
  EndedMs: null,
  SipStatus: null,
  Code: null,
  Reason: null,
});

function note(state: CallState, attempt: AttemptFacts, change: (record: AttemptRecord) => void): void {
  const record = state.attempts.find((candidate) => candidate.Number === attempt.number);
  if (record) change(record);
}

function closeAttempt(state: CallState, event: Extract<CallEvent, { kind: 'attempt-failed' }>): void {
  note(state, event.attempt, (attempt) => {
    attempt.EndedMs = event.timeMs - attempt.StartTimeEpochMs;
    attempt.SipStatus = event.sipStatus ?? null;
    attempt.Code = event.code;
    attempt.Reason = event.reason;
  });
}

function applyAnswer(state: CallState, event: Extract<CallEvent, { kind: 'answered' }>): void {
  state.answeredMs = event.timeMs;
  state.codec = event.codec;
  state.encryption = event.encryption;
  note(state, event.attempt, (attempt) => {
    attempt.AnsweredMs = event.timeMs - attempt.StartTimeEpochMs;
    attempt.SipStatus = 200;
    attempt.Code = 'attempt.answered';
  });
}

function applyFigures(state: CallState, quality: IntervalQuality, totals: Record<Path, PathTotals>): void {
  state.totals = totals;
  state.lastQuality = quality;
  [quality.mos.customer, quality.mos.remote].forEach((mos, side) => {
    const sum = state.quality[side]!;
    if (!mos) return;
    sum.sum += mos.mos;
    sum.count++;
    sum.worst = sum.worst === null ? mos.mos : Math.min(sum.worst, mos.mos);
  });
}

/** Whole 6-second steps of talk time, in seconds: what is billed. */
export const billableSeconds = (talkMs: number): number => (talkMs <= 0 ? 0 : Math.ceil(talkMs / 6000) * 6);

/** The record, as the JSON object that is written. */
export function buildRecord(state: CallState, end: EndFacts, endMs: number, context: RecordContext, recovered = false) {
  const { facts } = state;
  const answered = state.answeredMs !== undefined;
  const billable = answered ? billableSeconds(endMs - state.answeredMs!) : 0;
  const sourceCountry = context.countryOf(facts.from);
  const destinationCountry = context.countryOf(facts.to);
  return {
    AwsAccountId: context.awsAccountId,
    TransactionId: facts.transactionId,
    CallId: facts.callId,
    VoiceConnectorId: facts.voiceConnectorId ?? '',
    Status: answered ? 'Completed' : 'Failed',
    StatusMessage: answered ? 'Call completed' : end.reason,
    SipAuthUser: facts.sipAuthUser ?? '',
    BillableDurationSeconds: billable,
    BillableDurationMinutes: billable / 60,
    SchemaVersion: '2.0',
    SourcePhoneNumber: facts.from,
    SourcePhoneNumberName: context.nameOf(facts.from),
    SourceCountry: sourceCountry,
    DestinationPhoneNumber: facts.to,
    DestinationPhoneNumberName: context.nameOf(facts.to),
    DestinationCountry: destinationCountry,
    UsageType: usageType(context.region, sourceCountry, destinationCountry, facts.direction),
    ServiceCode: 'AmazonChimeVoiceConnector',
    Direction: facts.direction,
    StartTimeEpochSeconds: Math.floor(state.startedMs / 1000),
    EndTimeEpochSeconds: Math.floor(endMs / 1000),
    Region: context.region,
    Streaming: false,
    Trunkline: ownMembers(state, end, endMs, context, recovered),
  };
}

export type CallDetailRecord = ReturnType<typeof buildRecord>;

const usageType = (region: string, from: string, to: string, direction: string): string =>
  `${region}-${from || 'XX'}-${to || 'XX'}-${direction.toLowerCase()}-minutes`;

/** Everything the managed schema has no place for. */
function ownMembers(state: CallState, end: EndFacts, endMs: number, context: RecordContext, recovered: boolean) {
  const { startedMs, ringingMs, answeredMs } = state;
  const since = (from: number | undefined, to: number | undefined) =>
    from === undefined || to === undefined ? null : to - from;
  return {
    Node: context.node,
    Recovered: recovered,
    Source: state.source,
    Transport: state.transport,
    HangupSide: end.side,
    Code: end.code,
    Reason: end.reason,
    SipStatus: end.sipStatus,
    Q850Cause: end.q850,
    StartTimeEpochMs: startedMs,
    EndTimeEpochMs: endMs,
    PostDialDelayMs: since(startedMs, ringingMs ?? answeredMs),
    RingTimeMs: ringingMs === undefined ? null : (answeredMs ?? endMs) - ringingMs,
    TalkTimeMs: since(answeredMs, endMs) ?? 0,
    Codec: state.codec ?? null,
    Encryption: state.encryption ?? null,
    Attempts: state.attempts,
    Trace: state.trace,
    Quality: qualityMembers(state),
    RefusedMediaSources: state.refusedSources,
  };
}

function qualityMembers(state: CallState) {
  if (!state.totals) return null;
  const [customer, remote] = state.quality;
  const mean = (sum: { sum: number; count: number }) =>
    sum.count === 0 ? null : Math.round((sum.sum / sum.count) * 100) / 100;
  return {
    Paths: state.totals,
    Mos: {
      customer: {
        Mean: mean(customer!),
        Worst: customer!.worst,
        LastInputs: state.lastQuality?.mos.customer?.inputs ?? null,
      },
      remote: { Mean: mean(remote!), Worst: remote!.worst, LastInputs: state.lastQuality?.mos.remote?.inputs ?? null },
    },
    RttUs: state.lastQuality?.rttUs ?? null,
    JitterUs: state.lastQuality
      ? Object.fromEntries(Object.entries(state.lastQuality.paths).map(([path, figures]) => [path, figures.jitterUs]))
      : null,
  };
}
