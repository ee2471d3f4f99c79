import { lookup, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';

/** What the locator asks of the domain name system; tests and the simulation give their own. */

export interface AddressRecord {
  readonly address: string;
  readonly ttlSeconds: number;
}

/** RFC 2782. */
export interface SrvRecord {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: string;
}

/** RFC 3403 §4, as far as RFC 3263 §4.1 uses it. */
export interface NaptrRecord {
  readonly order: number;
  readonly preference: number;
  readonly flags: string;
  readonly service: string;
  readonly replacement: string;
}

/**
 * Each resolves to the records, or to an empty list when the name or the type does not exist, and rejects when that
 * could not be found out. `ttlSeconds` is absent where the resolver does not tell it.
 */
export interface DnsPort {
  a(name: string): Promise<readonly AddressRecord[]>;
  aaaa(name: string): Promise<readonly AddressRecord[]>;
  srv(name: string): Promise<DnsAnswer<SrvRecord>>;
  naptr(name: string): Promise<DnsAnswer<NaptrRecord>>;
  /** The system's own way: hosts file, search domains, multicast DNS. */
  lookup(name: string): Promise<readonly string[]>;
}

export interface DnsAnswer<Data> {
  readonly records: readonly Data[];
  readonly ttlSeconds?: number;
}

export interface NodeDnsOptions {
  /** `address` or `address:port` of the servers to ask; absent: the system's. */
  readonly servers?: readonly string[];
  /** First wait for an answer from a server; c-ares doubles it with each try. */
  readonly timeoutMs?: number;
  readonly tries?: number;
}

/** Answers of Node that mean "there is none", as opposed to "cannot tell". */
const ABSENT = new Set(['ENOTFOUND', 'ENODATA', 'ENONAME', 'EBADNAME']);

/**
 * Node's resolver (c-ares). It tells the time to live of A and AAAA records only: not of SRV and NAPTR in Node 20, nor
 * of a name's absence; the cache has default lifetimes for those.
 */
export class NodeDns implements DnsPort {
  readonly #resolver: Resolver;

  constructor(options: NodeDnsOptions = {}) {
    this.#resolver = new Resolver({ timeout: options.timeoutMs ?? 1000, tries: options.tries ?? 2 });
    if (options.servers) this.#resolver.setServers(options.servers);
  }

  async a(name: string): Promise<readonly AddressRecord[]> {
    const records = await orNone(this.#resolver.resolve4(name, { ttl: true }));
    return records.map(({ address, ttl }) => ({ address, ttlSeconds: ttl }));
  }

  async aaaa(name: string): Promise<readonly AddressRecord[]> {
    const records = await orNone(this.#resolver.resolve6(name, { ttl: true }));
    return records.map(({ address, ttl }) => ({ address, ttlSeconds: ttl }));
  }

  async srv(name: string): Promise<DnsAnswer<SrvRecord>> {
    const records = await orNone(this.#resolver.resolveSrv(name));
    return { records: records.map(({ name: target, ...rest }) => ({ target, ...rest })) };
  }

  async naptr(name: string): Promise<DnsAnswer<NaptrRecord>> {
    return { records: await orNone(this.#resolver.resolveNaptr(name)) };
  }

  async lookup(name: string): Promise<readonly string[]> {
    const found = await orNone(lookup(name, { all: true }));
    return found.map(({ address }) => address).filter((address) => isIP(address) !== 0);
  }
}

async function orNone<T>(answer: Promise<T[]>): Promise<T[]> {
  try {
    return await answer;
  } catch (error) {
    if (ABSENT.has((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
