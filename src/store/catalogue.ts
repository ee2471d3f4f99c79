import { setImmediate as otherWork } from 'node:timers/promises';
import { type ConfigFault, type GatewayConfig, resourceFaults } from '../config/index.js';
import { GatewayError } from '../core/index.js';
import {
  decodeCarrier,
  decodeConnector,
  type Entries,
  encodeCarrier,
  encodeConnector,
  type MakeDigests,
  sealedOf,
  shown,
} from './codec.js';
import { type Declared, declaredEntries, declaredTexts } from './declared.js';
import {
  type Assigned,
  assignedAfter,
  EffectiveBuilder,
  type EffectiveConfig,
  type NumberChange,
} from './effective.js';
import { inSlices } from './in-slices.js';
import type { AuditLine, ResourceKind, ResourceRow, ResourceStore, RowChange } from './port.js';
import type { Sealer } from './sealer.js';

/**
 * Every resource, in memory, written through to the store. A change is checked against all others, made durable with
 * its audit line, and only then put in force, whole; changes run one after another.
 *
 *     change ─► candidate rows ─► rules of the file ─► store.apply (durable) ─► in force: onChange(effective config)
 *                                   └─ faults: nothing changes
 */

export interface CatalogueParts {
  readonly store: ResourceStore;
  readonly sealer: Sealer;
  readonly makeDigests: MakeDigests;
  readonly wallMs: () => number;
  /** Told of each change once durable. Must not throw. */
  readonly onChange: (effective: EffectiveConfig) => void;
  /** Told where what a file declares is in force but cannot be written. Must not throw. */
  readonly onWriteFailed: (error: unknown) => void;
  /** Audit lines, for whoever keeps them beside the store. */
  readonly onAudit: (line: AuditLine) => void;
}

/** A change that cannot be: `conflict`, `not-found` or `invalid`, with every fault found. */
export class ResourceError extends GatewayError {
  readonly faults: readonly ConfigFault[];

  constructor(kind: 'conflict' | 'not-found' | 'invalid', message: string, faults: readonly ConfigFault[] = []) {
    super(`store.${kind}`, message, { origin: 'remote' });
    this.faults = faults;
  }
}

/** One resource's new state; `entry` undefined removes it. */
export interface Edit<Kind extends ResourceKind = ResourceKind> {
  readonly kind: Kind;
  readonly id: string;
  readonly entry: Entries[Kind] | undefined;
  readonly action?: string;
}

interface Held {
  readonly row: ResourceRow;
  readonly entry: unknown;
}

type Table = Map<string, Held>;

/** What is to be held of each changed resource, by kind and id; undefined: it goes. */
type Changed = ReadonlyMap<ResourceKind, ReadonlyMap<string, Held | undefined>>;

