import { allocateRtcp, RTCP, type RtcpSlice } from './header.js';

/** Item types (RFC 3550 §12.2); 0 ends a chunk. */
export const SDES_ITEM = { cname: 1, name: 2, email: 3, phone: 4, loc: 5, tool: 6, note: 7, priv: 8 } as const;

export interface SdesItem {
  readonly type: number;
  /** UTF-8, at most 255 octets */
  readonly text: string;
}

export interface SdesChunk {
  readonly ssrc: number;
  readonly items: readonly SdesItem[];
}

/** Source description (RFC 3550 §6.5). */
export interface SourceDescription {
  readonly type: 'sdes';
  readonly chunks: readonly SdesChunk[];
}

export function decodeSourceDescription(packet: Buffer, slice: RtcpSlice): SourceDescription | undefined {
  const chunks: SdesChunk[] = [];
  let at = slice.body;
  for (let index = 0; index < slice.count; index++) {
    if (at + 4 > slice.end) return undefined;
    const items: SdesItem[] = [];
    const next = decodeItems(packet, at + 4, slice.end, items);
    if (next === undefined) return undefined;
    chunks.push({ ssrc: packet.readUInt32BE(at), items });
    at = next;
  }
  return { type: 'sdes', chunks };
}

/** Reads items up to the null octet; returns where the next chunk starts (on a 32-bit boundary), undefined past the end. */
function decodeItems(packet: Buffer, start: number, end: number, items: SdesItem[]): number | undefined {
  let at = start;
  while (at < end && packet[at] !== 0) {
    if (at + 2 > end) return undefined;
    const textEnd = at + 2 + packet[at + 1]!;
    if (textEnd > end) return undefined;
    items.push({ type: packet[at]!, text: packet.toString('utf8', at + 2, textEnd) });
    at = textEnd;
  }
  // The chunk ends with one to four nulls, up to the boundary (§6.5). RTCP packets start on one, so `at & 3` serves.
  return at < end ? at + 4 - (at & 3) : undefined;
}

/** One chunk for each source; texts longer than 255 octets are cut. At most 31 chunks. */
export function encodeSourceDescription(description: SourceDescription): Buffer {
  const bodies = description.chunks.map(encodeChunk);
  const size = 4 + bodies.reduce((sum, body) => sum + body.length, 0);
  const packet = allocateRtcp(RTCP.sdes, bodies.length, size);
  let at = 4;
  for (const body of bodies) at += body.copy(packet, at);
  return packet;
}

function encodeChunk(chunk: SdesChunk): Buffer {
  const texts = chunk.items.map((item) => Buffer.from(item.text, 'utf8').subarray(0, 255));
  const used = 4 + texts.reduce((sum, text) => sum + 2 + text.length, 0);
  const body = Buffer.alloc(used + 4 - (used & 3));
  body.writeUInt32BE(chunk.ssrc, 0);
  let at = 4;
  texts.forEach((text, index) => {
    body[at] = chunk.items[index]!.type;
    body[at + 1] = text.length;
    at += 2 + text.copy(body, at + 2);
  });
  return body;
}
