import { describe, expect, it } from 'vitest';
import type { World } from '../../src/simulation/index.js';
import { faultsOf, playCall, recordOf } from './scripted.js';

/** Whole calls to a callee behind a proxy that forks: what the caller sees of it. */

const ring = (fork: number, status: 180 | 183 = 180, facts: object = {}) => ({
  afterMs: 100,
  status,
  fork,
  described: false,
  reliable: false,
  ...facts,
});
const answer = (fork: number) => ({ kind: 'answer', afterMs: 500, fork, second: undefined }) as const;

/** Status and a letter for each To tag, of what the caller got for its INVITE. */
function voices(world: World): string[] {
  const letters = new Map<string, string>();
  const lines = world.log.startLines(world.calls[0]!.caller.callId);
  return lines
    .filter(({ startLine, details }) => /^SIP\/2.0 (18|2)/.test(startLine) && details.includes('INVITE'))
    .map(({ startLine, details }) => {
      const tag = / to (\w+)/.exec(details)![1]!;
      if (!letters.has(tag)) letters.set(tag, 'abcd'[letters.size]!);
      return `${startLine.slice(8, 11)} ${letters.get(tag)}${details.includes('SDP') ? ' sdp' : ''}`;
    });
}

describe('a callee that forks', () => {
  it('rings the caller in as many early dialogs, and the 200 has the tag of the fork that answered', async () => {
    const world = await playCall({ callee: { provisionals: [ring(0), ring(1), ring(2)], final: answer(1) } });
    expect(faultsOf(world)).toBe('');
    expect(voices(world)).toEqual(['180 a', '180 b', '180 c', '200 b sdp']);
    expect(recordOf(world)).toMatchObject({ SipStatus: 200, Code: 'call.hangup' });
  });

  it('a fork that answers without having rung has a tag of its own too', async () => {
    const world = await playCall({ callee: { provisionals: [ring(0)], final: answer(1) } });
    expect(faultsOf(world)).toBe('');
    expect(voices(world)).toEqual(['180 a', '200 b sdp']);
  });

  it('each fork has its own description and its own PRACK; one that gave its answer does not repeat it in the 200', async () => {
    const early = { described: true, reliable: true };
    const world = await playCall({
      caller: { reliable: 'supported' },
      callee: {
        provisionals: [ring(0, 183, early), ring(1, 183, early)],
        final: answer(0),
        repeatsDescription: false,
      },
    });
    expect(faultsOf(world)).toBe('');
    expect(voices(world)).toEqual(['183 a sdp', '183 b sdp', '200 a']);
  });

  it('a caller without offer, who answers once, has one early dialog for all forks', async () => {
    const world = await playCall({
      caller: { offer: 'late' },
      callee: { provisionals: [ring(0), ring(1)], final: answer(1) },
    });
    expect(faultsOf(world)).toBe('');
    expect(voices(world)).toEqual(['180 a', '180 a', '200 a sdp']);
  });

  it('a caller that ends every early dialog with BYE has given up: 487, and the callee is cancelled', async () => {
    const giveUp = { by: 'BYE', on: 'time', afterMs: 600, rude: false } as const;
    const world = await playCall({
      caller: { giveUp },
      callee: { provisionals: [ring(0), ring(1)], final: answer(1) },
    });
    expect(faultsOf(world)).toBe('');
    expect(recordOf(world)).toMatchObject({ SipStatus: 487, Code: 'call.cancelled' });
  });

  it('a second fork that answers is acknowledged and hung up on, and the caller hears nothing of it', async () => {
    const second = { afterMs: 50, fork: 0 };
    const world = await playCall({
      callee: { provisionals: [ring(0), ring(1)], final: { kind: 'answer', afterMs: 500, fork: 1, second } },
    });
    expect(faultsOf(world)).toBe('');
    expect(voices(world)).toEqual(['180 a', '180 b', '200 b sdp']);
  });
});
