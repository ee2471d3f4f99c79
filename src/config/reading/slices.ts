import type { ConfigFault, GatewayConfig, LoadOutcome } from '../types.js';

/**
 * What the reading thread says of a file: the outcome, the lists of a large configuration left out, and then, each when
 * it is asked for, the lists in slices that the receiving thread takes in a few milliseconds.
 *
 *     reader:  head ──►      slice ──►      slice ──►      undefined: that was all
 *     asker:          ◄── next       ◄── next       ◄── next
 */

/** The lists that may be long. */
export const LISTS = ['carriers', 'voiceConnectors', 'voiceConnectorGroups', 'phoneNumbers'] as const;
export type ListName = (typeof LISTS)[number];

export type Head = { readonly texts: ReadonlyMap<string, string> } & (
  | { readonly ok: true; readonly settings: Omit<GatewayConfig, ListName>; readonly warnings: readonly ConfigFault[] }
  | { readonly ok: false; readonly faults: readonly ConfigFault[] }
);

/** Members of one list, in order. */
export interface Slice {
  readonly list: ListName;
  readonly members: readonly unknown[];
}

/** What the reading thread is told at its start. */
export interface ReadingOrder {
  readonly path: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Values that one slice may hold, roughly, unless one member alone holds more. */
const SLICE_VALUES = 5000;

export function headOf(outcome: LoadOutcome, texts: ReadonlyMap<string, string>): Head {
  if (!outcome.ok) return { ok: false, texts, faults: outcome.faults };
  const {
    carriers: _,
    voiceConnectors: __,
    voiceConnectorGroups: ___,
    phoneNumbers: ____,
    ...settings
  } = outcome.config;
  return { ok: true, texts, settings, warnings: outcome.warnings };
}

export function* slicesOf(outcome: LoadOutcome): Iterable<Slice> {
  if (!outcome.ok) return;
  for (const list of LISTS) {
    let members: unknown[] = [];
    let values = 0;
    for (const member of outcome.config[list]) {
      members.push(member);
      values += valuesIn(member);
      if (values < SLICE_VALUES) continue;
      yield { list, members };
      members = [];
      values = 0;
    }
    if (members.length > 0) yield { list, members };
  }
}

function valuesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, inner) => sum + valuesIn(inner), 1);
}
