import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CONNECTOR, carrier, connector, FAR_NUMBER, OUR_NUMBER, startGateway } from '../../support/gateway.js';
import { freePort } from '../../support/ports.js';
import { pause } from '../../support/program.js';
import { startWithApi } from './api-client.js';
import { FarEnd } from './far-end.js';

const SETTINGS = { carriers: [carrier([9])], voiceConnectors: [connector()] };

describe('the management API', () => {
  it('knows who asks, and what he may', async () => {
    const { api } = await startWithApi(SETTINGS);
    expect(await api.call('GET', '/health', undefined, '')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect((await api.call('GET', '/ready', undefined, '')).status).toBe(200);
    for (const key of ['', 'ops:wrong', 'nobody:secret-of-ops', 'ops']) {
      const reply = await api.call('GET', '/carriers', undefined, key);
      expect(reply).toMatchObject({ status: 401, body: { error: { code: 'api.unauthorized' } } });
    }
    expect((await api.call('GET', '/carriers', undefined, 'watch:w')).status).toBe(200);
    expect((await api.call('POST', '/drain', undefined, 'watch:w')).status).toBe(403);
  });

  it('refuses everybody where no key is set, but for health', async () => {
    const port = await freePort();
    await startGateway({ ...SETTINGS, api: { listen: `http://127.0.0.1:${port}` } });
    const url = `http://127.0.0.1:${port}/trunkline/v1`;
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect((await fetch(`${url}/calls`)).status).toBe(401);
  });

  it('shows no secret', async () => {
    const credentials = { username: 'u', password: 'very-secret' };
    const { gateway, api } = await startWithApi({ ...SETTINGS, carriers: [carrier([9], { credentials })] });
    const body = { name: 'API', termination: { credentials: [{ username: 'pbx', password: 'very-secret' }] } };
    const texts = [await api.call('POST', '/voice-connectors', body), await api.call('GET', '/carriers')];
    texts.push(
      await api.call('GET', '/audit'),
      await api.call('POST', '/route', { from: OUR_NUMBER, to: FAR_NUMBER, connector: 'Test' }),
    );
    await pause(300);
    const audit = join(gateway.dataDir, 'logs', 'audit');
    const lines = readdirSync(audit)
      .map((name) => readFileSync(join(audit, name), 'utf8'))
      .join('');
    expect(lines).toContain('"action":"create"');
    for (const text of [...texts.map((reply) => JSON.stringify(reply)), lines, gateway.tail(500)]) {
      expect(text).not.toContain('very-secret');
      expect(text).not.toMatch(/[0-9a-f]{64}/);
    }
  });

  it('gives faults as the file’s schema does, and conflicts with the file’s name', async () => {
    const { api } = await startWithApi(SETTINGS);
    const bad = await api.call('POST', '/carriers', {
      name: 'x',
      hosts: [{ host: '127.0.0.1', port: 0 }],
      colour: 'red',
    });
    expect(bad.status).toBe(400);
    expect(bad.body.error.faults.map(({ path }: { path: string }) => path)).toEqual(['hosts[0].port', 'colour']);
    const declared = await api.call('DELETE', '/carriers/main');
    expect(declared).toMatchObject({
      status: 409,
      body: { error: { message: expect.stringContaining('gateway.yaml') } },
    });
    expect((await api.call('PUT', `/voice-connectors/${CONNECTOR}/termination`, {})).status).toBe(409);
    expect((await api.call('GET', '/nothing')).status).toBe(404);
    expect((await api.call('POST', '/calls', {})).status).toBe(405);
  });

  it('takes back what it showed: passwords that were set stay set', async () => {
    const { api } = await startWithApi(SETTINGS);
    const credentials = { username: 'u', password: 'first' };
    await api.call('POST', '/carriers', { name: 'mine', hosts: [{ host: '127.0.0.1', port: 9 }], credentials });
    const { body: shown } = await api.call('GET', '/carriers/mine');
    expect(shown.credentials).toEqual({ username: 'u' });
    expect((await api.call('PUT', '/carriers/mine', { ...shown, maxCalls: 3 })).body).toMatchObject({ maxCalls: 3 });
    const other = { ...shown, credentials: { username: 'somebody-else' } };
    expect((await api.call('PUT', '/carriers/mine', other)).body.error.message).toContain('credentials.password');

    const users = [{ username: 'pbx', password: 'p' }];
    const made = await api.call('POST', '/voice-connectors', { name: 'M', termination: { credentials: users } });
    const path = `/voice-connectors/${made.body.id}/termination`;
    await api.call('PUT', path, { callingRegions: ['US'] });
    expect((await api.call('GET', `${path}/credentials`)).body).toEqual({ usernames: ['pbx'] });
    await api.call('DELETE', `${path}/credentials`);
    expect((await api.call('GET', `${path}/credentials`)).body).toEqual({ usernames: [] });
  });

  it('makes proxy sessions, which calls then go by', async () => {
    const { api } = await startWithApi(SETTINGS);
    const participants = [{ phoneNumber: '+12025550151' }, { phoneNumber: '+12025550152' }];
    const made = await api.call('POST', '/proxy-sessions', {
      voiceConnectorId: CONNECTOR,
      participants,
      expiryMinutes: 5,
    });
    expect(made).toMatchObject({ status: 201, body: { participants: [{ proxyPhoneNumber: OUR_NUMBER }, {}] } });
    const call = { from: '+12025550151', to: OUR_NUMBER, inbound: true };
    expect((await api.call('POST', '/route', call)).body).toMatchObject({
      kind: 'admit',
      calledNumber: '+12025550152',
      callingNumber: OUR_NUMBER,
    });
    const busy = await api.call('POST', '/proxy-sessions', { voiceConnectorId: CONNECTOR, participants });
    expect(busy).toMatchObject({ status: 409, body: { error: { message: expect.stringContaining('No number') } } });
    await api.call('DELETE', `/proxy-sessions/${made.body.id}`);
    expect((await api.call('POST', '/route', call)).body.code).not.toBe('proxy.routed');
  });

  it('outlives a restart with what it was told', async () => {
    const { gateway, api } = await startWithApi(SETTINGS);
    await api.call('POST', '/carriers', { name: 'mine', hosts: [{ host: '127.0.0.1', port: 9 }] });
    await gateway.stop();
    await gateway.startAgain();
    expect((await api.call('GET', '/carriers')).body.items.map(({ name }: { name: string }) => name).sort()).toEqual([
      'main',
      'mine',
    ]);
  });
});

describe('kill -9 in the middle of 1,000 writes', () => {
  it('keeps every acknowledged one, and opens again', async () => {
    const { gateway, api } = await startWithApi(SETTINGS);
    const acknowledged: number[] = [];
    const write = async (number: number) => {
      const reply = await api.call('PUT', `/settings/n${number}`, { number }).catch(() => undefined);
      if (reply?.status === 201) acknowledged.push(number);
    };
    const writing = (async () => {
      for (let first = 0; first < 1000; first += 10) {
        await Promise.all(Array.from({ length: 10 }, (_, at) => write(first + at)));
        if (!gateway.running) return;
      }
    })();
    while (acknowledged.length < 400) await pause(1);
    await gateway.kill();
    await writing;
    expect(acknowledged.length).toBeGreaterThanOrEqual(400);
    expect(acknowledged.length).toBeLessThan(1000);
    await gateway.startAgain();
    const { items } = (await api.call('GET', '/settings')).body;
    const kept = new Set(items.map(({ value }: { value: { number: number } }) => value.number));
    expect(acknowledged.filter((number) => !kept.has(number))).toEqual([]);
  });
});

describe('registration', () => {
  it('goes to the next host, is seen in the state, and is taken back at the end', async () => {
    const [dead, registrar] = [await freePort(), await FarEnd.start()];
    const hosts = [dead, registrar.port].map((port, at) => ({
      host: '127.0.0.1',
      port,
      protocol: 'UDP',
      priority: at + 1,
    }));
    const carriers = [carrier([], { hosts, registration: true, credentials: { username: 'trunk', password: 'p' } })];
    const { gateway, api } = await startWithApi({ ...SETTINGS, carriers });
    const state = async () => (await api.call('GET', '/state')).body.registrations[0];
    for (let tries = 0; tries < 400 && (await state()).state !== 'registered'; tries++) await pause(50);
    expect(await state()).toMatchObject({ carrier: 'main', state: 'registered', host: `127.0.0.1:${registrar.port}` });
    await gateway.stop();
    const registers = registrar.requests.filter((text) => text.startsWith('REGISTER'));
    expect(registers.map((text) => /^Expires: (\d+)/m.exec(text)?.[1])).toEqual(['3600', '0']);
    expect(new Set(registers.map((text) => /^Call-ID: (.*)/m.exec(text)?.[1])).size).toBe(1);
  });
});
