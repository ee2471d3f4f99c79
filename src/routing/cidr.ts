import { isIP } from 'node:net';

/**
 * Address blocks: which of them hold an address. IPv4 is a 32-bit number, IPv6 a 128-bit one; an IPv4-mapped IPv6
 * address (::ffff:192.0.2.1) is the IPv4 address it maps. Kept equal to node:net BlockList by a test.
 */

/** A parsed address: a number for IPv4, a bigint for IPv6. */
export type Address = number | bigint;

/** Reads an IP literal, with or without brackets and zone; undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  const v4 = parseIpv4(text);
  if (v4 >= 0) return v4;
  const bare = text.startsWith('[') ? text.slice(1, -1) : text;
  const zone = bare.indexOf('%');
  const literal = zone < 0 ? bare : bare.slice(0, zone);
  return isIP(literal) === 6 ? parseIpv6(literal) : undefined;
}

/** uint32, or -1 where the text is not a dotted quad. */
function parseIpv4(text: string): number {
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 46) {
      if (octet < 0 || ++dots > 3) return -1;
      value = value * 256 + octet;
      octet = -1;
    } else {
      if (code < 48 || code > 57) return -1;
      octet = octet < 0 ? code - 48 : octet * 10 + code - 48;
      if (octet > 255) return -1;
    }
  }
  return dots === 3 && octet >= 0 ? value * 256 + octet : -1;
}

const MAPPED = 0xffffn << 32n;

function parseIpv6(literal: string): Address {
  const [head = '', tail] = literal.split('::');
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const middle = tail === undefined ? [] : Array<bigint>(8 - front.length - back.length).fill(0n);
  const value = [...front, ...middle, ...back].reduce((sum, group) => (sum << 16n) | group, 0n);
  return value >> 32n === MAPPED >> 32n ? Number(value & 0xffffffffn) : value;
}

function groups(text: string): bigint[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [BigInt(`0x${group}`)];
    const v4 = BigInt(parseIpv4(group));
    return [v4 >> 16n, v4 & 0xffffn];
  });
}

interface Block {
  readonly v6: boolean;
  readonly prefix: number;
  /** The address's first `prefix` bits. */
  readonly bits: Address;
}

/** @param block CIDR block as the configuration has it */
function parseBlock(block: string): Block | undefined {
  const slash = block.indexOf('/');
  const address = parseAddress(slash < 0 ? block : block.slice(0, slash));
  if (address === undefined) return undefined;
  const v6 = typeof address === 'bigint';
  const written = slash < 0 ? undefined : Number(block.slice(slash + 1));
  const mapped = !v6 && block.includes(':');
  const prefix = written === undefined ? (v6 ? 128 : 32) : mapped ? written - 96 : written;
  return prefix < 0 ? undefined : { v6, prefix, bits: leading(address, prefix) };
}

function leading(address: Address, prefix: number): Address {
  if (typeof address === 'bigint') return address >> BigInt(128 - prefix);
  return prefix === 0 ? 0 : address >>> (32 - prefix);
}

/** A few blocks, looked through one by one. IPv4 blocks lie as pairs of (bits, right shift) in one array. */
export class CidrSet {
  readonly #v4: readonly number[];
  readonly #v6: readonly Block[];

  /** Blocks that are not valid are left out. */
  constructor(blocks: readonly string[]) {
    const parsed = blocks.map(parseBlock).filter((block) => block !== undefined);
    this.#v4 = parsed.filter((block) => !block.v6).flatMap((block) => [Number(block.bits), 32 - block.prefix]);
    this.#v6 = parsed.filter((block) => block.v6);
  }

  get empty(): boolean {
    return this.#v4.length === 0 && this.#v6.length === 0;
  }

  has(address: Address | undefined): boolean {
    if (typeof address === 'number') return this.#hasV4(address);
    return address !== undefined && this.#v6.some((block) => leading(address, block.prefix) === block.bits);
  }

  #hasV4(address: number): boolean {
    const pairs = this.#v4;
    for (let at = 0; at < pairs.length; at += 2) {
      const shift = pairs[at + 1]!;
      // A shift by 32 is no shift in JavaScript: /0 holds everything.
      if (shift === 32 || address >>> shift === pairs[at]) return true;
    }
    return false;
  }
}

const NOBODY: readonly never[] = [];

/** Many blocks with owners: one look-up for each prefix length that occurs. */
export class CidrIndex<Owner> {
  readonly #v4 = new Map<number, Map<Address, Owner[]>>();
  readonly #v6 = new Map<number, Map<Address, Owner[]>>();
  #longestFirst: { readonly v4: number[]; readonly v6: number[] } | undefined;

  add(block: string, owner: Owner): void {
    const parsed = parseBlock(block);
    if (!parsed) return;
    const byPrefix = parsed.v6 ? this.#v6 : this.#v4;
    const byBits = byPrefix.get(parsed.prefix) ?? new Map<Address, Owner[]>();
    byPrefix.set(parsed.prefix, byBits);
    const owners = byBits.get(parsed.bits);
    if (owners) owners.push(owner);
    else byBits.set(parsed.bits, [owner]);
    this.#longestFirst = undefined;
  }

  /** Owners of the longest block that holds the address; empty where none does. */
  longest(address: Address | undefined): readonly Owner[] {
    if (address === undefined) return NOBODY;
    const v6 = typeof address === 'bigint';
    const byPrefix = v6 ? this.#v6 : this.#v4;
    for (const prefix of this.#prefixes()[v6 ? 'v6' : 'v4']) {
      const owners = byPrefix.get(prefix)?.get(leading(address, prefix));
      if (owners) return owners;
    }
    return NOBODY;
  }

  /** Every owner of a block that holds the address, once each, longest block first. */
  all(address: Address | undefined): readonly Owner[] {
    if (address === undefined) return NOBODY;
    const found = new Set<Owner>();
    const v6 = typeof address === 'bigint';
    const byPrefix = v6 ? this.#v6 : this.#v4;
    for (const prefix of this.#prefixes()[v6 ? 'v6' : 'v4']) {
      for (const owner of byPrefix.get(prefix)?.get(leading(address, prefix)) ?? NOBODY) found.add(owner);
    }
    return [...found];
  }

  #prefixes(): { readonly v4: number[]; readonly v6: number[] } {
    const descending = (map: Map<number, unknown>): number[] => [...map.keys()].sort((a, b) => b - a);
    this.#longestFirst ??= { v4: descending(this.#v4), v6: descending(this.#v6) };
    return this.#longestFirst;
  }
}
