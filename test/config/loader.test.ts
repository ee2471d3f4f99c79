import { describe, expect, it } from 'vitest';
import {
  ConfigFile,
  checkConfig,
  embeddedDefaults,
  loadConfig,
  parseConfig,
  redactConfig,
} from '../../src/config/index.js';

const ID = 'abcdef1ghij2klmno3pqr4';
const OTHER = 'zbcdef1ghij2klmno3pqr4';

/** Faults of a value as `path: message`. */
function faults(value: unknown, read?: (path: string) => string): string[] {
  const outcome = checkConfig(value, {}, read);
  return outcome.ok ? [] : outcome.faults.map((fault) => `${fault.path}: ${fault.message}`);
}

const carrier = (more: object = {}) => ({ name: 'main', hosts: [{ host: '192.0.2.1' }], ...more });
const connector = (more: object = {}) => ({ id: ID, name: 'HQ', ...more });

describe('defaults', () => {
  it('are a whole configuration, frozen to the bottom', () => {
    const config = embeddedDefaults();
    expect(config).toMatchObject({
      drainSeconds: 300,
      sip: { t1Ms: 500, unknownSource: 'reject', noResponseTimeoutMs: 2500, connectTimeoutMs: 2000 },
      media: { engine: 'auto', ports: { low: 10000, high: 20000 }, timeoutSeconds: 60, quarantineSeconds: 30 },
      store: { kind: 'sqlite', path: './data/trunkline.db' },
      records: { kind: 'file', directory: './data/records' },
      limits: { maxCallSeconds: 43200, ringTimeoutSeconds: 60 },
      emergency: { numbers: ['911'], testNumbers: ['933'] },
    });
    expect(() => Object.assign(config.sip.listen[0]!, { port: 1 })).toThrow(TypeError);
  });

  it('depend on dataDir where they lie in it', () => {
    const outcome = checkConfig({ dataDir: '/var/lib/trunkline' });
    expect(outcome).toMatchObject({
      config: { logs: { directory: '/var/lib/trunkline/logs' }, store: { path: '/var/lib/trunkline/trunkline.db' } },
    });
  });

  it('are loaded without a file', () => expect(loadConfig(undefined, {})).toMatchObject({ ok: true }));
});

