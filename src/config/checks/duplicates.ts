import type { ConfigFault } from '../types.js';

/** A value and where it stands. */
export interface Placed {
  readonly value: string;
  /** A function where there are very many places: it is called for a fault only. */
  readonly path: string | (() => string);
}

/** A fault for each value seen before, naming the first place. */
export function* duplicateFaults(what: string, places: Iterable<Placed>): Iterable<ConfigFault> {
  const first = new Map<string, Placed['path']>();
  const told = (path: Placed['path']): string => (typeof path === 'string' ? path : path());
  for (const { value, path } of places) {
    const earlier = first.get(value);
    if (earlier === undefined) first.set(value, path);
    else yield { path: told(path), message: `${what} ${value} is already used at ${told(earlier)}` };
  }
}
