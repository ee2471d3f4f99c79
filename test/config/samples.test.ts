import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/index.js';

const directory = new URL('../../config/', import.meta.url);
const samples = readdirSync(directory).filter((name) => name.endsWith('.yaml'));

/** Certificates and secrets of the samples do not exist here; everything else is read from the disk. */
const read = (path: string): string => (/certs|secrets/.test(path) ? 'placeholder\n' : readFileSync(path, 'utf8'));

describe('sample configurations', () => {
  it('are there', () => expect(samples).toContain('gateway.yaml'));

  it.each(samples)('%s loads without a fault and without a warning', (name) => {
    const outcome = loadConfig(new URL(name, directory).pathname, {}, read);
    expect(outcome).toMatchObject({ ok: true });
    if (!outcome.ok) return;
    const expected = name === 'minimal.yaml' ? ['carriers'] : name === 'encrypted.yaml' ? [] : undefined;
    if (expected) expect(outcome.warnings.map((warning) => warning.path)).toEqual(expected);
    expect(Object.isFrozen(outcome.config.sip.limits)).toBe(true);
  });

  it('gateway.yaml means what it says', () => {
    const outcome = loadConfig(new URL('gateway.yaml', directory).pathname, { TRUNKLINE_API_SECRET: 's3cret' });
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
    const { config } = outcome;
    expect(config.sip.listen).toEqual([
      { transport: 'udp', host: '127.0.0.1', port: 5060 },
      { transport: 'tcp', host: '127.0.0.1', port: 5060 },
    ]);
    expect(config.media.ports).toEqual({ low: 10000, high: 20000 });
    expect(config.api.accessKeys[0]).toEqual({ id: 'local', secret: 's3cret', role: 'admin' });
    expect(config.voiceConnectors[0]!.termination!.cpsLimit).toBe(10);
    expect(config.records).toEqual({ kind: 'file', directory: './data/records' });
  });
});
