export { ActiveCalls } from './active-calls.js';
export { CountryTrafficCounters, type TrafficCaps } from './country-traffic.js';
export { type CallSlot, LiveState, type NodeState, targetKeysOf } from './live-state.js';
export {
  type HealthChange,
  type HealthState,
  type HealthThresholds,
  MAX_RETRY_AFTER_SECONDS,
  TargetHealth,
} from './target-health.js';
export { type Clock, TokenBucket } from './token-bucket.js';
