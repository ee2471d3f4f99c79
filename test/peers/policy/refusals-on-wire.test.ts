import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  carrier,
  connector,
  FAR_NUMBER,
  type GatewayUnderTest,
  OUR_NUMBER,
  startGateway,
} from '../../support/gateway.js';
import { eventually, needs, pause } from '../../support/program.js';
import { outboundKeys } from '../../support/scene.js';
import { runCaller } from '../../support/sipp.js';
import { FarEnd } from './far-end.js';

/** Each refusal as SIPp sees it: status and reason phrase. One gateway, a connector for each row that needs one. */

const id = (letter: string): string => letter.repeat(22);
const host = (letter: string): string => `${id(letter)}.voiceconnector.localhost`;
const OPEN = { cidrAllowedList: ['127.0.0.0/8'], callingRegions: ['US'], cpsLimit: 1000 };
const number = (last: number): string => `+1206555${String(last).padStart(4, '0')}`;

const plain = (letter: string, last: number, termination: object = {}, more: object = {}) => ({
  ...connector({ id: id(letter), name: letter, phoneNumbers: [number(last)], ...more }),
  termination: { ...OPEN, ...termination },
});

const { termination: _, ...withoutTermination } = connector({ id: id('b'), name: 'b', phoneNumbers: [] });
const settings = {
  carriers: [carrier([9], { prefixes: ['+1202', '+1206', '+44', '+882'], sources: ['127.0.0.2/32'] })],
  voiceConnectors: [
    plain('a', 100, { blockedPrefixes: ['+1202555'], callingRegions: ['US'] }),
    withoutTermination,
    plain('c', 102, { disabled: true }),
    plain('d', 103, {}, { requireEncryption: true }),
    plain('e', 104, { cidrAllowedList: ['127.0.0.7/32'] }),
    plain('f', 105, { credentials: [{ username: 'pbx', password: 'secret' }] }),
    plain('g', 106, {}, { origination: { routes: [{ host: '127.0.0.1', port: 9 }], disabled: true } }),
    plain('h', 107),
    plain('i', 108, {}, { origination: { routes: [] } }),
  ],
};

interface Row {
  readonly name: string;
  readonly status: number;
  readonly reason: string;
  readonly host?: string;
  readonly called?: string;
  readonly caller?: string;
  readonly address?: string;
}

const A = { host: host('a'), caller: number(100) };
const ROWS: readonly Row[] = [
  { name: 'no such connector', status: 404, reason: 'No such Voice Connector', host: host('z') },
  {
    name: 'several connectors allow the source',
    status: 403,
    reason: 'Source address belongs to more than one',
    address: '127.0.0.5',
  },
  { name: 'termination not configured', status: 403, reason: 'Termination is not configured', host: host('b') },
  { name: 'termination disabled', status: 403, reason: 'Termination is disabled', host: host('c') },
  { name: 'encryption required', status: 403, reason: 'This Voice Connector requires TLS', host: host('d') },
  { name: 'source not allowed', status: 403, reason: 'Source address is not allowed', host: host('e') },
  { name: 'credentials missing', status: 401, reason: 'Unauthorized', host: host('f') },
  { name: 'number incomplete', status: 484, reason: 'Called number is not in E.164 format', ...A, called: '5550122' },
  { name: 'country not allowed', status: 403, reason: 'Calls to GB are not allowed', ...A, called: '+442079460000' },
  { name: 'number blocked', status: 403, reason: 'Called number is blocked', ...A, called: FAR_NUMBER },
  {
    name: 'caller ID of somebody else',
    status: 403,
    reason: 'Caller ID .* is not assigned to this Voice Connector',
    host: host('h'),
    caller: '+12065559999',
  },
  {
    name: 'no carrier for the number',
    status: 404,
    reason: 'No carrier serves the called number',
    host: host('h'),
    caller: number(107),
    called: '+13035550100',
  },
  {
    name: 'no carrier for the emergency code',
    status: 404,
    reason: 'No emergency routing number',
    host: host('h'),
    caller: number(107),
    called: '911',
  },
  {
    name: 'inbound, number unassigned',
    status: 404,
    reason: 'Called number is not assigned',
    address: '127.0.0.2',
    called: number(999),
  },
  {
    name: 'inbound, origination disabled',
    status: 480,
    reason: 'Origination is disabled',
    address: '127.0.0.2',
    called: number(106),
  },
  { name: 'inbound, no route', status: 480, reason: 'No origination route', address: '127.0.0.2', called: number(108) },
];

