export { MAX_SOURCES, SrtpContext, SrtpFailure, srtpFailureReason } from './context.js';
export { warmUpHmacSha1 } from './hmac-sha1.js';
export { deriveSessionKeys, type SessionKeys } from './key-derivation.js';
export { PacketMemory } from './packet-memory.js';
export * from './sdes.js';
export * from './sdes-negotiation.js';
export { isSrtpSuite, MAX_OVERHEAD_BYTES, SUITES, type SuiteFacts } from './suites.js';
