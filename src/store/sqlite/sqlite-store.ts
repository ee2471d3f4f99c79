import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'libsql';
import { GatewayError } from '../../core/index.js';
import type { AuditLine, ResourceKind, ResourceRow, ResourceStore, RowChange } from '../port.js';
import { MIGRATIONS, SQL } from './statements.js';

/**
 * The store in one SQLite file: write-ahead log, synced at each commit (`synchronous=FULL`), so that a change that was
 * acknowledged outlives a crash of the process and of the machine. The driver works synchronously: a write holds the
 * event loop for one sync of the disk, which operators' changes are rare enough for.
 */
export class SqliteStore implements ResourceStore {
  readonly #database: Database.Database;

  /**
   * Opens the file, makes it where it is missing, brings its tables up to date.
   * @throws GatewayError `store.newer` for a file of a later version
   */
  constructor(path: string, nowMs: number) {
    mkdirSync(dirname(path), { recursive: true });
    this.#database = new Database(path);
    for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'busy_timeout = 5000']) {
      this.#database.exec(`PRAGMA ${pragma}`);
    }
    this.#migrate(nowMs);
  }

  /** The rows of a file that may be in use by a running gateway; nothing is written. */
  static read(path: string): readonly ResourceRow[] {
    const database = new Database(path, { readonly: true });
    try {
      return rowsOf(database);
    } finally {
      database.close();
    }
  }

  load(): Promise<readonly ResourceRow[]> {
    return Promise.resolve(rowsOf(this.#database));
  }

  apply(changes: readonly RowChange[], audit: readonly AuditLine[]): Promise<void> {
    return Promise.resolve().then(() => this.#inTransaction(() => this.#write(changes, audit)));
  }

  auditLines({ limit, beforeMs = Number.MAX_SAFE_INTEGER }: { limit: number; beforeMs?: number }) {
    const rows = this.#database.prepare(SQL.audit).all(beforeMs, limit) as StoredAudit[];
    return Promise.resolve(
      rows.map(({ time_ms, who, action, what, before, after }) => ({
        timeMs: time_ms,
        who,
        action,
        what,
        before: fromJson(before),
        after: fromJson(after),
      })),
    );
  }

  close(): Promise<void> {
    this.#database.close();
    return Promise.resolve();
  }

  #write(changes: readonly RowChange[], audit: readonly AuditLine[]): void {
    const put = this.#database.prepare(SQL.put);
    const remove = this.#database.prepare(SQL.remove);
    let rows: StoredRow<string>[] = [];
    const putRows = (): void => {
      if (rows.length > 0) put.run(JSON.stringify(rows));
      rows = [];
    };
    for (const change of changes) {
      if ('remove' in change) {
        putRows();
        remove.run(change.remove.kind, change.remove.id);
        continue;
      }
      const { kind, id, owner, value, createdMs, updatedMs } = change.put;
      rows.push([kind, id, owner ?? null, JSON.stringify(value), createdMs, updatedMs]);
      if (rows.length === ROWS_AT_ONCE) putRows();
    }
    putRows();
    const add = this.#database.prepare(SQL.addAudit);
    for (const { timeMs, who, action, what, before, after } of audit) {
      add.run(timeMs, who, action, what, toJson(before), toJson(after));
    }
  }

  #migrate(nowMs: number): void {
    this.#database.exec(SQL.makeMigrations);
    const { number } = this.#database.prepare(SQL.lastMigration).get() as { number: number | null };
    const applied = number ?? 0;
    if (applied > MIGRATIONS.length) {
      const message = `The store was written by a later version: it has ${applied} migrations, this one knows ${MIGRATIONS.length}`;
      throw new GatewayError('store.newer', message, { origin: 'local' });
    }
    for (const [index, migration] of MIGRATIONS.entries()) {
      if (index < applied) continue;
      this.#inTransaction(() => {
        this.#database.exec(migration);
        this.#database.prepare(SQL.noteMigration).run(index + 1, nowMs);
      });
    }
  }

  #inTransaction(work: () => void): void {
    this.#database.exec(SQL.begin);
    try {
      work();
      this.#database.exec(SQL.commit);
    } catch (error) {
      this.#database.exec(SQL.rollback);
      throw error;
    }
  }
}

function rowsOf(database: Database.Database): readonly ResourceRow[] {
  const { rows } = database.prepare(SQL.load).get() as { rows: string };
  return (JSON.parse(rows) as StoredRow<unknown>[]).map(([kind, id, owner, value, createdMs, updatedMs]) => ({
    kind,
    id,
    owner: owner ?? undefined,
    value,
    createdMs,
    updatedMs,
  }));
}

/** Rows written by one statement: some megabytes at most. */
const ROWS_AT_ONCE = 5000;

/** A row as the statements have it: its value as JSON, or as JSON text. */
type StoredRow<Value> = readonly [
  kind: ResourceKind,
  id: string,
  owner: string | null,
  value: Value,
  createdMs: number,
  updatedMs: number,
];

interface StoredAudit {
  readonly time_ms: number;
  readonly who: string;
  readonly action: string;
  readonly what: string;
  readonly before: string | null;
  readonly after: string | null;
}

const toJson = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));
const fromJson = (text: string | null): unknown => (text === null ? undefined : JSON.parse(text));
