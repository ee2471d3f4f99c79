import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { ConfigFile, type GatewayConfig, type LoadOutcome, loadConfig } from '../../src/config/index.js';
import { scratchDirectory } from '../support/scratch.js';

/** Many enough that they come in several slices. */
const NUMBERS_EACH = 3000;
const ids = ['a', 'b', 'c', 'd', 'e'].map((letter) => letter.repeat(22));

const file = () => ({
  carriers: [
    { name: 'main', hosts: [{ host: '192.0.2.1' }], credentials: { username: 'u', password: { file: 'secret' } } },
    { name: 'other', hosts: [{ host: '192.0.2.2' }], numberFormat: 'national:US' },
  ],
  voiceConnectors: ids.map((id, index) => ({
    id,
    name: `connector ${index}`,
    termination: { callingRegions: ['US'], cpsLimit: 10 },
    phoneNumbers: Array.from({ length: NUMBERS_EACH }, (_, at) => `+1${206 + index}555${String(at).padStart(4, '0')}`),
  })),
  voiceConnectorGroups: [
    { name: 'both', items: [{ voiceConnectorId: 'connector 1' }], phoneNumbers: ['+13605550100'] },
  ],
  phoneNumbers: [{ e164: '+13605550100', callingName: 'Us' }],
});

describe('a file loaded beside the calling thread', () => {
  let path: string;
  let value: ReturnType<typeof file>;
  let loaded: ConfigFile;
  let first: GatewayConfig;

  const save = () => writeFileSync(path, JSON.stringify(value, undefined, 1));
  const configOf = (outcome: LoadOutcome): GatewayConfig => {
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
    return outcome.config;
  };

  beforeEach(() => {
    const directory = scratchDirectory();
    path = join(directory, 'gateway.yaml');
    value = file();
    value.carriers[0]!.credentials!.password.file = join(directory, 'secret');
    writeFileSync(join(directory, 'secret'), 'hush\n');
    save();
    loaded = new ConfigFile(path, {});
    first = configOf(loaded.load());
  });

  it('is what it is when loaded in place, frozen, of the same parts where nothing changed', async () => {
    (value.voiceConnectors[3]!.termination as { cpsLimit: number }).cpsLimit = 11;
    value.voiceConnectors.splice(1, 1);
    value.voiceConnectorGroups[0]!.items[0]!.voiceConnectorId = 'connector 2';
    save();
    const outcome = await loaded.loadBeside();
    expect(outcome).toEqual(loadConfig(path, {}));
    const next = configOf(outcome);
    expect(next).not.toBe(first);
    for (const key of ['sip', 'limits', 'fraud', 'carriers', 'phoneNumbers'] as const)
      expect(next[key]).toBe(first[key]);
    expect(next.voiceConnectors.map((one) => first.voiceConnectors.indexOf(one))).toEqual([0, 2, -1, 4]);
    expect(next.voiceConnectors[2]!.phoneNumbers).toBe(first.voiceConnectors[3]!.phoneNumbers);
    expect(next.voiceConnectors[2]!.termination).toMatchObject({ cpsLimit: 11 });
    for (const part of [next, next.voiceConnectors, next.voiceConnectors[2], next.voiceConnectorGroups[0]!.items[0]])
      expect(Object.isFrozen(part)).toBe(true);
  });

  it('is the same outcome again where neither it nor a file it names has changed', async () => {
    const outcome = await loaded.loadBeside();
    expect(configOf(outcome)).toBe(first);
    value.carriers[0]!.name = 'renamed';
    save();
    const second = await loaded.loadBeside();
    expect(await loaded.loadBeside()).toBe(second);
    writeFileSync(value.carriers[0]!.credentials!.password.file, 'louder');
    expect(configOf(await loaded.loadBeside()).carriers[0]!.credentials!.password).toBe('louder');
  });

  it('names every fault with its line, and is shared with the last valid one when it is mended', async () => {
    (value.voiceConnectors[2]!.termination as { cpsLimit: number }).cpsLimit = -1;
    value.voiceConnectors[4]!.phoneNumbers.push('nobody');
    save();
    const refused = await loaded.loadBeside();
    expect(refused).toEqual(loadConfig(path, {}));
    expect(refused).toMatchObject({ ok: false, faults: [{ line: expect.any(Number) }, { line: expect.any(Number) }] });
    value = { ...file(), carriers: value.carriers };
    save();
    expect(configOf(await loaded.loadBeside())).toBe(first);
  });

  it('that is gone is a fault', async () => {
    const gone = new ConfigFile(join(path, 'not-there'), {});
    expect(await gone.loadBeside()).toMatchObject({ ok: false, faults: [{ path: '' }] });
  });

  it('is given up when the signal says so', async () => {
    value.carriers[0]!.name = 'renamed';
    save();
    const ending = new AbortController();
    const outcome = loaded.loadBeside(ending.signal);
    setTimeout(() => ending.abort(), 5);
    await expect(outcome).rejects.toMatchObject({ name: 'AbortError' });
    expect(configOf(await loaded.loadBeside()).carriers[0]!.name).toBe('renamed');
  });
});
