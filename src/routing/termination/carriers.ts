import type { Random } from '../../core/index.js';
import { type Check, type CheckResult, type Judgement, pass, refuse } from '../judgement.js';
import { formatNumber } from '../numbers/index.js';
import { Attempt } from '../plan/attempt.js';
import { Draw, downLast, drawn } from '../plan/order.js';
import type { Target } from '../plan/targets.js';
import { jitteredRetrySeconds } from '../retry-after.js';
import type { CarrierView, Snapshot } from '../snapshot.js';
import type { LiveView } from '../types.js';

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
  readonly up: Attempt[];
  readonly down: Attempt[];
  /** Names of carriers at their own limits. */
  readonly full: string[];
  /** Soonest monotonic ms at which a kept-out host may be tried again. */
  soonestMs: number | undefined;
}

/** Carriers in order until a plan is full of hosts that are up. */
function surveyCarriers(judgement: Judgement): Survey {
  const { snapshot, live, random, called } = judgement;
  const survey: Survey = { up: [], down: [], full: [], soonestMs: undefined };
  const seen: CarrierView[] = [];
  const draw = new Draw<CarrierView>(random);
  const hosts = new Draw<Target>(random);
  for (const tier of snapshot.carriersByPrefix.all(called)) {
    draw.begin(tier);
    for (let carrier = draw.next(); carrier; carrier = draw.next()) {
      if (seen.includes(carrier)) continue;
      seen.push(carrier);
      if (!hasRoom(carrier, live)) survey.full.push(carrier.name);
      else if (surveyHosts(carrier, hosts, judgement, survey)) return survey;
    }
  }
  return survey;
}

const hasRoom = (carrier: CarrierView, live: LiveView): boolean =>
  live.callTokens('carrier', carrier.name) >= 1 &&
  live.activeCalls('carrier', carrier.name) < carrier.resource.maxCalls;

/** Adds a carrier's hosts in order; true once the plan is full of hosts that are up. */
function surveyHosts(
  carrier: CarrierView,
  draw: Draw<Target>,
  { snapshot, live, called, calling }: Judgement,
  survey: Survey,
): boolean {
  const { numberFormat } = carrier.resource;
  const calledThere = formatNumber(called, numberFormat);
  const callingThere = formatNumber(calling, numberFormat);
  for (const tier of carrier.targets) {
    draw.begin(tier);
    for (let target = draw.next(); target; target = draw.next()) {
      const { state, retryAtMs } = live.targetState(target.targetKey);
      const attempt = new Attempt(target, calledThere, callingThere);
      if (state !== 'down') {
        if (survey.up.push(attempt) === snapshot.maxAttempts) return true;
        continue;
      }
      survey.down.push(attempt);
      if (retryAtMs !== undefined) survey.soonestMs = Math.min(survey.soonestMs ?? Infinity, retryAtMs);
    }
  }
  return false;
}

/** The carriers that serve the number, each once, in drawn order. */
export function carriersFor(called: string, snapshot: Snapshot, random: Random): readonly CarrierView[] {
  return [...new Set(snapshot.carriersByPrefix.all(called).flatMap((tier) => drawn(tier, random)))];
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
