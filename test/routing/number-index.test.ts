import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/core/index.js';
import { NumberIndex } from '../../src/routing/number-index.js';
import { DigitAutomaton } from '../../src/routing/numbers/digit-automaton.js';

describe('an index of numbers', () => {
  it('gives what a map gives after any puts, removals, growth and copies', () => {
    const random = new SeededRandom(21);
    let index = new NumberIndex<string>();
    const map = new Map<string, string>();
    for (let step = 0; step < 20_000; step++) {
      const e164 = `+${1 + (random.uint32() % 9)}${random.uint32() % 3000}`;
      const owner = `owner ${random.uint32() % 20}`;
      if (random.uint32() % 3 === 0) {
        index.delete(e164);
        map.delete(e164);
      } else if (e164.length >= 3) {
        index.set(e164, owner);
        map.set(e164, owner);
      }
      if (step % 4000 === 0) index = index.copy();
      expect(index.get(e164)).toBe(map.get(e164));
    }
    expect(index.size).toBe(map.size);
    expect([...index.entries()].sort()).toEqual([...map].sort());
  });

  it('holds the longest and the shortest numbers, and nothing else', () => {
    const index = new NumberIndex<string>();
    index.set('+999999999999999', 'longest');
    index.set('+10', 'shortest');
    expect(index.get('+999999999999999')).toBe('longest');
    expect(index.get('+10')).toBe('shortest');
    expect([...index.entries()]).toContainEqual(['+999999999999999', 'longest']);
    for (const other of ['', '+', '+1', '10', '+010', '+1a', '+9999999999999990', '+99999999999999'])
      expect(index.get(other), other).toBeUndefined();
    expect(() => index.set('+1x5', 'nobody')).toThrow(RangeError);
  });
});

describe('an automaton of digits', () => {
  const patterns = ['2[0-4]\\d{2}', '2\\d{3}|911', '(?:30|4[15-7])\\d{1,3}', '5(?:0?1){2}', '80(?:0(?:1111|\\d{6})|8)'];
  const automaton = new DigitAutomaton([
    ...patterns.map((pattern) => ({ pattern })),
    { pattern: '06698', prefix: true },
  ]);
  const matched = (digits: string) => [...automaton.match(`+${digits}`, 1)].sort();

  it('matches what the regular expressions match', () => {
    const random = new SeededRandom(4);
    const starts = ['2', '911', '30', '4', '5', '501', '8001111', '800', '80', ''];
    for (let trial = 0; trial < 5000; trial++) {
      const more = String(random.uint32()).slice(0, random.uint32() % 7);
      const digits = starts[random.uint32() % starts.length]! + more;
      const expected = patterns.flatMap((pattern, at) => (new RegExp(`^(?:${pattern})$`).test(digits) ? [at] : []));
      if (!digits.startsWith('06698')) expect(matched(digits), digits).toEqual(expected);
    }
  });

  it('matches a prefix whatever follows', () => {
    expect(matched('06698')).toEqual([5]);
    expect(matched('066981234567')).toEqual([5]);
    expect(matched('0669')).toEqual([]);
  });

  it('gives the same set for the same digits, and refuses what is no pattern of digits', () => {
    expect(automaton.match('+2012', 1)).toBe(automaton.match('+2012', 1));
    expect(() => new DigitAutomaton([{ pattern: '2+' }])).toThrow(SyntaxError);
  });
});
