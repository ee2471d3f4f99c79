import { expect, it } from 'vitest';
import { sharing } from '../../src/config/share.js';
import { below, SeededRandom } from '../../src/core/index.js';

const random = new SeededRandom(4);
const oneOf = <Value>(values: readonly Value[]): Value => values[below(random, values.length)]!;

function anything(depth: number): unknown {
  const kind = depth === 0 ? 0 : below(random, 5);
  if (kind < 2) return oneOf([1, 2, 'a', 'b', true, null, undefined, '']);
  if (kind === 2) return Array.from({ length: below(random, 4) }, () => anything(depth - 1));
  if (kind === 3) {
    return Array.from({ length: below(random, 4) }, () => ({
      name: oneOf(['x', 'y', 'z']),
      inside: anything(depth - 1),
    }));
  }
  const keys = ['p', 'q', 'r'].filter(() => below(random, 2) === 0);
  return Object.fromEntries(keys.map((key) => [key, anything(depth - 1)]));
}

it('is equal to what was read, whatever was before', () => {
  for (let trial = 0; trial < 5000; trial++) {
    const [before, after] = [anything(3), anything(3)];
    const plain = structuredClone(after);
    expect(sharing(before, after)).toStrictEqual(plain);
  }
});

it('is what was before, where they are equal', () => {
  for (let trial = 0; trial < 2000; trial++) {
    const before = anything(3);
    expect(sharing(before, structuredClone(before))).toBe(before);
  }
});

it('shares members of a list by name, wherever they stand', () => {
  const before = [
    { name: 'a', list: [1] },
    { name: 'b', list: [2] },
  ];
  const [b, c, a] = sharing(before, [
    { name: 'b', list: [2] },
    { name: 'c', list: [1] },
    { name: 'a', list: [1], more: true },
  ]);
  expect(b).toBe(before[1]);
  expect(c).not.toBe(before[0]);
  expect(a!.list).toBe(before[0]!.list);
  expect(a).toEqual({ name: 'a', list: [1], more: true });
});
