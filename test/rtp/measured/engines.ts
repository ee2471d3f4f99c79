import { type MediaEngine, TypescriptEngine } from '../../../src/rtp/index.js';
import { loadNative, NativeEngine, type NativeEngineOptions } from '../../../src/rtp/native/index.js';

/** The engines that measure, and what their peers are described by. */

export const FORMATS = [{ payloadType: 0, encoding: 'PCMU', clockRateHz: 8000 }];
export const AUDIO = { address: '127.0.0.1', direction: 'sendrecv' as const, formats: FORMATS };

const binding = loadNative();
export const ENGINES = ['typescript', ...(binding ? ['native'] : [])];

export function engineOf(name: string, options: Omit<NativeEngineOptions, 'binding'>): MediaEngine {
  return name === 'native' ? new NativeEngine({ ...options, binding: binding! }) : new TypescriptEngine(options);
}
