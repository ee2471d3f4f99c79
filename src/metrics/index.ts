export * from './call-metrics.js';
export * from './node-metrics.js';
export * from './server.js';
