import type { ConfigFault } from '../types.js';

/** A value and where it stands. */
export interface Placed {
  readonly value: string;
  readonly path: string;
}

/** A fault for each value seen before, naming the first place. */
export function* duplicateFaults(what: string, places: Iterable<Placed>): Iterable<ConfigFault> {
  const first = new Map<string, string>();
  for (const { value, path } of places) {
    const earlier = first.get(value);
    if (earlier === undefined) first.set(value, path);
    else yield { path, message: `${what} ${value} is already used at ${earlier}` };
  }
}
