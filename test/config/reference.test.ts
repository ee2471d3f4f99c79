import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configJsonSchema, referenceRows, referenceTable } from '../../src/config/index.js';

describe('reference of the configuration', () => {
  // `npx vitest run test/config/reference -u` writes the table anew after the schema has changed.
  it('is the table of docs/configuration.md', async () => {
    const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
    const heading = '## Every key\n\n';
    const prose = page.slice(0, page.indexOf(heading));
    expect(prose).toContain('# Configuration');
    await expect(`${prose}${heading}${referenceTable()}\n`).toMatchFileSnapshot('../../docs/configuration.md');
  });

  it('says something of every key', () => {
    const rows = referenceRows();
    expect(rows.length).toBeGreaterThan(120);
    expect(rows.filter((row) => row.meaning === '').map((row) => row.key)).toEqual([]);
  });

  it('is a JSON Schema that refuses unknown keys', () => {
    expect(configJsonSchema()).toMatchObject({ type: 'object', additionalProperties: false });
  });
});
