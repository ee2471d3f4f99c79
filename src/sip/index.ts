/** SIP: the signaling port, the core behind it, transports, digest, messages and session descriptions. */
export * from './auth/index.js';
export { type CoreOptions, type CoreParts, DEFAULT_OPTIONS, SipCore } from './engine/index.js';
export * from './message/index.js';
export * from './sdp/index.js';
export * from './signaling.js';
export * from './transport/index.js';
