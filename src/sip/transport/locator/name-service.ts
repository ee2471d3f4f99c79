import { isIP, isIPv4 } from 'node:net';
import type { Counters, Logger, Scheduler } from '../../../core/index.js';
import { plainAddress } from '../address.js';
import { DnsCache, type DnsCacheLimits } from './dns-cache.js';
import type { AddressRecord, DnsAnswer, DnsPort, NaptrRecord, SrvRecord } from './dns-port.js';
import { HostsFile } from './hosts-file.js';
import { hostName } from './services.js';

export interface NameServiceOptions {
  readonly dns: DnsPort;
  readonly limits?: Partial<DnsCacheLimits>;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  readonly counters: Counters;
  /** Default /etc/hosts. */
  readonly hostsPath?: string;
}

/**
 * Records by name, from wherever a name is known:
 *
 *     localhost and below it (RFC 6761 §6.3) ─► loopback
 *     the hosts file ─────────────────────────► its addresses
 *     a name without dots ────────────────────► DNS, then the system's lookup (search domains, mDNS)
 *     anything else ──────────────────────────► DNS, through the cache
 *
 * A and AAAA are asked apart, so that a server failing one type does not hide the other.
 */
export class NameService {
  readonly #dns: DnsPort;
  readonly #cache: DnsCache;
  readonly #hosts: HostsFile;

  constructor(options: NameServiceOptions) {
    this.#dns = options.dns;
    this.#cache = new DnsCache(options.limits ?? {}, options.scheduler, options.counters);
    this.#hosts = new HostsFile(options.hostsPath ?? '/etc/hosts', options.scheduler, options.logger);
  }

  /** Addresses of one family; an empty list when there are none. Rejects with `dns.failed` or `dns.timeout`. */
  async addresses(host: string, family: 4 | 6): Promise<readonly string[]> {
    const name = hostName(host);
    const known = isIP(name) === 0 ? this.#known(name) : [plainAddress(name)];
    if (known) return known.filter((address) => isIPv4(address) === (family === 4));
    const type = family === 4 ? 'a' : 'aaaa';
    const records = await this.#ask(`${type} ${name}`, () => this.#dns[type](name).then(withLowestTtl));
    if (records.length > 0 || name.includes('.')) return records.map(({ address }) => address);
    const found = await this.#ask(`lookup ${name}`, async () => ({ records: await this.#dns.lookup(name) }));
    return found.filter((address) => isIPv4(address) === (family === 4));
  }

  /** SRV records, none for a name that is known here or has no dots. */
  async srv(name: string): Promise<readonly SrvRecord[]> {
    return this.#ask(`srv ${hostName(name)}`, () => this.#dns.srv(hostName(name)).then(lifetimed));
  }

  async naptr(name: string): Promise<readonly NaptrRecord[]> {
    return this.#ask(`naptr ${hostName(name)}`, () => this.#dns.naptr(hostName(name)).then(lifetimed));
  }

  /** Names that only have addresses: those of this machine and those without dots. */
  addressesOnly(host: string): boolean {
    const name = hostName(host);
    return !name.includes('.') || this.#known(name) !== undefined;
  }

  /** Forgets what was learnt. */
  clear(): void {
    this.#cache.clear();
  }

  #known(name: string): readonly string[] | undefined {
    const listed = this.#hosts.addresses(name);
    if (listed.length > 0) return listed;
    return name === 'localhost' || name.endsWith('.localhost') ? ['127.0.0.1', '::1'] : undefined;
  }

  #ask<Data>(
    key: string,
    query: () => Promise<{ records: readonly Data[]; lifetimeMs?: number }>,
  ): Promise<readonly Data[]> {
    return new Promise((resolve, reject) => {
      this.#cache.ask(key, query, (result) => {
        // Keys are one to one with record types, so what was kept under this key is of this type.
        if (Array.isArray(result)) resolve(result as readonly Data[]);
        else reject(result);
      });
    });
  }
}

function withLowestTtl(records: readonly AddressRecord[]) {
  return lifetimed({ records, ttlSeconds: Math.min(...records.map(({ ttlSeconds }) => ttlSeconds)) });
}

function lifetimed<Data>({ records, ttlSeconds }: DnsAnswer<Data>): { records: readonly Data[]; lifetimeMs?: number } {
  return ttlSeconds === undefined ? { records } : { records, lifetimeMs: ttlSeconds * 1000 };
}
