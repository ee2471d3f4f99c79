import { beforeEach, describe, expect, it } from 'vitest';
import {
  CARRIER_ADDRESS,
  CONNECTOR,
  carrier,
  connector,
  FAR_NUMBER,
  type GatewayUnderTest,
  OUR_NUMBER,
  startGateway,
} from '../support/gateway.js';
import { needs } from '../support/program.js';
import { inboundKeys, outboundKeys } from '../support/scene.js';
import { type CallerOptions, runCaller } from '../support/sipp.js';
import { sipsak } from '../support/sipsak.js';

/** What the gateway turns away, and the trace that each refusal leaves. */

const UNUSED_PORT = 9;

const gatewayWith = (more: Record<string, unknown> = {}) =>
  startGateway({ carriers: [carrier([UNUSED_PORT])], voiceConnectors: [connector(more)] });

const refused = (gateway: GatewayUnderTest, status: number, more: Partial<CallerOptions>) =>
  runCaller({
    scenario: 'uac-refused',
    fill: { status: String(status) },
    target: `127.0.0.1:${gateway.sipPort}`,
    keys: outboundKeys,
    calls: 1,
    callsPerSecond: 1,
    limitMs: 15_000,
    ...more,
  });

describe('sipsak', () => {
  beforeEach((context) => needs(context, 'sipsak'));

  it('gets 200 to OPTIONS from an allowed source', async () => {
    const gateway = await gatewayWith();
    const answer = await sipsak(['-s', `sip:127.0.0.1:${gateway.sipPort}`, '-vv']);
    expect(answer.status, answer.output + gateway.tail()).toBe(0);
    expect(answer.output).toContain('SIP/2.0 200 OK');
    expect(answer.output).toMatch(/^Allow: .*INVITE/m);
  });
});

describe('an INVITE', () => {
  beforeEach((context) => needs(context, 'sipp'));

  /** Places one call that must be refused, and gives its record. */
  async function refusal(gateway: GatewayUnderTest, status: number, more: Partial<CallerOptions> = {}) {
    const caller = await refused(gateway, status, more);
    expect(caller, caller.errors + gateway.tail()).toMatchObject({ status: 0, successful: 1 });
    const [record] = await gateway.recordsOnceThere(1);
    expect(record).toMatchObject({ Status: 'Failed', Trunkline: { SipStatus: status, HangupSide: 'gateway' } });
    const failed = record!.Trunkline.Trace.find((step) => step.verdict === 'fail');
    expect(failed?.code).toBe(record!.Trunkline.Code);
    return record!;
  }

  /** Strangers leave no record, which could fill the disk, but are counted by reason. */
  async function countedRefusal(code: string, gateway: GatewayUnderTest, status: number, more: Partial<CallerOptions>) {
    const caller = await refused(gateway, status, more);
    expect(caller, caller.errors + gateway.tail()).toMatchObject({ status: 0, successful: 1 });
    expect((await gateway.metrics()).by('trunkline_decisions_total', 'reason')[code]).toBe(1);
    expect(gateway.records()).toEqual([]);
  }

  it('to a connector from outside its allowlist gets 403', async () => {
    const keys = { ...outboundKeys, host: `${CONNECTOR}.voiceconnector.localhost` };
    await countedRefusal('termination.source-denied', await gatewayWith(), 403, { address: '127.0.0.3', keys });
  });

  it('from a source that nothing knows gets 403', async () => {
    await countedRefusal('request.unknown-source', await gatewayWith(), 403, { address: '127.0.0.3' });
  });

  it('with a wrong password gets 401, and again 401', async () => {
    // SIPp knows MD5 only and takes the first challenge it finds.
    const gateway = await startGateway({
      sip: { authentication: { algorithms: ['MD5'] } },
      carriers: [carrier([UNUSED_PORT])],
      voiceConnectors: [connector({ termination: { credentials: [{ username: 'pbx', password: 'right' }] } })],
    });
    const wrong = { scenario: 'uac-digest', more: ['-au', 'pbx', '-ap', 'wrong'] };
    await countedRefusal('termination.credentials-invalid', gateway, 401, wrong);
    expect((await gateway.metrics()).by('trunkline_decisions_total', 'reason')).toMatchObject({
      'termination.credentials-missing': 1,
    });
    expect(gateway.tail(500)).not.toContain('wrong');
  });

  it('to a number that is not E.164 gets 484', async () => {
    const gateway = await gatewayWith();
    const record = await refusal(gateway, 484, { keys: { ...outboundKeys, called: '5550122' } });
    expect(record.Trunkline.Code).toBe('termination.number-incomplete');
  });

  it('from a carrier to a number nobody has gets 404', async () => {
    const gateway = await gatewayWith();
    const keys = { ...inboundKeys, called: '+12065550199' };
    const record = await refusal(gateway, 404, { address: CARRIER_ADDRESS, keys });
    expect(record.Direction).toBe('Inbound');
    expect(record.Trunkline.Code).toBe('inbound.number-unassigned');
    expect((await gateway.metrics()).sum('voice_connector_inbound_call_failures_total')).toBe(1);
  });

  it('to a country that may not be called gets 403', async () => {
    const gateway = await gatewayWith();
    const record = await refusal(gateway, 403, { keys: { ...outboundKeys, called: '+442079460000' } });
    expect(record).toMatchObject({ DestinationCountry: 'GB', SourcePhoneNumber: OUR_NUMBER });
  });

  it('with a caller ID of somebody else gets 403', async () => {
    const gateway = await gatewayWith();
    const record = await refusal(gateway, 403, { keys: { caller: '+12065550177', called: FAR_NUMBER } });
    expect(record.Trunkline.Reason).toContain('is not assigned to this Voice Connector');
  });

  it('beyond the call rate gets 503 with Retry-After, and counts as throttled', async () => {
    const gateway = await gatewayWith({ termination: { cpsLimit: 1 } });
    const target = `127.0.0.1:${gateway.sipPort}`;
    await runCaller({
      scenario: 'uac-refused',
      fill: { status: '503' },
      target,
      keys: outboundKeys,
      calls: 8,
      callsPerSecond: 100,
    });
    const throttled = (await gateway.recordsOnceThere(8)).filter(
      (record) => record.Trunkline.Code === 'termination.cps-exceeded',
    );
    expect(throttled.length).toBeGreaterThanOrEqual(6);
    expect((await gateway.metrics()).sum('voice_connector_throttles_total')).toBe(throttled.length);
  });
});
