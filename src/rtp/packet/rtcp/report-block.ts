/** Report block of SR and RR (RFC 3550 §6.4.1): 24 octets on how one source was received. */
export interface ReportBlock {
  readonly ssrc: number;
  /** Lost since the previous report, as 1/256 of the expected, 0–255 */
  readonly fractionLost: number;
  /** Signed 24 bits: duplicates can make it negative */
  readonly cumulativeLost: number;
  /** Sequence cycles × 65536 + highest sequence number */
  readonly extendedHighest: number;
  /** RTP clock units */
  readonly jitterTs: number;
  /** Middle 32 bits of the NTP time of the last SR from that source; 0 when none came */
  readonly lastSr: number;
  /** Delay since that SR, in 1/65536 s; 0 when none came */
  readonly delaySinceLastSr: number;
}

export const REPORT_BLOCK_BYTES = 24;

/** Reads `count` blocks from `offset`; undefined when they do not fit before `end`. */
export function decodeReportBlocks(
  packet: Buffer,
  offset: number,
  end: number,
  count: number,
): ReportBlock[] | undefined {
  if (offset + count * REPORT_BLOCK_BYTES > end) return undefined;
  return Array.from({ length: count }, (_, index) => decodeReportBlock(packet, offset + index * REPORT_BLOCK_BYTES));
}

function decodeReportBlock(packet: Buffer, at: number): ReportBlock {
  return {
    ssrc: packet.readUInt32BE(at),
    fractionLost: packet[at + 4]!,
    cumulativeLost: packet.readIntBE(at + 5, 3),
    extendedHighest: packet.readUInt32BE(at + 8),
    jitterTs: packet.readUInt32BE(at + 12),
    lastSr: packet.readUInt32BE(at + 16),
    delaySinceLastSr: packet.readUInt32BE(at + 20),
  };
}

/** Writes one block at `at`; the cumulative loss is held within its 24 signed bits (§6.4.1). */
export function encodeReportBlock(packet: Buffer, at: number, block: ReportBlock): void {
  packet.writeUInt32BE(block.ssrc, at);
  packet[at + 4] = block.fractionLost;
  packet.writeIntBE(Math.max(-0x800000, Math.min(0x7fffff, block.cumulativeLost)), at + 5, 3);
  packet.writeUInt32BE(block.extendedHighest >>> 0, at + 8);
  packet.writeUInt32BE(block.jitterTs >>> 0, at + 12);
  packet.writeUInt32BE(block.lastSr >>> 0, at + 16);
  packet.writeUInt32BE(block.delaySinceLastSr >>> 0, at + 20);
}
