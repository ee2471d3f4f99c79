import { BlockList, isIP, isIPv4 } from 'node:net';
import { GatewayError } from '../../../core/index.js';
import type { Verdict } from './source-guard.js';

export interface SourceRules {
  /** CIDR ranges or addresses that are never served; they win over `allow`. */
  readonly deny?: readonly string[];
  readonly allow?: readonly string[];
  /** Verdict on everybody else. Default limited. */
  readonly otherwise?: Verdict;
}

/** Verdicts remembered, by default. */
const TABLE_SIZE = 10_000;

/**
 * Addresses allowed and denied by CIDR range. Rules may be replaced while running and hold for the next message; verdicts
 * are remembered until then, so that a flood costs a table look-up each.
 */
export class SourceFilter {
  readonly #tableSize: number;
  readonly #verdicts = new Map<string, Verdict>();
  #deny = new BlockList();
  #allow = new BlockList();
  #otherwise: Verdict = 'limited';

  /** @throws GatewayError `config.cidr` for a range that is none */
  constructor(rules: SourceRules, tableSize = TABLE_SIZE) {
    this.#tableSize = tableSize;
    this.replace(rules);
  }

  /** Takes other rules, whole or not at all. @throws GatewayError `config.cidr` */
  replace(rules: SourceRules): void {
    const deny = rangesOf(rules.deny ?? []);
    const allow = rangesOf(rules.allow ?? []);
    this.#deny = deny;
    this.#allow = allow;
    this.#otherwise = rules.otherwise ?? 'limited';
    this.#verdicts.clear();
  }

  /** What to do with a message from there; fit for SourceGuard's `admits`. */
  readonly admits = (address: string): Verdict => {
    let verdict = this.#verdicts.get(address);
    if (verdict) return verdict;
    verdict = this.#judge(address);
    this.#verdicts.set(address, verdict);
    if (this.#verdicts.size > this.#tableSize) this.#verdicts.delete(this.#verdicts.keys().next().value!);
    return verdict;
  };

  #judge(address: string): Verdict {
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    if (this.#deny.check(address, family)) return 'deny';
    return this.#allow.check(address, family) ? 'allow' : this.#otherwise;
  }
}

function rangesOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) addRange(list, range);
  return list;
}

function addRange(list: BlockList, range: string): void {
  const [address = '', prefix, ...rest] = range.split('/');
  const version = isIP(address);
  const width = version === 4 ? 32 : 128;
  const bits = prefix === undefined ? width : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
  if (version === 0 || rest.length > 0 || bits < 0 || bits > width) {
    throw new GatewayError('config.cidr', `${range}: not an address or CIDR range`, { origin: 'local' });
  }
  list.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6');
}
