export * from './dtmf.js';
export * from './jitter.js';
export * from './loss-pattern.js';
export * from './payload-table.js';
export * from './reception.js';
export * from './reception-window.js';
export * from './sequence.js';
export * from './source.js';
