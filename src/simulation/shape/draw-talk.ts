import type { TalkAction, TalkKind } from './call-shape.js';
import type { Dice } from './dice.js';

/** What both sides do once the call is answered, and who hangs up: either, both at once, or nobody. */
export function drawTalks(dice: Dice): { caller: TalkAction[]; callee: TalkAction[] } {
  const seconds = dice.chance(0.08) ? dice.between(100, 280) : dice.exponential(12, 90);
  const endMs = dice.chance(0.1) ? 0 : 1000 * seconds + dice.between(0, 999);
  const caller: TalkAction[] = [];
  const callee: TalkAction[] = [];
  const busy = dice.chance(0.5);
  for (let count = busy ? dice.between(1, 5) : 0; count > 0; count--) {
    const action = { kind: drawKind(dice), afterMs: dice.between(0, endMs + 500) };
    (dice.chance(0.5) ? caller : callee).push(action);
    // Glare: the other side does the like at the same moment, give or take the way between them.
    if (!dice.chance(0.25)) continue;
    const other = { kind: drawKind(dice), afterMs: Math.max(0, action.afterMs + dice.between(-60, 60)) };
    (callee.includes(action) ? caller : callee).push(other);
  }
  const ends = dice.weighted({ caller: 45, callee: 40, both: 10, nobody: 5 });
  if (ends === 'caller' || ends === 'both') caller.push({ kind: 'bye', afterMs: endMs });
  if (ends === 'callee' || ends === 'both') {
    callee.push({ kind: 'bye', afterMs: endMs + (ends === 'both' ? dice.between(0, 80) : 0) });
  }
  return { caller, callee };
}

const KINDS: Readonly<Record<Exclude<TalkKind, 'bye'>, number>> = {
  hold: 20,
  resume: 14,
  codec: 10,
  'late-reinvite': 10,
  'cancelled-reinvite': 4,
  update: 14,
  info: 10,
  message: 5,
  options: 5,
  refer: 4,
  notify: 4,
};

const drawKind = (dice: Dice): TalkKind => dice.weighted(KINDS);
