/** npm run demo: installs and builds what is missing, then runs src/demo. Options: --once, --directory DIR. */
import { join } from 'node:path';
import { prepare, ROOT } from './lib/prepare.mjs';

try {
  await prepare((line) => process.stderr.write(`${line}\n`));
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
await import(join(ROOT, 'dist', 'demo', 'main.js'));