describe('faults', () => {
  const table: [name: string, value: unknown, expected: string][] = [
    ['unknown key', { sipp: {} }, 'sipp: is not a known key; did you mean sip?'],
    ['unknown inner key', { sip: { t1: 500 } }, 'sip.t1: is not a known key'],
    [
      'limit out of range',
      { voiceConnectors: [connector({ termination: { cpsLimit: 0 } })] },
      'voiceConnectors[0].termination.cpsLimit: must be a whole number from 1 to 10000, not 0',
    ],
    ['text for a number', { drainSeconds: 'long' }, 'drainSeconds: must be a whole number from 0 to 86400, not "long"'],
    ['fraction', { drainSeconds: 1.5 }, 'drainSeconds: must be a whole number from 0 to 86400, not 1.5'],
    ['listener', { sip: { listen: ['sctp://127.0.0.1:5060'] } }, 'sip.listen[0]: must be a listener'],
    ['listener by name', { sip: { listen: ['udp://localhost:5060'] } }, 'sip.listen[0]: must be a listener'],
    ['no listener', { sip: { listen: [] } }, 'sip.listen: must list at least one listener'],
    ['port range', { media: { ports: '20000-10000' } }, 'media.ports: must be a port range'],
    ['engine', { media: { engine: 'magic' } }, 'media.engine: must be one of auto, native, typescript, rtpengine'],
    ['threads', { media: { threads: 0 } }, 'media.threads: must be a whole number from 1 to 64, not 0'],
    [
      'threads by word',
      { media: { threads: 'all' } },
      'media.threads: must be auto, a whole number from 1 to 64, or a list of processors, not "all"',
    ],
    [
      'CIDR',
      { voiceConnectors: [connector({ termination: { cidrAllowedList: ['10.0.0.0/33'] } })] },
      'voiceConnectors[0].termination.cidrAllowedList[0]: must be a CIDR block',
    ],
    [
      'number not E.164',
      { voiceConnectors: [connector({ phoneNumbers: ['2065550100'] })] },
      'voiceConnectors[0].phoneNumbers[0]: must be an E.164 number in quotes',
    ],
    [
      'number that YAML made an integer',
      { voiceConnectors: [connector({ phoneNumbers: [12065550100] })] },
      'voiceConnectors[0].phoneNumbers[0]: must be an E.164 number in quotes',
    ],
    [
      'country',
      { voiceConnectors: [connector({ termination: { callingRegions: ['XX'] } })] },
      'voiceConnectors[0].termination.callingRegions[0]: must be a two-letter country code',
    ],
    ['connector id', { voiceConnectors: [connector({ id: 'short' })] }, 'voiceConnectors[0].id: must be 22 lower-case'],
    ['connector without name', { voiceConnectors: [{ id: ID }] }, 'voiceConnectors[0].name: is missing'],
    ['carrier without hosts', { carriers: [{ name: 'a' }] }, 'carriers[0].hosts: is missing'],
    ['carrier with no host', { carriers: [carrier({ hosts: [] })] }, 'carriers[0].hosts: must list at least one host'],
    [
      'weight',
      { carriers: [carrier({ hosts: [{ host: 'a', weight: 101 }] })] },
      'carriers[0].hosts[0].weight: must be a whole number from 1 to 100, not 101',
    ],
    [
      'priority',
      { carriers: [carrier({ hosts: [{ host: 'a', priority: 0 }] })] },
      'carriers[0].hosts[0].priority: must be a whole number from 1 to 100, not 0',
    ],
    [
      'number format',
      { carriers: [carrier({ numberFormat: 'national:XX' })] },
      'carriers[0].numberFormat: must be e164',
    ],
    ['records', { records: 'ftp://x' }, 'records: must be file:<directory>, s3://<bucket>/<prefix>'],
    ['store', { store: 'mysql://x' }, 'store: must be sqlite:<file> or postgres://'],
    ['key without secret', { api: { accessKeys: [{ id: 'a' }] } }, 'api.accessKeys[0].secret: is missing'],
    ['list for a map', { sip: [] }, 'sip: must be a map of keys'],
    ['map for a list', { carriers: {} }, 'carriers: must be a list'],
    [
      'more than ten routes',
      {
        voiceConnectors: [
          connector({ origination: { routes: Array.from({ length: 11 }, (_, i) => ({ host: `10.0.0.${i}` })) } }),
        ],
      },
      'voiceConnectors[0].origination.routes: must list at most 10 routes',
    ],
    [
      'header name',
      { carriers: [carrier({ addHeaders: { 'X Y': 'z' } })] },
      'carriers[0].addHeaders["X Y"]: name must be a header name',
    ],
    // Rules between values.
    [
      'duplicate ids',
      { voiceConnectors: [connector(), connector({ name: 'B' })] },
      `voiceConnectors[1].id: id ${ID} is already used`,
    ],
    [
      'duplicate carriers',
      { carriers: [carrier(), carrier()] },
      'carriers[1].name: carrier name main is already used at carriers[0].name',
    ],
    [
      'number in two connectors',
      {
        voiceConnectors: [
          connector({ phoneNumbers: ['+12065550100'] }),
          connector({ id: OTHER, name: 'B', phoneNumbers: ['+12065550100'] }),
        ],
      },
      'voiceConnectors[1].phoneNumbers[0]: number +12065550100 is already used at voiceConnectors[0].phoneNumbers[0]',
    ],
    [
      'group of an unknown connector',
      { voiceConnectorGroups: [{ name: 'G', items: [{ voiceConnectorId: ID }] }] },
      `voiceConnectorGroups[0].items[0].voiceConnectorId: ${ID} is not the id or name of a connector`,
    ],
    [
      'listener clash',
      { sip: { listen: ['udp://0.0.0.0:5060', 'udp://127.0.0.1:5060'] } },
      'sip.listen[1]: udp://127.0.0.1:5060 takes the same socket as udp://0.0.0.0:5060 at sip.listen[0]',
    ],
    [
      'API on the SIP port',
      { api: { listen: 'http://127.0.0.1:5060' } },
      'api.listen: http://127.0.0.1:5060 takes the same socket as tcp://127.0.0.1:5060',
    ],
    [
      'SIP port among the media ports',
      { sip: { listen: ['udp://127.0.0.1:15060'] } },
      'sip.listen[0]: udp://127.0.0.1:15060 lies in the media ports 10000-20000',
    ],
    [
      'TLS without certificate',
      { sip: { listen: ['tls://127.0.0.1:5061'] } },
      'sip.tls.certificate: is missing: sip.listen[0] needs it',
    ],
    ['https without key', { api: { listen: 'https://127.0.0.1:8443' } }, 'api.key: is missing: api.listen needs it'],
    [
      'rtpengine without daemons',
      { media: { engine: 'rtpengine' } },
      'media.rtpengine: must list at least one address',
    ],
    [
      'registration without credentials',
      { carriers: [carrier({ registration: true })] },
      'carriers[0].credentials: is missing',
    ],
    [
      'default number of somebody else',
      { voiceConnectors: [connector({ termination: { defaultPhoneNumber: '+12065550100' } })] },
      'voiceConnectors[0].termination.defaultPhoneNumber: +12065550100 must be one of',
    ],
    [
      'Min-SE above Session-Expires',
      { sip: { sessionTimer: { intervalSeconds: 90, minimumSeconds: 91 } } },
      'sip.sessionTimer.minimumSeconds: must not exceed',
    ],
  ];

  it.each(table)('%s', (_name, value, expected) => {
    expect(
      faults(value).some((fault) => fault.startsWith(expected)),
      faults(value).join('\n'),
    ).toBe(true);
  });

  it('treat a key of the prototype as any unknown key', () => {
    expect(parseConfig('__proto__: { sip: {} }', {})).toMatchObject({ ok: false, faults: [{ path: '__proto__' }] });
    expect(parseConfig('- a list', {})).toMatchObject({
      ok: false,
      faults: [{ path: '', message: 'must be a map of keys' }],
    });
  });

  it('do not see a clash between an IPv4 wildcard and an IPv6 address', () => {
    expect(faults({ sip: { listen: ['udp://0.0.0.0:5060', 'udp://[::1]:5060'], advertise: '192.0.2.1' } })).toEqual([]);
    expect(faults({ sip: { listen: ['udp://[::]:5060', 'udp://127.0.0.1:5060'] } })).toHaveLength(1);
  });

  it('allow a default phone number of a group the connector is in', () => {
    const value = {
      voiceConnectors: [connector({ termination: { defaultPhoneNumber: '+12065550177' } })],
      voiceConnectorGroups: [{ name: 'G', items: [{ voiceConnectorId: ID }], phoneNumbers: ['+12065550177'] }],
    };
    expect(faults(value)).toEqual([]);
  });

  it('are all listed at once', () => {
    const found = faults({
      drainSeconds: -1,
      nonsense: true,
      sip: { t1Ms: 0, listen: ['x'] },
      voiceConnectors: [
        { id: ID, name: 'HQ', termination: { cpsLimit: 'many', cidrAllowedList: ['x', '10.0.0.0/8', 'y'] } },
      ],
    });
    expect(found.map((fault) => fault.split(':')[0]).sort()).toEqual([
      'drainSeconds',
      'nonsense',
      'sip.listen[0]',
      'sip.t1Ms',
      'voiceConnectors[0].termination.cidrAllowedList[0]',
      'voiceConnectors[0].termination.cidrAllowedList[2]',
      'voiceConnectors[0].termination.cpsLimit',
    ]);
  });

  it('name the line of the file', () => {
    const outcome = parseConfig('account: "111122223333"\nsip:\n  t1Ms: 1\ncarriers:\n  - name: a\n    nam: b\n', {});
    if (outcome.ok) throw new Error('loaded');
    expect(outcome.faults.map(({ path, line }) => [path, line])).toEqual([
      ['sip.t1Ms', 3],
      ['carriers[0].hosts', 5],
      ['carriers[0].nam', 6],
    ]);
  });

  it('tell broken YAML, duplicate keys and alias bombs', () => {
    expect(parseConfig('sip: {', {})).toMatchObject({ ok: false, faults: [{ line: 1 }] });
    expect(parseConfig('region: a\nregion: b\n', {})).toMatchObject({ ok: false, faults: [{ line: 2 }] });
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]'];
    for (let i = 0; i < 8; i++)
      bomb.push(`${'bcdefghi'[i]}: &${'bcdefghi'[i]} [${Array(10).fill(`*${'abcdefgh'[i]}`)}]`);
    expect(parseConfig(bomb.join('\n'), {})).toMatchObject({ ok: false });
  });

  it('of a file that cannot be read are faults, not exceptions', () => {
    expect(loadConfig('/no/such/file.yaml', {})).toEqual({
      ok: false,
      faults: [{ path: '', message: '/no/such/file.yaml cannot be read (ENOENT)' }],
    });
    expect(faults({ sip: { listen: ['tls://127.0.0.1:5061'], tls: { certificate: '/no/c', key: '/no/k' } } })).toEqual([
      'sip.tls.certificate: names a file that cannot be read: /no/c (ENOENT)',
      'sip.tls.key: names a file that cannot be read: /no/k (ENOENT)',
    ]);
  });
});

