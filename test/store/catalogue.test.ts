import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'libsql';
import { describe, expect, it } from 'vitest';
import { checkResource } from '../../src/config/index.js';
import {
  assignNumber,
  deleteNumber,
  loadKey,
  orderNumbers,
  purgeNumbers,
  restoreNumber,
  Sealer,
  SqliteStore,
  withoutPasswords,
} from '../../src/store/index.js';
import { scratchDirectory } from '../support/scratch.js';
import { config, DECLARED, ID, KEY, NUMBER, openCatalogue } from './fixtures.js';

const file = () => join(scratchDirectory(), 'trunkline.db');

function carrier(name: string, more: object = {}) {
  const outcome = checkResource('carrier', { name, hosts: [{ host: '192.0.2.9' }], ...more });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
  return outcome.value;
}

describe('declared resources', () => {
  it('are in force with the settings, numbers assigned, digests in place of passwords', async () => {
    const { catalogue } = await openCatalogue(file());
    const { carriers, voiceConnectors, users } = catalogue.effective;
    expect(carriers[0]).toMatchObject({ name: 'main', credentials: { username: 'u', password: 'carrier-secret' } });
    expect(voiceConnectors[0]).toMatchObject({ id: ID, phoneNumbers: [NUMBER] });
    expect(users.get(ID)?.get('pbx')).toMatchObject({ MD5: expect.stringMatching(/^[0-9a-f]{32}$/) });
  });

  it('may not be changed but in their file', async () => {
    const { catalogue } = await openCatalogue(file());
    const edit = { kind: 'carrier', id: 'main', entry: carrier('main') } as const;
    await expect(catalogue.change('me', [edit])).rejects.toThrow('carrier main is declared in gateway.yaml');
    await expect(catalogue.change('me', [{ ...edit, entry: undefined }])).rejects.toMatchObject({
      code: 'store.conflict',
    });
  });

  it('follow the file, and leave alone what the API made', async () => {
    const path = file();
    const first = await openCatalogue(path);
    await first.catalogue.change('me', [{ kind: 'carrier', id: 'mine', entry: carrier('mine') }]);
    await first.catalogue.declare(
      config({ carriers: [{ name: 'other', hosts: [{ host: '192.0.2.2' }] }] }),
      'gateway.yaml',
    );
    expect(first.catalogue.effective.carriers.map(({ name }) => name).sort()).toEqual(['mine', 'other']);
    expect(first.catalogue.effective.voiceConnectors).toEqual([]);
    await first.catalogue.close();
    const again = await openCatalogue(path);
    expect(again.catalogue.effective.carriers.map(({ name }) => name).sort()).toEqual(['main', 'mine']);
  });

  it('write nothing when nothing changed', async () => {
    const { catalogue, audit } = await openCatalogue(file());
    expect(audit).toHaveLength(1);
    await catalogue.declare(config(DECLARED), 'gateway.yaml');
    expect(audit).toHaveLength(1);
  });

  it('that are very many are in force at once, written after, and reconciled again where that was cut short', async () => {
    const path = file();
    const phoneNumbers = Array.from({ length: 2500 }, (_, at) => `+1206555${String(at).padStart(4, '0')}`);
    const many = config({ voiceConnectors: [{ id: ID, name: 'HQ', phoneNumbers }] });
    const { catalogue, audit } = await openCatalogue(path, many);
    expect(catalogue.effective.voiceConnectors[0]!.phoneNumbers).toHaveLength(2500);
    expect(audit).toEqual([]);
    const rows = () => SqliteStore.read(path);
    const cutShort = await openCatalogue(path, many);
    await catalogue.close();
    expect(audit).toMatchObject([{ action: 'reconcile', after: { more: 2401 } }]);
    expect(rows().filter(({ kind }) => kind === 'phone-number')).toHaveLength(2500);
    await cutShort.catalogue.close();
    expect(rows().filter(({ id }) => id === 'declared-mark')).toHaveLength(1);
    const again = await openCatalogue(path, many);
    await again.catalogue.close();
    expect(again.audit).toEqual([]);
  });

  it('are compared while other changes wait: each is kept, whichever was asked for first', async () => {
    const phoneNumbers = Array.from({ length: 3000 }, (_, at) => `+1206555${String(at).padStart(4, '0')}`);
    const filed = (more: object) =>
      config({ ...DECLARED, voiceConnectors: [{ id: ID, name: 'HQ', phoneNumbers }], ...more });
    const { catalogue } = await openCatalogue(file(), filed({}));
    const made = (e164: string) => ({
      kind: 'phone-number' as const,
      id: e164,
      entry: { e164, productType: 'VoiceConnector' as const },
    });
    const order: string[] = [];
    await Promise.all([
      catalogue.change('me', [made('+13605550101')]).then(() => order.push('first')),
      catalogue.declare(filed({ drainSeconds: 7 }), 'gateway.yaml').then(() => order.push('settings')),
      catalogue.change('me', [made('+13605550102')]).then(() => order.push('second')),
      catalogue.declare(filed({ carriers: [] }), 'gateway.yaml').then(() => order.push('carriers')),
      catalogue.change('me', [made('+13605550103')]).then(() => order.push('third')),
    ]);
    expect(order).toEqual(['first', 'settings', 'second', 'carriers', 'third']);
    for (const last of [1, 2, 3]) expect(catalogue.get('phone-number', `+1360555010${last}`)).toBeDefined();
    expect(catalogue.effective).toMatchObject({ carriers: [], drainSeconds: 300 });
    expect(catalogue.effective.voiceConnectors[0]!.phoneNumbers).toHaveLength(3000);
  });

  it('that clash with what the API made are refused whole', async () => {
    const { catalogue } = await openCatalogue(file());
    const entry = withoutPasswords(
      { ...catalogue.effective.voiceConnectors[0]!, id: 'b'.repeat(22), name: 'API' },
      () => ({}),
    );
    await catalogue.change('me', [{ kind: 'voice-connector', id: 'b'.repeat(22), entry }]);
    const before = catalogue.effective;
    const clash = config({ voiceConnectors: [{ id: ID, name: 'API' }] });
    await expect(catalogue.declare(clash, 'gateway.yaml')).rejects.toMatchObject({ code: 'store.invalid' });
    expect(catalogue.effective).toBe(before);
  });
});