describe('refused on the wire', () => {
  let gateway: GatewayUnderTest;
  beforeAll(async () => {
    gateway = await startGateway(settings, { keep: true });
    return async () => void (await gateway.stop());
  });
  beforeEach((context) => needs(context, 'sipp'));

  it.each(ROWS)('$status $reason: $name', async ({ status, reason, host: named, called, caller, address }) => {
    const target = `127.0.0.1:${gateway.sipPort}`;
    const keys = { called: called ?? FAR_NUMBER, caller: caller ?? OUR_NUMBER, host: named ?? target };
    const fill = { status: String(status), reason };
    const order = { scenario: 'uac-refused-reason', fill, target, keys, calls: 1, callsPerSecond: 1, limitMs: 15_000 };
    const result = await runCaller({ ...order, address: address ?? '127.0.0.4' });
    expect(result, result.errors).toMatchObject({ status: 0, successful: 1 });
  });

  /** A gateway of its own, and one call that it must refuse. */
  async function refusedBy(own: GatewayUnderTest, status: number, reason: string) {
    const target = `127.0.0.1:${own.sipPort}`;
    const order = {
      scenario: 'uac-refused-reason',
      fill: { status: String(status), reason },
      target,
      keys: outboundKeys,
    };
    const result = await runCaller({ ...order, calls: 1, callsPerSecond: 1, limitMs: 15_000 });
    expect(result, result.errors + own.tail()).toMatchObject({ status: 0, successful: 1 });
  }

  it('403 after too many wrong passwords', async () => {
    const own = await startGateway({
      sip: { authentication: { algorithms: ['MD5'], banFailures: 3 } },
      carriers: [carrier([9])],
      voiceConnectors: [connector({ termination: { credentials: [{ username: 'pbx', password: 'right' }] } })],
    });
    const target = `127.0.0.1:${own.sipPort}`;
    const wrong = { scenario: 'uac-digest', fill: { status: '401' }, more: ['-au', 'pbx', '-ap', 'wrong'] };
    await runCaller({ ...wrong, target, keys: outboundKeys, calls: 3, callsPerSecond: 5, limitMs: 15_000 });
    await refusedBy(own, 403, 'Too many failed authentications from this source');
  });

  it('503 when every carrier is at its limit', async () => {
    const farEnd = await FarEnd.start({ status: 486 });
    const own = await startGateway({
      carriers: [carrier([farEnd.port], { callsPerSecond: 1 })],
      voiceConnectors: [connector()],
    });
    const target = `127.0.0.1:${own.sipPort}`;
    const order = { scenario: 'uac-busy-or-throttled', target, keys: outboundKeys, calls: 10, callsPerSecond: 100 };
    expect(await runCaller(order)).toMatchObject({ status: 0, successful: 10 });
    expect(farEnd.invites).toBe(1);
    // Those decided before the first call took the carrier's place find it taken when their turn comes.
    const codes = (await own.recordsOnceThere(10)).map(({ Trunkline }) => Trunkline.Code);
    expect(codes.filter((code) => ['termination.carriers-full', 'attempt.limit'].includes(code))).toHaveLength(9);
  });

  it('503 without a free media port', async () => {
    const farEnd = await FarEnd.start();
    const own = await startGateway(
      { carriers: [carrier([farEnd.port])], voiceConnectors: [connector()] },
      { mediaPorts: 4 },
    );
    const target = `127.0.0.1:${own.sipPort}`;
    const order = { target, keys: outboundKeys, calls: 1, callsPerSecond: 1, limitMs: 15_000 };
    const held = runCaller({ ...order, scenario: 'uac-short', pauseMs: 4000 });
    await eventually('a call', () => farEnd.invites === 1);
    await refusedBy(own, 503, 'No media port is free');
    expect(await held).toMatchObject({ status: 0, successful: 1 });
  });

  it('503 while draining', async () => {
    const farEnd = await FarEnd.start();
    const draining = await startGateway({ carriers: [carrier([farEnd.port])], voiceConnectors: [connector()] });
    const target = `127.0.0.1:${draining.sipPort}`;
    const order = { target, keys: outboundKeys, calls: 1, callsPerSecond: 1, limitMs: 15_000 };
    const held = runCaller({ ...order, scenario: 'uac-short', pauseMs: 4000 });
    await eventually('a call', () => farEnd.invites === 1);
    process.kill(draining.pid, 'SIGTERM');
    await pause(200);
    const fill = { status: '503', reason: 'This node is being taken out of service' };
    const result = await runCaller({ ...order, scenario: 'uac-refused-reason', fill });
    expect(result, result.errors).toMatchObject({ status: 0, successful: 1 });
    expect(await held).toMatchObject({ status: 0, successful: 1 });
  });
});
