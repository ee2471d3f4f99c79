import { beforeEach, describe, expect, it } from 'vitest';
import { CARRIER_ADDRESS, carrier, connector, startGateway } from '../support/gateway.js';
import { freePort } from '../support/ports.js';
import { needs } from '../support/program.js';
import { audioKey, inboundKeys } from '../support/scene.js';
import { runCaller, startAnswerer } from '../support/sipp.js';

/** Inbound calls: from a carrier (SIPp on 127.0.0.2) to the customer's hosts. */

interface Route {
  readonly port: number;
  readonly priority?: number;
  readonly weight?: number;
  readonly protocol?: 'UDP' | 'TCP';
}

const gatewayWithRoutes = (routes: readonly Route[], calls = 10) =>
  startGateway(
    {
      carriers: [carrier([9])],
      voiceConnectors: [
        connector({ origination: { routes: routes.map((route) => ({ host: '127.0.0.1', ...route })) } }),
      ],
    },
    { mediaPorts: 4 * calls },
  );

describe('origination', () => {
  beforeEach((context) => needs(context, 'sipp'));

  it('reaches the customer and carries audio both ways', async () => {
    const keys = { ...inboundKeys, audio: audioKey(1) };
    const answerer = await startAnswerer({ scenario: 'uas-audio', keys });
    const gateway = await gatewayWithRoutes([{ port: answerer.port }]);
    const target = `127.0.0.1:${gateway.sipPort}`;
    const common = { scenario: 'uac-audio', address: CARRIER_ADDRESS, target, keys, pauseMs: 2000 };
    const caller = await runCaller({ ...common, calls: 5, callsPerSecond: 5 });
    expect(caller, caller.errors + gateway.tail()).toMatchObject({ status: 0, successful: 5, failed: 0 });
    for (const record of await gateway.recordsOnceThere(5)) {
      expect(record).toMatchObject({ Status: 'Completed', Direction: 'Inbound', Trunkline: { HangupSide: 'remote' } });
      const { Paths } = record.Trunkline.Quality!;
      expect([Paths.rem2vc.rtpPackets, Paths.vc2cust.rtpPackets]).toEqual([50, 50]);
      expect([Paths.cust2vc.rtpPackets, Paths.vc2rem.rtpPackets]).toEqual([50, 50]);
    }
    expect((await gateway.metrics()).sum('voice_connector_inbound_calls_answered_total')).toBe(5);
  });

  it.each(['UDP', 'TCP'] as const)(
    'answers by the second route in under 4 s when nothing listens on the first (%s)',
    async (protocol) => {
      const keys = { ...inboundKeys, audio: audioKey(1) };
      const answerer = await startAnswerer({ scenario: 'uas-audio', keys });
      const dead = await freePort();
      const gateway = await gatewayWithRoutes([
        { port: dead, priority: 1, protocol },
        { port: answerer.port, priority: 2 },
      ]);
      const target = `127.0.0.1:${gateway.sipPort}`;
      const common = { scenario: 'uac-audio', address: CARRIER_ADDRESS, target, keys, pauseMs: 1500 };
      const caller = await runCaller({ ...common, calls: 3, callsPerSecond: 3 });
      expect(caller, caller.errors + gateway.tail()).toMatchObject({ status: 0, successful: 3, failed: 0 });
      expect(caller.responseMs).toBeLessThan(4000);
      for (const record of await gateway.recordsOnceThere(3)) {
        expect(record.Status).toBe('Completed');
        const [first, second] = record.Trunkline.Attempts;
        expect(first!.Target).toContain(`:${dead}`);
        expect(first!.Code).toMatch(/^attempt\./);
        expect(first!.EndedMs).toBeLessThan(4000);
        expect(second!.Target).toContain(`:${answerer.port}`);
        expect(second!.SipStatus).toBe(200);
      }
    },
  );

  // Again, should the machine have stalled: the gateway sheds calls then, as it should.
  it('spreads 400 calls 3 : 1 by weight, within the binomial 99.9 % bound', { retry: 1 }, async () => {
    const CALLS = 400;
    const heavy = await startAnswerer({ scenario: 'uas-short' });
    const light = await startAnswerer({ scenario: 'uas-short' });
    const gateway = await gatewayWithRoutes(
      [
        { port: heavy.port, weight: 3 },
        { port: light.port, weight: 1 },
      ],
      CALLS,
    );
    const target = `127.0.0.1:${gateway.sipPort}`;
    const common = { scenario: 'uac-short', address: CARRIER_ADDRESS, target, keys: inboundKeys };
    const caller = await runCaller({ ...common, calls: CALLS, callsPerSecond: 25 });
    expect(caller, caller.errors + gateway.tail()).toMatchObject({ status: 0, successful: CALLS, failed: 0 });
    const [heavyResult, lightResult] = [await heavy.stop(), await light.stop()];
    expect(heavyResult.successful + lightResult.successful).toBe(CALLS);
    // Two-sided 99.9 %: 3.29 standard deviations of the binomial distribution around its mean.
    const mean = CALLS * 0.75;
    const bound = 3.29 * Math.sqrt(CALLS * 0.75 * 0.25);
    expect(Math.abs(heavyResult.successful - mean)).toBeLessThanOrEqual(bound);
    const byTarget = (port: number) => (records: Awaited<ReturnType<typeof gateway.records>>) =>
      records.filter((record) => record.Trunkline.Attempts[0]!.Target.includes(`:${port}`)).length;
    const records = await gateway.recordsOnceThere(CALLS);
    expect(byTarget(heavy.port)(records)).toBe(heavyResult.successful);
    expect(byTarget(light.port)(records)).toBe(lightResult.successful);
  });
});
