export { DEFAULT_QUEUED, FORK, FORK_FLAG, MAX_QUEUED } from './layout.js';
export { LegForks } from './leg-forks.js';
export { ForkMemoryPool } from './memory-pool.js';
export { RingFork } from './ring-fork.js';
export { RingReader } from './ring-reader.js';
export { RingWriter } from './ring-writer.js';
