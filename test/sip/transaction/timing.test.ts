import { describe, expect, it } from 'vitest';
import { Counters, SeededRandom, VirtualTime } from '../../../src/core/index.js';
import { TimerLists, timerDelays } from '../../../src/sip/transaction/index.js';
import { type ArrayFlow, Bench, peerRequest } from './support.js';

const times = (flow: ArrayFlow): number[] => flow.sent.map(({ atMs }) => atMs);

describe('retransmission', () => {
  it('repeats an INVITE at T1, 3×T1, 7×T1 … and times out at 64×T1', () => {
    const bench = new Bench();
    const flow = bench.flow();
    bench.client('INVITE', flow);
    bench.time.runUntilIdle(100_000);
    expect(times(flow)).toEqual([0, 500, 1500, 3500, 7500, 15500, 31500]);
    expect(bench.taken().slice(-2)).toEqual(['timeout', 'ended']);
    expect(bench.time.nowMs()).toBe(32_000);
    expect(bench.counters.get('sip_retransmissions', 'request')).toBe(6);
  });

  it('repeats other requests up to every T2, eleven times in 64×T1', () => {
    const bench = new Bench();
    const flow = bench.flow();
    bench.client('BYE', flow);
    bench.time.runUntilIdle(100_000);
    expect(times(flow)).toEqual([0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
  });

  it('repeats other requests every T2 after a provisional response', () => {
    const bench = new Bench();
    const flow = bench.flow();
    const transaction = bench.client('BYE', flow);
    bench.time.advance(100);
    transaction.receive(bench.response(transaction, 100), flow);
    bench.time.runUntilIdle(100_000);
    expect(times(flow)).toEqual([0, 500, 4500, 8500, 12500, 16500, 20500, 24500, 28500]);
  });

  it('repeats a refusal of an INVITE until its ACK', () => {
    const bench = new Bench();
    const flow = bench.flow();
    const transaction = bench.server(peerRequest('INVITE'), flow);
    bench.answer(transaction, 404);
    bench.time.advance(8000);
    expect(times(flow)).toEqual([0, 500, 1500, 3500, 7500]);
    transaction.receive(peerRequest('ACK'), flow);
    bench.time.runUntilIdle(100_000);
    expect(flow.sent).toHaveLength(5);
    expect(bench.time.nowMs()).toBe(13_000);
    expect(bench.layer.serverCount).toBe(0);
  });

  it.each(['tcp', 'tls', 'ws', 'wss'] as const)(
    'repeats nothing over %s, and keeps nothing to absorb copies',
    (transport) => {
      const bench = new Bench();
      const flow = bench.flow(transport);
      const bye = bench.client('BYE', flow);
      bench.time.advance(5000);
      bye.receive(bench.response(bye, 200), flow);
      const options = bench.server(peerRequest('OPTIONS'), flow);
      bench.answer(options, 200);
      const invite = bench.server(peerRequest('INVITE'), flow);
      bench.answer(invite, 486);
      bench.time.advance(5000);
      invite.receive(peerRequest('ACK'), flow);
      expect(flow.sent).toHaveLength(3);
      expect([bench.layer.clientCount, bench.layer.serverCount, bench.time.pending]).toEqual([0, 0, 0]);
    },
  );

  it('gives up on a reliable transport after 64×T1 too', () => {
    const bench = new Bench();
    bench.client('INVITE', bench.flow('tcp'));
    bench.time.runUntilIdle(100_000);
    expect(bench.time.nowMs()).toBe(32_000);
    expect(bench.taken().slice(-2)).toEqual(['timeout', 'ended']);
  });
});

describe('timer lengths', () => {
  it('follow T1 and T4, but timer D is at least 32 s', () => {
    const quick = timerDelays({ t1Ms: 100, t2Ms: 4000, t4Ms: 5000 }, false);
    expect(quick).toEqual({
      A: 100,
      B: 6400,
      D: 32000,
      E: 100,
      F: 6400,
      G: 100,
      H: 6400,
      I: 5000,
      J: 6400,
      K: 5000,
      L: 6400,
      M: 6400,
    });
    const slow = timerDelays({ t1Ms: 1000, t2Ms: 4000, t4Ms: 5000 }, true);
    expect(slow).toEqual({
      A: undefined,
      B: 64000,
      D: 0,
      E: undefined,
      F: 64000,
      G: undefined,
      H: 64000,
      I: 0,
      J: 0,
      K: 0,
      L: 64000,
      M: 64000,
    });
  });
});

describe('the timer lists', () => {
  it('fire in order, once, each at its time, with one scheduler timer for each length', () => {
    const time = new VirtualTime();
    const lists = new TimerLists(time, () => {});
    const fired: string[] = [];
    const owner = { onTimer: (name: string) => fired.push(`${name} ${time.nowMs()}`) };
    lists.start(100, owner, 'a');
    time.advance(33.3);
    lists.start(100, owner, 'b');
    const gone = lists.start(100, owner, 'c');
    lists.start(50, owner, 'd');
    expect([lists.pending, time.pending]).toEqual([4, 2]);
    lists.stop(gone);
    lists.stop(gone);
    time.advance(1000);
    expect(fired).toEqual(['d 83.3', 'a 100', 'b 133.3']);
    expect([lists.pending, time.pending]).toEqual([0, 0]);
  });

  it('leave no scheduler timer behind when the last one is stopped', () => {
    const time = new VirtualTime();
    const lists = new TimerLists(time, () => {});
    const timer = lists.start(100, { onTimer: () => {} }, 'a');
    lists.stop(timer);
    expect(time.pending).toBe(0);
  });

  it('go on when an owner throws, and when one sets a timer of the same length', () => {
    const time = new VirtualTime();
    const errors: unknown[] = [];
    const lists = new TimerLists(time, (error) => errors.push(error));
    const fired: number[] = [];
    const again = {
      onTimer: () => {
        if (fired.push(time.nowMs()) < 3) lists.start(10, again, 'x');
      },
    };
    lists.start(
      10,
      {
        onTimer: () => {
          throw new Error('bad');
        },
      },
      'bad',
    );
    lists.start(10, again, 'x');
    time.advance(100);
    expect(errors).toHaveLength(1);
    expect(fired).toEqual([10, 20, 30]);
  });

  it('agree with plain timers for any set of starts and stops', () => {
    const time = new VirtualTime();
    const lists = new TimerLists(time, () => {});
    const random = new SeededRandom(11);
    const fired = new Counters();
    let expected = 0;
    for (let step = 0; step < 2000; step++) {
      const delayMs = [0.1, 7, 500, 32_000][random.uint32() % 4]!;
      const dueMs = time.nowMs() + delayMs;
      const timer = lists.start(
        delayMs,
        { onTimer: () => fired.add(Math.abs(time.nowMs() - dueMs) < 0.01 ? 'right' : 'wrong') },
        't',
      );
      if (random.uint32() % 3 === 0) lists.stop(timer);
      else expected++;
      time.advance((random.uint32() % 1000) / 7);
    }
    time.runUntilIdle(100_000);
    expect([fired.get('right'), fired.get('wrong')]).toEqual([expected, 0]);
    expect(lists.pending).toBe(0);
  });
});
