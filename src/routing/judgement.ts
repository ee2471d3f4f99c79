import type { Random } from '../core/index.js';
import type { Address } from './cidr.js';
import type { CarrierView, ConnectorView, ProxyRoute, Snapshot } from './snapshot.js';
import type { LiveView, PlannedAttempt, RequestFacts, TraceStep, Verdict } from './types.js';

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
  /** E.164 once read; what was dialled (made printable) before. */
  called: string;
  calling: string;
  /** Country of the called number. */
  country: string | undefined;
  emergency: boolean;
  proxy: ProxyRoute | undefined;
  encryptionOfCaller: 'off' | 'offered' | 'required';
  plan: readonly PlannedAttempt[];
}

export interface StepResult {
  readonly verdict: Exclude<Verdict, 'fail'>;
  readonly input: Readonly<Record<string, unknown>>;
  readonly detail: string;
  readonly code?: string;
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
}

type Input = Readonly<Record<string, unknown>>;

export const pass = (detail: string, input: Input): StepResult => ({ verdict: 'pass', detail, input });
export const skip = (detail: string, input: Input = {}): StepResult => ({ verdict: 'skip', detail, input });
export const note = (code: string, detail: string, input: Input): StepResult => ({
  verdict: 'note',
  code,
  detail,
  input,
});

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
  const skipped = skip(detail);
  return { name: check.name, run: (judgement) => (judgement.plan.length > 0 ? skipped : check.run(judgement)) };
}

/** Runs the checks in order and keeps each step; gives the refusal that ended them, if one did. */
export function runChecks(checks: readonly Check[], judgement: Judgement): RefusalResult | undefined {
  for (const check of checks) {
    const result = check.run(judgement);
    const { verdict, input, detail, code } = result;
    judgement.trace.push(
      code === undefined
        ? { check: check.name, verdict, input, detail }
        : { check: check.name, verdict, code, input, detail },
    );
    if (result.verdict === 'fail') return result;
  }
  return undefined;
}
