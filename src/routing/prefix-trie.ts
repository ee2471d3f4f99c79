/**
 * Values by number prefix, longest match first. The nodes lie in one array of integers, thirteen to a node: one slot
 * for each of `0–9 + * #`, holding the number of the next node. A look-up is one read a digit.
 *
 *     "+" ─ "1" ─ "2" ─ "0" ─ "6"      values("+12065550100") = values of "+1206", then of "+1", then of "+"
 */
const SLOTS = 13;

/** Slot of a character, -1 for one that no number has. */
function slotOf(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  return code === 43 ? 10 : code === 42 ? 11 : code === 35 ? 12 : -1;
}

export class PrefixTrie<Value> {
  /** Next node by (node × 13 + slot); 0, the root, is never next and means none. */
  #next = new Int32Array(SLOTS * 16);
  readonly #values: (Value[] | undefined)[] = [undefined];
  /** By node, once asked for: the values of every prefix that leads there. */
  #chains: (Value[] | undefined)[] = [];

  /** @throws RangeError where the prefix holds anything but digits, +, * and # */
  add(prefix: string, value: Value): void {
    let node = 0;
    for (let index = 0; index < prefix.length; index++) {
      const slot = slotOf(prefix.charCodeAt(index));
      if (slot < 0) throw new RangeError(`not a number prefix: ${prefix}`);
      node = this.#next[node * SLOTS + slot]! || this.#grow(node * SLOTS + slot);
    }
    this.#chains = [];
    const values = this.#values[node];
    if (values) values.push(value);
    else this.#values[node] = [value];
  }

  /** True when some prefix of the number is in it. */
  matches(number: string): boolean {
    return this.longest(number) !== undefined;
  }

  /** Values of the longest prefix of the number. */
  longest(number: string): readonly Value[] | undefined {
    let found = this.#values[0];
    for (let index = 0, node = 0; index < number.length; index++) {
      node = this.#step(node, number.charCodeAt(index));
      if (node === 0) break;
      found = this.#values[node] ?? found;
    }
    return found;
  }

  /** Values of every prefix of the number, longest first; a list that numbers of one prefix share. */
  all(number: string): readonly Value[] {
    let deepest = 0;
    let length = 0;
    for (let index = 0, node = 0; index < number.length; index++) {
      node = this.#step(node, number.charCodeAt(index));
      if (node === 0) break;
      if (this.#values[node]) {
        deepest = node;
        length = index + 1;
      }
    }
    return this.#chains[deepest] ?? this.#chain(deepest, number.slice(0, length));
  }

  /** The values of the prefix that leads to `end`, then of those it begins with. */
  #chain(end: number, prefix: string): readonly Value[] {
    const lists = [this.#values[0]];
    for (let index = 0, node = 0; index < prefix.length; index++) {
      node = this.#step(node, prefix.charCodeAt(index));
      lists.push(this.#values[node]);
    }
    const chain = lists.reverse().flatMap((list) => list ?? []);
    if (this.#chains.length === 0) this.#chains = new Array(this.#values.length);
    this.#chains[end] = chain;
    return chain;
  }

  /** The node one character on; 0 where there is none. */
  #step(node: number, code: number): number {
    const slot = slotOf(code);
    return slot < 0 ? 0 : this.#next[node * SLOTS + slot]!;
  }

  /** A new node behind the slot at `at`. */
  #grow(at: number): number {
    const node = this.#values.push(undefined) - 1;
    if ((node + 1) * SLOTS > this.#next.length) {
      const larger = new Int32Array(this.#next.length * 2);
      larger.set(this.#next);
      this.#next = larger;
    }
    this.#next[at] = node;
    return node;
  }
}
