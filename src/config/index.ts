export { ConfigFile } from './config-file.js';
export { type Difference, differences } from './difference.js';
export type { Environment, ReadText } from './expand.js';
export { reasonOf } from './expand.js';
export { deepFreeze } from './freeze.js';
export {
  checkConfig,
  derivedConnectorId,
  embeddedDefaults,
  loadConfig,
  parseConfig,
  systemFiles,
} from './loader.js';
export { notationOf, redactConfig } from './redact.js';
export { configJsonSchema, type ReferenceRow, referenceRows, referenceTable } from './reference.js';
export {
  type ConfigResourceKind,
  checkResource,
  type ResourceOutcome,
  type ResourceTypes,
  resourceFaults,
} from './resource.js';
export type { NumberFormat } from './schema/carriers.js';
export {
  type DaemonAddress,
  formatHttpListener,
  formatSipListener,
  type HttpListener,
  type PortRange,
  type SipListener,
  type SipTransport,
  type UdpAddress,
} from './schema/listeners.js';
export { HIGH_RISK_PREFIXES, type RecordsConfig, type StoreConfig } from './schema/operations.js';
export { blockListOf } from './schema/scalars.js';
export type * from './types.js';
