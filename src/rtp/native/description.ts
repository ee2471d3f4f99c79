import { isIP } from 'node:net';
import type { RemoteDescription } from '../engine.js';
import { payloadTable } from '../stream/index.js';
import type { PackedDescription } from './binding.js';

/** A description as the compiled path takes it: its plain members in one line, addresses still as text. */
export function packDescription(description: RemoteDescription): PackedDescription {
  const { address, rtpPort, rtcpAddress, rtcpPort, signallingAddress, allowedSources, srtp } = description;
  const { clockRatesHz, kinds } = payloadTable(description.formats);
  const addresses = `${spaceless(address)} ${spaceless(rtcpAddress)} ${spaceless(signallingAddress)}`;
  return {
    facts: `${flagsOf(description)} ${rtpPort} ${rtcpPort ?? 0} ${addresses}`,
    allowedSources: allowedSources && wholeBlocks(allowedSources),
    clockRatesHz,
    kinds,
    receive: srtp?.receive,
    send: srtp?.send,
  };
}

/** The bits of `PackedDescription.facts`. */
function flagsOf({ direction, kind, rtcpMux, telephoneEvents, rtcpAddress, rtcpPort }: RemoteDescription): number {
  const sends = direction === 'sendrecv' || direction === 'sendonly';
  const receives = direction === 'sendrecv' || direction === 'recvonly';
  return (
    (rtcpMux === true ? 1 : 0) |
    (sends ? 2 : 0) |
    (receives ? 4 : 0) |
    (kind === 'udptl' ? 8 : 0) |
    (telephoneEvents === 'drop' ? 16 : 0) |
    (telephoneEvents === 'play' ? 32 : 0) |
    (rtcpAddress !== undefined ? 64 : 0) |
    (rtcpPort !== undefined ? 128 : 0)
  );
}

/** An address as one word: with a space in it, it is none. */
const spaceless = (address: string | undefined): string => (address?.includes(' ') ? '' : (address ?? ''));

const wholeBlocks = (blocks: readonly string[]): string =>
  blocks
    .map(wholeBlock)
    .filter((block) => block !== undefined)
    .join(' ');

/** `address/prefix` with the prefix always there; undefined for what is no block, which then matches nothing. */
function wholeBlock(block: string): string | undefined {
  const [address = '', bits] = block.split('/');
  const family = isIP(address);
  if (family === 0) return undefined;
  const widest = family === 6 ? 128 : 32;
  const prefix = bits === undefined ? widest : Number(bits);
  return Number.isInteger(prefix) && prefix >= 0 && prefix <= widest ? `${address}/${prefix}` : undefined;
}
