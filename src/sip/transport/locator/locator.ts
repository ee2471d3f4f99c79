import { isIP } from 'node:net';
import { below, type Counters, GatewayError, type Logger, type Random, type Scheduler } from '../../../core/index.js';
import { canonicalHost } from '../../message/index.js';
import { type Family, plainAddress } from '../address.js';
import { DEFAULT_PORTS, type Location, type Locator, type ResolvedTarget, type TransportName } from '../flow.js';
import type { DnsCacheLimits } from './dns-cache.js';
import { type DnsPort, NodeDns } from './dns-port.js';
import { NameService } from './name-service.js';
import { isSecure, type Service, SRV_SEARCH, securedTransport, servicesOf, srvName } from './services.js';
import { orderSrv } from './srv-order.js';

/**
 * Locating SIP servers (RFC 3263 §4): from a URI's host, port and transport to addresses in the order to try.
 *
 *     IP literal ──────────────────────────────────────────► itself             (nothing is asked)
 *     port given ──────────────────────────────► A/AAAA ───► that port
 *     transport given ────────────► SRV of it ─► A/AAAA ───► ports of the SRV
 *     neither ─► NAPTR ─► services ─► SRV of each ─► A/AAAA ► all of them, in NAPTR, then SRV order
 *                   └ none: SRV of each transport we listen on
 *     no SRV anywhere ─────────────────────────► A/AAAA ───► default port, UDP (TLS when secure)
 *
 * All records are walked, not just the first. One name that fails costs its own targets only; the error is told when
 * nothing at all was found.
 */
export interface SipLocatorOptions {
  /** Which transports and families there is a listener for: others are not looked for. */
  readonly transports: { supports(transport: TransportName, family: Family): boolean };
  /** Default: Node's resolver with the system's servers. */
  readonly dns?: DnsPort;
  readonly cache?: Partial<DnsCacheLimits>;
  readonly hostsPath?: string;
  /** The family tried first of a host that has both (RFC 6724 prefers IPv6). */
  readonly prefer?: Family;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly logger: Logger;
  readonly counters: Counters;
}

/** Where addresses are to be looked up, and how they are reached. */
interface Host {
  readonly transport: TransportName;
  readonly name: string;
  readonly port: number;
}

/** What is found, and what went wrong on the way. */
interface Search {
  readonly host: string;
  readonly failures: GatewayError[];
}

export class SipLocator implements Locator {
  readonly #options: SipLocatorOptions;
  readonly #names: NameService;
  readonly #families: readonly Family[];

