import { BlockList, isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** An address and port as a peer is reached at. `address` is in the canonical text that sockets report. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** The text form that a socket reports for the address, so that equality is string equality; unknown text stays. */
export function canonicalAddress(address: string): string {
  return isIP(address) === 6 ? ipaddr.parse(address).toString() : address;
}

/**
 * Whether packets can be sent there from a socket of that family: an address, not a name, and not "nowhere"; and a port,
 * where the one after an RTP port of 65535 is none.
 */
export function isSendable(address: string, port: number, family: 4 | 6): boolean {
  return port > 0 && port <= 0xffff && isIP(address) === family && address !== '0.0.0.0' && address !== '::';
}

/** Tells whether an address lies in one of the CIDR blocks; entries that are no block match nothing. */
export function sourceFilter(blocks: readonly string[] | undefined): (address: string) => boolean {
  if (!blocks) return () => true;
  const list = new BlockList();
  for (const block of blocks) addBlock(list, block);
  return (address) => list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

function addBlock(list: BlockList, block: string): void {
  const [address = '', bits] = block.split('/');
  const family = isIP(address);
  if (family === 0) return;
  const widest = family === 6 ? 128 : 32;
  const prefix = bits === undefined ? widest : Number(bits);
  if (Number.isInteger(prefix) && prefix >= 0 && prefix <= widest) {
    list.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4');
  }
}
