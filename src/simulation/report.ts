import type { Violation } from './checks.js';
import type { Tally } from './tally.js';
import type { World } from './world.js';

/** How a run is told: what broke, with the ladders; what happened, in figures. */

const MOST_TOLD = 5;

/** Seed, shape, what each side believes, events and ladders of the first calls that broke an invariant. */
export function tellViolations(world: World, violations: readonly Violation[], calls: number): string {
  const told = new Set<string>();
  const parts = [
    `${violations.length} violations with seed ${world.seed}; to play it again: npm run simulate -- --calls ${calls} --seed ${world.seed}`,
    ...summed(violations),
  ];
  for (const { call, callId } of violations) {
    const key = String(call ?? callId ?? '');
    if (key === '' || told.has(key) || told.size === MOST_TOLD) continue;
    told.add(key);
    const texts = violations.filter((other) => (call === undefined ? other.callId === callId : other.call === call));
    parts.push('', ...texts.map(({ text }) => `! ${text}`));
    parts.push(call === undefined ? world.log.leg(callId!) : tellCall(world, call));
  }
  return parts.join('\n');
}

/** Violations by kind: what differs from call to call is left out. */
function summed(violations: readonly Violation[]): string[] {
  const kinds = new Map<string, { count: number; calls: (number | undefined)[] }>();
  for (const { text, call } of violations) {
    const kind = text
      .slice(0, 160)
      .replace(/[0-9a-f]{16}/g, '…')
      .replace(/"key":.*/, '…');
    const known = kinds.get(kind) ?? { count: 0, calls: [] };
    known.count++;
    if (known.calls.length < 8) known.calls.push(call);
    kinds.set(kind, known);
  }
  return [...kinds].map(([kind, { count, calls }]) => `  ${count} × ${kind}  (calls ${calls.join(' ')})`);
}

/** One call: shape, legs, events, ladder. */
export function tellCall(world: World, number: number): string {
  const call = world.calls[number];
  if (!call) return `call ${number} is not of this world`;
  const legs = [call.caller, ...call.callees].map((leg) => {
    const dialogs = [...leg.dialogs.values()].map(({ state, how }) => `${state}${how === '' ? '' : ` (${how})`}`);
    const marks = [
      leg.mode,
      leg.disturbed ? 'disturbed' : '',
      leg.cut ? 'cut' : '',
      leg.open ? 'open' : 'closed',
    ].filter((m) => m !== '');
    return `${leg.name} at ${leg.host.endpoint.address}: ${marks.join(', ')}; dialogs: ${dialogs.join(', ') || 'none'}`;
  });
  const transactionIds = world.gateway.records.filter(({ CallId }) => CallId === call.caller.callId);
  const events = transactionIds.flatMap(({ TransactionId }) => world.gateway.events.get(TransactionId) ?? []);
  return [
    `call ${number} of seed ${world.seed}: ${JSON.stringify(call.shape)}`,
    ...legs,
    'events of the call layer:',
    ...events.map((line) => `  ${line}`),
    world.log.ladder(number),
  ].join('\n');
}

export interface Figures {
  readonly seeds: readonly number[];
  readonly calls: number;
  readonly messages: number;
  readonly virtualMs: number;
  readonly realMs: number;
  readonly outcomes: Tally;
  readonly faults: Tally;
  readonly violations: number;
}

/** The summary of a run. */
export function tellFigures(figures: Figures): string {
  const { seeds, calls, messages, virtualMs, realMs, outcomes, faults, violations } = figures;
  const seedText = seeds.length === 1 ? `seed ${seeds[0]}` : `seeds ${seeds[0]}–${seeds.at(-1)}`;
  const seconds = realMs / 1000;
  return [
    `${calls} calls over ${seeds.length} worlds (${seedText}), ${messages} messages on the wire`,
    `virtual time ${(virtualMs / 3_600_000).toFixed(1)} h, real time ${seconds.toFixed(1)} s, ${Math.round(calls / seconds)} calls/s`,
    'outcomes:',
    ...rows(outcomes),
    'faults and oddities:',
    ...rows(faults),
    violations === 0 ? 'no invariant broken' : `${violations} VIOLATIONS`,
  ].join('\n');
}

const rows = (tally: Tally): string[] => tally.rows().map(([name, count]) => `  ${String(count).padStart(8)}  ${name}`);