export class Catalogue {
  readonly #parts: CatalogueParts;
  readonly #builder = new EffectiveBuilder();
  readonly #tables: ReadonlyMap<ResourceKind, Table>;
  #settings: GatewayConfig;
  #assigned: Assigned;
  #effective: EffectiveConfig;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(parts: CatalogueParts, settings: GatewayConfig, tables: ReadonlyMap<ResourceKind, Table>) {
    this.#parts = parts;
    this.#settings = settings;
    this.#tables = tables;
    this.#assigned = assignedAfter(new Map(), everyNumber(tables.get('phone-number')!));
    this.#effective = this.#build(settings, new Map(), this.#assigned);
  }

  /**
   * Reads the store and reconciles what the file declares into it. Very many changes are in force at once and written
   * after: the file has them still, and until its mark is written the next start reconciles them again.
   */
  static async open(parts: CatalogueParts, settings: GatewayConfig, file: string): Promise<Catalogue> {
    const tables = emptyTables();
    for (const row of await parts.store.load()) {
      tables.get(row.kind)?.set(row.id, { row, entry: decode(row, parts.sealer) });
    }
    const catalogue = new Catalogue(parts, settings, tables);
    await new Promise<void>((ready, refused) => {
      let fail = refused;
      const inForce = (): void => {
        fail = parts.onWriteFailed;
        ready();
      };
      catalogue.#inTurn(() => catalogue.#declare(settings, file, inForce)).then(ready, (error) => fail(error));
    });
    return catalogue;
  }

  /** What decisions are made with. */
  get effective(): EffectiveConfig {
    return this.#effective;
  }

  list<Kind extends ResourceKind>(
    kind: Kind,
  ): readonly { id: string; owner: string | undefined; entry: Entries[Kind] }[] {
    return [...this.#tables.get(kind)!.values()].map(({ row, entry }) => ({
      id: row.id,
      owner: row.owner,
      entry: entry as Entries[Kind],
    }));
  }

  get<Kind extends ResourceKind>(kind: Kind, id: string): Entries[Kind] | undefined {
    return this.#tables.get(kind)!.get(id)?.entry as Entries[Kind] | undefined;
  }

  ownerOf(kind: ResourceKind, id: string): string | undefined {
    return this.#tables.get(kind)!.get(id)?.row.owner;
  }

  /**
   * Changes resources, all or none.
   * @throws ResourceError `store.conflict` for what a file owns, `store.not-found`, `store.invalid` with the faults
   */
  change(who: string, edits: readonly Edit[]): Promise<void> {
    return this.#inTurn(async () => {
      for (const { kind, id, entry } of edits) this.#assertFree(kind, id, entry === undefined);
      const changes = edits.map((edit) => this.#rowChange(edit, undefined));
      const timeMs = this.#parts.wallMs();
      const audit = edits.map((edit) => this.#auditLine(who, edit, timeMs));
      await this.#commit(this.#settings, changes, () => this.#write(changes, audit));
    });
  }

  /**
   * Puts a new file in force: its settings, and its resources in place of those it declared before. A resource of the
   * same name that the API made becomes the file's.
   * @throws ResourceError `store.invalid` where they clash with what the API made; nothing is changed then
   */
  declare(settings: GatewayConfig, file: string): Promise<void> {
    return this.#inTurn(() => this.#declare(settings, file));
  }

  /** @param inForce called once decisions go by the file, when that may come before everything is written */
  async #declare(settings: GatewayConfig, file: string, inForce?: () => void): Promise<void> {
    const mark = await this.#markOf(settings, file);
    // The very file whose resources are held: nothing to compare.
    if (this.get('setting', DECLARED_MARK) === mark) return this.#commit(settings, [], () => Promise.resolve());
    await otherWork();
    const changes = await this.#reconciliation(settings, file);
    await otherWork();
    const timeMs = this.#parts.wallMs();
    const what = changes.map((change) => ('remove' in change ? `-${nameOf(change.remove)}` : nameOf(change.put)));
    const after = { changed: what.slice(0, 100), more: Math.max(0, what.length - 100) };
    const line = { timeMs, who: `file:${file}`, action: 'reconcile', what: 'declared', before: undefined, after };
    const marked = this.#rowChange({ kind: 'setting', id: DECLARED_MARK, entry: mark }, undefined);
    const write = () => this.#writeInSlices(changes, marked, changes.length > 0 ? [line] : []);
    await this.#commit(settings, [...changes, marked], write, changes.length > SLICE ? inForce : undefined);
  }

  /**
   * Very many changes of a file, some at a time, so that signalling goes on between them. The mark comes last: a crash
   * on the way leaves rows that the next start reconciles again.
   */
  async #writeInSlices(changes: readonly RowChange[], mark: RowChange, audit: readonly AuditLine[]): Promise<void> {
    let from = 0;
    for (; changes.length - from > SLICE; from += SLICE) {
      await this.#write(changes.slice(from, from + SLICE), []);
      await otherWork();
    }
    await this.#write([...changes.slice(from), mark], audit);
  }

  /** Writes an audit line about something that is no resource: reload, drain, release. */
  note(who: string, action: string, what: string, after?: unknown): Promise<void> {
    const line = { timeMs: this.#parts.wallMs(), who, action, what, before: undefined, after };
    return this.#inTurn(() => this.#write([], [line]));
  }

  auditLines(query: { limit: number; beforeMs?: number }): Promise<readonly AuditLine[]> {
    return this.#parts.store.auditLines(query);
  }

  async close(): Promise<void> {
    await this.#queue;
    await this.#parts.store.close();
  }

  #inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => {});
    return turn;
  }

  #assertFree(kind: ResourceKind, id: string, removes: boolean): void {
    const held = this.#tables.get(kind)!.get(id);
    if (held?.row.owner !== undefined) {
      throw new ResourceError('conflict', `${kind} ${id} is declared in ${held.row.owner}: change it there`);
    }
    if (removes && !held) throw new ResourceError('not-found', `There is no ${kind} ${id}`);
  }

  async #markOf(settings: GatewayConfig, file: string): Promise<string> {
    const marker = this.#parts.sealer.marker();
    for await (const texts of inSlices(declaredTexts(settings, file), 1)) texts.forEach(marker.add);
    return marker.mark();
  }

  /** What a file changes. A large one takes a tenth of a second: other work goes on between its slices. */
  async #reconciliation(settings: GatewayConfig, file: string): Promise<RowChange[]> {
    const changes: RowChange[] = [];
    const declared = new Map<ResourceKind, Set<string>>(KINDS.map((kind) => [kind, new Set()]));
    for await (const entries of inSlices(declaredEntries(settings, this.#parts.makeDigests), COMPARED_A_SLICE)) {
      for (const one of entries) {
        declared.get(one.kind)!.add(one.id);
        const change = this.#changeOf(one, file);
        if (change) changes.push(change);
      }
    }
    for (const [kind, table] of this.#tables) {
      for await (const rows of inSlices(table.values(), SLICE)) {
        const gone = rows.filter(({ row }) => row.owner !== undefined && !declared.get(kind)!.has(row.id));
        for (const { row } of gone) changes.push({ remove: row });
      }
    }
    return changes;
  }

  /** What declaring the entry changes; undefined where it is held as it is. */
  #changeOf({ kind, id, entry }: Declared, file: string): RowChange | undefined {
    const known = this.#tables.get(kind)!.get(id);
    const owned = known?.row.owner === file;
    // Numbers and groups are held as they are declared: the many that do not change are seen without encoding them.
    if (owned && plainlyHeld(kind) && sameJson(known.entry, entry)) return undefined;
    const change = this.#rowChange({ kind, id, entry }, file);
    return owned && 'put' in change && sameJson(known.row.value, change.put.value) ? undefined : change;
  }

  #rowChange({ kind, id, entry }: Edit, owner: string | undefined): RowChange {
    if (entry === undefined) return { remove: { kind, id } };
    const known = this.#tables.get(kind)!.get(id)?.row;
    const nowMs = this.#parts.wallMs();
    const value = encode(kind, entry, this.#parts.sealer, sealedOf(known));
    return { put: { kind, id, owner, value, createdMs: known?.createdMs ?? nowMs, updatedMs: nowMs } };
  }

  #auditLine(who: string, { kind, id, entry, action }: Edit, timeMs: number): AuditLine {
    const before = this.get(kind, id);
    const verb = action ?? (entry === undefined ? 'delete' : before === undefined ? 'create' : 'update');
    return { timeMs, who, action: verb, what: `${kind}/${id}`, before: shown(kind, before), after: shown(kind, entry) };
  }

  /** Durable, then in force; with `inForce` the other way round. */
  async #commit(
    settings: GatewayConfig,
    changes: readonly RowChange[],
    write: () => Promise<void>,
    inForce?: () => void,
  ): Promise<void> {
    const changed = this.#decoded(changes);
    if (settings === this.#settings && !changes.some(decides)) {
      await write();
      this.#take(changed);
      return;
    }
    const assigned = assignedAfter(this.#assigned, this.#numberChanges(changed));
    const effective = this.#build(settings, changed, assigned);
    const faults = resourceFaults(effective);
    if (faults.length > 0) {
      const told = faults.map(({ path, message }) => `${path}: ${message}`).join('; ');
      throw new ResourceError('invalid', told, faults);
    }
    if (!inForce) await write();
    this.#settings = settings;
    this.#take(changed);
    this.#assigned = assigned;
    this.#effective = effective;
    this.#parts.onChange(effective);
    if (!inForce) return;
    inForce();
    await otherWork();
    await write();
  }

  async #write(changes: readonly RowChange[], audit: readonly AuditLine[]): Promise<void> {
    if (changes.length > 0 || audit.length > 0) await this.#parts.store.apply(changes, audit);
    for (const line of audit) this.#parts.onAudit(line);
  }

  /** The changes, decoded; of several to one resource the last counts. */
  #decoded(changes: readonly RowChange[]): Changed {
    const changed = new Map<ResourceKind, Map<string, Held | undefined>>(KINDS.map((kind) => [kind, new Map()]));
    for (const change of changes) {
      if ('remove' in change) changed.get(change.remove.kind)!.set(change.remove.id, undefined);
      else {
        const row = change.put;
        changed.get(row.kind)!.set(row.id, { row, entry: decode(row, this.#parts.sealer) });
      }
    }
    return changed;
  }

  /** Puts what is durable by now into the tables. */
  #take(changed: Changed): void {
    for (const [kind, held] of changed) {
      const table = this.#tables.get(kind)!;
      for (const [id, one] of held) {
        if (one) table.set(id, one);
        else table.delete(id);
      }
    }
  }

  *#numberChanges(changed: Changed): Iterable<NumberChange> {
    for (const [id, held] of changed.get('phone-number')!) {
      yield { before: this.get('phone-number', id), after: held?.entry as Entries['phone-number'] | undefined };
    }
  }

  /** Entries of a kind as they will be. */
  #entriesAfter<Kind extends ResourceKind>(kind: Kind, changed: Changed): Entries[Kind][] {
    const table = this.#tables.get(kind)!;
    const held = changed.get(kind) ?? new Map<string, Held | undefined>();
    const kept = [...table].map(([id, one]) => (held.has(id) ? held.get(id) : one));
    const fresh = [...held].filter(([id]) => !table.has(id)).map(([, one]) => one);
    return [...kept, ...fresh].flatMap((one) => (one ? [one.entry as Entries[Kind]] : []));
  }

  #build(settings: GatewayConfig, changed: Changed, assigned: Assigned): EffectiveConfig {
    const numbers = this.#tables.get('phone-number')!;
    const numberOf = (held: Held | undefined) => held?.entry as Entries['phone-number'] | undefined;
    return this.#builder.build(
      settings,
      {
        carriers: this.#entriesAfter('carrier', changed),
        connectors: this.#entriesAfter('voice-connector', changed),
        groups: this.#entriesAfter('voice-connector-group', changed),
        proxySessions: this.#entriesAfter('proxy-session', changed),
        numbers: () => [...numbers.values()].map((held) => numberOf(held)!),
        callingNameOf: (e164) => numberOf(numbers.get(e164))?.callingName,
      },
      assigned,
    );
  }
}

