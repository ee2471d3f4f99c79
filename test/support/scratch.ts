import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A new directory that is removed when the current test (or, with `keep`, the process) ends. */
export function scratchDirectory(keep = false): string {
  const path = mkdtempSync(join(tmpdir(), 'trunkline-test-'));
  const remove = () => rmSync(path, { recursive: true, force: true, maxRetries: 10 });
  if (keep) process.once('exit', remove);
  else onTestFinished(remove);
  return path;
}
