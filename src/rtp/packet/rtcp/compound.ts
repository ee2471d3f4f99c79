import { type App, decodeApp } from './app.js';
import { type Bye, decodeBye } from './bye.js';
import { decodeExtendedReport, type ExtendedReport } from './extended-report.js';
import { RTCP, type RtcpSlice } from './header.js';
import { decodeReceiverReport, type ReceiverReport } from './receiver-report.js';
import { decodeSenderReport, type SenderReport } from './sender-report.js';
import { decodeSourceDescription, type SourceDescription } from './source-description.js';

/**
 * A compound RTCP datagram, checked as RFC 3550 appendix A.2 has it: version 2 throughout, the first packet a report
 * without padding, the lengths adding up to the datagram. Packets of unknown type are skipped (§6.1).
 */
export type RtcpPacket = SenderReport | ReceiverReport | SourceDescription | Bye | App | ExtendedReport;

export type RtcpFault = 'short' | 'version' | 'length' | 'padding' | 'not-compound' | 'contents';

export type RtcpOutcome =
  | { readonly ok: true; readonly packets: readonly RtcpPacket[] }
  | { readonly ok: false; readonly fault: RtcpFault };

const fault = (reason: RtcpFault): RtcpOutcome => ({ ok: false, fault: reason });

/**
 * Decodes a datagram.
 * @param reducedSize  true where RFC 5506 was agreed: the first packet may be of any type
 */
export function decodeRtcp(datagram: Buffer, reducedSize = false): RtcpOutcome {
  if (datagram.length < 8) return fault('short');
  if (datagram.length % 4 !== 0) return fault('length');
  const packets: RtcpPacket[] = [];
  for (let at = 0; at < datagram.length; ) {
    const slice = sliceAt(datagram, at);
    if (typeof slice === 'string') return fault(slice);
    if (at === 0 && !reducedSize && slice.type !== RTCP.sr && slice.type !== RTCP.rr) return fault('not-compound');
    const packet = decodeOne(datagram, slice);
    if (packet === undefined) return fault('contents');
    if (packet !== 'unknown') packets.push(packet);
    at += 4 + 4 * datagram.readUInt16BE(at + 2);
  }
  return { ok: true, packets };
}

/** The packet that starts at `at`; padding is allowed on the last one of several only (§6.4.1, A.2). */
function sliceAt(datagram: Buffer, at: number): RtcpSlice | RtcpFault {
  if (datagram[at]! >> 6 !== 2) return 'version';
  const end = at + 4 + 4 * datagram.readUInt16BE(at + 2);
  if (end > datagram.length) return 'length';
  const slice = { type: datagram[at + 1]!, count: datagram[at]! & 0x1f, body: at + 4, end };
  if ((datagram[at]! & 0x20) === 0) return slice;
  const padding = datagram[end - 1]!;
  const room = end - slice.body;
  if (at === 0 || end !== datagram.length || padding === 0 || padding % 4 !== 0 || padding > room) return 'padding';
  return { ...slice, end: end - padding };
}

function decodeOne(datagram: Buffer, slice: RtcpSlice): RtcpPacket | 'unknown' | undefined {
  switch (slice.type) {
    case RTCP.sr:
      return decodeSenderReport(datagram, slice);
    case RTCP.rr:
      return decodeReceiverReport(datagram, slice);
    case RTCP.sdes:
      return decodeSourceDescription(datagram, slice);
    case RTCP.bye:
      return decodeBye(datagram, slice);
    case RTCP.app:
      return decodeApp(datagram, slice);
    case RTCP.xr:
      return decodeExtendedReport(datagram, slice);
    default:
      return 'unknown';
  }
}
