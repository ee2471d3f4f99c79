import type { TokenBucket } from './token-bucket.js';

/** What a holder's limits are measured by. */
export interface Use {
  /** Absent where the snapshot in force gives the holder no rate. */
  bucket: TokenBucket | undefined;
  activeCalls: number;
}

/** Uses by holder. The last one found is kept at hand: a decision asks for its tokens and then for its calls. */
export class Uses {
  readonly #byId = new Map<string, Use>();
  #lastId: string | undefined;
  #last: Use | undefined;

  get(id: string): Use | undefined {
    if (id === this.#lastId) return this.#last;
    this.#last = this.#byId.get(id);
    this.#lastId = id;
    return this.#last;
  }

  set(id: string, use: Use): void {
    this.#byId.set(id, use);
    this.#lastId = undefined;
  }

  delete(id: string): void {
    this.#byId.delete(id);
    this.#lastId = undefined;
  }

  entries(): IterableIterator<[id: string, use: Use]> {
    return this.#byId.entries();
  }
}
