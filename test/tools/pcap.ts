import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Capture files (libpcap format, nanosecond stamps, link type "raw IP") of UDP over IPv4, as Wireshark reads them.
 *
 *     24-byte file header │ 16-byte record header │ IPv4 header │ UDP header │ payload │ 16-byte record header │ …
 */
export interface CapturedDatagram {
  /** Milliseconds, fractional */
  readonly atMs: number;
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly targetAddress: string;
  readonly targetPort: number;
  readonly data: Buffer;
}

const MAGIC_NANOSECONDS = 0xa1b23c4d;
const LINKTYPE_RAW = 101;
const IP_BYTES = 20;
const UDP_BYTES = 8;

/** Collects datagrams and writes them as one file. */
export class PcapWriter {
  readonly #records: Buffer[] = [];
  readonly datagrams: CapturedDatagram[] = [];

  add(datagram: CapturedDatagram): void {
    this.datagrams.push(datagram);
    const size = IP_BYTES + UDP_BYTES + datagram.data.length;
    const record = Buffer.alloc(16 + size);
    const seconds = Math.floor(datagram.atMs / 1000);
    record.writeUInt32LE(seconds, 0);
    record.writeUInt32LE(Math.floor((datagram.atMs - seconds * 1000) * 1e6), 4);
    record.writeUInt32LE(size, 8);
    record.writeUInt32LE(size, 12);
    writeHeaders(record.subarray(16), datagram);
    datagram.data.copy(record, 16 + IP_BYTES + UDP_BYTES);
    this.#records.push(record);
  }

  write(path: string): void {
    const header = Buffer.alloc(24);
    header.writeUInt32LE(MAGIC_NANOSECONDS, 0);
    header.writeUInt16LE(2, 4);
    header.writeUInt16LE(4, 6);
    header.writeUInt32LE(65535, 16);
    header.writeUInt32LE(LINKTYPE_RAW, 20);
    writeFileSync(path, Buffer.concat([header, ...this.#records]));
  }
}

function writeHeaders(packet: Buffer, datagram: CapturedDatagram): void {
  packet[0] = 0x45;
  packet.writeUInt16BE(packet.length, 2);
  packet[8] = 64;
  packet[9] = 17;
  datagram.sourceAddress.split('.').forEach((part, index) => {
    packet[12 + index] = Number(part);
  });
  datagram.targetAddress.split('.').forEach((part, index) => {
    packet[16 + index] = Number(part);
  });
  packet.writeUInt16BE(checksum(packet.subarray(0, IP_BYTES)), 10);
  packet.writeUInt16BE(datagram.sourcePort, 20);
  packet.writeUInt16BE(datagram.targetPort, 22);
  packet.writeUInt16BE(packet.length - IP_BYTES, 24);
}

/** RFC 1071 */
function checksum(header: Buffer): number {
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += header.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** The datagrams of a file that `PcapWriter` wrote, in order. */
export function readPcap(path: string): CapturedDatagram[] {
  const file = readFileSync(path);
  if (file.readUInt32LE(0) !== MAGIC_NANOSECONDS || file.readUInt32LE(20) !== LINKTYPE_RAW) throw new Error('not ours');
  const datagrams: CapturedDatagram[] = [];
  for (let at = 24; at < file.length; ) {
    const size = file.readUInt32LE(at + 8);
    const packet = file.subarray(at + 16, at + 16 + size);
    datagrams.push({
      atMs: file.readUInt32LE(at) * 1000 + file.readUInt32LE(at + 4) / 1e6,
      sourceAddress: [...packet.subarray(12, 16)].join('.'),
      targetAddress: [...packet.subarray(16, 20)].join('.'),
      sourcePort: packet.readUInt16BE(20),
      targetPort: packet.readUInt16BE(22),
      data: packet.subarray(IP_BYTES + UDP_BYTES),
    });
    at += 16 + size;
  }
  return datagrams;
}
