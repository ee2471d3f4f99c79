import { describe, expect, it } from 'vitest';
import { NameAddress, Params, SipSyntaxError } from '../../../src/sip/message/index.js';

describe('NameAddress', () => {
  it.each([
    ['"Alice \\"A\\" B" <sip:a@example.com>;tag=1', 'Alice "A" B', 'sip:a@example.com', '1'],
    ['Alice Example <sip:a@example.com>', 'Alice Example', 'sip:a@example.com', undefined],
    ['<sip:a@example.com;lr>;tag=xyz;foo', '', 'sip:a@example.com;lr', 'xyz'],
    ['sip:a@example.com;tag=88', '', 'sip:a@example.com', '88'],
    ['sip:a@example.com ; tag = 88 ', '', 'sip:a@example.com', '88'],
    ['  Bob<tel:+12065550100>', 'Bob', 'tel:+12065550100', undefined],
    ['"" <sip:anonymous@anonymous.invalid>;tag=q', '', 'sip:anonymous@anonymous.invalid', 'q'],
    ['J\u00c3\u00a9 (home) <sip:j@example.com>', 'J\u00c3\u00a9 (home)', 'sip:j@example.com', undefined],
    ['"a;b,c<d" <sip:x@example.com>;p="q;r,s<t"', 'a;b,c<d', 'sip:x@example.com', undefined],
    ['sip:a@example.com;x="<y>"', '', 'sip:a@example.com', undefined],
  ])('reads %s', (text, displayName, uri, tag) => {
    const address = NameAddress.parse(text);
    expect(address).toMatchObject({ displayName, uri });
    expect(address.tag).toBe(tag);
  });

  it.each([
    '"Alice <sip:a@example.com>',
    '"Alice" sip:a@example.com',
    'Bell, Alexander <sip:a@example.com>',
    'A "B" <sip:a@example.com>',
    '<sip:a@example.com',
    '< sip:a@example.com>',
    '<sip:a@example.com >',
    '<>',
    '<noscheme>',
    '<sip:a@example.com> trailing',
    '<sip:a@example.com>;;tag=1',
    '<sip:a@example.com>;tag=1;tag=2',
    '<sip:a@example.com>;tag="open',
    'sip:a@example.com?Subject=x',
    'sip:a,b@example.com',
    '<sip:a@example.com>, <sip:b@example.com>',
    '',
  ])('refuses %j', (text) => {
    expect(() => NameAddress.parse(text)).toThrow(SipSyntaxError);
  });

  it('writes display names quoted only where they need it', () => {
    expect(new NameAddress('Alice Example', 'sip:a@example.com').toString()).toBe('Alice Example <sip:a@example.com>');
    expect(new NameAddress('Bell, A. "x" \\', 'sip:a@example.com').toString()).toBe(
      '"Bell, A. \\"x\\" \\\\" <sip:a@example.com>',
    );
    expect(new NameAddress('', 'sip:a@example.com', Params.parse(';tag=1')).toString()).toBe(
      '<sip:a@example.com>;tag=1',
    );
  });

  it('cannot be made to hold a line break', () => {
    const address = new NameAddress('a\r\nEvil: 1', 'sip:a@example.com');
    address.params.set('x', 'y\r\nEvil: 2');
    expect(address.toString()).not.toMatch(/[\r\n]/);
  });

  it('reads its URI anew after a change', () => {
    const address = NameAddress.parse('<sip:a@example.com>');
    expect(address.sipUri.user).toBe('a');
    address.uri = 'sip:b@example.com';
    expect(address.sipUri.user).toBe('b');
  });
});
