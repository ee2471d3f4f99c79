/** The common RTCP header: `|V=2|P| count | type | length in words − 1 |` (RFC 3550 §6.4.1). */
export const RTCP = { sr: 200, rr: 201, sdes: 202, bye: 203, app: 204, xr: 207 } as const;

/** One packet of a compound: where it lies and what its header says. `end` excludes padding. */
export interface RtcpSlice {
  readonly type: number;
  /** Five bits: reception report count, source count or subtype */
  readonly count: number;
  /** First octet after the four of the header */
  readonly body: number;
  readonly end: number;
}

/** A buffer of `sizeBytes` (a multiple of 4) whose RTCP header is written. */
export function allocateRtcp(type: number, count: number, sizeBytes: number): Buffer {
  const packet = Buffer.alloc(sizeBytes);
  packet[0] = 0x80 | count;
  packet[1] = type;
  packet.writeUInt16BE(sizeBytes / 4 - 1, 2);
  return packet;
}
