import { fileURLToPath } from 'node:url';

/**
 * The compiled worker program. A thread loads JavaScript: from the compiled tree it is the file beside this one, from the
 * sources (tests) it is the one that the build put under dist/.
 */
export function workerUrl(here: string = import.meta.url): URL {
  if (!fileURLToPath(here).endsWith('.ts')) return new URL('./worker.js', here);
  return new URL('../../../dist/rtp/relay/worker.js', here);
}
