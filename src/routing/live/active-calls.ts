/** Calls at once, by key. Each entry is left exactly once, however often its release is called. */
export class ActiveCalls {
  readonly #counts = new Map<string, number>();

  count(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  /** Counts a call in; the function given counts it out, once. */
  enter(key: string): () => void {
    this.#counts.set(key, this.count(key) + 1);
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      const left = this.count(key) - 1;
      if (left > 0) this.#counts.set(key, left);
      else this.#counts.delete(key);
    };
  }

  /** Every key with calls. */
  entries(): IterableIterator<[key: string, count: number]> {
    return this.#counts.entries();
  }
}
