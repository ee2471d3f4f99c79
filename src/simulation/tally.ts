/** Counts by name: outcomes, faults injected. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(name: string, by = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }

  get(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** Adds another tally to this one. */
  merge(other: Tally): void {
    for (const [name, count] of other.#counts) this.add(name, count);
  }

  /** Name and count, most first. */
  rows(): [name: string, count: number][] {
    return [...this.#counts].sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1));
  }
}
