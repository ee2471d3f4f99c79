/** What protects the node before a message is parsed, and the count of scanners after. */
export { ContactedPeers } from './contacted-peers.js';
export { noteScanner, scannerOf } from './scanner.js';
export { SourceFilter, type SourceRules } from './source-filter.js';
export {
  DEFAULT_GUARD_LIMITS,
  type GuardLimits,
  SourceGuard,
  type SourceGuardOptions,
  type Verdict,
} from './source-guard.js';
export { BucketTable, type Rate, TokenBucket } from './token-bucket.js';
