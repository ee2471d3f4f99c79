import { expect, test } from 'vitest';
import { Renumberer } from '../../../src/rtp/relay/renumberer.js';

const renumbered = (numbers: readonly number[], it = new Renumberer(), ssrc = 1): number[] =>
  numbers.map((number) => it.renumber(ssrc, number));

test('leaves an ordinary stream alone: loss, reordering, wrap', () => {
  const numbers = [65530, 65531, 65533, 65532, 65535, 0, 2, 1, 900];
  expect(renumbered(numbers)).toEqual(numbers);
});

test('continues the numbers after a restart, forwards or backwards', () => {
  expect(renumbered([1000, 1001, 17, 18, 20, 19])).toEqual([1000, 1001, 1002, 1003, 1005, 1004]);
  expect(renumbered([1000, 1001, 40_000, 40_001])).toEqual([1000, 1001, 1002, 1003]);
});

test('never gives a number twice, whatever comes', () => {
  const it = new Renumberer();
  const given = renumbered([100, 101, 50_000, 102, 50_001, 103, 7, 104], it);
  expect(new Set(given).size).toBe(given.length);
});

test('starts with each source’s own number', () => {
  const it = new Renumberer();
  expect(it.renumber(1, 500)).toBe(500);
  expect(it.renumber(2, 20_000)).toBe(20_000);
});
