import { allocateRtcp, RTCP, type RtcpSlice } from './header.js';
import { decodeReportBlocks, encodeReportBlock, REPORT_BLOCK_BYTES, type ReportBlock } from './report-block.js';

/** Receiver report (RFC 3550 §6.4.2). */
export interface ReceiverReport {
  readonly type: 'rr';
  readonly ssrc: number;
  readonly blocks: readonly ReportBlock[];
}

const FIXED_BYTES = 8;

export function decodeReceiverReport(packet: Buffer, slice: RtcpSlice): ReceiverReport | undefined {
  if (slice.body + 4 > slice.end) return undefined;
  const blocks = decodeReportBlocks(packet, slice.body + 4, slice.end, slice.count);
  return blocks && { type: 'rr', ssrc: packet.readUInt32BE(slice.body), blocks };
}

/** At most 31 blocks. */
export function encodeReceiverReport(report: ReceiverReport): Buffer {
  const packet = allocateRtcp(RTCP.rr, report.blocks.length, FIXED_BYTES + REPORT_BLOCK_BYTES * report.blocks.length);
  packet.writeUInt32BE(report.ssrc, 4);
  report.blocks.forEach((block, index) => {
    encodeReportBlock(packet, FIXED_BYTES + REPORT_BLOCK_BYTES * index, block);
  });
  return packet;
}