describe('secrets', () => {
  it('are nowhere in the file in clear', async () => {
    const path = file();
    const { catalogue } = await openCatalogue(path);
    await catalogue.close();
    const directory = dirname(path);
    const bytes = readdirSync(directory)
      .map((name) => readFileSync(join(directory, name), 'latin1'))
      .join();
    expect(bytes).toContain('192.0.2.1');
    for (const secret of ['carrier-secret', 'user-secret']) expect(bytes).not.toContain(secret);
  });

  it('open only with their key, for their resource', async () => {
    const sealed = new Sealer(KEY).seal('hush', 'carrier/a');
    expect(new Sealer(KEY).open(sealed, 'carrier/a')).toBe('hush');
    expect(() => new Sealer(KEY).open(sealed, 'carrier/b')).toThrow('does not open');
    const path = file();
    await (await openCatalogue(path)).catalogue.close();
    await expect(openCatalogue(path, config(DECLARED), Buffer.alloc(32, 8))).rejects.toMatchObject({
      code: 'store.wrong-key',
    });
  });

  it('have a key from the environment, or a file only the owner reads', () => {
    const path = join(scratchDirectory(), 'deep', 'secret.key');
    const made = loadKey(undefined, path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(loadKey(undefined, path)).toEqual(made);
    expect(loadKey(KEY.toString('base64'), path)).toEqual(KEY);
    expect(() => loadKey('short', path)).toThrow('TRUNKLINE_KEY must hold 32 bytes');
  });

  it('do not appear in audit lines', async () => {
    const { catalogue } = await openCatalogue(file());
    const entry = carrier('mine', { credentials: { username: 'me', password: 'hush-hush' } });
    await catalogue.change('key:ops', [{ kind: 'carrier', id: 'mine', entry }]);
    await catalogue.change('key:ops', [{ kind: 'carrier', id: 'mine', entry: { ...entry, maxCalls: 5 } }]);
    const [line] = await catalogue.auditLines({ limit: 1 });
    expect(line).toMatchObject({
      who: 'key:ops',
      action: 'update',
      what: 'carrier/mine',
      before: { maxCalls: 1000 },
      after: { maxCalls: 5 },
    });
    expect(JSON.stringify(line)).not.toContain('hush');
  });
});

describe('phone numbers', () => {
  it('are ordered, assigned, deleted, restored, and gone after seven days', async () => {
    const { catalogue } = await openCatalogue(file());
    const fresh = '+12065550111';
    const order = await orderNumbers(catalogue, 'me', { id: 'o1', e164s: [fresh, NUMBER], nowMs: 5 });
    expect(order).toMatchObject({ status: 'Partial', phoneNumbers: [{ status: 'Acquired' }, { status: 'Failed' }] });
    await assignNumber(catalogue, 'me', fresh, { voiceConnectorId: ID });
    expect(catalogue.effective.voiceConnectors[0]?.phoneNumbers).toEqual([NUMBER, fresh]);
    expect(() => deleteNumber(catalogue, 'me', fresh, 0)).toThrow('is assigned');
    await expect(deleteNumber(catalogue, 'me', NUMBER, 0)).rejects.toThrow('declared in gateway.yaml');
    await assignNumber(catalogue, 'me', fresh, undefined);
    await deleteNumber(catalogue, 'me', fresh, 0);
    expect(catalogue.effective.phoneNumbers.map(({ e164 }) => e164)).toEqual([NUMBER]);
    await restoreNumber(catalogue, 'me', fresh, 1);
    await deleteNumber(catalogue, 'me', fresh, 0);
    const week = 7 * 86_400_000;
    expect(await purgeNumbers(catalogue, week - 1)).toBe(0);
    expect(() => restoreNumber(catalogue, 'me', fresh, week)).toThrow('not in the deletion queue');
    expect(await purgeNumbers(catalogue, week)).toBe(1);
    expect(catalogue.get('phone-number', fresh)).toBeUndefined();
  });

  it('cannot go to a connector that does not exist', async () => {
    const { catalogue } = await openCatalogue(file());
    await orderNumbers(catalogue, 'me', { id: 'o1', e164s: ['+12065550111'], nowMs: 5 });
    expect(() => assignNumber(catalogue, 'me', '+12065550111', { voiceConnectorId: 'nobody' })).toThrow(
      'Nothing has the id',
    );
  });
});

describe('the SQLite file', () => {
  it('of a later version is refused', () => {
    const path = file();
    const database = new Database(path);
    database.exec('CREATE TABLE migrations (number INTEGER PRIMARY KEY, applied_ms INTEGER NOT NULL)');
    database.exec('INSERT INTO migrations VALUES (99, 0)');
    database.close();
    expect(() => new SqliteStore(path, 0)).toThrow('written by a later version');
  });

  it('takes a change whole or not at all', async () => {
    const store = new SqliteStore(file(), 0);
    const row = { kind: 'setting', id: 'a', owner: undefined, value: 1, createdMs: 0, updatedMs: 0 } as const;
    const broken = {
      timeMs: 0,
      who: 'x',
      action: 'x',
      what: null as unknown as string,
      before: undefined,
      after: undefined,
    };
    await expect(store.apply([{ put: row }], [broken])).rejects.toThrow();
    expect(await store.load()).toEqual([]);
    await store.apply([{ put: row }], []);
    expect(await store.load()).toEqual([row]);
  });
});
