export * from './source-guard.js';
export * from './token-bucket.js';
