import { expect, it } from 'vitest';
import { embeddedDefaults } from '../../src/config/index.js';
import { identifyCaller } from '../../src/control/api/access.js';
import { ApiServer } from '../../src/control/index.js';

const KEYS = [
  { id: 'ops', secret: 'a:b', role: 'admin' },
  { id: 'ro', secret: 'x', role: 'readonly' },
] as const;
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

it.each([
  ['ops:a:b', { id: 'ops', role: 'admin' }],
  ['ro:x', { id: 'ro', role: 'readonly' }],
  ['ops:x', undefined],
  ['ops', undefined],
  [':', undefined],
])('Basic %s', (text, caller) => {
  expect(identifyCaller(basic(text), KEYS)).toEqual(caller);
  expect(identifyCaller(basic(text), [])).toBeUndefined();
});

it('no other scheme is taken', () => {
  expect(identifyCaller(undefined, KEYS)).toBeUndefined();
  expect(identifyCaller('Bearer abc', KEYS)).toBeUndefined();
});

it.each([
  ['0.0.0.0', 403],
  ['127.0.0.1', 200],
])('keys do not cross the net in clear: at http://%s a good key gets %i', async (host, status) => {
  const { api } = embeddedDefaults();
  const logger = { child: () => logger, debug() {}, info() {}, warn() {}, error() {} } as never;
  const answer = () => ({ status: 200, body: {} });
  const routes = [
    { method: 'GET', path: '/health', open: true, handle: answer },
    { method: 'GET', path: '/calls', handle: answer },
  ] as const;
  const server = new ApiServer({ ...api, listen: { protocol: 'http', host, port: 0 } }, routes, () => KEYS, logger);
  const url = (await server.start()).replace('0.0.0.0', '127.0.0.1');
  expect((await fetch(`${url}/trunkline/v1/health`)).status).toBe(200);
  const headers = { authorization: basic('ops:a:b') };
  expect((await fetch(`${url}/trunkline/v1/calls`, { headers })).status).toBe(status);
  await server.stop();
});
