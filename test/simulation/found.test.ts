import { describe, expect, it } from 'vitest';
import { World } from '../../src/simulation/index.js';
import { faultsOf, ladderOf, playCall, recordOf, shapeOf } from './scripted.js';

/** Each case is a defect that the simulation found in the call layer, played alone. */

/** A number of the carrier that tries its next host even after ringing. */
const WIDE = '+13125550100';

const reliableAnswer = { afterMs: 100, status: 183, fork: 0, described: true, reliable: true } as const;

describe('found by the simulation', () => {
  it('an ordinary call leaves nothing behind', async () => {
    const world = await playCall({});
    expect(faultsOf(world)).toBe('');
    expect(ladderOf(world, 'callee')).toEqual([
      '> INVITE sdp',
      '< 100',
      '< 180',
      '< 200 sdp',
      '> ACK',
      '> BYE',
      '< 200',
    ]);
    expect(recordOf(world)).toMatchObject({ SipStatus: 200, Code: 'call.hangup', HangupSide: 'customer' });
  });

  it('a callee that answers in a reliable 183 alone: a caller without 100rel gets the answer again in the 200', async () => {
    const callee = { provisionals: [reliableAnswer], repeatsDescription: false };
    const world = await playCall({ callee });
    expect(faultsOf(world)).toBe('');
    expect(ladderOf(world, 'callee').filter((line) => line.startsWith('< 2'))).toEqual(['< 200', '< 200', '< 200']);
    expect(ladderOf(world, 'caller')).toContain('> 200 sdp');
  });

  it('… and a caller with 100rel gets it once, in the 183', async () => {
    const callee = { provisionals: [reliableAnswer], repeatsDescription: false };
    const world = await playCall({ callee, caller: { reliable: 'supported' } });
    expect(faultsOf(world)).toBe('');
    expect(ladderOf(world, 'caller').slice(2, 6)).toEqual(['> 183 sdp', '< PRACK', '> 200', '> 200']);
  });

  it('a callee that hangs up while its answer waits for the caller’s PRACK: the caller is refused, and told no BYE', async () => {
    const callee = {
      provisionals: [reliableAnswer],
      final: { kind: 'answer', afterMs: 0, fork: 0, second: undefined } as const,
      talk: [{ kind: 'bye', afterMs: 100 } as const],
    };
    const world = await playCall({ callee, caller: { reliable: 'supported', prack: 'late' } });
    expect(faultsOf(world)).toBe('');
    expect(ladderOf(world, 'caller')).not.toContain('> BYE');
    expect(ladderOf(world, 'caller')).toContain('> 480');
    expect(recordOf(world)).toMatchObject({ SipStatus: 480, Code: 'call.hangup', HangupSide: 'remote', TalkTimeMs: 0 });
  });

  it('a caller that ends its early dialog with BYE: 487, no answer, and the callee is cancelled', async () => {
    const giveUp = { by: 'BYE', on: '18x', afterMs: 100, rude: false } as const;
    const world = await playCall({ caller: { giveUp } });
    expect(faultsOf(world)).toBe('');
    expect(ladderOf(world, 'caller').slice(-4)).toEqual(['< BYE', '> 200', '> 487', '< ACK']);
    expect(ladderOf(world, 'callee')).toContain('> CANCEL');
    expect(recordOf(world)).toMatchObject({ SipStatus: 487, Code: 'call.cancelled', HangupSide: 'customer' });
  });

  it('a late offer whose ACK brings no answer: both are told, and the record says the 200 that the caller saw', async () => {
    const world = await playCall({ caller: { offer: 'late', manners: { forgetsAnswer: true } } });
    expect(faultsOf(world)).toBe('');
    expect(ladderOf(world, 'caller').slice(-3)).toEqual(['< ACK', '> BYE', '< 200']);
    expect(recordOf(world)).toMatchObject({ SipStatus: 200, Code: 'sdp.missing', HangupSide: 'gateway' });
  });

  it('a late offer that the caller hangs up on before its ACK: the callee’s 2xx gets an ACK, then BYE', async () => {
    const world = await playCall({
      caller: { offer: 'late', manners: { ack: 'late' }, talk: [{ kind: 'bye', afterMs: 500 }] },
    });
    expect(faultsOf(world)).toBe('');
    expect(ladderOf(world, 'callee').slice(-3)).toEqual(['> ACK', '> BYE', '< 200']);
  });

  it('a re-INVITE answered after the call is over: nothing is told to the media any more', async () => {
    const world = await playCall({
      caller: {
        talk: [
          { kind: 'hold', afterMs: 1000 },
          { kind: 'bye', afterMs: 1200 },
        ],
      },
      callee: { manners: { reinvite: 'slow' } },
    });
    expect(faultsOf(world)).toBe('');
  });

  it('an UPDATE whose answer is on its way when the call ends: refused, and nothing told to the media', async () => {
    const world = await playCall({
      caller: {
        talk: [
          { kind: 'update', afterMs: 1000 },
          { kind: 'bye', afterMs: 1015 },
        ],
      },
    });
    expect(faultsOf(world)).toBe('');
    expect(ladderOf(world, 'caller').slice(-4)).toEqual(['< UPDATE sdp', '< BYE', '> 200', '> 481']);
  });

  it('a side that says 100 to a re-INVITE and nothing more: the call ends, and no transaction is left', async () => {
    const world = await playCall({
      caller: {
        talk: [
          { kind: 'hold', afterMs: 1000 },
          { kind: 'bye', afterMs: 5000 },
        ],
      },
      callee: { manners: { reinvite: 'trying' } },
    });
    expect(faultsOf(world)).toBe('');
  });

  it('a second target that offers after the caller has answered the first: answered for it, by the gateway', async () => {
    const offer = { afterMs: 100, status: 183, fork: 0, described: true, reliable: true } as const;
    const world = await playCall({
      calledNumber: WIDE,
      caller: { offer: 'late', reliable: 'supported' },
      callee: {
        provisionals: [offer],
        final: { kind: 'refuse', afterMs: 500, status: 500, retryAfterSeconds: undefined },
      },
      further: [{ provisionals: [offer] }],
    });
    expect(faultsOf(world)).toBe('');
    expect(ladderOf(world, 'second callee')).toContain('> PRACK sdp');
    expect(ladderOf(world, 'caller').filter((line) => line.endsWith('sdp'))).toEqual(['> 183 sdp', '< PRACK sdp']);
    expect(recordOf(world)).toMatchObject({ SipStatus: 200, Code: 'call.hangup' });
  });

  it('an offer that cannot be used: refused with 488, and the target’s place is given back', async () => {
    const world = await playCall({ caller: { manners: { garbles: true } } });
    expect(faultsOf(world)).toBe('');
    expect(recordOf(world)).toMatchObject({ SipStatus: 488, Code: 'sdp.not-acceptable' });
    expect(world.calls[0]!.callees).toEqual([]);
  });

  it('an answer that cannot be used: the callee is told BYE, and the caller is refused', async () => {
    const world = await playCall({ callee: { manners: { garbles: true } } });
    expect(faultsOf(world)).toBe('');
    expect(ladderOf(world, 'callee').slice(-3)).toEqual(['> ACK', '> BYE', '< 200']);
    expect(ladderOf(world, 'caller')).toContain('> 488');
  });

  it('an answer in a PRACK that cannot be used: the PRACK is answered all the same', async () => {
    const offer = { afterMs: 100, status: 183, fork: 0, described: true, reliable: true } as const;
    const world = await playCall({
      caller: { offer: 'late', reliable: 'supported', manners: { garbles: true } },
      callee: { provisionals: [offer] },
    });
    expect(faultsOf(world)).toBe('');
    expect(ladderOf(world, 'caller').slice(3, 6)).toEqual(['< PRACK sdp', '> 488', '> 488']);
  });

  it('a caller that gives up while the media engine opens, which then fails to close: no more than a line in the log', async () => {
    const giveUp = { by: 'CANCEL', on: '1xx', afterMs: 0, rude: false } as const;
    const world = new World(1, 1, (number, startMs) => shapeOf(number, startMs, { caller: { giveUp } }));
    const { media } = world.gateway;
    const open = media.open.bind(media);
    const rejected: unknown[] = [];
    const note = (error: unknown) => rejected.push(error);
    process.on('unhandledRejection', note);
    media.open = async (order) => {
      await new Promise<void>((resolve) => world.time.after(1000, resolve));
      const session = await open(order);
      return Object.assign(session, {
        close: () => session.read(true).then(() => Promise.reject(new Error('no thread'))),
      });
    };
    await world.run();
    process.off('unhandledRejection', note);
    expect(rejected).toEqual([]);
    expect(world.gateway.errors).toHaveLength(1);
    expect(world.gateway.errors[0]).toMatch(/^media not closed cleanly: Error: no thread/);
    expect(recordOf(world)).toMatchObject({ SipStatus: 487 });
  });

  it('a media engine that never answers: the caller is refused after 5 s, and a call that ends keeps its record', async () => {
    const silent = new World(1, 1, (number, startMs) => shapeOf(number, startMs, {}));
    silent.gateway.media.open = () => new Promise(() => {});
    await silent.run();
    expect(faultsOf(silent)).toBe('');
    expect(recordOf(silent)).toMatchObject({ SipStatus: 503, Code: 'media.failed' });

    const world = new World(1, 1, (number, startMs) => shapeOf(number, startMs, {}));
    world.gateway.media.answerClose = () => new Promise(() => {});
    await world.run();
    expect(faultsOf(world)).toBe('');
    expect(recordOf(world)).toMatchObject({ SipStatus: 200, Code: 'call.hangup' });
  });
});