  constructor(options: SipLocatorOptions) {
    this.#options = options;
    this.#names = new NameService({
      ...options,
      dns: options.dns ?? new NodeDns(),
      ...(options.cache && { limits: options.cache }),
    });
    this.#families = options.prefer === 4 ? [4, 6] : [6, 4];
  }

  locate(where: Location, done: (result: readonly ResolvedTarget[] | GatewayError) => void): void {
    const host = where.host.replace(/^\[|\]$/g, '').replace(/\.$/, '');
    if (isIP(host) !== 0) {
      const transport = this.#chosen(where) ?? this.#fallback(where);
      const serverName = isSecure(transport) && where.serverName ? { serverName: where.serverName } : {};
      done([
        {
          transport,
          address: canonicalHost(plainAddress(host)),
          port: where.port ?? DEFAULT_PORTS[transport],
          ...serverName,
        },
      ]);
      return;
    }
    const search: Search = { host, failures: [] };
    this.#find(where, search)
      .then((targets) => (targets.length > 0 ? targets : this.#nothing(search)))
      // Only a fault of our own ends here: what the DNS does is kept in the search.
      .catch((cause) => new GatewayError('dns.failed', `cannot locate ${host}`, { origin: 'internal', cause }))
      .then(done)
      // A listener that throws must not end the process as an unhandled rejection.
      .catch((err) => this.#options.logger.error({ err }, 'SIP core failed on located targets'));
  }

  /** Forgets what the DNS said, as after a change of its servers. */
  clear(): void {
    this.#names.clear();
  }

  async #find(where: Location, search: Search): Promise<ResolvedTarget[]> {
    const hosts = await this.#hosts(where, search);
    const found = await Promise.all(hosts.map((host) => this.#targets(host, search)));
    return distinct(found.flat());
  }

  /** RFC 3263 §4.1 and §4.2: the hosts to look up, in order. */
  async #hosts(where: Location, search: Search): Promise<Host[]> {
    const { host } = search;
    const chosen = this.#chosen(where);
    const plain = { transport: chosen ?? this.#fallback(where), name: host };
    if (where.port !== undefined) return [{ ...plain, port: where.port }];
    const direct = [{ ...plain, port: DEFAULT_PORTS[plain.transport] }];
    if (this.#names.addressesOnly(host)) return direct;
    const transports = chosen ? [chosen] : SRV_SEARCH.filter((one) => this.#usable(one, where));
    this.#warm(host, transports);
    const services = chosen
      ? []
      : servicesOf(await this.#ask(search, this.#names.naptr(host)), (one) => this.#usable(one, where));
    const followed = await this.#followServices(services, search);
    if (followed.length > 0) return followed;
    const searched = await Promise.all(
      transports.map((transport) => this.#searchSrv(transport, srvName(transport, host), search)),
    );
    // RFC 2782: a record that exists and names no host says that the service is not there; addresses are then not tried.
    return searched.every((one) => one === undefined) ? direct : searched.flatMap((one) => one ?? []);
  }

  /**
   * Asks at once what may be needed further on: a DNS server that is slow or drops one type (some drop NAPTR) then
   * costs its delay once and not once for each step.
   */
  #warm(host: string, transports: readonly TransportName[]): void {
    const aside: Search = { host, failures: [] };
    for (const transport of transports) void this.#searchSrv(transport, srvName(transport, host), aside);
    for (const transport of transports) void this.#targets({ transport, name: host, port: 0 }, aside);
  }

  async #followServices(services: readonly Service[], search: Search): Promise<Host[]> {
    const followed = services.map(async ({ transport, next, replacement }): Promise<Host[]> => {
      const addresses = [{ transport, name: replacement, port: DEFAULT_PORTS[transport] }];
      return next === 'srv' ? ((await this.#searchSrv(transport, replacement, search)) ?? []) : addresses;
    });
    return (await Promise.all(followed)).flat();
  }

  /** Hosts of the SRV records of that name; undefined when there are no such records. */
  async #searchSrv(transport: TransportName, name: string | undefined, search: Search): Promise<Host[] | undefined> {
    if (name === undefined) return undefined;
    const records = await this.#ask(search, this.#names.srv(name));
    if (records.length === 0) return undefined;
    return orderSrv(records, this.#options.random)
      .filter(({ target }) => target !== '' && target !== '.')
      .map(({ target, port }) => ({ transport, name: target, port }));
  }

  async #targets({ transport, name, port }: Host, search: Search): Promise<ResolvedTarget[]> {
    const served = this.#families.filter((family) => this.#options.transports.supports(transport, family));
    // Without any listener of that transport the targets are still told: opening one says what is missing.
    const families = served.length > 0 ? served : this.#families;
    const addresses = await Promise.all(
      families.map((family) => this.#ask(search, this.#names.addresses(name, family))),
    );
    // The certificate must be good for the name that was asked for, not for what DNS led to (RFC 5922 §4).
    const serverName = isSecure(transport) ? { serverName: search.host } : {};
    return addresses
      .flatMap((list) => this.#rotated(list))
      .map((address) => ({ transport, address, port, ...serverName }));
  }

  /** Starts at a random one, so that calls spread over the addresses of a host while the cache keeps their order. */
  #rotated(addresses: readonly string[]): string[] {
    const start = addresses.length > 1 ? below(this.#options.random, addresses.length) : 0;
    return [...addresses.slice(start), ...addresses.slice(0, start)];
  }

  /**
   * The transport of a URI that names none and leads to no NAPTR or SRV record: UDP, TLS when secure (RFC 3263 §4.1);
   * without a UDP listener the next that there is.
   */
  #fallback(where: Location): TransportName {
    if (where.secure) return 'tls';
    return SRV_SEARCH.find((transport) => this.#usable(transport, where)) ?? 'udp';
  }

  #chosen({ transport, secure }: Location): TransportName | undefined {
    return transport && (secure ? securedTransport(transport) : transport);
  }

  #usable(transport: TransportName, where: Location): boolean {
    if (where.secure && !isSecure(transport)) return false;
    return this.#families.some((family) => this.#options.transports.supports(transport, family));
  }

  async #ask<Data>(search: Search, answer: Promise<readonly Data[]>): Promise<readonly Data[]> {
    try {
      return await answer;
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      search.failures.push(error);
      return [];
    }
  }

  #nothing({ host, failures }: Search): GatewayError {
    const error =
      failures[0] ?? new GatewayError('dns.not-found', `${host} has no address we can reach`, { origin: 'remote' });
    this.#options.logger.debug({ wire: host, code: error.code }, 'host not located');
    return error;
  }
}

function distinct(targets: readonly ResolvedTarget[]): ResolvedTarget[] {
  const seen = new Set<string>();
  return targets.filter(({ transport, address, port }) => {
    const key = `${transport} ${address} ${port}`;
    return !seen.has(key) && seen.add(key);
  });
}

/** The locator of the node. */
export const createLocator = (options: SipLocatorOptions): SipLocator => new SipLocator(options);
