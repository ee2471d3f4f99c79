import { spawnSync } from 'node:child_process';

/** Global set-up of the peers project: the gateway under test is `dist/`, brought up to date with `src/`. */
export default function setup(): void {
  const done = spawnSync(process.execPath, ['scripts/prepare.mjs'], { stdio: 'inherit' });
  if (done.status !== 0) throw new Error('the gateway does not build; see above');
}
