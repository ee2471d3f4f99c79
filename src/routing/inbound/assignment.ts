import type { Random } from '../../core/index.js';
import { type Check, type CheckResult, type Judgement, pass, refuse } from '../judgement.js';
import { Attempt } from '../plan/attempt.js';
import { Draw, downLast, drawn } from '../plan/order.js';
import type { Target } from '../plan/targets.js';
import type { ConnectorView, GroupView } from '../snapshot.js';

/** The number is assigned to a connector or a group. */
export const assignmentCheck: Check = {
  name: 'inbound.assignment',
  run(judgement) {
    const { called, snapshot } = judgement;
    const owner = snapshot.numbers.get(called);
    if (!owner) return refuse('inbound.number-unassigned', 404, 'Called number is not assigned', { number: called });
    if (owner.kind === 'connector') {
      judgement.connector = snapshot.connectors.get(owner.id)!;
      return pass('The number is assigned to a Voice Connector.', { number: called, voiceConnectorId: owner.id });
    }
    return pass('The number is assigned to a group.', { number: called, group: owner.id });
  },
};

/**
 * The plan of an inbound call: connectors of a group by priority; in each its routes by priority and a draw by weight.
 * Routes that are down go last over the whole plan. Without an enabled origination: 480.
 */
export const originationCheck: Check = {
  name: 'inbound.origination',
  run(judgement) {
    const connectors = membersOf(judgement);
    const able = connectors.every(takesCalls) ? connectors : connectors.filter(takesCalls);
    const [first] = able;
    const voiceConnectorIds = connectors.map((one) => one.id);
    if (!first) return notEnabled(connectors, { voiceConnectorIds });
    judgement.plan = routesOf(able, judgement);
    const { owner } = judgement.plan[0]!;
    judgement.connector = able.find((one) => one.id === owner) ?? first;
    const { plan } = judgement;
    return pass('Origination is enabled.', { voiceConnectorIds, first: plan[0]!.targetKey, targets: plan.length });
  },
};

const takesCalls = ({ origination }: ConnectorView): boolean =>
  origination !== undefined && !origination.disabled && origination.targets.length > 0;

function notEnabled(connectors: readonly ConnectorView[], input: Readonly<Record<string, unknown>>): CheckResult {
  if (connectors.some((one) => one.origination?.disabled)) {
    return refuse('inbound.origination-disabled', 480, 'Origination is disabled for this Voice Connector', input);
  }
  return refuse('inbound.no-route', 480, 'No origination route is configured', input);
}

function membersOf({ connector, called, snapshot, random }: Judgement): readonly ConnectorView[] {
  if (connector) return [connector];
  const owner = snapshot.numbers.get(called);
  return owner?.kind === 'group' ? groupOrder(snapshot.groups.get(owner.id)!, random) : [];
}

/** Members by priority; those of one priority as listed, or shuffled where the group balances load. */
function groupOrder(group: GroupView, random: Random): ConnectorView[] {
  const ordered: ConnectorView[] = [];
  for (const tier of group.members) {
    ordered.push(...(group.loadBalanced ? drawn(tier, random) : tier.values));
  }
  return ordered;
}

function routesOf(
  connectors: readonly ConnectorView[],
  { live, random, called, calling, snapshot }: Judgement,
): readonly Attempt[] {
  const up: Attempt[] = [];
  const down: Attempt[] = [];
  const draw = new Draw<Target>(random);
  for (const connector of connectors) {
    for (const tier of connector.origination!.targets) {
      draw.begin(tier);
      for (let target = draw.next(); target; target = draw.next()) {
        (live.targetState(target.targetKey).state === 'down' ? down : up).push(new Attempt(target, called, calling));
      }
    }
  }
  return downLast(up, down, snapshot.maxAttempts);
}
