/** All SQL there is. A migration is never changed once released: a further one is added. */

export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE resources (
     kind TEXT NOT NULL,
     id TEXT NOT NULL,
     owner TEXT,
     value TEXT NOT NULL,
     created_ms INTEGER NOT NULL,
     updated_ms INTEGER NOT NULL,
     PRIMARY KEY (kind, id)
   ) WITHOUT ROWID`,
  `CREATE TABLE audit (
     number INTEGER PRIMARY KEY AUTOINCREMENT,
     time_ms INTEGER NOT NULL,
     who TEXT NOT NULL,
     action TEXT NOT NULL,
     what TEXT NOT NULL,
     before TEXT,
     after TEXT
   )`,
];

export const SQL = {
  makeMigrations: 'CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, applied_ms INTEGER NOT NULL)',
  lastMigration: 'SELECT max(number) AS number FROM migrations',
  noteMigration: 'INSERT INTO migrations (number, applied_ms) VALUES (?, ?)',
  /** Every row as one JSON text: a row fetched by itself costs ten times as much. */
  load: `SELECT json_group_array(json_array(kind, id, owner, json(value), created_ms, updated_ms)) AS rows FROM resources`,
  /** Many rows, as a JSON list of lists. */
  put: `INSERT INTO resources (kind, id, owner, value, created_ms, updated_ms)
        SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each(?) WHERE true
        ON CONFLICT (kind, id) DO UPDATE SET owner = excluded.owner, value = excluded.value,
          updated_ms = excluded.updated_ms`,
  remove: 'DELETE FROM resources WHERE kind = ? AND id = ?',
  addAudit: 'INSERT INTO audit (time_ms, who, action, what, before, after) VALUES (?, ?, ?, ?, ?, ?)',
  audit: 'SELECT time_ms, who, action, what, before, after FROM audit WHERE time_ms < ? ORDER BY number DESC LIMIT ?',
  begin: 'BEGIN IMMEDIATE',
  commit: 'COMMIT',
  rollback: 'ROLLBACK',
} as const;
