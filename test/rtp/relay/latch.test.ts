import { describe, expect, test } from 'vitest';
import { ACCEPTED, LATCHED, Latch, REFUSED } from '../../../src/rtp/relay/latch.js';

const facts = { address: '192.0.2.10', port: 4000, signallingAddress: '198.51.100.5' };

function latch(more: { allowedSources?: readonly string[] } = {}) {
  const made = new Latch();
  made.describe({ ...facts, ...more }, true);
  return made;
}

describe('latching', () => {
  test('takes the first source, then better matches for two seconds, then nothing else', () => {
    const it = latch();
    expect(it.judge('203.0.113.9', 9, 0, false)).toBe(LATCHED);
    expect(it.judge('203.0.113.8', 9, 100, false)).toBe(REFUSED);
    expect(it.judge('198.51.100.5', 77, 200, false)).toBe(LATCHED);
    expect(it.judge('203.0.113.9', 9, 300, false)).toBe(REFUSED);
    expect(it.judge('192.0.2.10', 4002, 400, false)).toBe(LATCHED);
    expect(it.judge('192.0.2.10', 4000, 1999, false)).toBe(LATCHED);
    expect(it.judge('192.0.2.10', 4000, 99_999, false)).toBe(ACCEPTED);
    expect(it.latched).toEqual({ address: '192.0.2.10', port: 4000 });
  });

  test('is locked two seconds after the first packet, even against a better match', () => {
    const it = latch();
    it.judge('203.0.113.9', 9, 1000, false);
    expect(it.judge('192.0.2.10', 4000, 3000, false)).toBe(REFUSED);
    expect(it.judge('203.0.113.9', 9, 3000, false)).toBe(ACCEPTED);
  });

  test('an exact match is locked at once', () => {
    const it = latch();
    it.judge('192.0.2.10', 4000, 0, false);
    expect(it.judge('192.0.2.10', 4002, 1, false)).toBe(REFUSED);
  });

  test('sources outside the allowed blocks never match, not even described ones', () => {
    const it = latch({ allowedSources: ['203.0.113.0/24', '2001:db8::/32', 'nonsense', '203.0.113.0/99'] });
    expect(it.judge('192.0.2.10', 4000, 0, false)).toBe(REFUSED);
    expect(it.judge('198.51.100.5', 4000, 0, true)).toBe(REFUSED);
    expect(it.judge('203.0.113.200', 4000, 0, false)).toBe(LATCHED);
    it.reopen();
    expect(it.judge('2001:db8::7', 4000, 0, false)).toBe(LATCHED);
  });

  test('an empty list of blocks allows nothing', () => {
    expect(latch({ allowedSources: [] }).judge('192.0.2.10', 4000, 0, false)).toBe(REFUSED);
  });

  test('an authentic packet moves a locked latch, once in two seconds', () => {
    const it = latch();
    it.judge('192.0.2.10', 4000, 0, true);
    expect(it.judge('203.0.113.9', 9, 5000, true)).toBe(LATCHED);
    expect(it.judge('203.0.113.10', 9, 5500, true)).toBe(ACCEPTED);
    expect(it.latched).toEqual({ address: '203.0.113.9', port: 9 });
    expect(it.judge('203.0.113.10', 9, 7000, true)).toBe(LATCHED);
  });

  test('IPv6 addresses match however they are written', () => {
    const it = new Latch();
    it.describe({ address: '2001:0DB8:0:0::0:7', port: 4000 }, true);
    it.judge('2001:db8::7', 4000, 0, false);
    expect(it.judge('2001:db8::7', 4001, 1, false)).toBe(REFUSED);
  });

  test('RTCP from elsewhere than RTP needs a match of its own', () => {
    const it = latch();
    it.expect('203.0.113.9');
    expect(it.judge('203.0.113.66', 5, 0, false)).toBe(REFUSED);
    expect(it.judge('203.0.113.9', 5, 0, false)).toBe(LATCHED);
  });
});
