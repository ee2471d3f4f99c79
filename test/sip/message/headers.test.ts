import { describe, expect, it } from 'vitest';
import {
  decodeUtf8,
  detached,
  encodeUtf8,
  Headers,
  lineSafe,
  quote,
  serialize,
  splitCommas,
  unquote,
} from '../../../src/sip/message/index.js';
import { inviteBytes, parsedRequest } from './support.js';

const folded = () =>
  parsedRequest(
    inviteBytes({
      v: 'SIP/2.0/TCP 192.0.2.9',
      SUBJECT: 'a\r\n  b\r\n\tc ',
      'X-Own': '1',
      'x-own': '2',
      k: '100rel,, timer',
    }),
  ).headers;

describe('Headers of a received message', () => {
  it('are found in any case and in compact form', () => {
    const headers = folded();
    expect(headers.get('call-id')).toBe('a84b4c76e66710@pc33.example.com');
    expect(headers.get('i')).toBe(headers.get('CALL-ID'));
    expect(headers.list('via')).toHaveLength(2);
    expect(headers.list('Supported')).toEqual(['100rel', 'timer']);
    expect(headers.all('X-OWN')).toEqual(['1', '2']);
    expect(headers.has('Route')).toBe(false);
    expect(headers.get('Route')).toBeUndefined();
  });

  it('are unfolded and trimmed', () => {
    expect(folded().get('Subject')).toBe('a b c');
  });

  it('are listed under their long names, others as they came', () => {
    const names = [...folded().entries()].map(([name]) => name);
    expect(names.slice(-5)).toEqual(['Via', 'Subject', 'X-Own', 'x-own', 'Supported']);
    expect(names).toHaveLength(folded().count);
  });

  it('go back on the wire as they came where they were not touched', () => {
    const bytes = inviteBytes({ SUBJECT: 'a\r\n  b', 'x-Odd  ': ' spaced' });
    const request = parsedRequest(bytes);
    request.headers.set('Max-Forwards', '69');
    request.headers.prepend('Via', 'SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKnew');
    request.headers.append('X-New', 'yes');
    const text = bytes.toString('latin1').replace('Max-Forwards: 70', 'Max-Forwards: 69');
    const expected = text
      .replace('Via: ', 'Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKnew\r\nVia: ')
      .replace(/\r\n\r\n$/, '\r\nX-New: yes\r\n\r\n');
    expect(serialize(request).toString('latin1')).toBe(expected);
  });
});

describe('Headers that are changed', () => {
  it('set replaces every row of the name in place of the first', () => {
    const headers = folded();
    const before = headers.count;
    headers.set('x-own', '3');
    expect(headers.all('X-Own')).toEqual(['3']);
    expect(headers.count).toBe(before - 1);
    headers.set('X-Absent', 'a');
    expect([...headers.entries()].at(-1)).toEqual(['X-Absent', 'a']);
  });

  it('remove takes every row of the name, and only those', () => {
    const headers = folded();
    headers.remove('Via');
    expect(headers.has('v')).toBe(false);
    expect(headers.has('To')).toBe(true);
    headers.remove('X-OWN');
    expect(headers.all('x-own')).toEqual([]);
  });

  it('prepend puts a row before its like, or before all others', () => {
    const headers = new Headers();
    headers.append('To', 't');
    headers.append('via', 'second');
    headers.prepend('Via', 'first');
    headers.prepend('Route', 'r');
    expect([...headers.entries()]).toEqual([
      ['Route', 'r'],
      ['To', 't'],
      ['Via', 'first'],
      ['Via', 'second'],
    ]);
    expect(headers.toWire()).toBe('Route: r\r\nTo: t\r\nVia: first\r\nVia: second\r\n');
  });

  it('count their changes', () => {
    const headers = folded();
    const seen = [headers.revision];
    headers.set('Max-Forwards', '1');
    seen.push(headers.revision);
    headers.remove('Max-Forwards');
    seen.push(headers.revision);
    headers.remove('Max-Forwards');
    expect(new Set(seen).size).toBe(3);
    expect(headers.revision).toBe(seen[2]);
  });

  it('never let a value or name add a line', () => {
    const headers = new Headers();
    headers.append('X', 'a\r\nEvil: 1');
    headers.append('Y\r\nEvil', 'b');
    headers.set('Z', 'c\u010aEvil: 1');
    expect(headers.toWire().split('\r\n')).toHaveLength(4);
    expect(headers.get('X')).toBe('a Evil: 1');
  });
});

describe('lists and quoting', () => {
  it.each([
    ['', []],
    ['a', ['a']],
    [' a , b ', ['a', 'b']],
    ['"a,b" <sip:x,y@h>;p="c,d", e', ['"a,b" <sip:x,y@h>;p="c,d"', 'e']],
    ['a,,b,', ['a', '', 'b', '']],
    ['"a\\",b",c', ['"a\\",b"', 'c']],
    ['"open, x', ['"open, x']],
    ['<sip:a"b,c>,d', ['<sip:a"b,c>', 'd']],
  ])('splits %j', (text, elements) => {
    expect(splitCommas(text)).toEqual(elements);
  });

  it('quotes and unquotes', () => {
    expect(quote('a "b" \\ c')).toBe('"a \\"b\\" \\\\ c"');
    expect(unquote(quote('a "b" \\ c'))).toBe('a "b" \\ c');
    expect(unquote('plain')).toBe('plain');
    expect(unquote('"')).toBe('"');
  });

  it('splits texts longer than the scratch buffer', () => {
    const long = 'x'.repeat(5000);
    expect(splitCommas(`${long}, ${long}`)).toEqual([long, long]);
  });
});

describe('wire text', () => {
  it('keeps bytes and shows UTF-8', () => {
    expect(encodeUtf8('Zoë')).toBe('Zo\u00c3\u00ab');
    expect(decodeUtf8(encodeUtf8('Zoë ☎'))).toBe('Zoë ☎');
    expect(decodeUtf8('\u00ff')).toBe('\ufffd');
    expect(detached('\u00ff\u0000a')).toBe('\u00ff\u0000a');
    expect(lineSafe('a\r\n\nb')).toBe('a b');
    expect(lineSafe('☎\n')).toBe(`${encodeUtf8('☎')} `);
  });
});
