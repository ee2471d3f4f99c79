import { expect, it } from 'vitest';
import { decodeRtp, RtpView } from '../../../src/rtp/packet/index.js';
import { LegCipher } from '../../../src/rtp/relay/cipher.js';
import { LEG_WORDS } from '../../../src/rtp/relay/layout.js';
import { Outlet } from '../../../src/rtp/relay/outlet.js';
import type { BoundSocket } from '../../../src/rtp/relay/sockets.js';
import { SrtpContext } from '../../../src/rtp/srtp/index.js';

const KEYS = { suite: 'AES_CM_128_HMAC_SHA1_80', key: Buffer.alloc(30, 5) } as const;

/** A socket that holds what it is given, as one does whose system buffer is full; `waits` says of which it tells. */
class HoldingSocket implements BoundSocket {
  readonly held: Buffer[] = [];
  constructor(readonly waits: boolean) {}
  send(packet: Buffer): boolean {
    this.held.push(packet);
    return !this.waits;
  }
  close(): void {}
}

function rtp(sequence: number): Buffer {
  const packet = Buffer.alloc(172, 0xd5);
  packet.writeUInt16BE(0x8000, 0);
  packet.writeUInt16BE(sequence, 2);
  packet.writeUInt32BE(160 * sequence, 4);
  packet.writeUInt32BE(0x1234, 8);
  return packet;
}

function sealedBy(socket: BoundSocket, count: number): void {
  const cipher = new LegCipher();
  cipher.describe({ receive: KEYS, send: KEYS });
  const outlet = new Outlet(new Float64Array(LEG_WORDS), 0, socket, socket, 4, cipher);
  const described = { address: '192.0.2.1', rtpPort: 4000, direction: 'sendrecv', formats: [] } as const;
  outlet.aim(described, undefined, undefined);
  const view = new RtpView();
  for (let sequence = 1; sequence <= count; sequence++) {
    const packet = rtp(sequence);
    expect(decodeRtp(packet, view)).toBeUndefined();
    expect(outlet.sendRtp(packet, view)).toBe(true);
  }
}

it('packets that wait in a socket leave as they were sealed, however many come after them', () => {
  const socket = new HoldingSocket(true);
  sealedBy(socket, 40);
  const peer = new SrtpContext(KEYS);
  for (const [at, wire] of socket.held.entries()) {
    expect(peer.open(wire, wire.length)).toBe(172);
    expect(wire.subarray(0, 172)).toEqual(rtp(at + 1));
  }
});

it('memory of packets that have left is used again', () => {
  const socket = new HoldingSocket(false);
  sealedBy(socket, 40);
  expect(new Set(socket.held.map(({ buffer }) => buffer)).size).toBeLessThan(10);
});
