import { describe, expect, it } from 'vitest';
import { checkWorld, tellCall } from '../../src/simulation/index.js';
import { ladderOf, playCall } from './scripted.js';

/** The invariants themselves: each is broken on purpose, and must be missed by nobody. */

const textsOf = (world: Awaited<ReturnType<typeof playCall>>): string[] => checkWorld(world).map(({ text }) => text);

describe('what the checks find', () => {
  it('a record too many, and a record too few', async () => {
    const world = await playCall({});
    const { records } = world.gateway;
    records.push(records[0]!);
    expect(textsOf(world)).toEqual(['2 records where 1 must be']);
    records.length = 0;
    expect(textsOf(world)).toEqual(['0 records where 1 must be']);
  });

  it('a record that tells another status than the caller saw', async () => {
    const world = await playCall({});
    Object.assign(world.gateway.records[0]!.Trunkline, { SipStatus: 486 });
    expect(textsOf(world)).toEqual(['the record says 486 (call.hangup), the caller saw 200']);
  });

  it('a transaction, dialog and timer that are left, with the call they are of', async () => {
    const world = await playCall({});
    const { core, clock } = world.gateway;
    const [carrier] = world.calls[0]!.callees;
    core.invite({
      requestUri: 'sip:lost@198.51.1.1',
      nextHop: { host: '198.51.1.1' },
      from: '<sip:a@b>',
      to: '<sip:c@d>',
      headers: [['X-Simulated-Call', '0']],
      noResponseTimeoutMs: 1e9,
      connectTimeoutMs: 1,
      reliableProvisional: 'off',
      handler: {
        onSent: () => {},
        onProvisional: () => {},
        onAnswered: () => {},
        onRejected: () => {},
        onFailed: () => {},
      },
    });
    world.time.advance(1);
    expect(clock.pending).toBeGreaterThan(0);
    const found = checkWorld(world);
    expect(found.map(({ text }) => text).join('\n')).toMatch(/left in the gateway: 1 client transactions/);
    expect(found.map(({ text }) => text).join('\n')).toMatch(/timers of the gateway/);
    expect(found.find(({ text }) => text.startsWith('left in the SIP core'))?.call).toBe(0);
    expect(carrier?.open).toBe(false);
  });

  it('a side that was never told', async () => {
    const world = await playCall({});
    Object.defineProperty(world.calls[0]!.callees[0]!, 'open', { value: true });
    expect(textsOf(world)).toEqual(['callee 1 was never told that the call is over']);
    world.calls[0]!.callees[0]!.mode = 'dead';
    expect(textsOf(world)).toEqual([]);
  });

  it('a 2xx without ACK, unless it came when the cancelled INVITE was over for its sender (RFC 3261 §9.1)', async () => {
    const giveUp = { by: 'CANCEL', on: '18x', afterMs: 0, rude: false } as const;
    const final = { kind: 'answer', afterMs: 40_000, fork: 0, second: undefined } as const;
    const world = await playCall({ caller: { giveUp }, callee: { cancel: 'deaf', final } });
    const [callee] = world.calls[0]!.callees;
    expect(callee!.complaints.map(({ text }) => text)).toEqual(['2xx was never acknowledged']);
    expect(textsOf(world)).toEqual([]);
    world.answered.set(callee!.branch, world.log.cancelledMs(callee!.callId, callee!.branch)! + 31_999);
    expect(textsOf(world)).toEqual(['callee 1: 2xx was never acknowledged']);
  });

  it('a port that is left', async () => {
    const world = await playCall({});
    await Promise.all([
      world.gateway.media.open({ id: 'left', onEvent: () => {}, timeoutSeconds: 1 }),
      Promise.resolve().then(() => world.time.advance(100)),
    ]);
    expect(textsOf(world)).toEqual(['left in the gateway: 1 media sessions', 'left in the gateway: 4 media ports']);
  });
});

describe('what is told of a call', () => {
  it('is its seed, shape, legs, events, and the ladder of both legs', async () => {
    const world = await playCall({});
    const told = tellCall(world, 0);
    expect(told).toMatch(/^call 0 of seed 1: \{"number":0/);
    expect(told).toMatch(/caller at 10\.0\.1\.1: live, closed; dialogs: over \(hung up\)/);
    expect(told).toMatch(/decided call\.admitted/);
    expect(told).toMatch(/leg of the caller[\s\S]*INVITE sip:[\s\S]*leg of attempt 1[\s\S]*BYE sip:/);
    expect(ladderOf(world, 'caller').at(0)).toBe('< INVITE sdp');
  });
});
