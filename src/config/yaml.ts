import { constructFromEvents, EVENT_ID, type Event, getScalarValue, parseEvents, YAMLException } from 'js-yaml';
import { keysWritten } from './json-text.js';
import type { Path } from './path.js';
import type { ConfigFault } from './types.js';

/** A YAML text, read: its plain value, the faults of its syntax, and the line of each path. */
export interface YamlText {
  readonly value: unknown;
  readonly faults: readonly ConfigFault[];
  /** Line (from 1) of the value at `path`, or of its nearest parent that is in the file. */
  lineOf(path: Path): number | undefined;
}

/** Reads one YAML 1.2 document; an empty one is an empty map. What is JSON is read as JSON, which is faster still. */
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

function keysIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inside = Object.values(value).reduce<number>((sum, member) => sum + keysIn(member), 0);
  return Array.isArray(value) ? inside : inside + Object.keys(value).length;
}

function readAsYaml(text: string): YamlText {
  try {
    const events = parseEvents(text, {});
    const [value, ...further] = constructFromEvents(events, { source: text });
    if (further.length > 0) return faulty('holds more than one document');
    if (expandedSize(value, new Map()) > MAX_GROWTH * (events.length + 1))
      return faulty('its aliases expand without end');
    let lines: LineIndex | undefined;
    const lineOf = (path: Path): number | undefined => {
      lines ??= new LineIndex(text, events);
      return lines.lineOf(path);
    };
    return { value: value ?? {}, faults: [], lineOf };
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    return faulty(error.reason, error.mark && error.mark.line + 1);
  }
}

function faulty(reason: string, line?: number): YamlText {
  const fault = { path: '', message: `is not valid YAML: ${reason}` };
  return { value: {}, faults: [line === undefined ? fault : { ...fault, line }], lineOf: () => undefined };
}

/** Values that a document may have for each thing written in it: aliases stand for what is written once only. */
const MAX_GROWTH = 100;

/** Values in `value` with its aliases written out ("billion laughs" are many); infinite where one holds itself. */
function expandedSize(value: unknown, known: Map<object, number>): number {
  if (typeof value !== 'object' || value === null) return 1;
  const before = known.get(value);
  if (before !== undefined) return before;
  known.set(value, Number.POSITIVE_INFINITY);
  const size = Object.values(value).reduce<number>((sum, member) => sum + expandedSize(member, known), 1);
  known.set(value, size);
  return size;
}

/** Where a value stands, and its members by key or index. */
interface Place {
  offset: number;
  readonly members: Map<string, Place>;
}

/** The lines of a document's values, from the events of its reading. */
class LineIndex {
  readonly #text: string;
  readonly #events: Iterator<Event>;
  readonly #root: Place;

  constructor(text: string, events: readonly Event[]) {
    this.#text = text;
    this.#events = events.values();
    this.#next();
    this.#root = this.#place(this.#next(), 0) ?? { offset: 0, members: new Map() };
  }

  lineOf(path: Path): number | undefined {
    let place: Place | undefined = this.#root;
    let nearest: Place | undefined;
    for (const step of path) {
      place = place.members.get(String(step));
      if (!place) break;
      nearest = place;
    }
    return nearest && this.#lineAt(nearest.offset);
  }

  #lineAt(offset: number): number {
    let line = 1;
    for (let at = this.#text.indexOf('\n'); at >= 0 && at < offset; at = this.#text.indexOf('\n', at + 1)) line++;
    return line;
  }

  #next(): Event | undefined {
    return this.#events.next().value;
  }

  /** The value that starts with `event`; one that is not written stands where its key does. Undefined at an end. */
  #place(event: Event | undefined, keyOffset: number): Place | undefined {
    if (event === undefined || event.type === EVENT_ID.POP || event.type === EVENT_ID.DOCUMENT) return undefined;
    const members = new Map<string, Place>();
    if (event.type === EVENT_ID.ALIAS) return { offset: event.anchorStart, members };
    if (event.type === EVENT_ID.SCALAR) {
      return { offset: event.valueStart < 0 ? keyOffset : event.valueStart, members };
    }
    if (event.type === EVENT_ID.SEQUENCE) this.#addItems(members, event.start);
    else this.#addPairs(members, event.start);
    return { offset: event.start, members };
  }

  #addItems(members: Map<string, Place>, start: number): void {
    for (let index = 0; ; index++) {
      const item = this.#place(this.#next(), start);
      if (!item) return;
      members.set(String(index), item);
    }
  }

  #addPairs(members: Map<string, Place>, start: number): void {
    for (;;) {
      const event = this.#next();
      const key = this.#place(event, start);
      if (!key) return;
      const value = this.#place(this.#next(), key.offset);
      if (value && event?.type === EVENT_ID.SCALAR) members.set(getScalarValue(this.#text, event), value);
    }
  }
}
