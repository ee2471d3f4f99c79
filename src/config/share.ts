import { deepFreeze } from './freeze.js';
import { nameOf } from './names.js';

/**
 * A value read again, made of the parts of the one before wherever they are equal: who compares the two, or indexed the
 * one before, sees by identity what is new. Members of lists are matched by their names.
 *
 * @returns frozen; `before` itself where nothing is new
 */
export function sharing<Value>(before: unknown, after: Value): Value {
  return deepFreeze(shared(before, after)) as Value;
}

function shared(before: unknown, after: unknown): unknown {
  if (before === after || !isObject(before) || !isObject(after)) return after;
  if (Array.isArray(after)) return Array.isArray(before) ? sharedList(before, after) : after;
  return Array.isArray(before) ? after : sharedMap(before as Fields, after as Fields);
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

type Fields = Readonly<Record<string, unknown>>;

function sharedMap(before: Fields, after: Fields): Fields {
  const keys = Object.keys(after);
  const made: Record<string, unknown> = {};
  let same = keys.length === Object.keys(before).length;
  for (const key of keys) {
    const value = shared(before[key], after[key]);
    made[key] = value;
    same &&= value === before[key] && key in before;
  }
  return same ? before : made;
}

function sharedList(before: readonly unknown[], after: readonly unknown[]): readonly unknown[] {
  const earlier = new EarlierMembers(before);
  return sameMembers(
    before,
    after.map((member, at) => shared(earlier.of(member, at), member)),
  );
}

/** `before` where both hold the same objects in the same order, else `after`. */
export const sameMembers = <Member>(before: readonly Member[], after: readonly Member[]): readonly Member[] =>
  before.length === after.length && after.every((member, at) => member === before[at]) ? before : after;

/** The members of a list as it was before: by name, those without one by where they stand. */
export class EarlierMembers {
  readonly #list: readonly unknown[];
  #byName: Map<string, unknown> | undefined;

  constructor(list: readonly unknown[]) {
    this.#list = list;
  }

  of(member: unknown, at: number): unknown {
    const name = nameOf(member);
    if (name === undefined || nameOf(this.#list[at]) === name) return this.#list[at];
    this.#byName ??= new Map(this.#list.flatMap((one) => [[nameOf(one) ?? '', one] as const]));
    return this.#byName.get(name);
  }
}
