import { describe, expect, it } from 'vitest';
import { Params, SipSyntaxError } from '../../../src/sip/message/index.js';

describe('Params', () => {
  it('reads values, flags, empty and quoted values', () => {
    const params = Params.parse(' ; a = 1 ;Flag;empty=;q="x;\\"y\\",z"');
    expect(params.get('A')).toBe('1');
    expect(params.get('flag')).toBe('');
    expect(params.has('flag')).toBe(true);
    expect(params.get('empty')).toBe('');
    expect(params.get('q')).toBe('"x;\\"y\\",z"');
    expect(params.getUnquoted('q')).toBe('x;"y",z');
    expect(params.get('absent')).toBeUndefined();
    expect(params.size).toBe(4);
    expect(params.toString()).toBe(';a=1;Flag;empty=;q="x;\\"y\\",z"');
  });

  it('sets in place, appends and deletes at either end and between', () => {
    const params = Params.parse(';a=1;b;c=3');
    params.set('B', '2');
    params.set('d');
    expect(params.toString()).toBe(';a=1;b=2;c=3;d');
    for (const gone of ['a', 'c', 'd', 'nothing']) params.delete(gone);
    expect(params.toString()).toBe(';b=2');
    params.delete('b');
    expect(params.toString()).toBe('');
    params.set('x', 'y');
    expect([...params.entries()]).toEqual([['x', 'y']]);
  });

  it.each([';', ';;a', ';a;;', 'a', ';a=1,b', ';a="x', ';a=1;A=2', ';a b', ';=1', ';a=<'])('refuses %j', (text) => {
    expect(() => Params.parse(text)).toThrow(SipSyntaxError);
  });
});
