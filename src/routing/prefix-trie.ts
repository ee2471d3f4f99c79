/**
 * Values by number prefix, longest match first. A node has one slot for each of `0–9 + * #`, so a look-up is one step
 * a digit and allocates nothing but its result.
 *
 *     "+" ─ "1" ─ "2" ─ "0" ─ "6"      values("+12065550100") = values of "+1206", then of "+1", then of "+"
 */
interface Node<Value> {
  readonly next: (Node<Value> | undefined)[];
  values: Value[] | undefined;
}

const node = <Value>(): Node<Value> => ({ next: new Array<undefined>(13).fill(undefined), values: undefined });

/** Slot of a character, -1 for one that no number has. */
function slot(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  return code === 43 ? 10 : code === 42 ? 11 : code === 35 ? 12 : -1;
}

export class PrefixTrie<Value> {
  readonly #root = node<Value>();

  /** @throws RangeError where the prefix holds anything but digits, +, * and # */
  add(prefix: string, value: Value): void {
    let at = this.#root;
    for (let index = 0; index < prefix.length; index++) {
      const next = slot(prefix.charCodeAt(index));
      if (next < 0) throw new RangeError(`not a number prefix: ${prefix}`);
      at.next[next] ??= node<Value>();
      at = at.next[next];
    }
    at.values ??= [];
    at.values.push(value);
  }

  /** True when some prefix of the number is in it. */
  matches(number: string): boolean {
    return this.longest(number) !== undefined;
  }

  /** Values of the longest prefix of the number. */
  longest(number: string): readonly Value[] | undefined {
    let at: Node<Value> | undefined = this.#root;
    let found = at.values;
    for (let index = 0; index < number.length; index++) {
      const next: number = slot(number.charCodeAt(index));
      at = next < 0 ? undefined : at.next[next];
      if (!at) break;
      found = at.values ?? found;
    }
    return found;
  }

  /** Values of every prefix of the number, one list for each prefix, longest first. */
  all(number: string): (readonly Value[])[] {
    const found: (readonly Value[])[] = [];
    if (this.#root.values) found.push(this.#root.values);
    let at: Node<Value> | undefined = this.#root;
    for (let index = 0; index < number.length; index++) {
      const next: number = slot(number.charCodeAt(index));
      at = next < 0 ? undefined : at.next[next];
      if (!at) break;
      if (at.values) found.push(at.values);
    }
    return found.reverse();
  }
}
