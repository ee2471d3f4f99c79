import type { z } from 'zod';
import { formatPath, type Path } from './path.js';
import { secretKeys } from './reference.js';
import type { ConfigFault } from './types.js';

/** Turns what the schema found into faults for the operator: path, what stands there, what is allowed. */

type Issue = z.core.$ZodIssue;

/** Every fault of a failed parse, one for each path and message, in the file's order of checking. */
export function faultsOf(issues: readonly Issue[], knownKeys: (path: Path) => readonly string[]): ConfigFault[] {
  const faults = new Map<string, ConfigFault>();
  for (const issue of issues) {
    for (const fault of faultsOfIssue(issue, knownKeys)) faults.set(`${fault.path}\u0000${fault.message}`, fault);
  }
  return [...faults.values()];
}

function faultsOfIssue(issue: Issue, knownKeys: (path: Path) => readonly string[]): ConfigFault[] {
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(issue.path);
    return issue.keys.map((key) => ({ path: formatPath([...issue.path, key]), message: unknownKey(key, known) }));
  }
  if (issue.code === 'invalid_key') {
    return issue.issues.map((inner) => ({ path: formatPath(issue.path), message: `name ${inner.message}` }));
  }
  const deepest = issue.code === 'invalid_union' ? innermost(issue) : undefined;
  if (deepest)
    return deepest.flatMap((inner) => faultsOfIssue({ ...inner, path: [...issue.path, ...inner.path] }, knownKeys));
  const hidden = issue.path.some((step) => secretKeys().has(String(step)));
  const message = hidden && issue.input !== undefined ? sentence(issue) : withInput(sentence(issue), issue.input);
  return [{ path: formatPath(issue.path), message }];
}

/** Of a union, the branch that got past the outermost value, when there is one. */
function innermost(issue: Extract<Issue, { code: 'invalid_union' }>): readonly Issue[] | undefined {
  return issue.errors.find((errors) => errors.some((error) => error.path.length > 0)) as readonly Issue[] | undefined;
}

function sentence(issue: Issue): string {
  if (issue.code !== 'invalid_type') return issue.message;
  if (issue.input === undefined) return 'is missing';
  if (issue.expected === 'object' || issue.expected === 'record') return 'must be a map of keys';
  if (issue.expected === 'array') return 'must be a list';
  return issue.message;
}

function withInput(message: string, input: unknown): string {
  if (input === undefined) return message.startsWith('must') ? `is missing: ${message}` : message;
  if (typeof input === 'object' && input !== null) return message;
  const shown = JSON.stringify(input);
  return shown.length > 80 ? message : `${message}, not ${shown}`;
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  const hint = near === undefined ? '' : `; did you mean ${near}?`;
  return `is not a known key${hint}${known.length === 0 ? '' : ` (known here: ${known.join(', ')})`}`;
}

/** The known key at most two edits away, if any. */
export function nearest(key: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = 3;
  for (const candidate of known) {
    const distance = editDistance(key.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
