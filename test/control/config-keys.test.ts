import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { referenceRows } from '../../src/config/index.js';

/** A key that nothing reads would be a promise nobody keeps. */

function* sources(directory: string): Generator<string> {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (path.endsWith(join('src', 'config'))) continue;
    if (statSync(path).isDirectory()) yield* sources(path);
    else if (path.endsWith('.ts')) yield readFileSync(path, 'utf8');
  }
}

/** Sections of which the gateway says at start that they have no effect yet. */
const ANNOUNCED = /^(records\.|voiceConnectors\[\]\.streaming)/;

it('every configuration key has a reader outside the schema', () => {
  const words = new Set([...sources(resolve('src'))].join('\n').match(/\w+/g));
  const unread = referenceRows()
    .map(({ key }) => key)
    .filter((key) => !ANNOUNCED.test(key) && !words.has(key.replaceAll('[]', '').split('.').at(-1)!));
  expect(unread).toEqual([]);
});
