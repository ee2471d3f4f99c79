import type { PeerTransport } from '../topology.js';
import type { CallerScript, Fate, GiveUp, Manners, SessionWish, TalkAction } from './call-shape.js';
import type { Dice } from './dice.js';

/** How the calling side will behave. */
export function drawCaller(dice: Dice, transport: PeerTransport, talk: readonly TalkAction[]): CallerScript {
  return {
    transport,
    ownConnection: dice.chance(0.4),
    offer: dice.weighted({ early: 85, late: 15 }),
    reliable: dice.weighted({ none: 45, supported: 42, required: 13 }),
    session: dice.chance(0.3) ? drawSession(dice) : undefined,
    allowsUpdate: dice.chance(0.75),
    giveUp: dice.chance(0.2) ? drawGiveUp(dice) : undefined,
    prack: dice.weighted({ prompt: 93, late: 4, never: 3 }),
    refusalAck: dice.weighted({ prompt: 95, late: 2, never: 3 }),
    manners: drawManners(dice),
    talk,
    fate: drawFate(dice),
  };
}

export function drawSession(dice: Dice): SessionWish {
  const refresher = dice.weighted({ uac: 40, uas: 40, either: 20 });
  return {
    seconds: dice.between(90, 150),
    refresher: refresher === 'either' ? undefined : refresher,
    lazy: dice.chance(0.15),
  };
}

function drawGiveUp(dice: Dice): GiveUp {
  return {
    by: dice.weighted({ CANCEL: 93, BYE: 7 }),
    on: dice.weighted({ time: 50, '1xx': 12, '18x': 18, '2xx': 20 }),
    afterMs: dice.chance(0.5) ? dice.between(0, 300) : dice.exponential(4000, 60_000),
    rude: dice.chance(0.1),
  };
}

export function drawManners(dice: Dice): Manners {
  return {
    reinvite: dice.weighted({ accept: 80, slow: 6, refuse: 6, busy: 4, trying: 2, silent: 2 }),
    update: dice.weighted({ accept: 90, refuse: 7, silent: 3 }),
    other: dice.weighted({ accept: 90, refuse: 7, silent: 3 }),
    bye: dice.weighted({ accept: 97, silent: 3 }),
    ack: dice.weighted({ prompt: 95, late: 2, never: 3 }),
    forgetsAnswer: dice.chance(0.05),
    garbles: dice.chance(0.01),
  };
}

export function drawFate(dice: Dice): Fate | undefined {
  const kind = dice.weighted({ none: 94, die: 3, forget: 3 });
  return kind === 'none' ? undefined : { kind, afterMs: dice.exponential(6000, 120_000) };
}
