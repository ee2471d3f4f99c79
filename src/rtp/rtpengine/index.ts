export { RtpengineEngine, type RtpengineEngineOptions } from './engine.js';
export type { DaemonOptions } from './pool.js';
