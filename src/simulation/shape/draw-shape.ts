import { CARRIERS, CONNECTORS, DIALLED_PREFIXES, type PeerPlace, STRANGER } from '../topology.js';
import type { CallShape } from './call-shape.js';
import type { Dice } from './dice.js';
import { drawCallee } from './draw-callee.js';
import { drawCaller } from './draw-caller.js';
import { drawTalks } from './draw-talk.js';

/** Draws what one call will be. Most calls are ordinary; each oddity is drawn by itself, so that oddities meet. */
export function drawShape(number: number, startMs: number, dice: Dice): CallShape {
  const direction = dice.weighted({ outbound: 60, inbound: 40 });
  const parties = direction === 'outbound' ? outboundParties(number, dice) : inboundParties(number, dice);
  const stranger = dice.chance(0.01);
  const { place: usual, ...facts } = parties;
  const place = stranger ? STRANGER : usual;
  const talks = drawTalks(dice);
  const callees = Array.from({ length: 4 }, () => drawCallee(dice, talks.callee));
  const caller = drawCaller(dice, place.transport, talks.caller);
  return { number, startMs, direction, stranger, from: place.address, ...facts, caller, callees };
}

interface Parties {
  readonly place: PeerPlace;
  readonly calledNumber: string;
  readonly connectorId: string;
  readonly callerNumber: string;
}

const subscriber = (number: number): string => String(5_550_000 + (number % 10_000)).padStart(7, '0');

function outboundParties(number: number, dice: Dice): Parties {
  const connector = CONNECTORS[Number(dice.weighted({ 0: 40, 1: 30, 2: 25, 3: 5 }))]!;
  return {
    place: dice.one(connector.hosts),
    calledNumber: `${dice.one(DIALLED_PREFIXES)}${subscriber(number)}`,
    connectorId: connector.id,
    callerNumber: connector.number,
  };
}

function inboundParties(number: number, dice: Dice): Parties {
  const carrier = dice.one(CARRIERS);
  const connector = dice.one(CONNECTORS);
  return {
    place: dice.one(carrier.hosts),
    calledNumber: connector.number,
    connectorId: connector.id,
    callerNumber: `+1312${subscriber(number)}`,
  };
}
