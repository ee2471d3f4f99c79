export * from './classify.js';
export * from './rtcp/index.js';
export * from './rtp.js';
export * from './telephone-event.js';
