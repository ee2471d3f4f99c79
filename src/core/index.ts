export * from './counters.js';
export * from './errors.js';
export * from './logger.js';
export * from './random.js';
export * from './scheduler.js';
export * from './source-network.js';
export * from './udp-handle.js';
export * from './virtual-time.js';
