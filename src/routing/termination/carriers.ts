import type { Random } from '../../core/index.js';
import { type Check, type CheckResult, type Judgement, pass, refuse } from '../judgement.js';
import { formatNumber } from '../numbers/index.js';
import { downLast, drawTier, drawTiers } from '../plan/order.js';
import { attemptOn, type Target } from '../plan/targets.js';
import { jitteredRetrySeconds } from '../retry-after.js';
import type { CarrierView, Snapshot } from '../snapshot.js';
import type { LiveView, PlannedAttempt } from '../types.js';

/**
 * The plan of an outbound call: carriers by longest prefix, then priority, then a draw by weight; in each its hosts by
 * priority and a draw by weight. Carriers at their own limit are passed over; hosts that are down go last, and a plan
 * of none but those is a 503 that says when the first may be back.
 */
export const carrierCheck: Check = {
  name: 'termination.carrier',
  run(judgement) {
    const survey = surveyCarriers(judgement);
    const { up, down, full } = survey;
    const input = { number: judgement.called, first: up[0]?.targetKey ?? null, up: up.length, down: down.length, full };
    if (up.length === 0) return noneAvailable(survey, judgement, input);
    judgement.plan = downLast(up, down, judgement.snapshot.maxAttempts);
    return pass('A carrier serves the number.', input);
  },
};

interface Survey {
  /** Attempts on hosts that are up or half-open, in order. */
  readonly up: PlannedAttempt[];
  readonly down: PlannedAttempt[];
  /** Names of carriers at their own limits. */
  readonly full: string[];
  /** Soonest monotonic ms at which a kept-out host may be tried again. */
  soonestMs: number | undefined;
}

function surveyCarriers(judgement: Judgement): Survey {
  const { snapshot, live, random, called, calling } = judgement;
  const survey: Survey = { up: [], down: [], full: [], soonestMs: undefined };
  let calledThere = called;
  let callingThere = calling;
  const visitTarget = (target: Target): boolean => {
    const { state, retryAtMs } = live.targetState(target.targetKey);
    (state === 'down' ? survey.down : survey.up).push(attemptOn(target, calledThere, callingThere));
    if (state === 'down' && retryAtMs !== undefined)
      survey.soonestMs = Math.min(survey.soonestMs ?? Infinity, retryAtMs);
    return survey.up.length < snapshot.maxAttempts;
  };
  eachCarrier(called, snapshot, random, (carrier) => {
    const { numberFormat } = carrier.resource;
    if (!hasRoom(carrier, live)) return survey.full.push(carrier.name) > 0;
    calledThere = formatNumber(called, numberFormat);
    callingThere = formatNumber(calling, numberFormat);
    return drawTiers(carrier.targets, random, visitTarget);
  });
  return survey;
}

const hasRoom = (carrier: CarrierView, live: LiveView): boolean =>
  live.callTokens('carrier', carrier.name) >= 1 &&
  live.activeCalls('carrier', carrier.name) < carrier.resource.maxCalls;

/** Visits the carriers that serve the number, each once, in drawn order, until `visit` gives false. */
function eachCarrier(
  called: string,
  snapshot: Snapshot,
  random: Random,
  visit: (carrier: CarrierView) => boolean,
): void {
  const seen: CarrierView[] = [];
  const once = (carrier: CarrierView): boolean => {
    if (seen.includes(carrier)) return true;
    seen.push(carrier);
    return visit(carrier);
  };
  for (const lists of snapshot.carriersByPrefix.all(called)) {
    for (const tiers of lists) for (const tier of tiers) if (!drawTier(tier, random, once)) return;
  }
}

/** The carriers that serve the number, in drawn order. */
export function carriersFor(called: string, snapshot: Snapshot, random: Random): CarrierView[] {
  const carriers: CarrierView[] = [];
  eachCarrier(called, snapshot, random, (carrier) => carriers.push(carrier) > 0);
  return carriers;
}

function noneAvailable(
  survey: Survey,
  { live, random }: Judgement,
  input: Readonly<Record<string, unknown>>,
): CheckResult {
  if (survey.down.length > 0) {
    const untilMs =
      survey.soonestMs === undefined || live.nowMs === undefined ? undefined : survey.soonestMs - live.nowMs;
    const retryAfterSeconds =
      untilMs === undefined ? jitteredRetrySeconds(random) : Math.min(60, Math.max(1, Math.ceil(untilMs / 1000)));
    return refuse('termination.carriers-down', 503, 'Every carrier for the called number is down', input, {
      retryAfterSeconds,
    });
  }
  if (survey.full.length > 0) {
    const retryAfterSeconds = jitteredRetrySeconds(random);
    return refuse('termination.carriers-full', 503, 'Every carrier for the called number is at its limit', input, {
      retryAfterSeconds,
    });
  }
  return refuse('termination.no-route', 404, 'No carrier serves the called number', input);
}
