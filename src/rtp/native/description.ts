import { isIP } from 'node:net';
import type { RemoteDescription } from '../engine.js';
import { payloadTable } from '../stream/index.js';
import type { PackedDescription } from './binding.js';

/** A description as the compiled path takes it: plain members, addresses still as text. */
export function packDescription(description: RemoteDescription): PackedDescription {
  const { direction, kind, srtp } = description;
  const { clockRatesHz, kinds } = payloadTable(description.formats);
  return {
    address: description.address,
    rtpPort: description.rtpPort,
    rtcpAddress: description.rtcpAddress,
    rtcpPort: description.rtcpPort,
    rtcpMux: description.rtcpMux === true,
    sends: direction === 'sendrecv' || direction === 'sendonly',
    receives: direction === 'sendrecv' || direction === 'recvonly',
    udptl: kind === 'udptl',
    dropsEvents: description.telephoneEvents === 'drop',
    playsEvents: description.telephoneEvents === 'play',
    signallingAddress: description.signallingAddress ?? '',
    allowedSources: description.allowedSources?.map(wholeBlock).filter((block) => block !== undefined),
    clockRatesHz,
    kinds,
    receive: srtp?.receive,
    send: srtp?.send,
  };
}

/** `address/prefix` with the prefix always there; undefined for what is no block, which then matches nothing. */
function wholeBlock(block: string): string | undefined {
  const [address = '', bits] = block.split('/');
  const family = isIP(address);
  if (family === 0) return undefined;
  const widest = family === 6 ? 128 : 32;
  const prefix = bits === undefined ? widest : Number(bits);
  return Number.isInteger(prefix) && prefix >= 0 && prefix <= widest ? `${address}/${prefix}` : undefined;
}