describe('secrets', () => {
  const keys = (secret: unknown) => ({
    api: { accessKeys: [{ id: 'a', ...(typeof secret === 'object' ? secret : { secret }) }] },
  });
  const PLACEHOLDER = '$' + '{KEY}';

  it('come from the environment', () => {
    expect(checkConfig(keys(PLACEHOLDER), { KEY: 'hidden' })).toMatchObject({
      config: { api: { accessKeys: [{ secret: 'hidden' }] } },
    });
    expect(faults(keys(PLACEHOLDER))).toEqual([
      'api.accessKeys[0].secret: needs the environment variable KEY, which is not set',
    ]);
    expect(checkConfig(keys('$' + '{KEY:-spare}'))).toMatchObject({
      config: { api: { accessKeys: [{ secret: 'spare' }] } },
    });
    expect(checkConfig(keys(`$${PLACEHOLDER}`))).toMatchObject({
      config: { api: { accessKeys: [{ secret: PLACEHOLDER }] } },
    });
  });

  it('come from files, in both notations', () => {
    const read = (path: string) => `from ${path}\n`;
    for (const notation of [{ secret: { file: '/run/key' } }, { secretFile: '/run/key' }]) {
      expect(checkConfig(keys(notation), {}, read)).toMatchObject({
        config: { api: { accessKeys: [{ secret: 'from /run/key' }] } },
      });
    }
    expect(faults(keys({ secretFile: '/no/such' }))).toEqual([
      'api.accessKeys[0].secretFile: names a file that cannot be read: /no/such (ENOENT)',
    ]);
    expect(faults(keys({ secretFile: '/run/key', secret: 'x' }), read)[0]).toContain('must not stand beside secret');
  });

  it('are never printed', () => {
    const outcome = checkConfig({
      store: 'postgres://trunk:hush@db/trunk',
      records: { url: 's3://bucket/p', accessKeyId: 'AK', secretAccessKey: 'hush' },
      api: { accessKeys: [{ id: 'a', secret: 'hush' }] },
      carriers: [carrier({ credentials: { username: 'u', password: 'hush' } })],
      voiceConnectors: [connector({ termination: { credentials: [{ username: 'u', password: 'hush' }] } })],
    });
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
    const shown = JSON.stringify(redactConfig(outcome.config));
    expect(shown).not.toContain('hush');
    expect(shown.match(/\[redacted\]/g)).toHaveLength(5);
    expect(redactConfig(outcome.config)).toMatchObject({
      sip: { listen: ['udp://127.0.0.1:5060', 'tcp://127.0.0.1:5060'] },
      media: { ports: '10000-20000' },
    });
  });

  it('never stand in a fault', () => {
    const found = JSON.stringify(faults({ carriers: [carrier({ credentials: { username: 1, password: 12345678 } })] }));
    expect(found).not.toContain('12345678');
  });
});

