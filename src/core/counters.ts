/**
 * Plain counters by name and label, incremented on hot paths and read when metrics are scraped. A label's values
 * come from a fixed set in the code (a reason, a method), never from the wire.
 */
export class Counters {
  /** By name, then by label: joining the two into one key would cost more than counting. */
  readonly #values = new Map<string, Map<string, { value: number }>>();

  /** Adds `by` to the counter `name` (label `label` where the counter has one). */
  add(name: string, label = '', by = 1): void {
    const count = this.#values.get(name)?.get(label);
    if (count) count.value += by;
    else this.#begin(name, label, by);
  }

  get(name: string, label = ''): number {
    return this.#values.get(name)?.get(label)?.value ?? 0;
  }

  /** Every counter that has moved: [name, label or '', value]. */
  *entries(): IterableIterator<[name: string, label: string, value: number]> {
    for (const [name, labels] of this.#values) {
      for (const [label, { value }] of labels) yield [name, label, value];
    }
  }

  #begin(name: string, label: string, value: number): void {
    const labels = this.#values.get(name);
    if (labels) labels.set(label, { value });
    else this.#values.set(name, new Map([[label, { value }]]));
  }
}
