/** Finds the compiled packet path, where there is one for this machine. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { INTERFACE, type NativeBinding } from './binding.js';

/** Where node-gyp puts it; the same from `src` and from `dist`. */
const ADDON = fileURLToPath(new URL('../../../build/Release/relay.node', import.meta.url));

/**
 * Loads the compiled part.
 * @param onMissing told why it can't be used: not built, built for another machine or from another version, or lacking a symbol
 * @returns undefined when it can't be used; the TypeScript engine does the same work then
 */
export function loadNative(onMissing: (reason: string) => void = () => {}, path = ADDON): NativeBinding | undefined {
  if (!existsSync(path)) {
    onMissing('not built: run `npm run build:native`');
    return undefined;
  }
  try {
    const binding = createRequire(import.meta.url)(path) as NativeBinding;
    if (binding.interface === INTERFACE) return binding;
    onMissing('built from another version: run `npm run build:native`');
    return undefined;
  } catch (error) {
    onMissing(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}
