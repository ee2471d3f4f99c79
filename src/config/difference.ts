import { nameOf } from './names.js';
import { HIDDEN, membersShown, notationOf, redacted } from './redact.js';
import { secretKeys } from './reference.js';
import type { GatewayConfig } from './types.js';

/** What a reload changes, by path; secrets are told as changed, never shown. */
export interface Difference {
  readonly path: string;
  readonly change: 'added' | 'removed' | 'changed';
  readonly before?: unknown;
  readonly after?: unknown;
}

/** Every difference between two configurations; members of lists are matched by id, name or number. */
export function differences(before: GatewayConfig, after: GatewayConfig): Difference[] {
  const found: Difference[] = [];
  new Comparison(found).compare('', before, after, false);
  return found;
}

/** Parts that are the same object in both are not looked into: a file read again shares what did not change. */
class Comparison {
  readonly #found: Difference[];
  readonly #secrets = secretKeys();

  constructor(found: Difference[]) {
    this.#found = found;
  }

  /** @param secret what is compared stands under a key that holds a secret */
  compare(path: string, before: unknown, after: unknown, secret: boolean): void {
    if (before === after) return;
    const [olds, news] = secret ? [undefined, undefined] : [membersOf(before), membersOf(after)];
    if (!olds || !news) return this.#whole(path, before, after, secret);
    for (const key of new Set([...olds.keys(), ...news.keys()])) {
      const inside = path === '' ? key.slice(1) : `${path}${key}`;
      this.compare(inside, olds.get(key), news.get(key), key.startsWith('.') && this.#secrets.has(key.slice(1)));
    }
  }

  #whole(path: string, before: unknown, after: unknown, secret: boolean): void {
    if (JSON.stringify(notationOf(before)) === JSON.stringify(notationOf(after))) return;
    const shown = (value: unknown) => (secret ? HIDDEN : redacted(value, this.#secrets));
    if (before === undefined) this.#found.push({ path, change: 'added', after: shown(after) });
    else if (after === undefined) this.#found.push({ path, change: 'removed', before: shown(before) });
    else this.#found.push({ path, change: 'changed', before: shown(before), after: shown(after) });
  }
}

/** Members by the end of their path: `.name`, `[HQ]`; undefined for what is compared as a whole. */
function membersOf(value: unknown): Map<string, unknown> | undefined {
  if (!Array.isArray(value)) {
    const members = membersShown(value);
    return members && new Map(members.map(([key, member]) => [`.${key}`, member]));
  }
  const names = value.map(nameOf);
  if (names.length === 0 || names.includes(undefined)) return undefined;
  return new Map(names.map((name, at) => [`[${name}]`, value[at]]));
}
