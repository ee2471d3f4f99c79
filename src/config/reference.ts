import { z } from 'zod';
import type { Path } from './path.js';
import { gatewaySchema } from './schema/gateway.js';

/**
 * The reference table of every key, read off the schema itself (its JSON Schema form), so that the page, the loader
 * and the types cannot tell different stories.
 */

/** The part of JSON Schema that a zod schema of ours turns into. */
interface Shape {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly items?: Shape;
  readonly additionalProperties?: Shape | boolean;
  readonly anyOf?: readonly Shape[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly secret?: boolean;
}

export interface ReferenceRow {
  /** `carriers[].hosts[].port` */
  readonly key: string;
  readonly allowed: string;
  readonly default: string;
  readonly meaning: string;
}

let cached: Shape | undefined;

function shape(): Shape {
  cached ??= z.toJSONSchema(gatewaySchema, { io: 'input', unrepresentable: 'any' }) as Shape;
  return cached;
}

/** JSON Schema (draft 2020-12) of the file, for editors. */
export const configJsonSchema = (): object => shape();

/** The keys allowed in the map at `path`. */
export function keysAt(path: Path): readonly string[] {
  let at: Shape | undefined = shape();
  for (const step of path) {
    at = typeof step === 'number' ? at?.items : at?.properties?.[String(step)];
  }
  return Object.keys(at?.properties ?? {});
}

/** Names of the keys whose values are secrets. */
export function secretKeys(): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (at: Shape): void => {
    for (const [key, inner] of Object.entries(at.properties ?? {})) {
      if (inner.secret) found.add(key);
      visit(inner);
    }
    if (at.items) visit(at.items);
  };
  visit(shape());
  return found;
}

/** One row for each key, in the schema's order. */
export function referenceRows(): ReferenceRow[] {
  const rows: ReferenceRow[] = [];
  const visit = (at: Shape, prefix: string): void => {
    for (const [key, inner] of Object.entries(at.properties ?? {})) {
      const name = prefix + key;
      const required = at.required?.includes(key) ?? false;
      rows.push({
        key: name,
        allowed: allowed(inner),
        default: shownDefault(inner, required),
        meaning: inner.description ?? '',
      });
      visit(inner, `${name}.`);
      if (inner.items) visit(inner.items, `${name}[].`);
    }
  };
  visit(shape(), '');
  return rows;
}

function allowed(at: Shape): string {
  if (at.enum) return at.enum.map(String).join(' \\| ');
  if (at.const !== undefined) return String(at.const);
  if (at.anyOf) return at.anyOf.map(allowed).join(' \\| ');
  if (at.type === 'array') return `list of ${at.items?.properties ? 'maps' : allowed(at.items ?? {})}`;
  if (at.type === 'integer' || at.type === 'number') return `${at.minimum}–${at.maximum}`;
  if (at.type === 'boolean') return 'true \\| false';
  if (at.secret) return 'secret';
  return at.type === 'object' ? 'map' : 'text';
}

function shownDefault(at: Shape, required: boolean): string {
  if (required) return '**required**';
  if (at.default === undefined || at.type === 'object') return '';
  const text = JSON.stringify(at.default);
  return text.length > 90 ? 'see schema' : `\`${text}\``;
}

/** The rows as a Markdown table. */
export function referenceTable(): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rows = referenceRows().map((row) =>
    line([`\`${row.key}\``, row.allowed, row.default, row.meaning.replaceAll('|', '\\|')]),
  );
  return [line(['Key', 'Allowed', 'Default', 'Meaning']), line(['---', '---', '---', '---']), ...rows].join('\n');
}
