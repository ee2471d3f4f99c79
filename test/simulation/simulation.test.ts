import { describe, expect, it } from 'vitest';
import { simulate } from '../../src/simulation/index.js';

/** The long run is `npm run simulate`; its figures stand in docs/reliability.md. */
describe('the simulation', () => {
  it.each([101, 102, 103, 104])(
    'breaks no invariant: 500 calls with every fault on, seed %i',
    async (seed) => {
      const world = await simulate(seed, 500);
      expect(world.story).toBe('');
      expect(world.violations).toEqual([]);
      expect(world.outcomes.get('200 call.hangup')).toBeGreaterThan(200);
      expect(world.faults.get('datagrams lost')).toBeGreaterThan(50);
    },
    120_000,
  );

  it('is the same run for the same seed, message for message, and another for another', async () => {
    const [first, again, other] = [await simulate(7, 150), await simulate(7, 150), await simulate(8, 150)];
    expect(again.digest).toBe(first.digest);
    expect(again.messages).toBe(first.messages);
    expect(other.digest).not.toBe(first.digest);
  }, 120_000);
});
