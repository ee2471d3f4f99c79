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

it('keys do not cross the net in clear: a listener without TLS is loopback’s only', () => {
  const { api } = embeddedDefaults();
  const logger = { child: () => logger, debug() {}, info() {}, warn() {}, error() {} } as never;
  const at = (host: string) =>
    new ApiServer({ ...api, listen: { protocol: 'http', host, port: 0 } }, [], () => [], logger);
  for (const host of ['0.0.0.0', '192.0.2.1', '::']) expect(() => at(host)).toThrow('access keys would cross the net');
  for (const host of ['127.0.0.1', '::1', 'localhost']) expect(() => at(host)).not.toThrow();
});
