export * from './dtmf.js';
export * from './jitter.js';
export * from './payload-table.js';
export * from './reception.js';
export { MAX_DROPOUT, MAX_MISORDER } from './sequence.js';
export * from './source.js';
