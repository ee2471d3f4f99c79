import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import {
  Counters,
  GatewayError,
  SeededRandom,
  silentLogger,
  systemScheduler,
  VirtualTime,
} from '../../../src/core/index.js';
import {
  type AddressRecord,
  createLocator,
  type DnsAnswer,
  type DnsPort,
  type Location,
  type NaptrRecord,
  NodeDns,
  type ResolvedTarget,
  type SipLocator,
  type SrvRecord,
  type TransportName,
} from '../../../src/sip/transport/index.js';
import { orderSrv } from '../../../src/sip/transport/locator/srv-order.js';
import { type DnsServer, startDnsServer } from './dns-server.js';

type Zone = Record<string, readonly unknown[] | 'hang' | 'fail'>;

/** Answers from a table by `type name`; what is not in it does not exist. */
class FakeDns implements DnsPort {
  readonly asked: string[] = [];
  zone: Zone;
  ttlSeconds = 60;
  constructor(zone: Zone) {
    this.zone = zone;
  }
  async a(name: string): Promise<AddressRecord[]> {
    return (await this.#find<string>(`a ${name}`)).map((address) => ({ address, ttlSeconds: this.ttlSeconds }));
  }
  async aaaa(name: string): Promise<AddressRecord[]> {
    return (await this.#find<string>(`aaaa ${name}`)).map((address) => ({ address, ttlSeconds: this.ttlSeconds }));
  }
  async srv(name: string): Promise<DnsAnswer<SrvRecord>> {
    return { records: await this.#find<SrvRecord>(`srv ${name}`) };
  }
  async naptr(name: string): Promise<DnsAnswer<NaptrRecord>> {
    return { records: await this.#find<NaptrRecord>(`naptr ${name}`) };
  }
  async lookup(name: string): Promise<string[]> {
    return this.#find<string>(`lookup ${name}`);
  }
  async #find<Data>(key: string): Promise<Data[]> {
    this.asked.push(key);
    const entry = this.zone[key] ?? [];
    if (entry === 'hang') return new Promise(() => {});
    if (entry === 'fail') throw Object.assign(new Error('queryA ESERVFAIL'), { code: 'ESERVFAIL' });
    return entry as Data[];
  }
}

const srv = (target: string, port: number, priority = 10, weight = 0): SrvRecord => ({
  target,
  port,
  priority,
  weight,
});
const naptr = (order: number, service: string, replacement: string, flags = 's', preference = 10): NaptrRecord => ({
  order,
  preference,
  flags,
  service,
  replacement,
});

interface Setup {
  zone?: Zone;
  dns?: DnsPort;
  listeners?: string[];
  hostsPath?: string;
  time?: VirtualTime;
}

function setUp({ zone = {}, dns, listeners = ['udp4', 'tcp4', 'tls4', 'ws4', 'wss4'], hostsPath, time }: Setup = {}) {
  const fake = new FakeDns(zone);
  const counters = new Counters();
  const locator = createLocator({
    transports: { supports: (transport, family) => listeners.includes(`${transport}${family}`) },
    dns: dns ?? fake,
    hostsPath: hostsPath ?? '/nowhere/hosts',
    scheduler: time ?? systemScheduler,
    random: new SeededRandom(1),
    logger: silentLogger,
    counters,
  });
  return { locator, fake, counters };
}

const locate = (locator: SipLocator, where: Location): Promise<readonly ResolvedTarget[] | GatewayError> =>
  new Promise((resolve) => locator.locate(where, resolve));

const short = (result: readonly ResolvedTarget[] | GatewayError): string[] | string =>
  result instanceof GatewayError
    ? result.code
    : result.map(
        ({ transport, address, port, serverName }) =>
          `${transport} ${address} ${port}${serverName ? ` ${serverName}` : ''}`,
      );

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

describe('what needs no DNS', () => {
  it('verifies an address by the name it is given, over TLS only', () => {
    const { locator } = setUp();
    const found: unknown[] = [];
    for (const transport of ['tls', 'udp'] as const)
      locator.locate({ host: '192.0.2.1', transport, serverName: 'c.example' }, (result) => found.push(result));
    expect(found).toEqual([
      [{ transport: 'tls', address: '192.0.2.1', port: 5061, serverName: 'c.example' }],
      [{ transport: 'udp', address: '192.0.2.1', port: 5060 }],
    ]);
  });

  it.each<[string, Location, string]>([
    ['IPv4 literal', { host: '192.0.2.1' }, 'udp 192.0.2.1 5060'],
    ['with port', { host: '192.0.2.1', port: 5080 }, 'udp 192.0.2.1 5080'],
    ['with transport', { host: '192.0.2.1', transport: 'tcp' }, 'tcp 192.0.2.1 5060'],
    ['sips', { host: '192.0.2.1', secure: true }, 'tls 192.0.2.1 5061'],
    ['sips with transport=tcp', { host: '192.0.2.1', transport: 'tcp', secure: true }, 'tls 192.0.2.1 5061'],
    ['sips with transport=ws', { host: '192.0.2.1', transport: 'ws', secure: true }, 'wss 192.0.2.1 443'],
    ['IPv6 in brackets', { host: '[2001:db8::1]', port: 5070 }, 'udp 2001:db8::1 5070'],
    ['IPv6 at full length', { host: '2001:DB8:0:0:0:0:0:1' }, 'udp 2001:db8::1 5060'],
    ['IPv4 within IPv6', { host: '::ffff:192.0.2.1' }, 'udp 192.0.2.1 5060'],
    ['IPv6 bare', { host: '2001:db8::1', transport: 'tls' }, 'tls 2001:db8::1 5061'],
  ])('%s', (_name, where, expected) => {
    const { locator, fake } = setUp();
    let result: readonly ResolvedTarget[] | GatewayError | undefined;
    locator.locate(where, (got) => {
      result = got;
    });
    expect(short(result!)).toEqual([expected]);
    expect(fake.asked).toEqual([]);
  });

  it('takes the first transport there is a listener for where nothing says which', async () => {
    const tcpOnly = setUp({ listeners: ['tcp4'] }).locator;
    expect(short(await locate(tcpOnly, { host: '192.0.2.1' }))).toEqual(['tcp 192.0.2.1 5060']);
    expect(short(await locate(tcpOnly, { host: '192.0.2.1', secure: true }))).toEqual(['tls 192.0.2.1 5061']);
  });

  it('knows localhost and the names below it', async () => {
    const { locator, fake } = setUp({ listeners: ['udp4', 'tcp4', 'tcp6'] });
    expect(short(await locate(locator, { host: 'localhost' }))).toEqual(['udp 127.0.0.1 5060']);
    expect(
      short(await locate(locator, { host: 'abc.voiceconnector.localhost', transport: 'tcp', port: 5090 })),
    ).toEqual(['tcp ::1 5090', 'tcp 127.0.0.1 5090']);
    expect(fake.asked).toEqual([]);
  });

  it('reads the hosts file before asking', async () => {
    const { locator, fake } = setUp({ hostsPath: fileURLToPath(new URL('./hosts.txt', import.meta.url)) });
    expect(short(await locate(locator, { host: 'PBX.example.test.' }))).toEqual(['udp 192.0.2.50 5060']);
    expect(short(await locate(locator, { host: 'pbx-alias' }))).toEqual(['udp 192.0.2.50 5060']);
    expect(fake.asked).toEqual([]);
  });

  it('asks the system for a name without dots that DNS does not have', async () => {
    const { locator } = setUp({ zone: { 'lookup carrier': ['192.0.2.7', '2001:db8::7'] } });
    expect(short(await locate(locator, { host: 'carrier' }))).toEqual(['udp 192.0.2.7 5060']);
  });
});

describe('RFC 3263 §4', () => {
  // The records of RFC 3263 §4.1 and §4.2, with TLS first as there.
  const example: Zone = {
    'naptr example.com': [
      naptr(50, 'SIPS+D2T', '_sips._tcp.example.com', 's', 50),
      naptr(90, 'SIP+D2T', '_sip._tcp.example.com', 's', 50),
      naptr(100, 'SIP+D2U', '_sip._udp.example.com', 's', 50),
    ],
    'srv _sips._tcp.example.com': [srv('server1.example.com', 5061)],
    'srv _sip._tcp.example.com': [srv('server1.example.com', 5060, 0, 1), srv('server2.example.com', 5060, 1, 1)],
    'srv _sip._udp.example.com': [srv('server1.example.com', 5060)],
    'a server1.example.com': ['192.0.2.1'],
    'a server2.example.com': ['192.0.2.2'],
    'a example.com': ['192.0.2.9'],
  };

  it.each<[string, Location, string[], string[]?]>([
    [
      'NAPTR, then SRV, then addresses, in the order of NAPTR',
      { host: 'example.com' },
      ['tls 192.0.2.1 5061 example.com', 'tcp 192.0.2.1 5060', 'tcp 192.0.2.2 5060', 'udp 192.0.2.1 5060'],
    ],
    ['only transports we listen on', { host: 'example.com' }, ['tcp 192.0.2.1 5060', 'tcp 192.0.2.2 5060'], ['tcp4']],
    ['sips takes SIPS services only', { host: 'example.com', secure: true }, ['tls 192.0.2.1 5061 example.com']],
    [
      'a transport parameter goes to its SRV',
      { host: 'example.com', transport: 'tcp' },
      ['tcp 192.0.2.1 5060', 'tcp 192.0.2.2 5060'],
    ],
    ['a port goes to the addresses of the host', { host: 'example.com', port: 5090 }, ['udp 192.0.2.9 5090']],
    ['a port with sips is TLS', { host: 'example.com', port: 5091, secure: true }, ['tls 192.0.2.9 5091 example.com']],
    ['upper case and the dot at the end are the same name', { host: 'EXAMPLE.com.', port: 1 }, ['udp 192.0.2.9 1']],
  ])('%s', async (_name, where, expected, listeners) => {
    const { locator } = setUp({ zone: example, ...(listeners && { listeners }) });
    expect(short(await locate(locator, where))).toEqual(expected);
  });

  it('searches SRV of each transport where there is no NAPTR', async () => {
    const { 'naptr example.com': _gone, ...zone } = example;
    const { locator } = setUp({ zone });
    expect(short(await locate(locator, { host: 'example.com' }))).toEqual([
      'udp 192.0.2.1 5060',
      'tcp 192.0.2.1 5060',
      'tcp 192.0.2.2 5060',
      'tls 192.0.2.1 5061 example.com',
    ]);
  });

  it('falls back to addresses and the default port where there is neither', async () => {
    const { locator } = setUp({ zone: { 'a plain.example': ['192.0.2.3'] } });
    expect(short(await locate(locator, { host: 'plain.example' }))).toEqual(['udp 192.0.2.3 5060']);
    expect(short(await locate(locator, { host: 'plain.example', secure: true }))).toEqual([
      'tls 192.0.2.3 5061 plain.example',
    ]);
    expect(short(await locate(locator, { host: 'plain.example', transport: 'tcp' }))).toEqual(['tcp 192.0.2.3 5060']);
  });

  it('takes an SRV target of "." as "not here", and does not fall back to addresses', async () => {
    const { locator } = setUp({ zone: { 'srv _sip._tcp.no.example': [srv('', 0)], 'a no.example': ['192.0.2.3'] } });
    expect(short(await locate(locator, { host: 'no.example', transport: 'tcp' }))).toBe('dns.not-found');
  });

  it('goes on without NAPTR records that lead nowhere, and with those of flag a', async () => {
    const { locator } = setUp({
      zone: {
        'naptr odd.example': [
          naptr(1, 'SIP+D2U', '_sip._udp.gone.example'),
          naptr(2, 'E2U+sip', '', 'u'),
          naptr(3, 'SIP+D2W', 'ws.example', 'a'),
        ],
        'a ws.example': ['192.0.2.5'],
      },
    });
    expect(short(await locate(locator, { host: 'odd.example' }))).toEqual(['ws 192.0.2.5 80']);
  });

  it('walks all records: one host that fails does not cost the others', async () => {
    const { locator } = setUp({
      zone: {
        'srv _sip._udp.two.example': [srv('dead.example', 5060, 1), srv('live.example', 5062, 2)],
        'a dead.example': 'fail',
        'a live.example': ['192.0.2.4'],
      },
    });
    expect(short(await locate(locator, { host: 'two.example', transport: 'udp' }))).toEqual(['udp 192.0.2.4 5062']);
  });

  it('gives addresses of the families we listen on, IPv6 first, each once', async () => {
    const zone: Zone = { 'a both.example': ['192.0.2.1', '192.0.2.1'], 'aaaa both.example': ['2001:db8::1'] };
    const ask = async (listeners: string[]): Promise<unknown> =>
      short(await locate(setUp({ zone, listeners }).locator, { host: 'both.example', port: 5060 }));
    expect(await ask(['udp4'])).toEqual(['udp 192.0.2.1 5060']);
    expect(await ask(['udp6'])).toEqual(['udp 2001:db8::1 5060']);
    expect(await ask(['udp4', 'udp6'])).toEqual(['udp 2001:db8::1 5060', 'udp 192.0.2.1 5060']);
  });

  it('starts at different addresses of a host over many calls', async () => {
    const { locator } = setUp({ zone: { 'a many.example': ['192.0.2.1', '192.0.2.2', '192.0.2.3'] } });
    const first = new Set<string>();
    for (let call = 0; call < 40; call++) {
      const result = await locate(locator, { host: 'many.example', port: 5060 });
      first.add((result as ResolvedTarget[])[0]!.address);
    }
    expect([...first].sort()).toEqual(['192.0.2.1', '192.0.2.2', '192.0.2.3']);
  });

  it('says not found, failed and timeout', async () => {
    const time = new VirtualTime();
    const { locator } = setUp({ time, zone: { 'a bad.example': 'fail', 'a slow.example': 'hang' } });
    expect(short(await locate(locator, { host: 'none.example' }))).toBe('dns.not-found');
    expect(short(await locate(locator, { host: 'bad.example', port: 5060 }))).toBe('dns.failed');
    const slow = locate(locator, { host: 'slow.example', port: 5060 });
    await settle();
    time.advance(3000);
    expect(short(await slow)).toBe('dns.timeout');
  });
});

describe('the cache', () => {
  const where: Location = { host: 'a.example', port: 5060 };

  it('holds records for their time to live', async () => {
    const time = new VirtualTime();
    const { locator, fake, counters } = setUp({ time, zone: { 'a a.example': ['192.0.2.1'] } });
    fake.ttlSeconds = 20;
    await locate(locator, where);
    time.advance(19_999);
    await locate(locator, where);
    expect(fake.asked).toEqual(['a a.example']);
    fake.zone['a a.example'] = ['192.0.2.2'];
    time.advance(1);
    expect(short(await locate(locator, where))).toEqual(['udp 192.0.2.2 5060']);
    expect(counters.get('dns_queries')).toBe(2);
    expect(counters.get('dns_cache_hits')).toBe(1);
  });

  it('holds SRV records for a minute and absence for 30 s', async () => {
    const time = new VirtualTime();
    const { locator, fake } = setUp({
      time,
      listeners: ['udp4'],
      zone: { 'srv _sip._udp.s.example': [srv('192.0.2.1', 5064)] },
    });
    const asked = (type: string): number => fake.asked.filter((key) => key.startsWith(`${type} `)).length;
    await locate(locator, { host: 's.example', transport: 'udp' });
    time.advance(59_000);
    expect(short(await locate(locator, { host: 's.example', transport: 'udp' }))).toEqual(['udp 192.0.2.1 5064']);
    expect([asked('srv'), asked('a')]).toEqual([1, 2]);
    time.advance(1_000);
    await locate(locator, { host: 's.example', transport: 'udp' });
    expect(asked('srv')).toBe(2);
  });

  it('has one query in flight for a name, whoever asks', async () => {
    const { locator, fake } = setUp({ zone: { 'a a.example': ['192.0.2.1'] } });
    const results = await Promise.all(Array.from({ length: 50 }, () => locate(locator, where)));
    expect(results.map(short)).toEqual(Array(50).fill(['udp 192.0.2.1 5060']));
    expect(fake.asked).toEqual(['a a.example']);
  });

  it('serves what it had when the server fails or hangs, for an hour at most', async () => {
    const time = new VirtualTime();
    const { locator, fake, counters } = setUp({ time, zone: { 'a a.example': ['192.0.2.1'] } });
    await locate(locator, where);
    time.advance(61_000);
    fake.zone['a a.example'] = 'fail';
    expect(short(await locate(locator, where))).toEqual(['udp 192.0.2.1 5060']);
    expect(short(await locate(locator, where))).toEqual(['udp 192.0.2.1 5060']);
    expect(fake.asked).toHaveLength(2);
    time.advance(10_000);
    fake.zone['a a.example'] = 'hang';
    const waiting = locate(locator, where);
    await settle();
    time.advance(400);
    expect(short(await waiting)).toEqual(['udp 192.0.2.1 5060']);
    expect(counters.get('dns_stale_answers')).toBe(3);
    time.advance(3_600_000);
    const tooOld = locate(locator, where);
    await settle();
    time.advance(3_000);
    expect(short(await tooOld)).toBe('dns.timeout');
  });

  it('comes back soon after the server does, and is not held up by a query that never ends', async () => {
    const time = new VirtualTime();
    const { locator, fake } = setUp({ time, zone: { 'a a.example': 'hang' } });
    const first = locate(locator, where);
    await settle();
    time.advance(3_000);
    expect(short(await first)).toBe('dns.timeout');
    expect(short(await locate(locator, where))).toBe('dns.timeout');
    expect(fake.asked).toHaveLength(1);
    fake.zone['a a.example'] = ['192.0.2.1'];
    time.advance(10_000);
    expect(short(await locate(locator, where))).toEqual(['udp 192.0.2.1 5060']);
  });

  it('keeps other names when one fails, and a bounded number of them', async () => {
    const { locator, fake } = setUp({ zone: { 'a a.example': ['192.0.2.1'], 'a b.example': 'fail' } });
    await locate(locator, where);
    await locate(locator, { host: 'b.example', port: 5060 });
    expect(short(await locate(locator, where))).toEqual(['udp 192.0.2.1 5060']);
    expect(fake.asked).toEqual(['a a.example', 'a b.example']);
  });
});

describe('a zone that wants to keep us busy', () => {
  it('is followed to 64 records of a name', async () => {
    const hosts = Array.from({ length: 2000 }, (_, at) => srv(`h${at}.big.example`, 5060));
    const { locator, fake } = setUp({ zone: { 'srv _sip._udp.big.example': hosts } });
    await locate(locator, { host: 'big.example', transport: 'udp' });
    expect(fake.asked.filter((query) => query.startsWith('a h'))).toHaveLength(64);
  });
});

describe('SRV order (RFC 2782)', () => {
  it('goes by priority and draws by weight within one', () => {
    const records = [srv('backup', 1, 20, 100), srv('big', 1, 10, 90), srv('small', 1, 10, 10), srv('zero', 1, 10, 0)];
    const random = new SeededRandom(7);
    const first: Record<string, number> = {};
    for (let draw = 0; draw < 10_000; draw++) {
      const order = orderSrv(records, random).map(({ target }) => target);
      expect(order).toHaveLength(4);
      expect(order[3]).toBe('backup');
      first[order[0]!] = (first[order[0]!] ?? 0) + 1;
    }
    expect(first.big! / 10_000).toBeGreaterThan(0.87);
    expect(first.big! / 10_000).toBeLessThan(0.92);
    expect(first.small! / 10_000).toBeGreaterThan(0.08);
    // Weight 0 has a very small chance, not none.
    expect(first.zero).toBeGreaterThan(0);
    expect(first.zero! / 10_000).toBeLessThan(0.03);
  });
});

describe("with Node's resolver and a real server", () => {
  const servers: DnsServer[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  const real = async (zone: Parameters<typeof startDnsServer>[0], listeners?: string[]) => {
    const server = await startDnsServer(zone);
    servers.push(server);
    const dns = new NodeDns({ servers: [server.address], timeoutMs: 100, tries: 1 });
    return { server, ...setUp({ dns, ...(listeners && { listeners }) }) };
  };

  it('goes from NAPTR over SRV to A and AAAA', async () => {
    const { locator, server } = await real(
      {
        'NAPTR carrier.test': [
          {
            type: 'NAPTR',
            ttl: 300,
            order: 10,
            preference: 10,
            flags: 'S',
            service: 'SIP+D2T',
            replacement: '_sip._tcp.carrier.test',
          },
        ],
        'SRV _sip._tcp.carrier.test': [
          { type: 'SRV', ttl: 300, priority: 1, weight: 0, port: 5062, target: 'one.carrier.test' },
          { type: 'SRV', ttl: 300, priority: 2, weight: 0, port: 5063, target: 'two.carrier.test' },
        ],
        'A one.carrier.test': [{ type: 'A', ttl: 300, address: '192.0.2.11' }],
        'AAAA one.carrier.test': [{ type: 'AAAA', ttl: 300, address: '2001:db8::11' }],
        'A two.carrier.test': [{ type: 'A', ttl: 300, address: '192.0.2.12' }],
      },
      ['udp4', 'tcp4', 'tcp6'],
    );
    expect(short(await locate(locator, { host: 'carrier.test' }))).toEqual([
      'tcp 2001:db8::11 5062',
      'tcp 192.0.2.11 5062',
      'tcp 192.0.2.12 5063',
    ]);
    const before = server.asked.length;
    await locate(locator, { host: 'carrier.test' });
    expect(server.asked.length).toBe(before);
  });

  it('reads the time to live of addresses', async () => {
    const { locator, server } = await real({ 'A ttl.test': [{ type: 'A', ttl: 0, address: '192.0.2.1' }] }, ['udp4']);
    await locate(locator, { host: 'ttl.test', port: 5060 });
    await locate(locator, { host: 'ttl.test', port: 5060 });
    expect(server.asked.filter((name) => name === 'A ttl.test')).toHaveLength(2);
  });

  it('lives with a server that drops NAPTR questions and fails SRV ones', async () => {
    const { locator } = await real(
      {
        'NAPTR poor.test': 'drop',
        'SRV _sip._udp.poor.test': 'servfail',
        'A poor.test': [{ type: 'A', ttl: 60, address: '192.0.2.1' }],
      },
      ['udp4'],
    );
    expect(short(await locate(locator, { host: 'poor.test' }))).toEqual(['udp 192.0.2.1 5060']);
  });

  it('says that a name does not exist, and that a server does not answer', async () => {
    const { locator } = await real({ 'A dead.test': 'drop' }, ['udp4' satisfies `${TransportName}4`]);
    expect(short(await locate(locator, { host: 'none.test', port: 5060 }))).toBe('dns.not-found');
    expect(short(await locate(locator, { host: 'dead.test', port: 5060 }))).toBe('dns.failed');
  });
});
