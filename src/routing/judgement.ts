import type { Random } from '../core/index.js';
import type { Address } from './cidr.js';
import type { Attempt } from './plan/attempt.js';
import type { CarrierView, ConnectorView, ProxyRoute, Snapshot } from './snapshot.js';
import type { LiveView, RequestFacts, TraceStep, Verdict } from './types.js';

/**
 * The frame of a decision: a table of checks, run in order over one judgement, each leaving one step in the trace. The
 * first that refuses ends it.
 *
 *     checks: [a, b, c, …]        judgement: facts, snapshot, live view, random; what earlier checks found
 *          │ run in order
 *          ▼
 *     pass | skip | note ─► next check          refuse ─► status, reason, code; the rest is not looked at
 */

/** What the checks of one decision share; a check may add what it found for those after it. */
export interface Judgement {
  readonly facts: RequestFacts;
  readonly snapshot: Snapshot;
  readonly live: LiveView;
  readonly random: Random;
  readonly source: Address | undefined;
  readonly trace: TraceStep[];
  readonly direction: 'Inbound' | 'Outbound';
  connector: ConnectorView | undefined;
  carrier: CarrierView | undefined;
  /** E.164 once read; empty before. */
  called: string;
  calling: string;
  /** Country of the called number. */
  country: string | undefined;
  emergency: boolean;
  proxy: ProxyRoute | undefined;
  encryptionOfCaller: 'off' | 'offered' | 'required';
  plan: readonly Attempt[];
}

/**
 * What a check found; the runner writes the check's name into it and keeps it as the trace's step. A check that always
 * finds the same may give the same object each time.
 */
export interface StepResult {
  check: string;
  readonly verdict: Exclude<Verdict, 'fail'>;
  readonly code?: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly detail: string;
}

export interface RefusalResult {
  readonly verdict: 'fail';
  readonly input: Readonly<Record<string, unknown>>;
  readonly detail: string;
  readonly code: string;
  readonly status: number | 'drop';
  readonly reason: string;
  readonly retryAfterSeconds?: number;
  readonly warning?: number;
  readonly challenge?: { readonly stale: boolean };
}

export type CheckResult = StepResult | RefusalResult;

export interface Check {
  /** Name in the trace, such as `termination.allowlist`. */
  readonly name: string;
  run(judgement: Judgement): CheckResult;
  /** The step that stands in its place where the plan is made already; absent: it runs all the same. */
  readonly whenPlanned?: StepResult;
}

type Input = Readonly<Record<string, unknown>>;

export const pass = (detail: string, input: Input): StepResult => ({ check: '', verdict: 'pass', input, detail });
export const skip = (detail: string, input: Input = NOTHING): StepResult => ({
  check: '',
  verdict: 'skip',
  input,
  detail,
});
export const note = (code: string, detail: string, input: Input): StepResult => ({
  check: '',
  verdict: 'note',
  code,
  input,
  detail,
});

const NOTHING: Input = Object.freeze({});

/** A refusal whose trace line says what the caller is told. */
export function refuse(
  code: string,
  status: number | 'drop',
  reason: string,
  input: Input,
  more: Partial<Pick<RefusalResult, 'detail' | 'retryAfterSeconds' | 'warning' | 'challenge'>> = {},
): RefusalResult {
  return { verdict: 'fail', code, status, reason, input, detail: reason, ...more };
}

/** A check that is passed over once an earlier one has made the plan: emergency calls, proxy sessions. */
export function unlessPlanned(check: Check, detail: string): Check {
  return { ...check, whenPlanned: { ...skip(detail), check: check.name } };
}

/** Runs the checks in order and keeps each step; gives the refusal that ended them, if one did. */
export function runChecks(checks: readonly Check[], judgement: Judgement): RefusalResult | undefined {
  for (const check of checks) {
    const { name, whenPlanned } = check;
    const result = whenPlanned && judgement.plan.length > 0 ? whenPlanned : check.run(judgement);
    if (result.verdict === 'fail') {
      const { verdict, code, input, detail } = result;
      judgement.trace.push({ check: name, verdict, code, input, detail });
      return result;
    }
    result.check = name;
    judgement.trace.push(result);
  }
  return undefined;
}
