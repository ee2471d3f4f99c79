/**
 * RTP fixed header, read as offsets over the received buffer (RFC 3550 §5.1, §5.3.1). Nothing is copied or allocated.
 *
 *      0                   1                   2                   3
 *     |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 *     |                           timestamp                           |
 *     |                             SSRC                              |
 *     |                 CSRC × CC, header extension if X              |
 *
 * Left out: the contents of header extensions (RFC 8285), which pass through untouched.
 */

/** Why a datagram is not a usable RTP packet. */
export type RtpFault = 'short' | 'version' | 'csrc' | 'extension' | 'padding';

export const RTP_HEADER_BYTES = 12;

/** Fields of one packet; one instance is filled again and again on the packet path. */
export class RtpView {
  payloadType = 0;
  marker = false;
  /** 0–65535 */
  sequence = 0;
  /** uint32, RTP clock units */
  timestamp = 0;
  /** uint32 */
  ssrc = 0;
  csrcCount = 0;
  /** Profile word of the header extension, -1 when there is none. */
  extensionProfile = -1;
  extensionOffset = 0;
  extensionBytes = 0;
  payloadOffset = 0;
  payloadBytes = 0;
  paddingBytes = 0;
}

/**
 * Fills `view` from `packet`.
 * @param sealed  true for SRTP: the padding count is still encrypted, so payload and padding are left undivided
 * @returns undefined when the packet is sound, else the fault; `view` is then partly filled
 */
export function decodeRtp(packet: Buffer, view: RtpView, sealed = false): RtpFault | undefined {
  const size = packet.length;
  if (size < RTP_HEADER_BYTES) return 'short';
  const first = packet[0]!;
  if (first >> 6 !== 2) return 'version';
  const second = packet[1]!;
  view.marker = second > 127;
  view.payloadType = second & 0x7f;
  view.sequence = (packet[2]! << 8) | packet[3]!;
  view.timestamp = ((packet[4]! << 24) | (packet[5]! << 16) | (packet[6]! << 8) | packet[7]!) >>> 0;
  view.ssrc = ((packet[8]! << 24) | (packet[9]! << 16) | (packet[10]! << 8) | packet[11]!) >>> 0;
  view.csrcCount = first & 0x0f;
  view.extensionProfile = -1;
  view.extensionBytes = 0;
  view.paddingBytes = 0;
  let offset = RTP_HEADER_BYTES + 4 * view.csrcCount;
  if (offset > size) return 'csrc';
  if ((first & 0x10) !== 0) {
    if (offset + 4 > size) return 'extension';
    view.extensionProfile = (packet[offset]! << 8) | packet[offset + 1]!;
    view.extensionBytes = 4 * ((packet[offset + 2]! << 8) | packet[offset + 3]!);
    view.extensionOffset = offset + 4;
    offset = view.extensionOffset + view.extensionBytes;
    if (offset > size) return 'extension';
  }
  view.payloadOffset = offset;
  view.payloadBytes = size - offset;
  if ((first & 0x20) !== 0 && !sealed) return trimPadding(packet, view);
  return undefined;
}

/** The last octet counts the padding, itself included (§5.1): 1 up to what lies after the header. */
function trimPadding(packet: Buffer, view: RtpView): RtpFault | undefined {
  const padding = view.payloadBytes === 0 ? 0 : packet[packet.length - 1]!;
  if (padding === 0 || padding > view.payloadBytes) return 'padding';
  view.paddingBytes = padding;
  view.payloadBytes -= padding;
  return undefined;
}
