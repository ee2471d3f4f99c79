import { expect, it } from 'vitest';
import { isSendable } from '../../../src/rtp/relay/address.js';

it.each([
  ['192.0.2.1', 4000, 4, true],
  ['192.0.2.1', 65_535, 4, true],
  ['192.0.2.1', 65_536, 4, false],
  ['192.0.2.1', 0, 4, false],
  ['192.0.2.1', 4000, 6, false],
  ['2001:db8::1', 4000, 6, true],
  ['0.0.0.0', 4000, 4, false],
  ['::', 4000, 6, false],
  ['media.example', 4000, 4, false],
] as const)('%s port %d can be sent to over IPv%d: %s', (address, port, family, sendable) => {
  expect(isSendable(address, port, family)).toBe(sendable);
});
