import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keysWritten } from '../../src/config/json-text.js';
import { readYaml } from '../../src/config/yaml.js';

/** Values whose texts hold what separates members too. */
const text = fc.oneof(
  fc.constantFrom('', '"', '\\', '{', '}]', ',', ':', 'a: b', '\n', '\\"'),
  fc.string({ maxLength: 6 }),
);
const { map } = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    tie('list'),
    tie('map'),
  ),
  list: fc.array(tie('any'), { maxLength: 4 }),
  map: fc.dictionary(text, tie('any'), { maxKeys: 4, noNullPrototype: true }),
}));

/** The line of each value, counted while it is written with two spaces of indent: one line a member. */
function linesOf(value: unknown, line: number, path: PropertyKey[], found: [PropertyKey[], number][]): number {
  if (path.length > 0) found.push([path, line]);
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) return line;
  let last = line;
  for (const [key, member] of Object.entries(value)) {
    last = linesOf(member, last + 1, [...path, Array.isArray(value) ? Number(key) : key], found);
  }
  return last + 1;
}

const keysIn = (value: unknown): number =>
  typeof value !== 'object' || value === null
    ? 0
    : Object.values(value).reduce<number>((sum, member) => sum + keysIn(member), 0) +
      (Array.isArray(value) ? 0 : Object.keys(value).length);

describe('the text of a JSON configuration', () => {
  it('tells the line of every value, and of the nearest parent of what is not there', () => {
    fc.assert(
      fc.property(map, (value) => {
        const written = JSON.stringify(value, undefined, 2);
        const found: [PropertyKey[], number][] = [];
        linesOf(value, 1, [], found);
        const { lineOf } = readYaml(written);
        for (const [path, line] of found) {
          expect(lineOf(path), `${path.join('.')} of ${written}`).toBe(line);
          expect(lineOf([...path, 'not there', 0])).toBe(line);
        }
        expect(lineOf(['not there'])).toBeUndefined();
      }),
      { numRuns: 500, seed: 8 },
    );
  });

  it('tells how many keys are written', () => {
    fc.assert(
      fc.property(map, fc.constantFrom(undefined, 1, '\t'), (value, space) => {
        expect(keysWritten(JSON.stringify(value, undefined, space))).toBe(keysIn(value));
      }),
      { numRuns: 500, seed: 9 },
    );
    expect(keysWritten('{"a": 1, "a" : [":", {"b\\"": 2}]}')).toBe(3);
  });
});
