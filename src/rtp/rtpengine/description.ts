import { isIPv6 } from 'node:net';
import type { LocalPorts, RemoteDescription, StreamDirection } from '../engine.js';
import type { KeyedLine } from './keying.js';

/** The least session descriptions that rtpengine takes for a peer, and what it answers with. */

/** Our end's direction is the peer's reversed. */
const OF_PEER: Readonly<Record<StreamDirection, StreamDirection>> = {
  sendrecv: 'sendrecv',
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  inactive: 'inactive',
};

/** A peer of which nothing is known yet: rtpengine gives ports for it, and sends it nothing. */
export const UNKNOWN_PEER: RemoteDescription = { address: '0.0.0.0', rtpPort: 0, direction: 'inactive', formats: [] };

const DISCARD_PORT = 9;

/**
 * What rtpengine is told in a peer's name; port 0 would make it give its ports back, so nowhere is 0.0.0.0 port 9.
 * @param lines  keys that stand in it; none: in clear
 * @param family  IP version of the peer, where its address does not tell
 */
export function serializePeer(
  peer: RemoteDescription,
  version: number,
  lines: readonly KeyedLine[] = [],
  family: 4 | 6 = 4,
): string {
  const nowhere = isNowhere(peer);
  const address = nowhere ? (family === 6 ? '::' : '0.0.0.0') : peer.address;
  const kind = isIPv6(address) ? 'IP6' : 'IP4';
  const text = ['v=0', `o=- 1 ${version} IN ${kind} ${address}`, 's=-', `c=IN ${kind} ${address}`, 't=0 0'];
  text.push(mediaLine(peer, nowhere ? DISCARD_PORT : peer.rtpPort, lines.length > 0));
  for (const { payloadType, encoding, clockRateHz, channels = 1 } of peer.formats) {
    text.push(`a=rtpmap:${payloadType} ${encoding}/${clockRateHz}${channels > 1 ? `/${channels}` : ''}`);
  }
  for (const { tag, keys } of lines) text.push(`a=crypto:${tag} ${keys.suite} inline:${keys.key.toString('base64')}`);
  if (!nowhere && peer.rtcpPort !== undefined) text.push(rtcpLine(peer));
  if (peer.rtcpMux) text.push('a=rtcp-mux');
  text.push(`a=${nowhere ? 'inactive' : OF_PEER[peer.direction]}`);
  return `${text.join('\r\n')}\r\n`;
}

/** Nothing is sent to this peer. */
export const isNowhere = ({ rtpPort, address }: RemoteDescription): boolean =>
  rtpPort === 0 || address === '0.0.0.0' || address === '::';

function mediaLine({ kind, formats }: RemoteDescription, port: number, secure: boolean): string {
  if (kind === 'udptl') return `m=image ${port} udptl t38`;
  const types = formats.map(({ payloadType }) => payloadType);
  return `m=audio ${port} RTP/${secure ? 'SAVP' : 'AVP'} ${types.length > 0 ? types.join(' ') : '0'}`;
}

function rtcpLine({ rtcpPort, rtcpAddress, address }: RemoteDescription): string {
  const at = rtcpAddress ?? address;
  return `a=rtcp:${rtcpPort} IN ${isIPv6(at) ? 'IP6' : 'IP4'} ${at}`;
}

/** Ports in a description that rtpengine made; undefined where it gave none. */
export function readPorts(description: string): LocalPorts | undefined {
  const rtpPort = Number(/^m=\S+ (\d+)/m.exec(description)?.[1] ?? 0);
  const address = /^c=IN IP[46] (\S+)/m.exec(description)?.[1];
  if (rtpPort === 0 || address === undefined) return undefined;
  return { address, rtpPort, rtcpPort: rtpPort + 1 };
}
