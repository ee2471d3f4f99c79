import type { CalleeScript, Final, Provisional, TalkAction } from './call-shape.js';
import type { Dice } from './dice.js';
import { drawFate, drawManners, drawSession } from './draw-caller.js';

/** How one called side will behave. */
export function drawCallee(dice: Dice, talk: readonly TalkAction[]): CalleeScript {
  const forks = Number(dice.weighted({ 1: 88, 2: 9, 3: 3 }));
  const challenged = dice.chance(0.1);
  return {
    firstMs: dice.chance(0.92) ? dice.between(0, 50) : dice.between(500, 8000),
    trying: dice.chance(0.75),
    provisionals: drawProvisionals(dice, forks),
    final: drawFinal(dice, forks),
    cancel: dice.weighted({ comply: 88, answer: 6, ignore: 3, deaf: 3 }),
    challenges: challenged ? dice.between(1, 2) : 0,
    challenge: dice.one([401, 407, 422] as const),
    allowsUpdate: dice.chance(0.75),
    session: dice.chance(0.3) ? drawSession(dice) : undefined,
    repeatsDescription: dice.chance(0.5),
    manners: drawManners(dice),
    talk,
    fate: drawFate(dice),
  };
}

const STATUSES = [180, 180, 180, 183, 183, 181, 182] as const;

function drawProvisionals(dice: Dice, forks: number): Provisional[] {
  const count = dice.chance(0.2) ? 0 : dice.between(1, forks + 2);
  const reliable = dice.chance(0.35);
  return Array.from({ length: count }, () => {
    const status = dice.one(STATUSES);
    return {
      afterMs: dice.chance(0.3) ? 0 : dice.between(20, 1500),
      status,
      fork: dice.between(0, forks - 1),
      described: dice.chance(status === 183 ? 0.85 : 0.1),
      reliable: reliable && dice.chance(0.8),
    };
  });
}

function drawFinal(dice: Dice, forks: number): Final {
  const kind = dice.weighted({ answer: 70, refuse: 22, never: 4, silent: 4 });
  const afterMs = dice.chance(0.2) ? 0 : dice.exponential(2500, 45_000);
  switch (kind) {
    case 'answer': {
      const second = forks > 1 && dice.chance(0.3);
      const fork = dice.between(0, forks - 1);
      const other = { afterMs: dice.between(0, 700), fork: (fork + 1) % forks };
      return { kind, afterMs, fork, second: second ? other : undefined };
    }
    case 'refuse': {
      const status = Number(dice.weighted(REFUSALS));
      const retryAfterSeconds = status === 503 && dice.chance(0.4) ? dice.between(1, 3) : undefined;
      return { kind, afterMs, status, retryAfterSeconds };
    }
    default:
      return { kind };
  }
}

const REFUSALS = {
  302: 6,
  305: 1,
  403: 5,
  404: 8,
  408: 6,
  415: 1,
  480: 10,
  481: 1,
  484: 3,
  486: 22,
  487: 1,
  488: 4,
  500: 10,
  501: 2,
  503: 12,
  504: 4,
  600: 3,
  603: 6,
} as const;
