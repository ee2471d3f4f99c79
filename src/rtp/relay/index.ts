export * from './layout.js';
export { TypescriptEngine, type TypescriptEngineOptions } from './typescript-engine.js';
