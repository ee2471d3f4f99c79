/** The public face of media: the engine port, the engine in TypeScript, codecs, quality. */
export * from './codec/index.js';
export * from './engine.js';
export * from './quality/index.js';
export { TypescriptEngine, type TypescriptEngineOptions } from './relay/index.js';
export * from './srtp/index.js';
