import { describe, expect, test } from 'vitest';
import { SequenceSplice } from '../../../src/rtp/relay/sequence-splice.js';

function spliced(first: number): SequenceSplice {
  const splice = new SequenceSplice();
  splice.start(7, first);
  return splice;
}

describe('sequence numbers of a stream that is cut and mended', () => {
  test('pass as they are while nothing is changed, jumps and wrap included', () => {
    const splice = spliced(65534);
    expect([65535, 0, 1, 5, 4, 9000].map((sequence) => splice.pass(sequence))).toEqual([65535, 0, 1, 5, 4, 9000]);
  });

  test('close up over packets left out', () => {
    const splice = spliced(10);
    expect(splice.pass(11)).toBe(11);
    splice.leaveOut(12);
    splice.leaveOut(13);
    expect(splice.pass(14)).toBe(12);
    // What was lost stays lost.
    expect(splice.pass(16)).toBe(14);
  });

  test('make room for packets put in, also after some were left out', () => {
    const splice = spliced(65534);
    expect(splice.putIn()).toBe(65535);
    expect(splice.putIn()).toBe(0);
    expect(splice.pass(65535)).toBe(1);
    splice.leaveOut(0);
    expect(splice.putIn()).toBe(2);
    expect(splice.pass(1)).toBe(3);
  });

  test('a late packet takes the place it would have had', () => {
    const splice = spliced(10);
    splice.leaveOut(12);
    splice.pass(13);
    splice.putIn();
    splice.pass(15);
    // out: 10 (11) 13→12 put in 13 (14→14) 15→15
    expect(splice.pass(11)).toBe(11);
    expect(splice.pass(14)).toBe(14);
    expect(splice.pass(13)).toBe(12);
    expect(splice.pass(15)).toBe(15);
    expect(splice.pass(16)).toBe(16);
  });

  test('a packet left out twice, or late, makes one gap close only', () => {
    const splice = spliced(10);
    splice.leaveOut(11);
    splice.leaveOut(11);
    splice.pass(14);
    splice.leaveOut(12);
    expect(splice.pass(15)).toBe(14);
  });
});
