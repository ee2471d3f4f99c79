import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { CONNECTOR, carrier, connector, type GatewayUnderTest, startGateway } from '../../support/gateway.js';
import { needs } from '../../support/program.js';
import { outboundKeys } from '../../support/scene.js';
import { runCaller } from '../../support/sipp.js';
import { FarEnd } from './far-end.js';

/** Calls per second and calls at once, counted at the far end. */

const RATE = 5;

async function offered(gateway: GatewayUnderTest, calls: number, callsPerSecond: number) {
  const target = `127.0.0.1:${gateway.sipPort}`;
  const order = { scenario: 'uac-busy-or-throttled', target, keys: outboundKeys, calls, callsPerSecond };
  const result = await runCaller({ ...order, limitMs: 90_000 });
  expect(result, result.errors + gateway.tail()).toMatchObject({ status: 0, successful: calls });
}

/** Seconds between the first and the last INVITE of the customer, by the gateway's own message log. */
async function offeredSeconds(gateway: GatewayUnderTest, calls: number): Promise<number> {
  await gateway.recordsOnceThere(calls, 30_000);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const directory = join(gateway.dataDir, 'logs', 'ChimeVoiceConnectorSipMessages', CONNECTOR);
  const lines = readdirSync(directory).flatMap((name) =>
    readFileSync(join(directory, name), 'utf8').trim().split('\n'),
  );
  const times = lines
    .map((line) => JSON.parse(line) as { event_timestamp: number; sip_message: string })
    .filter(
      ({ sip_message }) =>
        sip_message.startsWith('INVITE ') &&
        sip_message.includes('tag=') &&
        /From: "Caller" <sip:[^>]*:\d+>/.test(sip_message),
    )
    .map(({ event_timestamp }) => event_timestamp);
  return (Math.max(...times) - Math.min(...times)) / 1000;
}

describe('calls per second', { timeout: 180_000 }, () => {
  beforeEach((context) => needs(context, 'sipp'));

  const limited = (farEnd: FarEnd) =>
    startGateway(
      { carriers: [carrier([farEnd.port])], voiceConnectors: [connector({ termination: { cpsLimit: RATE } })] },
      { mediaPorts: 3000 },
    );

  it('four times the limit for 30 s: burst + rate × time pass, ±1', async () => {
    const farEnd = await FarEnd.start({ status: 486 });
    const gateway = await limited(farEnd);
    await offered(gateway, 600, 20);
    const seconds = await offeredSeconds(gateway, 600);
    expect(seconds).toBeGreaterThan(28);
    const expected = Math.floor(RATE * seconds + RATE);
    expect(Math.abs(farEnd.invites - expected), `${farEnd.invites} of ${expected} in ${seconds} s`).toBeLessThanOrEqual(
      1,
    );
  });

  it('40 at once: one second’s worth passes, ±1', async () => {
    const farEnd = await FarEnd.start({ status: 486 });
    const gateway = await limited(farEnd);
    await offered(gateway, 40, 400);
    const expected = Math.floor(RATE + RATE * (await offeredSeconds(gateway, 40)));
    expect(Math.abs(farEnd.invites - expected)).toBeLessThanOrEqual(1);
  });

  it('just the limit for 30 s: all pass', async () => {
    const farEnd = await FarEnd.start({ status: 486 });
    const gateway = await limited(farEnd);
    await offered(gateway, 30 * RATE, RATE);
    expect(30 * RATE - farEnd.invites).toBeLessThanOrEqual(1);
  });
});

describe('calls at once', () => {
  it('beyond the limit of the connector get 503', async (context) => {
    needs(context, 'sipp');
    const farEnd = await FarEnd.start();
    const gateway = await startGateway({
      carriers: [carrier([farEnd.port])],
      voiceConnectors: [connector({ termination: { maxCalls: 2 } })],
    });
    const target = `127.0.0.1:${gateway.sipPort}`;
    const held = runCaller({
      scenario: 'uac-short',
      target,
      keys: outboundKeys,
      calls: 2,
      callsPerSecond: 10,
      pauseMs: 4000,
    });
    while (farEnd.invites < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    const fill = { status: '503', reason: 'Concurrent call limit reached' };
    const third = await runCaller({
      scenario: 'uac-refused-reason',
      fill,
      target,
      keys: outboundKeys,
      calls: 1,
      callsPerSecond: 1,
    });
    expect(third, third.errors).toMatchObject({ status: 0, successful: 1 });
    expect(await held).toMatchObject({ status: 0, successful: 2 });
    expect(farEnd.invites).toBe(2);
  });
});