describe('derived values', () => {
  it('gives a connector without id the same id at every load, and lets groups name it', () => {
    const load = () =>
      checkConfig({
        voiceConnectors: [{ name: 'Branch' }],
        voiceConnectorGroups: [{ name: 'G', items: [{ voiceConnectorId: 'Branch' }] }],
      });
    const [first, second] = [load(), load()];
    if (!first.ok || !second.ok) throw new Error('not loaded');
    const id = first.config.voiceConnectors[0]!.id;
    expect(id).toMatch(/^[a-z0-9]{22}$/);
    expect(second.config.voiceConnectors[0]!.id).toBe(id);
    expect(first.config.voiceConnectorGroups[0]!.items[0]!.voiceConnectorId).toBe(id);
  });

  it('warns of what works but is likely not meant', () => {
    const outcome = checkConfig({
      sip: { listen: ['udp://0.0.0.0:5060'] },
      voiceConnectors: [connector({ termination: {} })],
    });
    if (!outcome.ok) throw new Error('not loaded');
    expect(outcome.warnings.map((warning) => warning.path)).toEqual([
      'sip.listen[0]',
      'api.accessKeys',
      'carriers',
      'voiceConnectors[0].termination',
      'voiceConnectors[0].termination.callingRegions',
    ]);
  });
});