function* everyNumber(numbers: Table): Iterable<NumberChange> {
  for (const { entry } of numbers.values()) yield { before: undefined, after: entry as Entries['phone-number'] };
}

/**
 * The configuration that rows give, for one who only looks: secrets stay sealed and no key is needed.
 * @throws GatewayError `store.invalid-row`
 */
export function storedResources(settings: GatewayConfig, rows: readonly ResourceRow[]): EffectiveConfig {
  const sealed = { open: () => 'sealed' };
  const entries = <Kind extends ResourceKind>(wanted: Kind) =>
    rows.filter(({ kind }) => kind === wanted).map((row) => decode(row, sealed) as Entries[Kind]);
  const numbers = entries('phone-number');
  const names = new Map(numbers.map(({ e164, callingName }) => [e164, callingName]));
  return new EffectiveBuilder().build(
    settings,
    {
      carriers: entries('carrier'),
      connectors: entries('voice-connector'),
      groups: entries('voice-connector-group'),
      proxySessions: entries('proxy-session'),
      numbers: () => numbers,
      callingNameOf: (e164) => names.get(e164),
    },
    assignedAfter(
      new Map(),
      numbers.map((after) => ({ before: undefined, after })),
    ),
  );
}

/** Kinds whose rows hold the entry itself. */
const plainlyHeld = (kind: ResourceKind): boolean => kind !== 'carrier' && kind !== 'voice-connector';

