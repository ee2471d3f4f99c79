import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CODES, codesPage, isCode } from '../../src/routing/index.js';

const root = new URL('../../', import.meta.url);

/** Every TypeScript file of a folder of src. */
function sources(folder: string): string[] {
  const directory = new URL(`src/${folder}/`, root);
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(new URL(name, directory), 'utf8'));
}

describe('registry of codes', () => {
  // `npx vitest run test/routing/codes -u` writes the page anew after the registry has changed.
  it('is the page docs/codes.md, word for word', async () => {
    await expect(codesPage()).toMatchFileSnapshot('../../docs/codes.md');
  });

  it('gives each code one whole sentence', () => {
    for (const [code, meaning] of Object.entries(CODES)) {
      expect(code).toMatch(/^[a-z]+\.[a-z0-9-]+$/);
      expect(meaning, code).toMatch(/^[A-Z0-9].*\.$/);
    }
  });

  it('knows every code that routing refuses or notes with', () => {
    const used = sources('routing').flatMap((text) =>
      [...text.matchAll(/(?:refuse|note|challenge|full)\(\s*'([a-z]+\.[a-z-]+)'/g)].map((match) => match[1]!),
    );
    expect(used.length).toBeGreaterThan(30);
    expect(used.filter((code) => !isCode(code))).toEqual([]);
  });

  it('knows every code of an error in the gateway', () => {
    const folders = ['core', 'sip', 'rtp', 'call', 'control', 'config', 'metrics'];
    const used = folders
      .flatMap(sources)
      .flatMap((text) =>
        [...text.matchAll(/new GatewayError\(\s*'([^']+)'/g), ...text.matchAll(/\bcode: '([a-z]+\.[a-z-]+)'/g)].map(
          (match) => match[1]!,
        ),
      );
    expect(used.length).toBeGreaterThan(20);
    expect([...new Set(used)].filter((code) => !isCode(code))).toEqual([]);
  });
});
