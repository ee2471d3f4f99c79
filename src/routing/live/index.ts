export { CountryTrafficCounters, type TrafficCaps } from './country-traffic.js';
export { HealthProber, type Probe, type ProbeOutcome, type ProbeSettings, targetsOf } from './health-prober.js';
export { type CallSlot, LiveState, type NodeState } from './live-state.js';
export {
  type HealthChange,
  type HealthState,
  type HealthThresholds,
  MAX_RETRY_AFTER_SECONDS,
  TargetHealth,
} from './target-health.js';
export { type Clock, TokenBucket } from './token-bucket.js';
