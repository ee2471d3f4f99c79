import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** Imports point one way (docs/architecture.md): what each part may import from. */
const SRC = fileURLToPath(new URL('../../src', import.meta.url));
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  sip: ['core'],
  rtp: ['core'],
  config: ['core'],
  store: ['core', 'config', 'routing'],
  routing: ['core', 'config'],
  call: ['core', 'config', 'sip', 'rtp', 'routing', 'store'],
  metrics: ['core', 'config', 'sip', 'rtp', 'routing', 'call'],
  control: ['core', 'config', 'sip', 'rtp', 'routing', 'call', 'store', 'metrics'],
};
/** Programs and compositions, which may import from anywhere. */
const PROGRAMS = new Set(['main.ts', 'gateway', 'demo', 'simulation']);

function* sources(directory: string): Generator<string> {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (statSync(path).isDirectory()) yield* sources(path);
    else if (path.endsWith('.ts')) yield path;
  }
}

const partOf = (path: string): string => relative(SRC, path).split('/')[0]!;

describe('imports', () => {
  it('point one way between the parts', () => {
    const wrong: string[] = [];
    for (const path of sources(SRC)) {
      const part = partOf(path);
      if (PROGRAMS.has(part)) continue;
      for (const [, target] of readFileSync(path, 'utf8').matchAll(/from '(\.[^']+)'/g)) {
        const imported = partOf(resolve(dirname(path), target!));
        if (imported !== part && !MAY_IMPORT[part]?.includes(imported))
          wrong.push(`${relative(SRC, path)} → ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('reach another part through its public face', () => {
    const wrong: string[] = [];
    const faces = /^\.\.?\/(?:\.\.\/)*[a-z]+(?:\/native)?\/index\.js$/;
    for (const path of sources(SRC)) {
      const part = partOf(path);
      if (PROGRAMS.has(part)) continue;
      for (const [, target] of readFileSync(path, 'utf8').matchAll(/from '(\.[^']+)'/g)) {
        const imported = partOf(resolve(dirname(path), target!));
        if (imported !== part && !faces.test(target!)) wrong.push(`${relative(SRC, path)} → ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('keep the protocol core free of clocks, randomness and sockets of its own', () => {
    const pure = ['sip/message', 'sip/sdp', 'sip/transaction', 'sip/dialog', 'sip/engine', 'routing'];
    const forbidden = [
      /\bDate\.now\(|\bMath\.random\(|\bsetTimeout\(|\bsetInterval\(/,
      /from 'node:(?:dgram|tls|fs|dns)'/,
      /import \{[^}]*\b(?:Socket|Server|connect|create\w+)\b[^}]*\} from 'node:net'/,
    ];
    const wrong = [...pure, 'rtp/packet', 'rtp/stream', 'rtp/quality'].flatMap((folder) =>
      [...sources(join(SRC, folder))].filter((path) => forbidden.some((rule) => rule.test(readFileSync(path, 'utf8')))),
    );
    expect(wrong.map((path) => relative(SRC, path))).toEqual([]);
  });
});
