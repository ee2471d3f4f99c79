import { describe, expect, it } from 'vitest';
import { SeededRandom, VirtualTime } from '../../../src/core/index.js';
import {
  type CallSlot,
  CountryTrafficCounters,
  decide,
  LiveState,
  TargetHealth,
  targetsOf,
} from '../../../src/routing/index.js';
import { HQ, inbound, outbound, plain, snapshotOf, summary } from '../fixtures.js';

function nodeOf(config: object) {
  const time = new VirtualTime();
  const snapshot = snapshotOf(config);
  const health = new TargetHealth({ missesToDown: 3, answersToUp: 2, restMs: 30_000, probed: true }, time);
  const held: string[] = [];
  const live = new LiveState(
    snapshot,
    health,
    time,
    { draining: false, overloaded: false, mediaPortsFree: 10 },
    (id, country) => held.push(`${id} ${country}`),
  );
  const random = new SeededRandom(1);
  const admitted = (facts = outbound()) => {
    const decision = decide(facts, snapshot, live, random);
    return decision.kind === 'admit' ? live.enterCall(decision) : (summary(decision) as string);
  };
  return { time, live, health, admitted, held };
}

describe('live state', () => {
  it('takes a token and a place for each call, and gives the place back once', () => {
    const { live, admitted, time } = nodeOf(plain({ termination: { cpsLimit: 2, maxCalls: 3 } }));
    const first = admitted();
    admitted();
    expect(live.activeCalls('connector', HQ)).toBe(2);
    expect(admitted()).toBe('503 termination.cps-exceeded');
    time.advance(1000);
    admitted();
    expect(admitted()).toBe('503 termination.concurrency-exceeded');
    if (typeof first === 'string') throw new Error(first);
    first.leave(10);
    first.leave(10);
    expect(live.activeCalls('connector', HQ)).toBe(2);
  });

  it('takes no token for inbound and emergency calls', () => {
    const { live, admitted } = nodeOf(
      plain({
        termination: { cpsLimit: 1 },
        hq: { emergency: { dnis: [{ emergencyPhoneNumber: '+12065550911', callingCountry: 'US' }] } },
      }),
    );
    for (let call = 0; call < 5; call++) admitted(inbound());
    for (let call = 0; call < 5; call++) admitted(outbound({ to: '911' }));
    expect(live.callTokens('connector', HQ)).toBe(1);
    expect(live.activeCalls('connector', HQ)).toBe(10);
  });

  it('counts carriers by attempt', () => {
    const { live, admitted } = nodeOf(plain({ carrier: { callsPerSecond: 1, maxCalls: 5 } }));
    const leave = live.enterCarrier('main');
    expect(live.callTokens('carrier', 'main')).toBe(0);
    expect(live.activeCalls('carrier', 'main')).toBe(1);
    expect(admitted()).toBe('503 termination.carriers-full');
    leave();
    leave();
    expect(live.activeCalls('carrier', 'main')).toBe(0);
  });

  it('takes over new limits at once and forgets what is gone', () => {
    const { live, admitted, health } = nodeOf(plain({ termination: { cpsLimit: 1 } }));
    admitted();
    const changed = snapshotOf(plain({ termination: { cpsLimit: 5 }, carrier: { hosts: [{ host: '192.0.2.77' }] } }));
    for (let miss = 0; miss < 3; miss++) health.missed('carrier:main/192.0.2.1:5060/UDP', 'x');
    live.configure(changed);
    expect(live.callTokens('connector', HQ)).toBe(4);
    expect([...health.debugView()]).toEqual([]);
    expect(new Set([...targetsOf(changed)].map((target) => target.targetKey))).toEqual(
      new Set(['carrier:main/192.0.2.77/UDP', `route:${HQ}/10.0.0.1:5060/UDP`]),
    );
    expect(live.callTokens('connector', 'nobody')).toBe(0);
  });

  it('holds a country once a fraud cap is reached, until released', () => {
    const { live, admitted, held } = nodeOf({ ...plain(), fraud: { perCountry: { attempts: 3 } } });
    for (let call = 0; call < 3; call++) expect(typeof admitted()).toBe('object');
    expect(admitted()).toBe('403 fraud.country-held');
    expect(held).toEqual([`${HQ} US`]);
    expect([...live.traffic.holds()]).toEqual([{ voiceConnectorId: HQ, country: 'US' }]);
    expect(typeof admitted(outbound({ to: '+14165550123' }))).toBe('object');
    expect(live.traffic.release(HQ, 'US')).toBe(true);
    expect(typeof admitted()).toBe('object');
  });

  it('without hold opens again when the hour has passed', () => {
    const { admitted, time } = nodeOf({ ...plain(), fraud: { hold: false, perCountry: { attempts: 3 } } });
    for (let call = 0; call < 3; call++) admitted();
    expect(admitted()).toBe('403 fraud.attempts-exceeded');
    time.advance(3_600_000);
    expect(typeof admitted()).toBe('object');
  });
});

describe('country traffic', () => {
  it('slides over an hour in five-minute slots', () => {
    const time = new VirtualTime();
    const counters = new CountryTrafficCounters(time);
    for (let slot = 0; slot < 12; slot++) {
      counters.begin('c', 'US')(2);
      time.advance(300_000);
    }
    expect(counters.read('c', 'US')).toEqual({ attempts: 11, minutes: 22, activeCalls: 0, held: false });
    time.advance(3_600_000);
    expect(counters.read('c', 'US')).toMatchObject({ attempts: 0, minutes: 0 });
    expect(counters.read('c', 'CA')).toMatchObject({ attempts: 0 });
  });

  it('counts a call out once', () => {
    const counters = new CountryTrafficCounters(new VirtualTime());
    const end = counters.begin('c', 'US');
    expect(counters.read('c', 'US').activeCalls).toBe(1);
    end(1);
    end(1);
    expect(counters.read('c', 'US')).toEqual({ attempts: 1, minutes: 1, activeCalls: 0, held: false });
  });
});

describe('a connector that is gone', () => {
  it('keeps its calls counted until they are over, and counts anew when it comes back', () => {
    const { live, admitted } = nodeOf(plain());
    const slots = [admitted(), admitted()];
    live.configure(snapshotOf({ ...plain(), voiceConnectors: [] }));
    expect(live.activeCalls('connector', HQ)).toBe(2);
    expect(live.callTokens('connector', HQ)).toBe(0);
    for (const slot of slots) (slot as CallSlot).leave(0);
    expect(live.activeCalls('connector', HQ)).toBe(0);
    live.configure(snapshotOf(plain({ termination: { cpsLimit: 7 } })));
    expect(live.callTokens('connector', HQ)).toBe(7);
  });

  it('is counted for its inbound calls where it has no termination', () => {
    const config = plain();
    const { termination: _, ...hq } = config.voiceConnectors[0]!;
    const { live, admitted } = nodeOf({ ...config, voiceConnectors: [hq] });
    const slot = admitted(inbound()) as CallSlot;
    expect(live.activeCalls('connector', HQ)).toBe(1);
    slot.leave(0);
    slot.leave(0);
    expect(live.activeCalls('connector', HQ)).toBe(0);
  });
});
