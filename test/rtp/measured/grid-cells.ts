import { type Impairment, Line } from '../../tools/impairment-relay.js';

/** The bad networks of the truth grid, and what is said through them. */

export const SPACING_MS = 20;
export const PACKETS = 600;
const DTX_PACKETS = 50;
const SOURCE_CHANGES_AT = 300;

export interface Cell {
  readonly impairment: Impairment;
  /** Speech and silence by turns of so many packets, numbers going on without a gap. */
  readonly dtx?: boolean;
  /** Half way the source changes. */
  readonly newSource?: boolean;
}

type Trait = Partial<Record<'reorder' | 'duplicate' | 'dtx' | 'newSource', boolean>>;

const LOSS = [0, 0.01, 0.05, 0.1, 0.2];
const JITTER_MS = [0, 20, 40, 80];
const TRAITS: readonly Trait[] = [{ reorder: true }, { duplicate: true }, { dtx: true }, { newSource: true }];
const PAIRS = TRAITS.flatMap((one, at) => TRAITS.slice(at + 1).map((other) => ({ ...one, ...other })));
const ALL: Trait = { reorder: true, duplicate: true, dtx: true, newSource: true };

const cell = (loss: number, jitterMs: number, { reorder, duplicate, dtx, newSource }: Trait = {}): Cell => ({
  impairment: { loss, jitterMs, ...(reorder && { reorder: 0.1 }), ...(duplicate && { duplicate: 0.1 }) },
  ...(dtx && { dtx }),
  ...(newSource && { newSource }),
});

const MIDST = [
  [0, 0],
  [0.05, 20],
  [0.1, 40],
  [0.2, 80],
] as const;

export const CELLS: readonly Cell[] = [
  ...LOSS.flatMap((loss) => JITTER_MS.map((jitterMs) => cell(loss, jitterMs))),
  ...TRAITS.flatMap((trait) => MIDST.map(([loss, jitterMs]) => cell(loss, jitterMs, trait))),
  ...PAIRS.map((pair) => cell(0.05, 40, pair)),
  ...MIDST.map(([loss, jitterMs]) => cell(loss, jitterMs, ALL)),
  { impairment: { loss: 0.02, lossAfterLoss: 0.6, jitterMs: 40 } },
];

export function nameOf({
  impairment: { loss = 0, jitterMs, lossAfterLoss, reorder, duplicate },
  dtx,
  newSource,
}: Cell): string {
  const traits = { bursts: lossAfterLoss, reordered: reorder, doubled: duplicate, DTX: dtx, 'new source': newSource };
  const named = Object.entries(traits).flatMap(([name, has]) => (has ? [name] : []));
  return [`${loss * 100} %`, `${jitterMs} ms`, ...named].join(', ');
}

interface Spoken {
  readonly index: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
}

/** What a stream says: on a clock of packets, numbered without a gap, across the wrap. */
export function spokenIn({ dtx, newSource }: Cell): Spoken[] {
  const all = Array.from({ length: PACKETS }, (_, index) => index);
  const said = all.filter((index) => !dtx || Math.floor(index / DTX_PACKETS) % 2 === 0);
  return said.map((index, place) => {
    const changed = newSource === true && index >= SOURCE_CHANGES_AT;
    const sequence = 65_400 + place + (changed ? 9000 : 0);
    return { index, sequence, timestamp: index * SPACING_MS * 8, ssrc: changed ? 2 : 1 };
  });
}

/**
 * A seed by which the first packets of a new source come, once each and in order. A source counts from two packets in
 * sequence (RFC 3550 A.1): what is lost among its first ones was never expected.
 */
export function seedOf(of: Cell, first: number): number {
  const spoken = spokenIn(of);
  const change = of.newSource ? spoken.findIndex(({ index }) => index >= SOURCE_CHANGES_AT) : 0;
  for (let seed = first; ; seed++) {
    const line = new Line(of.impairment, seed * 4);
    const fates = spoken.map(({ index }) => line.fate(index * SPACING_MS));
    const leaves = fates.slice(change, change + 4).flat();
    const inOrder = leaves.every((leavesMs, at) => at === 0 || leavesMs > leaves[at - 1]! + 2);
    if (leaves.length === 4 && fates[change]!.length === 1 && inOrder) return seed;
  }
}
