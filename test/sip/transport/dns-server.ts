import { createSocket, type Socket } from 'node:dgram';

/** A small authoritative DNS server over UDP (RFC 1035), with its own encoder: enough for A, AAAA, SRV and NAPTR. */

export type ZoneRecord =
  | { type: 'A' | 'AAAA'; ttl: number; address: string }
  | { type: 'SRV'; ttl: number; priority: number; weight: number; port: number; target: string }
  | {
      type: 'NAPTR';
      ttl: number;
      order: number;
      preference: number;
      flags: string;
      service: string;
      replacement: string;
    };

/** `drop` answers nothing, `servfail` answers RCODE 2. */
export type ZoneEntry = ZoneRecord[] | 'drop' | 'servfail';

const TYPES: Record<string, number> = { A: 1, AAAA: 28, SRV: 33, NAPTR: 35 };

const u16 = (value: number): Buffer => Buffer.of(value >> 8, value & 255);
const text = (value: string): Buffer => Buffer.concat([Buffer.of(value.length), Buffer.from(value)]);

const nameBytes = (name: string): Buffer =>
  Buffer.concat([
    ...name
      .split('.')
      .filter((label) => label !== '')
      .map(text),
    Buffer.of(0),
  ]);

function ipv6Bytes(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const middle = new Array<string>(8 - groups(head).length - groups(tail).length).fill('0');
  return Buffer.concat([...groups(head), ...middle, ...groups(tail)].map((group) => u16(Number.parseInt(group, 16))));
}

function dataOf(record: ZoneRecord): Buffer {
  switch (record.type) {
    case 'A':
      return Buffer.from(record.address.split('.').map(Number));
    case 'AAAA':
      return ipv6Bytes(record.address);
    case 'SRV':
      return Buffer.concat([u16(record.priority), u16(record.weight), u16(record.port), nameBytes(record.target)]);
    case 'NAPTR':
      return Buffer.concat([
        u16(record.order),
        u16(record.preference),
        text(record.flags),
        text(record.service),
        text(''),
        nameBytes(record.replacement),
      ]);
  }
}

function answer(query: Buffer, zone: Map<string, ZoneEntry>, asked: string[]): Buffer | undefined {
  let at = 12;
  const labels: string[] = [];
  while (query[at]! > 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + query[at]!));
    at += query[at]! + 1;
  }
  const type = query.readUInt16BE(at + 1);
  const typeName = Object.keys(TYPES).find((name) => TYPES[name] === type) ?? String(type);
  const name = labels.join('.').toLowerCase();
  asked.push(`${typeName} ${name}`);
  const question = query.subarray(12, at + 5);
  const entry = zone.get(`${typeName} ${name}`) ?? [];
  if (entry === 'drop') return undefined;
  const known = [...zone.keys()].some((key) => key.endsWith(` ${name}`));
  const code = entry === 'servfail' ? 2 : known ? 0 : 3;
  const records = entry === 'servfail' ? [] : entry;
  const answers = records.map((record) => {
    const data = dataOf(record);
    const ttl = Buffer.alloc(4);
    ttl.writeUInt32BE(record.ttl);
    return Buffer.concat([u16(0xc00c), u16(TYPES[record.type]!), u16(1), ttl, u16(data.length), data]);
  });
  const header = Buffer.concat([query.subarray(0, 2), u16(0x8580 | code), u16(1), u16(records.length), u16(0), u16(0)]);
  return Buffer.concat([header, question, ...answers]);
}

export interface DnsServer {
  /** For NodeDns `servers`. */
  readonly address: string;
  /** `A name`, `SRV name`, …: what it was asked, in order. */
  readonly asked: string[];
  /** Keys as in `asked`; may be changed while running. */
  readonly zone: Map<string, ZoneEntry>;
  close(): void;
}

export async function startDnsServer(entries: Record<string, ZoneEntry>): Promise<DnsServer> {
  const zone = new Map(Object.entries(entries));
  const asked: string[] = [];
  const socket: Socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const reply = answer(query, zone, asked);
    if (reply) socket.send(reply, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return { address: `127.0.0.1:${socket.address().port}`, asked, zone, close: () => socket.close() };
}
