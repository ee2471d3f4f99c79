import { checkWorld, type Violation } from './checks.js';
import { tellCall, tellViolations } from './report.js';
import { Tally } from './tally.js';
import { World } from './world.js';

/** What became of one world. */
export interface WorldOutcome {
  readonly seed: number;
  readonly calls: number;
  readonly violations: readonly Violation[];
  /** What to print where an invariant broke: seed, shapes, ladders; '' where none did. */
  readonly story: string;
  /** Digest of every message, its time and fate: the same for the same seed and number of calls. */
  readonly digest: string;
  readonly messages: number;
  readonly virtualMs: number;
  /** Records by status and code. */
  readonly outcomes: Tally;
  readonly faults: Tally;
}

/**
 * Plays `calls` calls in one world and checks every invariant.
 * @param seed 0 to 2^32 − 1
 * @param told number of a call whose ladder is wanted whatever became of it
 */
export async function simulate(seed: number, calls: number, told?: number): Promise<WorldOutcome> {
  const world = new World(seed, calls);
  const unhandled = (error: unknown): void => void world.gateway.errors.push(`unhandled rejection: ${String(error)}`);
  process.on('unhandledRejection', unhandled);
  await world.run();
  process.off('unhandledRejection', unhandled);
  // Targets that a fault took out of service have rested by then.
  const virtualMs = world.time.nowMs();
  if (world.idle) world.time.advance(REST_MS);
  const violations = checkWorld(world);
  const outcomes = new Tally();
  for (const { Trunkline } of world.gateway.records) outcomes.add(`${Trunkline.SipStatus} ${Trunkline.Code}`);
  return {
    seed,
    calls,
    violations,
    story: storyOf(world, violations, calls, told),
    digest: world.log.digest(),
    messages: world.log.messages,
    virtualMs,
    outcomes,
    faults: world.tally,
  };
}

function storyOf(world: World, violations: readonly Violation[], calls: number, told: number | undefined): string {
  if (told !== undefined) return tellCall(world, told);
  return violations.length === 0 ? '' : tellViolations(world, violations, calls);
}

const REST_MS = 120_000;
