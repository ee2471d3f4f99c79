/**
 * Plain counters by name and label, incremented on hot paths and read when metrics are scraped. A label's values
 * come from a fixed set in the code (a reason, a method), never from the wire.
 */
export class Counters {
  readonly #values = new Map<string, number>();

  /** Adds `by` to the counter `name` (label `label` where the counter has one). */
  add(name: string, label = '', by = 1): void {
    const key = label === '' ? name : `${name}\u0000${label}`;
    this.#values.set(key, (this.#values.get(key) ?? 0) + by);
  }

  get(name: string, label = ''): number {
    return this.#values.get(label === '' ? name : `${name}\u0000${label}`) ?? 0;
  }

  /** Every counter that has moved: [name, label or '', value]. */
  *entries(): IterableIterator<[name: string, label: string, value: number]> {
    for (const [key, value] of this.#values) {
      const cut = key.indexOf('\u0000');
      yield cut < 0 ? [key, '', value] : [key.slice(0, cut), key.slice(cut + 1), value];
    }
  }
}
