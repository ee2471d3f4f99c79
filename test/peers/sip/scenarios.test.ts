import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { endings, unacknowledged } from '../../scenario/sip/endings.js';
import { offers } from '../../scenario/sip/offers.js';
import { passing, transfer } from '../../scenario/sip/passing.js';
import { refreshes } from '../../scenario/sip/refresh.js';
import { routes } from '../../scenario/sip/routes.js';
import type { Scenario, SipTransport } from '../../scenario/sip/scenario.js';
import { hasCommand } from '../../support/program.js';
import { type CallDirection, type Play, Stage } from './stage.js';

/** Calls between two SIPp through the gateway, over UDP, TCP and TLS: what each side sees, and what the record says. */

const TRANSPORTS: readonly SipTransport[] = ['UDP', 'TCP', 'TLS'];

interface Act {
  readonly name: string;
  readonly scenarios: readonly Scenario[];
}

const ACTS: readonly Act[] = [
  { name: 'session timers', scenarios: refreshes },
  { name: 'offers and answers', scenarios: offers },
  { name: 'endings and crossings', scenarios: endings },
  { name: 'answers of carriers', scenarios: routes },
  { name: 'what passes', scenarios: passing },
];

/** Most of a scenario is waiting. */
vi.setConfig({ maxConcurrency: 10 });

/** Every scenario on every transport it applies to; inbound over UDP, where it says nothing of a carrier's settings. */
const plays = (scenarios: readonly Scenario[], direction: CallDirection): (Play & { readonly name: string })[] =>
  scenarios
    .filter((scenario) => direction === 'outbound' || (scenario.carrier === undefined && !scenario.outboundOnly))
    .flatMap((scenario) => {
      const applies = scenario.transports ?? TRANSPORTS;
      const transports = direction === 'inbound' ? applies.filter((transport) => transport === 'UDP') : applies;
      return transports.map((transport) => ({ name: scenario.name, transport, direction, scenario }));
    });

function stageOf(acts: readonly Act[], direction: CallDirection, settings: object = {}): void {
  let stage: Stage;
  beforeAll(async () => {
    if (hasCommand('sipp'))
      stage = await Stage.start(
        plays(
          acts.flatMap(({ scenarios }) => scenarios),
          direction,
        ),
        settings,
      );
  });
  afterAll(async () => {
    const metrics = await stage?.gateway.metrics();
    await stage?.gateway.stop();
    expect(metrics?.sum('trunkline_calls_active') ?? 0, 'no call is left').toBe(0);
    expect(metrics?.sum('trunkline_sip_internal_errors_total') ?? 0).toBe(0);
  });
  for (const { name, scenarios } of acts) {
    describe(name, () => {
      it.concurrent.each(plays(scenarios, direction))('$name, $transport', (play) => stage.play(play));
    });
  }
}

describe.skipIf(!hasCommand('sipp'))('SIPp to SIPp', () => stageOf(ACTS, 'outbound'));

describe.skipIf(!hasCommand('sipp'))('SIPp to SIPp, from a carrier', () => stageOf(ACTS, 'inbound'));

describe.skipIf(!hasCommand('sipp'))('SIPp to SIPp, T1 of 100 ms, REFER passed', () => {
  const acts = [
    { name: 'no ACK', scenarios: unacknowledged },
    { name: 'transfer', scenarios: transfer },
  ];
  stageOf(acts, 'outbound', { sip: { t1Ms: 100, refer: 'pass' } });
});
