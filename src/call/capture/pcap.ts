import ipaddr from 'ipaddr.js';

/**
 * Capture files as Wireshark and tshark read them: libpcap format, microsecond stamps, link type "raw IP". The UDP and IP
 * headers are made up around what was copied, so they tell addresses, ports and lengths, and no more.
 *
 *     24-byte file header │ 16-byte record header │ IP header │ UDP header │ payload │ 16-byte record header │ …
 */
export interface Datagram {
  /** Wall-clock milliseconds, fractional */
  readonly atMs: number;
  readonly from: { readonly address: string; readonly port: number };
  readonly to: { readonly address: string; readonly port: number };
  readonly data: Buffer;
}

const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const LINKTYPE_RAW = 101;
const SNAP_BYTES = 65_535;
const RECORD_BYTES = 16;
const UDP_BYTES = 8;
const IP_BYTES = { 4: 20, 6: 40 } as const;
const UDP = 17;
const HOP_LIMIT = 64;

/** What a file starts with. */
export function pcapHeader(): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(MAGIC_MICROSECONDS, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(SNAP_BYTES, 16);
  header.writeUInt32LE(LINKTYPE_RAW, 20);
  return header;
}

/** One datagram as a record; both addresses are of one IP version. */
export function pcapRecord({ atMs, from, to, data }: Datagram): Buffer {
  const [source, target] = [ipaddr.parse(from.address).toByteArray(), ipaddr.parse(to.address).toByteArray()];
  const six = source.length === 16;
  const ipBytes = IP_BYTES[six ? 6 : 4];
  const size = ipBytes + UDP_BYTES + data.length;
  const record = Buffer.alloc(RECORD_BYTES + size);
  const atUs = Math.round(atMs * 1000);
  record.writeUInt32LE(Math.floor(atUs / 1e6), 0);
  record.writeUInt32LE(atUs % 1e6, 4);
  record.writeUInt32LE(size, 8);
  record.writeUInt32LE(size, 12);
  const packet = record.subarray(RECORD_BYTES);
  if (six) writeIp6(packet, source, target);
  else writeIp4(packet, source, target);
  writeUdp(packet.subarray(ipBytes), from.port, to.port, data, [...source, ...target]);
  return record;
}

/** RFC 791 §3.1 */
function writeIp4(packet: Buffer, source: readonly number[], target: readonly number[]): void {
  packet[0] = 0x45;
  packet.writeUInt16BE(packet.length, 2);
  packet[8] = HOP_LIMIT;
  packet[9] = UDP;
  packet.set(source, 12);
  packet.set(target, 16);
  packet.writeUInt16BE(checksum(packet.subarray(0, IP_BYTES[4])), 10);
}

/** RFC 8200 §3 */
function writeIp6(packet: Buffer, source: readonly number[], target: readonly number[]): void {
  packet[0] = 0x60;
  packet.writeUInt16BE(packet.length - IP_BYTES[6], 4);
  packet[6] = UDP;
  packet[7] = HOP_LIMIT;
  packet.set(source, 8);
  packet.set(target, 24);
}

/** RFC 768, with the checksum over the addresses too. */
function writeUdp(datagram: Buffer, fromPort: number, toPort: number, data: Buffer, addresses: number[]): void {
  datagram.writeUInt16BE(fromPort, 0);
  datagram.writeUInt16BE(toPort, 2);
  datagram.writeUInt16BE(datagram.length, 4);
  data.copy(datagram, UDP_BYTES);
  const { length } = datagram;
  const pseudo = Buffer.from([...addresses, 0, UDP, length >>> 8, length & 0xff]);
  // A sum of 0 means "none" (RFC 768).
  datagram.writeUInt16BE(checksum(Buffer.concat([pseudo, datagram])) || 0xffff, 6);
}

/** The Internet checksum (RFC 1071). */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at + 1 < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  if (bytes.length % 2 === 1) sum += bytes[bytes.length - 1]! << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
