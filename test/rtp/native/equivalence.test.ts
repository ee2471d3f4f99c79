import { describe, expect, it } from 'vitest';
import { below, SeededRandom } from '../../../src/core/index.js';
import { loadNative } from '../../../src/rtp/native/index.js';
import { DROP_REASONS, FIELD } from '../../../src/rtp/relay/layout.js';
import { RandomPeer } from './random-packets.js';
import { SIDES, Twins } from './twins.js';

/** Packets through both paths: a million in continuous integration, or as TWIN_PACKETS says. */
const PACKETS = Number(process.env.TWIN_PACKETS ?? (process.env.CI ? 1_000_000 : 60_000));
const PER_SESSION = 2000;

const native = loadNative();

describe.skipIf(!native)('compiled packet path', () => {
  it(`agrees with the TypeScript path over ${PACKETS} random packets, byte for byte, count for count, copy for copy`, () => {
    const totals = {
      packets: 0,
      forwarded: 0,
      originated: 0,
      reports: 0,
      latched: 0,
      refused: 0,
      dropped: new Set<string>(),
      copied: 0,
      uncopied: 0,
    };
    for (let session = 0; totals.packets < PACKETS; session++) {
      const random = new SeededRandom(1000 + session);
      const twins = new Twins(native!);
      const peers = { customer: new RandomPeer(random), remote: new RandomPeer(random) };
      try {
        for (let at = 0; at < PER_SESSION; at++) {
          step(twins, peers, random, at);
          const wallMs = Date.UTC(2026, 5, 1) + below(random, 2 ** 31) / 7;
          if (below(random, 90) === 0 && twins.report(SIDES[below(random, 2)]!, wallMs)) totals.reports++;
          totals.originated += dial(twins, random);
          for (const fork of twins.forks) if (below(random, 8) === 0) fork.drain(below(random, 20));
          totals.packets++;
        }
        twins.finish();
        for (const fork of twins.forks) {
          fork.drain(Number.POSITIVE_INFINITY);
          totals.copied += fork.copied;
          totals.uncopied += fork.dropped;
        }
      } catch (error) {
        throw new Error(`session ${session}, packet ${totals.packets % PER_SESSION}: ${(error as Error).message}`);
      }
      const told = twins.events.native.filter((event) => event.kind !== 'telephone-event');
      expect(told.map(({ id: _, ...event }) => event)).toEqual(
        twins.events.typescript.filter((event) => event.kind !== 'dtmf'),
      );
      totals.forwarded += twins.forwarded;
      for (const side of SIDES) {
        const record = twins.record(side);
        DROP_REASONS.forEach((reason, index) => {
          if (record[FIELD.dropped + index]! > 0) totals.dropped.add(reason);
        });
      }
      totals.latched += told.filter(({ kind }) => kind === 'latched').length;
      totals.refused += told.filter(({ kind }) => kind === 'source-refused').length;
    }
    // The mixture must reach what it is meant to reach, or agreement says nothing.
    expect(totals.forwarded).toBeGreaterThan(totals.packets / 10);
    expect(totals.reports).toBeGreaterThan(totals.packets / 500);
    expect(totals.originated).toBeGreaterThan(totals.packets / 500);
    expect(totals.copied).toBeGreaterThan(totals.packets / 5);
    expect(totals.uncopied).toBeGreaterThan(totals.packets / 500);
    expect(totals.latched).toBeGreaterThan(0);
    expect(totals.refused).toBeGreaterThan(0);
    const unreached = DROP_REASONS.filter((reason) => !totals.dropped.has(reason));
    expect(unreached.filter((reason) => !['internal', 'srtp-sources'].includes(reason))).toEqual([]);
  }, 600_000);
});

/** Orders telephone-events now and then, has them played on, and returns how many packets that made. */
function dial(twins: Twins, random: SeededRandom): number {
  if (below(random, 40) === 0) {
    twins.play(SIDES[below(random, 2)]!, {
      event: below(random, 17),
      durationMs: 40 + below(random, below(random, 5) === 0 ? 9000 : 300),
      ssrc: random.uint32(),
      sequence: below(random, 65536),
      timestamp: random.uint32(),
    });
  }
  // Every now and then one side of the call is silent for a while, so that events are played without its packets.
  let sent = 0;
  const rounds = below(random, 60) === 0 ? 40 : below(random, 2);
  for (let round = 0; round < rounds; round++) {
    if (rounds > 1) twins.nowMs += below(random, 1500) / 100;
    for (const side of SIDES) if (twins.playOn(side)) sent++;
  }
  return sent;
}

function step(
  twins: Twins,
  peers: Readonly<Record<'customer' | 'remote', RandomPeer>>,
  random: SeededRandom,
  at: number,
) {
  twins.nowMs += below(random, 3000) / 100;
  if (below(random, 2000) === 0) twins.nowMs += 5000;
  const side = SIDES[below(random, 2)]!;
  if (at === 30 || below(random, 150) === 0) {
    for (const one of at === 30 ? SIDES : [side]) twins.describe(one, peers[one].describe());
    return;
  }
  const peer = peers[side];
  const { rtcp, datagram } = peer.next(peers[side === 'customer' ? 'remote' : 'customer']);
  const stranger = below(random, 40) === 0;
  const address = stranger ? `127.0.0.${1 + below(random, 4)}` : peer.address;
  const port = stranger ? 50000 + below(random, 5) : peer.port + (rtcp ? 1 : 0);
  twins.packet(side, rtcp, datagram, address, port);
}
