import { allocateRtcp, RTCP, type RtcpSlice } from './header.js';
import { decodeReportBlocks, encodeReportBlock, REPORT_BLOCK_BYTES, type ReportBlock } from './report-block.js';

/** Sender report (RFC 3550 §6.4.1). */
export interface SenderReport {
  readonly type: 'sr';
  readonly ssrc: number;
  /** Seconds since 1900 */
  readonly ntpSeconds: number;
  /** 1/2^32 s */
  readonly ntpFraction: number;
  readonly rtpTimestamp: number;
  readonly packets: number;
  /** Payload octets */
  readonly octets: number;
  readonly blocks: readonly ReportBlock[];
}

/** Octets before the first report block, header included */
const FIXED_BYTES = 28;

export function decodeSenderReport(packet: Buffer, slice: RtcpSlice): SenderReport | undefined {
  const { body, end, count } = slice;
  if (body + FIXED_BYTES - 4 > end) return undefined;
  const blocks = decodeReportBlocks(packet, body + FIXED_BYTES - 4, end, count);
  if (!blocks) return undefined;
  return {
    type: 'sr',
    ssrc: packet.readUInt32BE(body),
    ntpSeconds: packet.readUInt32BE(body + 4),
    ntpFraction: packet.readUInt32BE(body + 8),
    rtpTimestamp: packet.readUInt32BE(body + 12),
    packets: packet.readUInt32BE(body + 16),
    octets: packet.readUInt32BE(body + 20),
    blocks,
  };
}

/** Counters wrap at 32 bits, as the RFC has them. At most 31 blocks. */
export function encodeSenderReport(report: SenderReport): Buffer {
  const packet = allocateRtcp(RTCP.sr, report.blocks.length, FIXED_BYTES + REPORT_BLOCK_BYTES * report.blocks.length);
  packet.writeUInt32BE(report.ssrc, 4);
  packet.writeUInt32BE(report.ntpSeconds >>> 0, 8);
  packet.writeUInt32BE(report.ntpFraction >>> 0, 12);
  packet.writeUInt32BE(report.rtpTimestamp >>> 0, 16);
  packet.writeUInt32BE(report.packets % 2 ** 32, 20);
  packet.writeUInt32BE(report.octets % 2 ** 32, 24);
  report.blocks.forEach((block, index) => {
    encodeReportBlock(packet, FIXED_BYTES + REPORT_BLOCK_BYTES * index, block);
  });
  return packet;
}
