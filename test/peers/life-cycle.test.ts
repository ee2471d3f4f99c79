import { beforeEach, describe, expect, it } from 'vitest';
import { carrier, connector, type GatewayUnderTest, startGateway } from '../support/gateway.js';
import { eventually, needs } from '../support/program.js';
import { audioKey, outboundKeys } from '../support/scene.js';
import { type CallerOptions, runCaller, startAnswerer } from '../support/sipp.js';

/** Ending and crashing with calls on: no record is lost, none is doubled. */

const CALLS = 10;

async function runningCalls(pauseMs: number, more: Partial<CallerOptions> = {}) {
  const keys = { ...outboundKeys, audio: audioKey(1) };
  const answerer = await startAnswerer({ scenario: 'uas-audio', keys });
  const gateway = await startGateway({ carriers: [carrier([answerer.port])], voiceConnectors: [connector()] });
  const target = `127.0.0.1:${gateway.sipPort}`;
  const call = { scenario: 'uac-audio', target, keys, callsPerSecond: CALLS, pauseMs, limitMs: 15_000 };
  const caller = runCaller({ ...call, calls: CALLS, ...more });
  await answered(gateway, CALLS);
  return { gateway, caller };
}

const answered = (gateway: GatewayUnderTest, count: number) =>
  eventually(`${count} answered calls`, async () => {
    const metrics = await gateway.metrics();
    return metrics.sum('voice_connector_outbound_calls_answered_total') >= count;
  });

describe('the gateway process', () => {
  beforeEach((context) => needs(context, 'sipp'));

  it('lets running calls end after SIGTERM, and ends with 0', async () => {
    const { gateway, caller } = await runningCalls(3000);
    expect(await gateway.stop('SIGTERM', 15_000)).toBe(0);
    expect(await caller).toMatchObject({ successful: CALLS, failed: 0 });
    const records = gateway.records();
    expect(records).toHaveLength(CALLS);
    for (const record of records) {
      expect(record).toMatchObject({ Status: 'Completed', Trunkline: { HangupSide: 'customer' } });
    }
  });

  it('hangs up at SIGINT, and writes every record', async () => {
    const { gateway, caller } = await runningCalls(30_000, { scenario: 'uac-until-bye' });
    expect(await gateway.stop('SIGINT')).toBe(0);
    expect(await caller).toMatchObject({ successful: CALLS, failed: 0 });
    const records = gateway.records();
    expect(records).toHaveLength(CALLS);
    for (const record of records) expect(record).toMatchObject({ Trunkline: { HangupSide: 'gateway' } });
  });

  it('rebuilds the records of calls that a kill -9 cut, at the next start, once', async () => {
    const { gateway } = await runningCalls(30_000, { scenario: 'uac-until-bye' });
    await gateway.kill();
    expect(gateway.records()).toHaveLength(0);
    const next = await gateway.startAgain();
    const records = await next.recordsOnceThere(CALLS);
    expect(new Set(records.map((record) => record.TransactionId)).size).toBe(CALLS);
    for (const record of records) expect(record).toMatchObject({ Status: 'Completed', Trunkline: { Recovered: true } });
    expect(await next.stop()).toBe(0);
    const third = await next.startAgain();
    expect(await third.stop()).toBe(0);
    expect(third.records()).toHaveLength(CALLS);
  });
});
