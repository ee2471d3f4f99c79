import { describe, expect, it } from 'vitest';
import { type Random, SeededRandom, unit } from '../../../src/core/index.js';
import type { Dialog, InboundLeg } from '../../../src/sip/signaling.js';
import type { NetworkConditions } from '../../support/emulated-network.js';
import { type Agent, body, callPair, expectQuiet, orderTo } from './support.js';

/** What became of a crowd of calls. */
interface Tally {
  answered: number;
  rejected: number;
  failed: number;
  ended: number;
  lost: number;
}

/** Callee: rings, sometimes reliably, then answers, refuses or hangs up after a while. */
function behave(bob: Agent, random: Random, tally: Tally): void {
  bob.script = (leg: InboundLeg) => {
    const { time } = bob;
    let over = false;
    const end = (): void => {
      over = true;
    };
    const dialog = leg.dialog as Dialog;
    dialog.handler = {
      ...bob.dialogHandler(),
      onBye: end,
      onDialogFailed: () => dialog.bye(),
      onSessionExpired: () => dialog.bye(),
    };
    leg.handler = {
      ...leg.handler,
      onCancel: end,
      onPrackTimeout: end,
      onAckTimeout: () => {
        tally.lost++;
        dialog.bye();
        end();
      },
    };
    time.after(50, () => !over && leg.provisional(180, { reliable: unit(random) < 0.5 }));
    time.after(200 + 1000 * unit(random), () => {
      if (over) return;
      if (unit(random) < 0.2) leg.respond(486);
      else leg.accept({ body: body('answer') });
    });
    time.after(
      8000 + 8000 * unit(random),
      () => !over && unit(random) < 0.5 && dialog.state === 'confirmed' && dialog.bye(),
    );
  };
}

function call(alice: Agent, bob: Agent, random: Random, tally: Tally): void {
  const facts = orderTo(bob, { reliableProvisional: 'offer', noResponseTimeoutMs: 32_000 });
  let dialogOfCall: Dialog | undefined;
  const hangUp = (): void => {
    if (dialogOfCall?.state !== 'confirmed') return;
    dialogOfCall.bye();
  };
  const leg = alice.core.invite({
    ...facts,
    handler: {
      onSent: () => {},
      onProvisional: () => {},
      onAnswered: (_response, dialog) => {
        tally.answered++;
        dialogOfCall = dialog;
        dialog.handler = { ...alice.dialogHandler(), onBye: () => tally.ended++, onDialogFailed: hangUp };
        dialog.ack();
        alice.time.after(5000 + 10_000 * unit(random), hangUp);
      },
      onRejected: () => tally.rejected++,
      onFailed: () => tally.failed++,
    },
  });
  if (unit(random) < 0.2) alice.time.after(1000 * unit(random), () => leg.cancel());
}

function crowd(calls: number, conditions: NetworkConditions, seed: number): { tally: Tally; retransmissions: number } {
  const { time, network, alice, bob } = callPair(conditions, {}, seed);
  network.traced = false;
  const random = new SeededRandom(seed);
  const tally: Tally = { answered: 0, rejected: 0, failed: 0, ended: 0, lost: 0 };
  behave(bob, random, tally);
  for (let index = 0; index < calls; index++) time.after(index * 20, () => call(alice, bob, random, tally));
  time.advance(calls * 20 + 120_000);
  expect(tally.answered + tally.rejected + tally.failed).toBe(calls);
  expectQuiet(time, alice, bob);
  return { tally, retransmissions: alice.counters.get('sip_retransmissions', 'request') };
}

describe('a thousand calls over a bad network', () => {
  it('at 10 % loss, delay and reordering: each has one outcome, and nothing is left behind', () => {
    const { tally, retransmissions } = crowd(1000, { loss: 0.1, delayMs: 30, jitterMs: 80, duplication: 0.05 }, 77);
    expect(tally.failed).toBe(0);
    expect(tally.answered).toBeGreaterThan(550);
    expect(tally.rejected).toBeGreaterThan(150);
    expect(tally.lost).toBe(0);
    expect(retransmissions).toBeGreaterThan(200);
  });

  it('at no loss: nothing is sent twice', () => {
    const { retransmissions } = crowd(200, { delayMs: 30 }, 5);
    expect(retransmissions).toBe(0);
  });

  it.each([1, 2, 3, 4, 5, 6])('at 40 %% loss: some fail, and still nothing is left behind (seed %i)', (seed) => {
    const { tally } = crowd(60, { loss: 0.4, delayMs: 30, jitterMs: 500, duplication: 0.1 }, seed);
    expect(tally.answered).toBeGreaterThan(10);
  });
});