/** Whether two plain values are the same JSON, whatever the order of their members. */
function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a, b] as [Record<string, unknown>, Record<string, unknown>];
  for (const key in left) if (!sameJson(left[key], right[key])) return false;
  for (const key in right) if (left[key] === undefined && right[key] !== undefined) return false;
  return true;
}

/** Changes written by one transaction of a file's many: some tens of milliseconds. */
const SLICE = 1000;

/** Entries compared at once: connectors, whose users' digests are made for it, take the longest. */
const COMPARED_A_SLICE = 250;

/** Row that holds the mark of the file whose resources are held. */
const DECLARED_MARK = 'declared-mark';

/** Whether decisions read what changes; the rest costs no new snapshot. */
function decides(change: RowChange): boolean {
  const { kind } = 'remove' in change ? change.remove : change.put;
  return kind !== 'setting' && kind !== 'phone-number-order' && kind !== 'fraud-hold';
}

const KINDS: readonly ResourceKind[] = [
  'carrier',
  'voice-connector',
  'voice-connector-group',
  'phone-number',
  'phone-number-order',
  'proxy-session',
  'fraud-hold',
  'setting',
];

const emptyTables = (): Map<ResourceKind, Table> => new Map(KINDS.map((kind) => [kind, new Map()]));

const nameOf = ({ kind, id }: { readonly kind: ResourceKind; readonly id: string }): string => `${kind}/${id}`;

function encode(kind: ResourceKind, entry: unknown, sealer: Sealer, sealedBefore: string | undefined): unknown {
  if (kind === 'carrier') return encodeCarrier(entry as Entries['carrier'], sealer, sealedBefore);
  if (kind === 'voice-connector') return encodeConnector(entry as Entries['voice-connector']);
  return entry;
}

function decode(row: ResourceRow, sealer: Pick<Sealer, 'open'>): unknown {
  if (row.kind === 'carrier') return decodeCarrier(row, sealer);
  if (row.kind === 'voice-connector') return decodeConnector(row);
  return row.value;
}
