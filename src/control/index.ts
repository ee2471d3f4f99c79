export * from './check.js';
export * from './cli.js';
export * from './route.js';
