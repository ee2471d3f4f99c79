import {
  CARRIERS,
  type CalleeScript,
  type CallerScript,
  type CallShape,
  CONNECTORS,
  checkWorld,
  type Manners,
  tellCall,
  World,
} from '../../src/simulation/index.js';

/** Single calls that go one certain way: what the simulation once found, and what it must go on finding nothing in. */

const manners: Manners = {
  reinvite: 'accept',
  update: 'accept',
  other: 'accept',
  bye: 'accept',
  ack: 'prompt',
  forgetsAnswer: false,
  garbles: false,
};

const caller: CallerScript = {
  transport: 'udp',
  ownConnection: false,
  offer: 'early',
  reliable: 'none',
  session: undefined,
  allowsUpdate: true,
  giveUp: undefined,
  prack: 'prompt',
  refusalAck: 'prompt',
  manners,
  talk: [{ kind: 'bye', afterMs: 5000 }],
  fate: undefined,
};

const callee: CalleeScript = {
  firstMs: 0,
  trying: true,
  provisionals: [{ afterMs: 100, status: 180, fork: 0, described: false, reliable: false }],
  final: { kind: 'answer', afterMs: 1000, fork: 0, second: undefined },
  cancel: 'comply',
  challenges: 0,
  challenge: 407,
  allowsUpdate: true,
  session: undefined,
  repeatsDescription: true,
  manners,
  talk: [],
  fate: undefined,
};

export interface Oddities {
  readonly caller?: Partial<Omit<CallerScript, 'manners'>> & { readonly manners?: Partial<Manners> };
  readonly callee?: Partial<Omit<CalleeScript, 'manners'>> & { readonly manners?: Partial<Manners> };
  /** Further attempts; the first one is `callee`. */
  readonly further?: readonly Oddities['callee'][];
  readonly calledNumber?: string;
}

/** An outbound call over UDP to the carrier with one host, ordinary but for what is given. */
export function shapeOf(number: number, startMs: number, odd: Oddities): CallShape {
  const connector = CONNECTORS[0]!;
  return {
    number,
    startMs,
    direction: 'outbound',
    stranger: false,
    from: connector.hosts[0]!.address,
    calledNumber: odd.calledNumber ?? `${CARRIERS[0]!.prefix}5550100`,
    connectorId: connector.id,
    callerNumber: connector.number,
    caller: { ...caller, ...odd.caller, manners: { ...manners, ...odd.caller?.manners } },
    callees: [odd.callee, ...(odd.further ?? [])].map((one) => ({
      ...callee,
      ...one,
      manners: { ...manners, ...one?.manners },
    })),
  };
}

/** Plays one call on perfect lines and gives its world, once everything is over. */
export async function playCall(odd: Oddities): Promise<World> {
  const world = new World(1, 1, (number, startMs) => shapeOf(number, startMs, odd));
  await world.run();
  return world;
}

/** Record of the one call. */
export const recordOf = (world: World) => world.gateway.records[0]!.Trunkline;

/** Start lines between the gateway and one side, as `< 200` (to the gateway) and `> BYE`. */
export function ladderOf(world: World, side: 'caller' | 'callee' | 'second callee'): string[] {
  const call = world.calls[0]!;
  const leg = side === 'caller' ? call.caller : call.callees[side === 'callee' ? 0 : 1]!;
  return world.log.startLines(leg.callId).map(({ from, startLine, details }) => {
    const way = from.startsWith('192.0.2.1:') ? '>' : '<';
    const what = startLine.startsWith('SIP/2.0 ') ? startLine.slice(8, 11) : startLine.split(' ', 1)[0]!;
    return `${way} ${what}${details.includes('SDP') ? ' sdp' : ''}`;
  });
}

/** Everything that does not hold, with the ladder: to be empty. */
export function faultsOf(world: World): string {
  const violations = checkWorld(world);
  if (violations.length === 0) return '';
  return [...violations.map(({ text }) => text), tellCall(world, 0)].join('\n');
}
