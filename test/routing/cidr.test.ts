import { BlockList } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CidrIndex, CidrSet, parseAddress } from '../../src/routing/index.js';

const v4 = fc
  .array(fc.integer({ min: 0, max: 3 }), { minLength: 4, maxLength: 4 })
  .map((octets) => octets.map((octet) => octet * 85).join('.'));
const v6 = fc
  .array(fc.constantFrom('0', '1', 'ffff', '8000'), { minLength: 7, maxLength: 7 })
  .map((groups) => ['2001', ...groups].join(':'));
const block4 = fc.tuple(v4, fc.integer({ min: 0, max: 32 }));
// BlockList takes IPv4 for ::ffff:0:0/96, so that ::/0 holds it too; here an IPv6 block holds IPv6 only: from /3 both agree.
const block6 = fc.tuple(v6, fc.integer({ min: 3, max: 128 }));

describe('address blocks', () => {
  it('hold what node:net BlockList says they hold', () => {
    fc.assert(
      fc.property(
        fc.array(block4, { maxLength: 5 }),
        fc.array(block6, { maxLength: 5 }),
        v4,
        v6,
        (blocks4, blocks6, address4, address6) => {
          const list = new BlockList();
          for (const [address, prefix] of blocks4) list.addSubnet(address, prefix, 'ipv4');
          for (const [address, prefix] of blocks6) list.addSubnet(address, prefix, 'ipv6');
          const blocks = [...blocks4, ...blocks6].map(([address, prefix]) => `${address}/${prefix}`);
          const set = new CidrSet(blocks);
          const index = new CidrIndex<string>();
          for (const block of blocks) index.add(block, block);
          for (const [address, family] of [
            [address4, 'ipv4'],
            [address6, 'ipv6'],
          ] as const) {
            const expected = list.check(address, family);
            const parsed = parseAddress(address);
            expect(set.has(parsed)).toBe(expected);
            expect(index.all(parsed).length > 0).toBe(expected);
            expect(index.longest(parsed).length > 0).toBe(expected);
          }
        },
      ),
      { numRuns: 2000, seed: 2 },
    );
  });

  it('give the owner of the longest block', () => {
    const index = new CidrIndex<string>();
    index.add('10.0.0.0/8', 'wide');
    index.add('10.1.0.0/16', 'narrow');
    expect(index.longest(parseAddress('10.1.2.3'))).toEqual(['narrow']);
    expect(index.longest(parseAddress('10.2.2.3'))).toEqual(['wide']);
    expect(index.all(parseAddress('10.1.2.3'))).toEqual(['narrow', 'wide']);
  });

  it('take an IPv4-mapped address for the IPv4 address', () => {
    expect(parseAddress('::ffff:10.1.2.3')).toBe(parseAddress('10.1.2.3'));
    expect(parseAddress('::ffff:a01:203')).toBe(parseAddress('10.1.2.3'));
    expect(new CidrSet(['::ffff:10.0.0.0/104']).has(parseAddress('10.1.2.3'))).toBe(true);
    expect(new CidrSet(['0.0.0.0/0']).has(parseAddress('2001:db8::1'))).toBe(false);
  });

  it('read brackets and zones, and nothing else', () => {
    expect(parseAddress('[fe80::1%eth0]')).toBe(parseAddress('fe80::1'));
    for (const text of ['', '1.2.3', '1.2.3.4.5', '1.2.3.256', '1..2.3', 'host', '::g', ':::', '1.2.3.4x'])
      expect(parseAddress(text), text).toBeUndefined();
  });
});
