import { describe, expect, it } from 'vitest';
import type { SrtpKeys, SrtpSuite } from '../../../src/rtp/index.js';
import { parseDigit } from '../../../src/rtp/rtpengine/digit-listener.js';
import { exchanges, type Keying, NO_KEYS, sdesFlags } from '../../../src/rtp/rtpengine/keying.js';

const SUITE: SrtpSuite = 'AES_CM_128_HMAC_SHA1_80';
const key = (fill: number): SrtpKeys => ({ suite: SUITE, key: Buffer.alloc(30, fill) });
const pair = (fill: number) => ({ receive: key(fill), send: key(fill + 1) });

/** Who offers, and by tag and first octet the keys in the customer's and in the remote's description. */
const plan = (before: Keying, next: Keying) =>
  exchanges(before, next, 'customer').map(({ offerer, lines }) =>
    [
      offerer,
      ...(['customer', 'remote'] as const).map((side) => lines[side].map(({ tag, keys }) => `${tag}:${keys.key[0]}`)),
    ].join(' '),
  );

describe('exchanges with a daemon', () => {
  it('are one, in clear, where nobody has keys', () => {
    expect(plan(NO_KEYS, NO_KEYS)).toEqual(['customer  ']);
  });

  it('offer our key for a side in the other’s name first', () => {
    expect(plan(NO_KEYS, { customer: undefined, remote: pair(3) })).toEqual(['customer 2:4 2:3', 'remote  2:3']);
  });

  it('key both sides, the second by the offer of the first', () => {
    expect(plan(NO_KEYS, { customer: pair(1), remote: pair(3) })).toEqual(['customer 2:4 2:3', 'remote 1:1 2:3,1:2']);
  });

  it('leave the context of a side alone that keeps its keys', () => {
    const before = { customer: pair(1), remote: pair(3) };
    expect(plan(before, { ...before, customer: pair(5) })).toEqual(['remote 1:5 2:3,1:6']);
    expect(plan(before, { ...before, remote: pair(5) })).toEqual(['customer 1:1,2:6 2:5']);
    expect(plan(before, before)).toEqual(['remote 1:1 2:3,1:2']);
    expect(plan(before, { customer: undefined, remote: pair(3) })).toEqual(['remote  2:3']);
  });

  it('forbid the daemon every suite that they do not name', () => {
    const [prime] = exchanges(NO_KEYS, { customer: undefined, remote: pair(3) }, 'remote');
    expect(sdesFlags(prime!)).toContain('static');
    expect(sdesFlags(prime!)).not.toContain(`no-${SUITE}`);
    expect(sdesFlags(prime!)).toHaveLength(12);
  });
});

describe('a digit that a daemon tells', () => {
  const told = { callid: 'c', source_tag: 'remote', type: 'DTMF', event: 11, duration: 80, volume: 10 };

  it('is read', () => {
    expect(parseDigit(JSON.stringify(told))).toEqual({ callId: 'c', side: 'remote', event: 11, durationMs: 80 });
  });

  it.each([
    ['no JSON', '{'],
    ['no object', 'null'],
    ['another type', JSON.stringify({ ...told, type: 'x' })],
    ['another tag', JSON.stringify({ ...told, source_tag: 'x' })],
    ['no event', JSON.stringify({ ...told, event: 17 })],
    ['no call', JSON.stringify({ ...told, callid: 5 })],
  ])('is nothing: %s', (_, text) => {
    expect(parseDigit(text)).toBeUndefined();
  });
});
