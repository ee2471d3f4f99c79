export * from './api/index.js';
export * from './call-book.js';
export * from './check.js';
export * from './cli.js';
export * from './emergency-check.js';
export * from './remote.js';
export * from './route.js';
