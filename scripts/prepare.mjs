/** Installs npm packages and builds where either is missing or stale; speaks on stderr only. Used by bin/trunkline. */
import { prepare } from './lib/prepare.mjs';

try {
  await prepare((line) => process.stderr.write(`trunkline: ${line}\n`));
} catch (error) {
  process.stderr.write(`trunkline: ${error.message}\n`);
  process.exit(1);
}
