export { DEFAULT_DNS_CACHE_LIMITS, type DnsCacheLimits } from './dns-cache.js';
export {
  type AddressRecord,
  type DnsAnswer,
  type DnsPort,
  type NaptrRecord,
  NodeDns,
  type NodeDnsOptions,
  type SrvRecord,
} from './dns-port.js';
export { createLocator, SipLocator, type SipLocatorOptions } from './locator.js';
