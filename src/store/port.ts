/**
 * The store's port: rows in, rows out, nothing of what they mean. All of them are read once at start; afterwards the
 * catalogue keeps them in memory and writes each change through, in one durable transaction together with its audit
 * lines. Embedded SQLite stands behind it; a shared database fits the same four functions.
 */

export type ResourceKind =
  | 'carrier'
  | 'voice-connector'
  | 'voice-connector-group'
  | 'phone-number'
  | 'phone-number-order'
  | 'proxy-session'
  | 'fraud-hold'
  | 'setting';

export interface ResourceRow {
  readonly kind: ResourceKind;
  readonly id: string;
  /** File that declares it and alone may change it; undefined for what the API made. */
  readonly owner: string | undefined;
  /** Plain JSON. Passwords as digests or sealed, never in clear. */
  readonly value: unknown;
  readonly createdMs: number;
  readonly updatedMs: number;
}

export type RowChange =
  | { readonly put: ResourceRow }
  | { readonly remove: { readonly kind: ResourceKind; readonly id: string } };

/** Who changed what, when, from what to what. Secrets are left out of both states. */
export interface AuditLine {
  readonly timeMs: number;
  readonly who: string;
  /** `create`, `update`, `delete`, `restore`, `reconcile`, `reload`, `drain`, `release`. */
  readonly action: string;
  /** `voice-connector/abcdef…`. */
  readonly what: string;
  readonly before: unknown;
  readonly after: unknown;
}

export interface ResourceStore {
  load(): Promise<readonly ResourceRow[]>;
  /** All of it or nothing; durable on disk once this resolves. */
  apply(changes: readonly RowChange[], audit: readonly AuditLine[]): Promise<void>;
  /** Latest first. */
  auditLines(query: { readonly limit: number; readonly beforeMs?: number }): Promise<readonly AuditLine[]>;
  close(): Promise<void>;
}
