import { afterAll, beforeAll, describe, it } from 'vitest';
import { offers } from '../../scenario/sip/offers.js';
import type { Scenario, SipTransport } from '../../scenario/sip/scenario.js';
import { needs } from '../../support/program.js';
import { Stage } from './stage.js';

/** Calls between two SIPp through the gateway, over UDP, TCP and TLS: what each side sees, and what the record says. */

const TRANSPORTS: readonly SipTransport[] = ['UDP', 'TCP', 'TLS'];

/** Every scenario on every transport it applies to. */
const plays = (scenarios: readonly Scenario[]) =>
  scenarios.flatMap((scenario) =>
    (scenario.transports ?? TRANSPORTS).map((transport) => [scenario, transport] as const),
  );

const GROUPS: readonly (readonly [name: string, scenarios: readonly Scenario[]])[] = [['offers and answers', offers]];

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.start(GROUPS.flatMap(([, scenarios]) => plays(scenarios)));
});
afterAll(async () => void (await stage?.gateway.stop()));

describe.each(GROUPS)('%s', (_, scenarios) => {
  it.concurrent.each(plays(scenarios).map(([scenario, transport]) => ({ name: scenario.name, transport, scenario })))(
    '$name, $transport',
    async ({ scenario, transport }) => {
      await stage.play(scenario, transport);
    },
  );
});
