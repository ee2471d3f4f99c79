export {
  type Family,
  type ListenerSpec,
  type LocalAddress,
  parseListener,
} from './address.js';
export * from './flow.js';
export { DEFAULT_TRANSPORT_LIMITS, type TransportLimits } from './limits.js';
export * from './locator/index.js';
export * from './protection/index.js';
export type { CertificateFacts, TlsOptions } from './tls-store.js';
export { type BoundListener, SipTransports, type SipTransportsOptions, type TransportsView } from './transports.js';
