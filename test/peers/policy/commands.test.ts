import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { CONNECTOR, carrier, connector, type GatewayUnderTest, OUR_NUMBER } from '../../support/gateway.js';
import { eventually, needs } from '../../support/program.js';
import { outboundKeys } from '../../support/scene.js';
import { scratchDirectory } from '../../support/scratch.js';
import { runCaller } from '../../support/sipp.js';
import { editFile, startWithApi } from './api-client.js';
import { FarEnd } from './far-end.js';

/** The commands that speak to a running gateway. */

interface Said {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

function trunkline(gateway: GatewayUnderTest, ...args: readonly string[]): Promise<Said> {
  const child = spawn(resolve('bin/trunkline'), [...args, '--config', join(gateway.dataDir, 'gateway.yaml')]);
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  return new Promise((done) => child.once('close', (status) => done({ status, out, err })));
}

describe('trunkline', () => {
  beforeEach((context) => needs(context, 'sipp'));

  it('calls, call, reload, drain: what runs, why, and no more of it', async () => {
    const farEnd = await FarEnd.start();
    const { gateway } = await startWithApi({ carriers: [carrier([farEnd.port])], voiceConnectors: [connector()] });
    expect((await trunkline(gateway, 'calls')).out).toBe('no calls\n');
    const target = `127.0.0.1:${gateway.sipPort}`;
    const order = { scenario: 'uac-short', target, keys: outboundKeys, calls: 1, callsPerSecond: 1, pauseMs: 20_000 };
    const running = runCaller(order);
    await eventually('the call', () => farEnd.invites === 1);
    const calls = JSON.parse((await trunkline(gateway, 'calls', '--json')).out);
    expect(calls).toMatchObject({ total: 1, items: [{ voiceConnectorId: CONNECTOR, from: OUR_NUMBER }] });
    const one = await trunkline(gateway, 'call', calls.items[0].transactionId);
    expect(one.out).toMatch(/answered {2}Outbound/);
    expect(one.out).toContain('pass  termination.allowlist');
    expect((await trunkline(gateway, 'call', 'nobody')).err).toContain('api.not-found');
    editFile(gateway, (config) => {
      config.voiceConnectors[0].termination.cpsLimit = 7;
    });
    expect((await trunkline(gateway, 'reload')).out).toBe(
      'changed  voiceConnectors[Test].termination.cpsLimit  1000 -> 7\n',
    );
    expect((await trunkline(gateway, 'drain')).out).toBe('draining, 1 calls in progress\n');
    expect(await running).toMatchObject({ status: 0, successful: 1 });
  });

  it('hold: a cap that is reached holds the country until it is released', async () => {
    const farEnd = await FarEnd.start({ status: 486 });
    const fraud = { perCountry: { attempts: 3 } };
    const { gateway } = await startWithApi({
      fraud,
      carriers: [carrier([farEnd.port])],
      voiceConnectors: [connector()],
    });
    const target = `127.0.0.1:${gateway.sipPort}`;
    const call = async (status: number, calls: number, reason = '') => {
      const scenario = reason === '' ? 'uac-failed' : 'uac-refused-reason';
      const fill = { status: String(status), reason };
      const result = await runCaller({ scenario, fill, target, keys: outboundKeys, calls, callsPerSecond: 5 });
      expect(result, result.errors + gateway.tail()).toMatchObject({ status: 0, successful: calls });
    };
    await call(486, 3);
    await call(403, 2, 'Calls to US are held after a fraud limit');
    expect((await trunkline(gateway, 'hold', 'list')).out).toBe(`${CONNECTOR}  US\n`);
    expect((await trunkline(gateway, 'hold', 'release', CONNECTOR, 'US')).out).toBe('released\n');
    expect((await trunkline(gateway, 'hold', 'release', CONNECTOR, 'US')).status).toBe(1);
    await call(486, 1);
    const events = (await gateway.metrics()).by('trunkline_node_events_total', 'reason');
    expect(events).toMatchObject({ 'fraud-hold': 1, 'fraud-release': 1 });
  });

  it('emergency-check: routing numbers, a location, the plan, and a test call', async () => {
    const farEnd = await FarEnd.start();
    const dnis = [{ emergencyPhoneNumber: '+12065550911', testPhoneNumber: '+12065550933', callingCountry: 'US' }];
    const { gateway } = await startWithApi({
      carriers: [carrier([farEnd.port])],
      voiceConnectors: [connector({ emergency: { dnis }, origination: {} })],
    });
    const good = await trunkline(gateway, 'emergency-check', '--call');
    expect(good, gateway.tail()).toMatchObject({ status: 0 });
    expect(good.out).toContain('ok    911 goes to +12065550911');
    expect(good.out).toContain('ok    933 goes to +12065550933');
    expect(good.out).toMatch(/ok {4}test call to carrier:main\/.*: answered, 200/);
    expect(farEnd.invites).toBe(1);
    await eventually('BYE', () => farEnd.requests.some((text) => text.startsWith('BYE')));
    const pidf = join(scratchDirectory(), 'location.xml');
    writeFileSync(pidf, '<presence xmlns="urn:ietf:params:xml:ns:pidf"/>');
    const bad = await trunkline(gateway, 'emergency-check', '--pidf', pidf);
    expect(bad.status).toBe(1);
    expect(bad.out).toContain('presence must have an entity');
    const missing = await trunkline(gateway, 'emergency-check', '--pidf', `${pidf}.not-there`);
    expect(missing).toMatchObject({ status: 2, out: '' });
    expect(missing.err).toContain('location.xml.not-there cannot be read (ENOENT)');
  });

  it('emergency-check --call goes on to the next target where a call would', async () => {
    const [busy, farEnd] = [await FarEnd.start({ status: 503 }), await FarEnd.start()];
    const dnis = [{ emergencyPhoneNumber: '+12065550911', testPhoneNumber: '+12065550933', callingCountry: 'US' }];
    const hosts = [busy.port, farEnd.port].map((port, at) => ({ host: '127.0.0.1', port, priority: at + 1 }));
    const { gateway } = await startWithApi({
      carriers: [carrier([], { hosts })],
      voiceConnectors: [connector({ emergency: { dnis }, origination: {} })],
    });
    const said = await trunkline(gateway, 'emergency-check', '--call');
    expect(said, gateway.tail()).toMatchObject({ status: 0 });
    expect(said.out).toMatch(
      /test call to carrier:main\/.*: not answered, 503 .*; then test call to .*: answered, 200/,
    );
    expect([busy.invites, farEnd.invites]).toEqual([1, 1]);
  });

  it('route --data decides by the resources of the store, as the API does', async () => {
    const { gateway, api } = await startWithApi({ carriers: [carrier([9])], voiceConnectors: [connector()] });
    const termination = { cidrAllowedList: ['10.1.0.0/16'], callingRegions: ['US'] };
    const made = await api.call('POST', '/voice-connectors', { name: 'Made', termination });
    expect(made.status).toBe(201);
    const { id } = made.body;
    const question = { from: OUR_NUMBER, to: '+12025550122', connector: CONNECTOR };
    const asked = ['--from', question.from, '--to', question.to, '--json'];
    for (const connector of [CONNECTOR, id]) {
      const twin = (await api.call('POST', '/route', { ...question, connector })).body;
      const said = await trunkline(gateway, 'route', ...asked, '--connector', connector, '--data', gateway.dataDir);
      expect(said.err).toBe('');
      const told = JSON.parse(said.out);
      // Free media ports are the one thing that only the running node knows.
      const steps = (trace: { check: string }[]) => trace.filter(({ check }) => !check.endsWith('.capacity'));
      expect(steps(told.trace)).toEqual(steps(twin.trace));
      expect({ ...told, trace: [] }).toEqual({ ...twin, trace: [] });
    }
    expect((await trunkline(gateway, 'route', ...asked, '--connector', id)).status).toBe(2);
  });

  it('says so when no gateway answers', async () => {
    const { gateway } = await startWithApi({ carriers: [carrier([9])], voiceConnectors: [connector()] });
    await gateway.stop();
    expect(await trunkline(gateway, 'calls')).toMatchObject({
      status: 1,
      err: expect.stringContaining('api.unreachable'),
    });
  });
});
