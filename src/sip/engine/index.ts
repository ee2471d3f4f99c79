export { type CoreOptions, DEFAULT_OPTIONS } from '../dialog/index.js';
export { type CoreParts, SipCore } from './sip-core.js';
