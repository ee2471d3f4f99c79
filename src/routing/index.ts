export { type Address, CidrIndex, CidrSet, parseAddress } from './cidr.js';
export { CODES, type Code, codesPage, isCode } from './codes.js';
export { decide } from './decide.js';
export { explain } from './explain.js';
export { type ConnectorSign, type IdentityFacts, identifySource, type SourceIdentity } from './identify.js';
export * from './live/index.js';
export { type NumberList, type NumberOwner, NumberTable } from './number-table.js';
export * from './numbers/index.js';
export { drawn, type Ranked, type Tier, type Tiers, tiersOf } from './plan/order.js';
export { DEFAULT_FAILOVER_STATUSES, type Target, targetKey } from './plan/targets.js';
export { PrefixTrie } from './prefix-trie.js';
export type * from './resources.js';
export {
  buildSnapshot,
  type CarrierView,
  type ConnectorView,
  type GroupView,
  nextSnapshot,
  type Snapshot,
} from './snapshot.js';
export { isEmergencyCode } from './termination/emergency.js';
export * from './types.js';
