import { beforeEach, describe, expect, it } from 'vitest';
import {
  CARRIER_ADDRESS,
  CONNECTOR,
  carrier,
  connector,
  type GatewayUnderTest,
  OUR_NUMBER,
  startGateway,
} from '../../support/gateway.js';
import { freePort } from '../../support/ports.js';
import { needs } from '../../support/program.js';
import { inboundKeys, outboundKeys } from '../../support/scene.js';
import { runCaller } from '../../support/sipp.js';
import { FarEnd, type Manner } from './far-end.js';

/** Three priorities, the first two of which fail: how a call finds its way, and when it must not look further. */

const carrierOf = (hosts: readonly { readonly port: number; readonly protocol?: string }[]) =>
  carrier([], { hosts: hosts.map((host, at) => ({ host: '127.0.0.1', protocol: 'UDP', priority: at + 1, ...host })) });

const start = (hosts: readonly { readonly port: number; readonly protocol?: string }[]) =>
  startGateway({ carriers: [carrierOf(hosts)], voiceConnectors: [connector()] }, { mediaPorts: 200 });

async function call(gateway: GatewayUnderTest, status: number, calls = 1) {
  const target = `127.0.0.1:${gateway.sipPort}`;
  const order = { target, keys: outboundKeys, calls, callsPerSecond: 5, limitMs: 30_000 };
  const scenario = status === 200 ? 'uac-short' : 'uac-failed';
  const result = await runCaller({ ...order, scenario, fill: { status: String(status) } });
  expect(result, result.errors + gateway.tail()).toMatchObject({ status: 0, successful: calls });
  return gateway.recordsOnceThere(calls);
}

describe('failover across three priorities', () => {
  beforeEach((context) => needs(context, 'sipp'));

  const FAILURES: readonly (readonly [string, Manner, number | null])[] = [
    ['no answer', { status: 'silent' }, null],
    ['408', { status: 408 }, 408],
    ['500', { status: 500 }, 500],
    ['503 with Retry-After', { status: 503, headers: ['Retry-After: 20'] }, 503],
  ];

  it.each(FAILURES)('goes on after %s', async (_, manner, status) => {
    const failing = [await FarEnd.start(manner), await FarEnd.start(manner)];
    const good = await FarEnd.start();
    const gateway = await start([...failing, good].map(({ port }) => ({ port })));
    const [record] = await call(gateway, 200);
    expect(record!.Trunkline.Attempts.map(({ SipStatus }) => SipStatus)).toEqual([status, status, 200]);
    expect([...failing, good].map(({ invites }) => invites)).toEqual([1, 1, 1]);
  });

  it.each(['UDP', 'TCP'])('goes on after a refused connection (%s)', async (protocol) => {
    const good = await FarEnd.start();
    const closed = [await freePort(), await freePort()].map((port) => ({ port, protocol }));
    const gateway = await start([...closed, { port: good.port }]);
    const [record] = await call(gateway, 200);
    expect(record!.Trunkline.Attempts.map(({ Code }) => Code).slice(0, 2)).toEqual([
      expect.stringMatching(/^attempt\.(transport|no-response)$/),
      expect.stringMatching(/^attempt\.(transport|no-response)$/),
    ]);
  });

  it.each([486, 404, 603, 501])('stops at %i', async (status) => {
    const busy = await FarEnd.start({ status });
    const others = [await FarEnd.start(), await FarEnd.start()];
    const gateway = await start([busy, ...others].map(({ port }) => ({ port })));
    await call(gateway, status);
    expect(others.map(({ invites }) => invites)).toEqual([0, 0]);
  });

  it('does not ring twice: a failure after 180 is the end', async () => {
    const rings = await FarEnd.start({ status: 500, rings: true });
    const other = await FarEnd.start();
    const gateway = await start([{ port: rings.port }, { port: other.port }]);
    await call(gateway, 500);
    expect([rings.invites, other.invites]).toEqual([1, 0]);
  });

  it('leaves alone a target whose Retry-After has not passed', async () => {
    const busy = await FarEnd.start({ status: 503, headers: ['Retry-After: 30'] });
    const good = await FarEnd.start();
    const gateway = await start([{ port: busy.port }, { port: good.port }]);
    await call(gateway, 200);
    await call(gateway, 200);
    await gateway.recordsOnceThere(2);
    expect([busy.invites, good.invites]).toEqual([1, 2]);
  });
});

describe('groups', () => {
  it('fail over to the connector of the next priority', async (context) => {
    needs(context, 'sipp');
    const first = await FarEnd.start({ status: 500 });
    const second = await FarEnd.start();
    const other = 'x'.repeat(22);
    const routed = (id: string, name: string, { port }: FarEnd) =>
      connector({ id, name, phoneNumbers: [], origination: { routes: [{ host: '127.0.0.1', port }] } });
    const gateway = await startGateway({
      carriers: [carrier([9])],
      voiceConnectors: [routed(CONNECTOR, 'One', first), routed(other, 'Two', second)],
      voiceConnectorGroups: [
        {
          name: 'Both',
          items: [
            { voiceConnectorId: CONNECTOR, priority: 1 },
            { voiceConnectorId: other, priority: 2 },
          ],
          phoneNumbers: [OUR_NUMBER],
        },
      ],
    });
    const target = `127.0.0.1:${gateway.sipPort}`;
    const order = {
      scenario: 'uac-short',
      address: CARRIER_ADDRESS,
      target,
      keys: inboundKeys,
      calls: 5,
      callsPerSecond: 5,
    };
    const result = await runCaller(order);
    expect(result, result.errors + gateway.tail()).toMatchObject({ status: 0, successful: 5 });
    // A 500 is life, not a miss: the first connector is tried each time.
    expect([first.invites, second.invites]).toEqual([5, 5]);
  });
});
