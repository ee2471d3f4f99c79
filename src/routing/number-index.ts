/**
 * Owners by phone number, for very many numbers: an open hash table in one array of doubles. An E.164 number has at
 * most 15 digits, which a double holds exactly; key and owner lie side by side, so that a look-up among a hundred
 * thousand numbers touches one line of memory, where a Map of strings touches five.
 *
 *     slot:  [ key | owner ][ key | owner ][ 0 | – ] …     key 0: free; owner 0: taken away, the key stays as a stone
 *               └ hash(number), else the next slots in turn
 */
export class NumberIndex<Owner> {
  #slots: Float64Array;
  /** Slots less one: a power of two less one. */
  #mask: number;
  /** Slots in use, stones among them. */
  #used = 0;
  #size = 0;
  /** Owners by their number, from 1. */
  readonly #owners: (Owner | undefined)[] = [undefined];
  readonly #numberOf = new Map<Owner, number>();

  /** @param expected how many numbers will come; more may */
  constructor(expected = 0) {
    this.#mask = slotsFor(expected) - 1;
    this.#slots = new Float64Array(2 * (this.#mask + 1));
  }

  /** Numbers that have an owner. */
  get size(): number {
    return this.#size;
  }

  /** @param e164 anything: what is no E.164 number has no owner */
  get(e164: string): Owner | undefined {
    const key = keyOf(e164);
    if (key === 0) return undefined;
    const slots = this.#slots;
    for (let at = hash(key) & this.#mask; ; at = (at + 1) & this.#mask) {
      const found = slots[2 * at]!;
      if (found === key) return this.#owners[slots[2 * at + 1]!];
      if (found === 0) return undefined;
    }
  }

  /** @throws RangeError where the number is not E.164 */
  set(e164: string, owner: Owner): void {
    const at = this.#slotOf(e164);
    if (this.#slots[at + 1] === 0) this.#size++;
    this.#slots[at + 1] = this.#numbered(owner);
  }

  delete(e164: string): void {
    if (this.get(e164) === undefined) return;
    const at = this.#slotOf(e164);
    this.#slots[at + 1] = 0;
    this.#size--;
  }

  /** The same numbers, without stones and without owners that have no number any more. */
  copy(): NumberIndex<Owner> {
    const copy = new NumberIndex<Owner>(this.#size);
    const slots = this.#slots;
    for (let at = 0; at < slots.length; at += 2) {
      const owner = this.#owners[slots[at + 1]!];
      if (owner !== undefined) copy.#place(slots[at]!, copy.#numbered(owner));
    }
    copy.#size = copy.#used = this.#size;
    return copy;
  }

  *entries(): IterableIterator<[e164: string, owner: Owner]> {
    for (let at = 0; at < this.#slots.length; at += 2) {
      const owner = this.#owners[this.#slots[at + 1]!];
      if (owner !== undefined) yield [`+${this.#slots[at]}`, owner];
    }
  }

  /** Index of the number's slot, taken for it where it had none. */
  #slotOf(e164: string): number {
    const key = keyOf(e164);
    if (key === 0) throw new RangeError(`not an E.164 number: ${e164}`);
    if (3 * (this.#used + 1) > 2 * (this.#mask + 1)) this.#grow();
    let at = hash(key) & this.#mask;
    while (this.#slots[2 * at] !== key && this.#slots[2 * at] !== 0) at = (at + 1) & this.#mask;
    if (this.#slots[2 * at] === 0) this.#used++;
    this.#slots[2 * at] = key;
    return 2 * at;
  }

  /** A larger table, without the stones. */
  #grow(): void {
    const old = this.#slots;
    this.#mask = slotsFor(2 * this.#size) - 1;
    this.#slots = new Float64Array(2 * (this.#mask + 1));
    this.#used = this.#size;
    for (let at = 0; at < old.length; at += 2) if (old[at + 1] !== 0) this.#place(old[at]!, old[at + 1]!);
  }

  /** Writes a number that the table does not hold into the first free slot. */
  #place(key: number, owner: number): void {
    let at = hash(key) & this.#mask;
    while (this.#slots[2 * at] !== 0) at = (at + 1) & this.#mask;
    this.#slots[2 * at] = key;
    this.#slots[2 * at + 1] = owner;
  }

  #numbered(owner: Owner): number {
    const known = this.#numberOf.get(owner);
    if (known !== undefined) return known;
    const number = this.#owners.push(owner) - 1;
    this.#numberOf.set(owner, number);
    return number;
  }
}

/** A power of two, at least half as many again as there are numbers. */
const slotsFor = (numbers: number): number => 2 ** Math.ceil(Math.log2(Math.max(16, 1.5 * numbers + 1)));

/** The digits as a number; 0 for what is not + and 2 to 15 digits, the first not 0. */
function keyOf(e164: string): number {
  const { length } = e164;
  if (length < 3 || length > 16 || e164.charCodeAt(0) !== 43 || e164.charCodeAt(1) === 48) return 0;
  let key = 0;
  for (let at = 1; at < length; at++) {
    const digit = e164.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return 0;
    key = key * 10 + digit;
  }
  return key;
}

/** Fibonacci hashing of both halves: numbers of one range are mostly consecutive. */
function hash(key: number): number {
  const mixed = Math.imul(key | 0, 0x9e3779b1) ^ Math.imul((key / 0x1_0000_0000) | 0, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}
