import { NumberIndex } from './number-index.js';

/**
 * Who each phone number is assigned to. A table never changes; a change makes another that shares the old one's bulk:
 *
 *     base (every number, shared) ◄── overlay (numbers changed since; undefined owner: taken away)
 *                                        │ grown past a thirty-second of the base: folded into a new base
 *
 * Numbers lead to the id of their owner and not to its view, so that a changed connector moves none of its numbers.
 */
export class NumberTable {
  readonly #base: NumberIndex<NumberOwner>;
  readonly #overlay: ReadonlyMap<string, NumberOwner | null>;

  constructor(
    base: NumberIndex<NumberOwner> = new NumberIndex(),
    overlay: ReadonlyMap<string, NumberOwner | null> = new Map(),
  ) {
    this.#base = base;
    this.#overlay = overlay;
  }

  get(e164: string): NumberOwner | undefined {
    if (this.#overlay.size > 0) {
      const changed = this.#overlay.get(e164);
      if (changed !== undefined) return changed ?? undefined;
    }
    return this.#base.get(e164);
  }

  has(e164: string): boolean {
    return this.get(e164) !== undefined;
  }

  /** Every number with its owner. */
  *entries(): IterableIterator<[e164: string, owner: NumberOwner]> {
    for (const [e164, owner] of this.#base.entries()) if (!this.#overlay.has(e164)) yield [e164, owner];
    for (const [e164, owner] of this.#overlay) if (owner) yield [e164, owner];
  }

  /** The table after lists of numbers have changed. A list that is the same object as before is not looked into. */
  after(before: readonly NumberList[], now: readonly NumberList[]): NumberTable {
    if (before.length === 0) return new NumberTable(indexOf(now));
    const old = new Map(before.map((list) => [keyOf(list), list]));
    const kept = new Set<string>();
    const changed: NumberList[] = [];
    for (const list of now) {
      if (old.get(keyOf(list))?.phoneNumbers === list.phoneNumbers) kept.add(keyOf(list));
      else changed.push(list);
    }
    const owners = new Map<string, NumberOwner | null>();
    for (const list of before) {
      if (!kept.has(keyOf(list))) for (const e164 of list.phoneNumbers) owners.set(e164, null);
    }
    for (const { kind, id, phoneNumbers } of changed) {
      const owner: NumberOwner = { kind, id };
      for (const e164 of phoneNumbers) owners.set(e164, owner);
    }
    return this.#with(owners);
  }

  #with(owners: ReadonlyMap<string, NumberOwner | null>): NumberTable {
    const overlay = new Map(this.#overlay);
    for (const [e164, owner] of owners) if (!sameOwner(this.get(e164), owner)) overlay.set(e164, owner);
    if (overlay.size <= SMALL_OVERLAY || overlay.size * 32 <= this.#base.size)
      return new NumberTable(this.#base, overlay);
    return new NumberTable(folded(this.#base, overlay));
  }
}

function indexOf(lists: readonly NumberList[]): NumberIndex<NumberOwner> {
  const index = new NumberIndex<NumberOwner>(lists.reduce((sum, { phoneNumbers }) => sum + phoneNumbers.length, 0));
  for (const { kind, id, phoneNumbers } of lists) {
    const owner: NumberOwner = { kind, id };
    for (const e164 of phoneNumbers) index.set(e164, owner);
  }
  return index;
}

function folded(
  base: NumberIndex<NumberOwner>,
  overlay: ReadonlyMap<string, NumberOwner | null>,
): NumberIndex<NumberOwner> {
  const index = base.copy();
  for (const [e164, owner] of overlay) {
    if (owner) index.set(e164, owner);
    else index.delete(e164);
  }
  return index;
}

/** Who a phone number is assigned to: the id of a connector, or the name of a group. */
export interface NumberOwner {
  readonly kind: 'connector' | 'group';
  readonly id: string;
}

/** The numbers of one owner. */
export interface NumberList extends NumberOwner {
  readonly phoneNumbers: readonly string[];
}

/** An overlay this small is never folded: tables of a few numbers need no second thought. */
const SMALL_OVERLAY = 64;

const keyOf = ({ kind, id }: NumberOwner): string => `${kind}/${id}`;

const sameOwner = (a: NumberOwner | undefined, b: NumberOwner | null): boolean =>
  a?.kind === b?.kind && a?.id === b?.id;
