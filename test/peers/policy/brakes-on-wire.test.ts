import { beforeEach, describe, expect, it } from 'vitest';
import { CONNECTOR, carrier, connector, type GatewayUnderTest, startGateway } from '../../support/gateway.js';
import { freePort } from '../../support/ports.js';
import { eventually, needs } from '../../support/program.js';
import { outboundKeys } from '../../support/scene.js';
import { runCaller, type SippResult } from '../../support/sipp.js';
import { makeCertificates, tunnelIntoTls } from '../sip/tls-tunnel.js';
import { startWithApi } from './api-client.js';
import { FarEnd } from './far-end.js';

/** Refusals that need a state before they come: fraud limits, carriers that are down, encryption that is required. */

interface Asked {
  readonly port?: number;
  readonly transport?: 'udp' | 'tcp';
  readonly calls?: number;
  readonly called?: string;
  readonly host?: string;
}

async function refused(gateway: GatewayUnderTest, status: number, reason: string, asked: Asked = {}) {
  const { port = gateway.sipPort, transport = 'udp', calls = 1, called = outboundKeys.called } = asked;
  const target = `127.0.0.1:${port}`;
  const result: SippResult = await runCaller({
    scenario: 'uac-refused-reason',
    fill: { status: String(status), reason },
    target,
    transport,
    keys: { ...outboundKeys, called, host: asked.host ?? target },
    calls,
    callsPerSecond: 5,
    limitMs: 20_000,
  });
  expect(result, result.errors + gateway.tail()).toMatchObject({ status: 0, successful: calls });
}

/** Calls that the far end declines. */
async function declined(gateway: GatewayUnderTest, calls: number, status = 486) {
  const target = `127.0.0.1:${gateway.sipPort}`;
  const fill = { status: String(status), reason: '' };
  const result = await runCaller({
    scenario: 'uac-failed',
    fill,
    target,
    keys: outboundKeys,
    calls,
    callsPerSecond: 5,
    limitMs: 20_000,
  });
  expect(result, result.errors + gateway.tail()).toMatchObject({ status: 0, successful: calls });
}

const short = (gateway: GatewayUnderTest, calls: number, pauseMs: number) =>
  runCaller({
    scenario: 'uac-short',
    target: `127.0.0.1:${gateway.sipPort}`,
    keys: outboundKeys,
    calls,
    callsPerSecond: 20,
    pauseMs,
    limitMs: 60_000,
  });

describe('fraud limits on the wire', () => {
  beforeEach((context) => needs(context, 'sipp'));

  const braked = (farEnd: FarEnd, fraud: object, mediaPorts = 80) =>
    startGateway({ fraud, carriers: [carrier([farEnd.port])], voiceConnectors: [connector()] }, { mediaPorts });

  it('attempts in an hour', async () => {
    const farEnd = await FarEnd.start({ status: 486 });
    const gateway = await braked(farEnd, { hold: false, perCountry: { attempts: 3 } });
    await declined(gateway, 3);
    await refused(gateway, 403, 'Too many calls to US in an hour');
    expect(farEnd.invites).toBe(3);
  });

  it('calls at once', async () => {
    const farEnd = await FarEnd.start();
    const gateway = await braked(farEnd, { hold: false, perCountry: { concurrentCalls: 2 } });
    const held = short(gateway, 2, 4000);
    await eventually('two calls', () => farEnd.invites === 2);
    await refused(gateway, 403, 'Too many calls to US at once');
    expect(await held).toMatchObject({ status: 0, successful: 2 });
  });

  it('minutes in an hour', { timeout: 90_000 }, async () => {
    const farEnd = await FarEnd.start();
    const gateway = await braked(farEnd, { hold: false, perCountry: { minutes: 1 } }, 200);
    // Twenty calls of three and a half seconds are more than a minute.
    expect(await short(gateway, 20, 3500)).toMatchObject({ status: 0, successful: 20 });
    await refused(gateway, 403, 'Too many minutes to US in an hour');
  });

  it('ranges of high risk, and numbers of no country', async () => {
    const farEnd = await FarEnd.start();
    const gateway = await braked(farEnd, { highRiskPrefixes: ['+1202555'] });
    await refused(gateway, 403, 'Calls to .1202555 are not allowed: range of high fraud risk');
    await refused(gateway, 403, 'Country of the called number cannot be told', { called: '+882123456789' });
    expect(farEnd.invites).toBe(0);
  });
});

describe('holds', () => {
  beforeEach((context) => needs(context, 'sipp'));

  it('outlive kill -9, and end for good when they are released', async () => {
    const farEnd = await FarEnd.start({ status: 486 });
    const { gateway, api } = await startWithApi({
      fraud: { perCountry: { attempts: 3 } },
      carriers: [carrier([farEnd.port])],
      voiceConnectors: [connector()],
    });
    await declined(gateway, 3);
    const held = async () => (await api.call('GET', '/fraud/holds')).body.items;
    await eventually('the hold', async () => (await held()).length === 1);
    await gateway.kill();
    const second = await gateway.startAgain();
    expect(await held()).toMatchObject([{ voiceConnectorId: CONNECTOR, country: 'US' }]);
    await refused(second, 403, 'Calls to US are held after a fraud limit');
    const release = () => api.call('POST', '/fraud/release', { voiceConnectorId: CONNECTOR, country: 'US' });
    expect((await release()).status).toBe(200);
    expect((await release()).status).toBe(404);
    await second.kill();
    const third = await second.startAgain();
    expect(await held()).toEqual([]);
    await declined(third, 1);
    const actions = (await api.call('GET', '/audit')).body.items.map(({ action }: { action: string }) => action);
    expect(actions).toEqual(expect.arrayContaining(['hold', 'release']));
  });
});

describe('503', () => {
  it('when every carrier for the number is down', async (context) => {
    needs(context, 'sipp');
    const farEnd = await FarEnd.start({ status: 503 });
    const gateway = await startGateway({ carriers: [carrier([farEnd.port])], voiceConnectors: [connector()] });
    await declined(gateway, 3, 503);
    await refused(gateway, 503, 'Every carrier for the called number is down');
    expect(farEnd.invites).toBe(3);
  });
});

describe('a connector that requires encryption', () => {
  it('refuses clear media over TLS with 488 and Warning 304', async (context) => {
    needs(context, 'sipp');
    const certificates = makeCertificates();
    const [tls, near] = [await freePort(), await freePort()];
    const gateway = await startGateway({
      sip: { listen: [`tls://127.0.0.1:${tls}`], tls: certificates },
      carriers: [carrier([9])],
      voiceConnectors: [connector({ requireEncryption: true })],
    });
    const tunnel = await tunnelIntoTls(near, tls, certificates);
    context.onTestFinished(() => tunnel.close());
    const host = `${CONNECTOR}.voiceconnector.localhost`;
    const asked = { port: near, transport: 'tcp' as const, host };
    await refused(gateway, 488, 'This Voice Connector requires SRTP .*Warning: 304', asked);
  });
});
