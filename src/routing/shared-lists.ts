/**
 * Indexes of lists, one for all lists that are equal: a thousand connectors mostly have a handful of calling plans and
 * lists of blocked prefixes among them, and what is shared is made once, kept once, and near at hand in the cache.
 */
export class SharedLists<Index> {
  readonly #make: (list: readonly string[]) => Index;
  readonly #indexes = new Map<string, Index>();

  constructor(make: (list: readonly string[]) => Index) {
    this.#make = make;
  }

  /** The index of the list: the same object for an equal list, which nobody may change. */
  of(list: readonly string[]): Index {
    const key = list.join();
    const known = this.#indexes.get(key);
    if (known !== undefined) return known;
    // Lists that nobody has any more are forgotten with all others; those in use are kept by their users.
    if (this.#indexes.size === MOST_KEPT) this.#indexes.clear();
    const index = this.#make(list);
    this.#indexes.set(key, index);
    return index;
  }
}

const MOST_KEPT = 10_000;
