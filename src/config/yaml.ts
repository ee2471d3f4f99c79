import { isNode, LineCounter, parseDocument } from 'yaml';
import type { Path } from './path.js';
import type { ConfigFault } from './types.js';

/** A YAML text, read: its plain value, the faults of its syntax, and the line of each path. */
export interface YamlText {
  readonly value: unknown;
  readonly faults: readonly ConfigFault[];
  /** Line (from 1) of the value at `path`, or of its nearest parent that is in the file. */
  lineOf(path: Path): number | undefined;
}

/** Reads one YAML 1.2 document; an empty one is an empty map. What is JSON is read as JSON, which is much faster. */
export function readYaml(text: string): YamlText {
  const json = readJson(text);
  if (json === undefined) return readAsYaml(text);
  // Lines are asked for where there are faults, and then there is time.
  let yaml: YamlText | undefined;
  const lineOf = (path: Path): number | undefined => {
    yaml ??= readAsYaml(text);
    return yaml.lineOf(path);
  };
  return { value: json, faults: [], lineOf };
}

/** The object of a JSON text; undefined where it is anything else, or names a key twice, which YAML reports as a fault. */
function readJson(text: string): object | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    const value = JSON.parse(text) as object;
    return keysIn(value) === keysWritten(text) ? value : undefined;
  } catch {
    return undefined;
  }
}

const keysWritten = (text: string): number =>
  [...text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)].filter(([, colon]) => colon !== undefined).length;

function keysIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inside = Object.values(value).reduce<number>((sum, member) => sum + keysIn(member), 0);
  return Array.isArray(value) ? inside : inside + Object.keys(value).length;
}

function readAsYaml(text: string): YamlText {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  const faults = [...document.errors, ...document.warnings].map((error) => ({
    path: '',
    message: `is not valid YAML: ${error.message}`,
    line: lines.linePos(error.pos[0]).line,
  }));
  const lineOf = (path: Path): number | undefined => {
    for (let length = path.length; length > 0; length--) {
      const node = document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
    }
    return undefined;
  };
  if (faults.length > 0) return { value: {}, faults, lineOf };
  const limited = plainValue(document);
  return { value: limited.value ?? {}, faults: limited.faults, lineOf };
}

/** The document as plain values; too many aliases ("billion laughs") are a fault, not an endless expansion. */
function plainValue(document: ReturnType<typeof parseDocument>): { value: unknown; faults: ConfigFault[] } {
  try {
    return { value: document.toJS({ maxAliasCount: 100 }), faults: [] };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { value: {}, faults: [{ path: '', message: `is not valid YAML: ${reason}` }] };
  }
}
