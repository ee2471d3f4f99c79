import dgram from 'node:dgram';
import { once } from 'node:events';

/** A UDP socket of a test: sends, and keeps what it got. */
export interface UdpPeer {
  readonly address: string;
  readonly port: number;
  readonly got: { readonly data: Buffer; readonly port: number; readonly address: string }[];
  send(data: Buffer, port: number, address?: string): void;
  /** Resolves when at least `count` datagrams have come; rejects after `withinMs`. */
  received(count: number, withinMs?: number): Promise<void>;
  close(): Promise<void>;
}

/** Opens a peer on a free port of `address` (default IPv4 loopback), or on the port given. */
export async function udpPeer(address = '127.0.0.1', wantedPort = 0): Promise<UdpPeer> {
  const socket = dgram.createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1 << 20 });
  socket.bind(wantedPort, address);
  await once(socket, 'listening');
  const got: { data: Buffer; port: number; address: string }[] = [];
  let wake: () => void = () => {};
  socket.on('message', (data, source) => {
    got.push({ data, port: source.port, address: source.address });
    wake();
  });
  return {
    address,
    port: socket.address().port,
    got,
    send: (data, port, to = address) => socket.send(data, port, to),
    received: (count, withinMs = 5000) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${got.length} of ${count} datagrams came`)), withinMs);
        wake = () => {
          if (got.length < count) return;
          clearTimeout(timer);
          resolve();
        };
        wake();
      }),
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

/** An RTP packet (RFC 3550 §5.1) with `payload`, default 160 octets of silence. */
export function rtpPacket(fields: {
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc?: number;
  readonly payloadType?: number;
  readonly marker?: boolean;
  readonly payload?: Buffer;
}): Buffer {
  const payload = fields.payload ?? Buffer.alloc(160, 0xff);
  const header = Buffer.alloc(12);
  header[0] = 0x80;
  header[1] = (fields.payloadType ?? 0) | (fields.marker ? 0x80 : 0);
  header.writeUInt16BE(fields.sequence & 0xffff, 2);
  header.writeUInt32BE(fields.timestamp >>> 0, 4);
  header.writeUInt32BE(fields.ssrc ?? 0x1234, 8);
  return Buffer.concat([header, payload]);
}