describe('a target that cannot be reached', () => {
  it('is warned of where nothing listens on its transport: we speak from our listeners', () => {
    const outcome = checkConfig({
      sip: { listen: ['udp://127.0.0.1:5060'] },
      carriers: [{ name: 'main', hosts: [{ host: '192.0.2.1' }, { host: 'sip.carrier.example', protocol: 'TLS' }] }],
      voiceConnectors: [connector({ requireEncryption: true, origination: { routes: [{ host: '192.0.2.9' }] } })],
    });
    if (!outcome.ok) throw new Error('not loaded');
    const warned = outcome.warnings.filter(({ message }) => message.includes('over TLS')).map(({ path }) => path);
    expect(warned).toEqual(['carriers[0].hosts[1]', 'voiceConnectors[0].origination.routes[0]']);
  });
});

describe('a file that is JSON', () => {
  it('is read like YAML, its faults with their lines', () => {
    expect(parseConfig('{"region": "here-1", "carriers": []}', {})).toMatchObject({
      ok: true,
      config: { region: 'here-1' },
    });
    const outcome = parseConfig('{\n  "region": "x",\n  "drainSeconds": "soon"\n}', {});
    expect(outcome).toMatchObject({ ok: false, faults: [{ path: 'drainSeconds', line: 3 }] });
  });

  it('may not name a key twice', () => {
    const outcome = parseConfig('{"region": "a",\n "account": "111122223333",\n "region": "b"}', {});
    expect(outcome).toMatchObject({ ok: false, faults: [{ line: 3 }] });
  });

  it('may hold anything in its texts', () => {
    const tags = { '"x": {': '\\"a": 1' };
    const text = JSON.stringify({ region: 'a-1', voiceConnectors: [{ name: 'c', tags }] });
    expect(parseConfig(text, {})).toMatchObject({ ok: true });
  });
});

describe('a configuration file that is loaded again', () => {
  const files: Record<string, string> = {};
  const read = (path: string): string => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error('gone'), { code: 'ENOENT' });
    return text;
  };
  const accessKeys = 'api: { accessKeys: [{ id: ops, secretFile: key }] }';

  it('gives the same configuration while nothing it is made of has changed', () => {
    Object.assign(files, { main: `region: a\n${accessKeys}`, key: 'one' });
    const file = new ConfigFile('main', {}, read);
    const first = file.load();
    expect(first).toMatchObject({ ok: true, config: { region: 'a' } });
    expect(file.load()).toBe(first);
    files.key = 'two';
    const second = file.load();
    expect(second).toMatchObject({ ok: true, config: { api: { accessKeys: [{ secret: 'two' }] } } });
    files.main = `region: b\n${accessKeys}`;
    expect(file.load()).toMatchObject({ ok: true, config: { region: 'b' } });
  });

  it('tells its faults each time, and is valid again when they are mended', () => {
    Object.assign(files, { main: `region: a\n${accessKeys}`, key: 'one' });
    const file = new ConfigFile('main', {}, read);
    expect(file.load().ok).toBe(true);
    delete files.key;
    expect(file.load()).toMatchObject({ ok: false, faults: [{ path: 'api.accessKeys[0].secretFile' }] });
    expect(file.load().ok).toBe(false);
    files.key = 'one';
    expect(file.load().ok).toBe(true);
  });
});
