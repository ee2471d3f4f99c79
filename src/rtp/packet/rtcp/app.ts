import type { RtcpSlice } from './header.js';

/** Application-defined packet (RFC 3550 §6.7). */
export interface App {
  readonly type: 'app';
  readonly subtype: number;
  readonly ssrc: number;
  /** Four ASCII characters */
  readonly name: string;
  /** A view of the received buffer */
  readonly data: Buffer;
}

export function decodeApp(packet: Buffer, slice: RtcpSlice): App | undefined {
  if (slice.body + 8 > slice.end) return undefined;
  return {
    type: 'app',
    subtype: slice.count,
    ssrc: packet.readUInt32BE(slice.body),
    name: packet.toString('latin1', slice.body + 4, slice.body + 8),
    data: packet.subarray(slice.body + 8, slice.end),
  };
}
