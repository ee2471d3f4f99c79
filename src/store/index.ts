export * from './catalogue.js';
export type * from './codec.js';
export { shown, withoutPasswords } from './codec.js';
export type { EffectiveConfig } from './effective.js';
export { forgetHold, keepHold, keptHolds } from './fraud-holds.js';
export * from './inventory.js';
export type * from './port.js';
export { loadKey, Sealer } from './sealer.js';
export { SqliteStore } from './sqlite/sqlite-store.js';
