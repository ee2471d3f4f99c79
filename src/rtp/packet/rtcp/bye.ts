import type { RtcpSlice } from './header.js';

/** Goodbye (RFC 3550 §6.6). */
export interface Bye {
  readonly type: 'bye';
  readonly ssrcs: readonly number[];
  readonly reason: string | undefined;
}

/** A reason whose length lies past the end is left out: the sources still end. */
export function decodeBye(packet: Buffer, slice: RtcpSlice): Bye | undefined {
  const textAt = slice.body + 4 * slice.count;
  if (textAt > slice.end) return undefined;
  const ssrcs = Array.from({ length: slice.count }, (_, index) => packet.readUInt32BE(slice.body + 4 * index));
  const textEnd = textAt < slice.end ? textAt + 1 + packet[textAt]! : textAt;
  const reason = textAt < slice.end && textEnd <= slice.end ? packet.toString('utf8', textAt + 1, textEnd) : undefined;
  return { type: 'bye', ssrcs, reason };
}
