export type { NativeBinding } from './binding.js';
export { NativeEngine, type NativeEngineOptions } from './engine.js';
export { loadNative } from './loader.js';
