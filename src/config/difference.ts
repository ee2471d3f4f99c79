import { notationOf, redactConfig } from './redact.js';
import type { GatewayConfig } from './types.js';

/** What a reload changes, by path; secrets are told as changed, never shown. */
export interface Difference {
  readonly path: string;
  readonly change: 'added' | 'removed' | 'changed';
  readonly before?: unknown;
  readonly after?: unknown;
}

interface Pair {
  /** Compared. */
  readonly full: unknown;
  /** Shown. */
  readonly shown: unknown;
}

/** Every difference between two configurations; members of lists are matched by id, name or number. */
export function differences(before: GatewayConfig, after: GatewayConfig): Difference[] {
  const found: Difference[] = [];
  const pairOf = (config: GatewayConfig): Pair => ({ full: notationOf(config), shown: redactConfig(config) });
  compare('', pairOf(before), pairOf(after), found);
  return found;
}

function compare(path: string, before: Pair, after: Pair, found: Difference[]): void {
  if (JSON.stringify(before.full) === JSON.stringify(after.full)) return;
  const [olds, news] = [membersOf(before), membersOf(after)];
  if (!olds || !news) {
    if (before.full === undefined) found.push({ path, change: 'added', after: after.shown });
    else if (after.full === undefined) found.push({ path, change: 'removed', before: before.shown });
    else found.push({ path, change: 'changed', before: before.shown, after: after.shown });
    return;
  }
  for (const key of new Set([...olds.keys(), ...news.keys()])) {
    compare(path === '' ? key.slice(1) : `${path}${key}`, olds.get(key) ?? ABSENT, news.get(key) ?? ABSENT, found);
  }
}

const ABSENT: Pair = { full: undefined, shown: undefined };

/** Members by the end of their path: `.name`, `[HQ]`; undefined for what is compared as a whole. */
function membersOf({ full, shown }: Pair): Map<string, Pair> | undefined {
  if (Array.isArray(full)) {
    const names = full.map(nameOf);
    if (names.length === 0 || names.some((name) => name === undefined)) return undefined;
    return new Map(names.map((name, at) => [`[${name}]`, { full: full[at], shown: (shown as unknown[])[at] }]));
  }
  if (typeof full !== 'object' || full === null) return undefined;
  const shownMap = shown as Record<string, unknown>;
  return new Map(Object.entries(full).map(([key, value]) => [`.${key}`, { full: value, shown: shownMap[key] }]));
}

function nameOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, name, e164, username } = value as Record<string, unknown>;
  const found = [name, e164, username, id].find((one) => typeof one === 'string');
  return found as string | undefined;
}
