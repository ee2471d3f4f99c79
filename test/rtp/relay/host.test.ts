import { expect, test } from 'vitest';
import { SeededRandom, VirtualTime } from '../../../src/core/index.js';
import type { RelayReport } from '../../../src/rtp/relay/commands.js';
import { RelayHost } from '../../../src/rtp/relay/host.js';
import { LEG_BYTES } from '../../../src/rtp/relay/layout.js';
import { FakeNetwork, peerAt } from './fake-network.js';

const CALLS = 500;
const LOCAL = '10.0.0.1';

/** A host with calls of two described peers each, none of whom ever says a word. */
async function silentCalls(timeoutMs: number) {
  const time = new VirtualTime();
  const reports: RelayReport[] = [];
  const host = new RelayHost({
    counters: new SharedArrayBuffer(2 * CALLS * LEG_BYTES),
    scheduler: time,
    random: new SeededRandom(5),
    bind: new FakeNetwork().bind,
    report: (report) => reports.push(report),
  });
  for (let id = 0; id < CALLS; id++) {
    const leg = (at: number) => ({ slot: 2 * id + at, address: LOCAL, rtpPort: 20_000 + 4 * id + 2 * at });
    host.handle({ kind: 'open', id, legs: { customer: leg(0), remote: leg(1) }, timeoutMs });
  }
  await expect.poll(() => reports.filter(({ kind }) => kind === 'opened').length).toBe(CALLS);
  for (let id = 0; id < CALLS; id++) {
    host.handle({ kind: 'describe', id, side: 'customer', description: peerAt('192.0.2.10', 4000) });
    host.handle({ kind: 'describe', id, side: 'remote', description: peerAt('198.51.100.20', 4000) });
  }
  const timedOut = () =>
    new Set(reports.flatMap((told) => (told.kind === 'event' && told.event.kind === 'timeout' ? [told.id] : [])));
  return { time, host, timedOut };
}

test('every session of many has its turn in each round, though a round is done in parts', async () => {
  const { time, host, timedOut } = await silentCalls(1000);
  time.advance(999);
  expect(timedOut().size).toBe(0);
  time.advance(251);
  expect(timedOut().size).toBe(CALLS);
  host.handle({ kind: 'stop' });
  expect(time.pending).toBe(0);
});

test('sessions that end within a round leave the others their turn', async () => {
  const { time, host, timedOut } = await silentCalls(1000);
  time.advance(900);
  for (let id = 0; id < CALLS; id += 2) host.handle({ kind: 'close', id });
  time.advance(350);
  expect([...timedOut()].every((id) => id % 2 === 1)).toBe(true);
  expect(timedOut().size).toBe(CALLS / 2);
});
