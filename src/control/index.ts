export * from './api/index.js';
export * from './call-book.js';
export * from './check.js';
export * from './cli.js';
export * from './route.js';
