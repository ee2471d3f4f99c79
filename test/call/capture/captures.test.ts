import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pcapHeader, pcapRecord } from '../../../src/call/capture/pcap.js';
import { Captures } from '../../../src/call/index.js';
import type { MediaBridge } from '../../../src/call/media-bridge.js';
import { GatewayError, silentLogger, VirtualTime } from '../../../src/core/index.js';
import type { ForkedPacket, ForkFigures, ForkOrder, MediaFork } from '../../../src/rtp/index.js';
import { scratchDirectory } from '../../support/scratch.js';

const CALL = '5f0e6a9c-1d2b-4c3d-8e4f-0123456789ab';
const OTHER = '5f0e6a9c-1d2b-4c3d-9e4f-0123456789ab';
const FIGURES: ForkFigures = { copied: 0, dropped: 0, oversized: 0, abandoned: 0 };

/** Media whose packets the test gives. */
class FakeBridge {
  readonly orders: ForkOrder[] = [];
  readonly #ends: ((end: { figures: ForkFigures; failure?: unknown }) => void)[] = [];
  suites = { customer: 'none', remote: 'none' };
  figures = FIGURES;
  closed = 0;

  fork(order: ForkOrder): MediaFork {
    this.orders.push(order);
    const ended = new Promise<{ figures: ForkFigures; failure?: unknown }>((resolve) => this.#ends.push(resolve));
    return {
      read: () => this.figures,
      close: async () => {
        this.closed++;
        return this.figures;
      },
      ended,
    };
  }

  localPorts = () => ({ address: '192.0.2.1', rtpPort: 10_000, rtcpPort: 10_001 });
  encryption = (side: 'customer' | 'remote') => this.suites[side];
  end(failure?: unknown): void {
    for (const end of this.#ends) end({ figures: this.figures, ...(failure !== undefined && { failure }) });
  }
}

const packet = (atMs: number, more: Partial<ForkedPacket> = {}): ForkedPacket => ({
  data: Buffer.from('abcd'),
  atMs,
  kind: 'rtp',
  peer: { address: '198.51.100.7', port: 40_000 },
  localPort: 10_000,
  ...more,
});

function scene(bridge = new FakeBridge(), maxFileBytes?: number) {
  const directory = join(scratchDirectory(), 'captures');
  const time = new VirtualTime();
  const mediaOf = (id: string) => (id === CALL || id === OTHER ? (bridge as unknown as MediaBridge) : undefined);
  const captures = new Captures({ directory, mediaOf, scheduler: time, logger: silentLogger, maxFileBytes });
  return { directory, time, bridge, captures };
}

/** Waits until a capture has opened so many forks. */
const opened = async (bridge: FakeBridge, forks: number): Promise<void> => {
  for (let waitedMs = 0; bridge.orders.length < forks; waitedMs++) {
    if (waitedMs > 5000) throw new Error(`${bridge.orders.length} forks, not ${forks}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
};

/** Records of a file: seconds since the epoch, and the packet. */
function records(bytes: Buffer): { readonly atUs: number; readonly packet: Buffer }[] {
  expect(bytes.subarray(0, 24)).toEqual(pcapHeader());
  const found = [];
  for (let at = 24; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at + 8);
    const atUs = bytes.readUInt32LE(at) * 1e6 + bytes.readUInt32LE(at + 4);
    found.push({ atUs, packet: bytes.subarray(at + 16, at + 16 + length) });
    at += 16 + length;
  }
  return found;
}

describe('a capture', () => {
  it('writes both directions of both legs in order of time, into a file that its owner alone may read', async () => {
    const { directory, time, bridge, captures } = scene();
    const done = captures.capture(CALL, { seconds: 5, plain: false });
    await opened(bridge, 4);
    expect(bridge.orders.map(({ side, point }) => `${side} ${point}`)).toEqual([
      'customer received',
      'customer sent',
      'remote received',
      'remote sent',
    ]);
    time.advance(1000);
    await bridge.orders[3]!.onPackets([packet(920), packet(940)]);
    await bridge.orders[0]!.onPackets([packet(910), packet(930)]);
    time.advance(4000);
    const result = await done;
    expect(result).toMatchObject({ packets: 4, dropped: 0, ended: 'time' });
    expect(result.file).toBe(`${CALL}-20260101T000000Z.pcap`);
    const path = join(directory, result.file);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(path).size).toBe(result.bytes);
    const found = records(readFileSync(path));
    expect(found.map(({ atUs }) => atUs / 1000 - time.wallMs() + 5000)).toEqual([910, 920, 930, 940]);
    const ports = found.map((record) => [record.packet.readUInt16BE(20), record.packet.readUInt16BE(22)]);
    expect(ports).toEqual([
      [40_000, 10_000],
      [10_000, 40_000],
      [40_000, 10_000],
      [10_000, 40_000],
    ]);
    expect(bridge.closed).toBe(4);
  });

  it('takes legs with SRTP as they are on the wire, and decrypted only when asked', async () => {
    const sealed = new FakeBridge();
    sealed.suites.remote = 'AEAD_AES_128_GCM';
    const { bridge, captures } = scene(sealed);
    const wire = captures.capture(CALL, { seconds: 5, plain: false });
    await opened(bridge, 4);
    expect(new Set(bridge.orders.splice(0).map(({ point }) => point))).toEqual(new Set(['received', 'sent']));
    bridge.end();
    expect((await wire).ended).toBe('call-ended');
    const plain = captures.capture(OTHER, { seconds: 5, plain: true });
    await opened(bridge, 3);
    expect(bridge.orders.map(({ side, point }) => `${side} ${point}`)).toEqual([
      'customer received',
      'customer sent',
      'remote plain',
    ]);
    bridge.end();
    await plain;
  });

  it('ends with the file that is full, and counts what its queues had no room for', async () => {
    const { bridge, captures, time } = scene(new FakeBridge(), 100_000);
    bridge.figures = { copied: 9, dropped: 3, oversized: 2, abandoned: 1 };
    const done = captures.capture(CALL, { seconds: 300, plain: false });
    await opened(bridge, 4);
    const big = Array.from({ length: 30 }, (_, at) => packet(at, { data: Buffer.alloc(1400) }));
    time.advance(1000);
    for (let round = 0; round < 3; round++) await bridge.orders[0]!.onPackets(big);
    const result = await done;
    expect(result).toMatchObject({ ended: 'size', dropped: 4 * 6 });
    expect(result.bytes).toBeLessThanOrEqual(100_000);
    expect(result.bytes).toBeGreaterThan(100_000 - 2000);
  });

  it('takes no name that is not a TransactionId of ours, whatever runs under it', () => {
    const { captures } = scene();
    for (const id of [
      '../../etc/passwd',
      CALL.toUpperCase(),
      `${CALL}/x`,
      `${CALL}\n`,
      '',
      OTHER.replace('-4', '-1'),
    ]) {
      expect(() => captures.capture(id, { seconds: 1, plain: false })).toThrow(
        expect.objectContaining({ code: 'capture.no-call' }),
      );
    }
  });

  it('runs once for a call at a time, and no more once stopped; stopping writes what there is', async () => {
    const { captures, bridge } = scene();
    const done = captures.capture(CALL, { seconds: 300, plain: false });
    const busy = expect.objectContaining({ code: 'capture.busy' });
    expect(() => captures.capture(CALL, { seconds: 1, plain: false })).toThrow(busy);
    await opened(bridge, 4);
    await bridge.orders[0]!.onPackets([packet(1)]);
    await captures.stop();
    expect(await done).toMatchObject({ ended: 'stopped', packets: 1 });
    expect(() => captures.capture(CALL, { seconds: 1, plain: false })).toThrow(busy);
  });

  it('makes no more files when there are a hundred', async () => {
    const { captures, directory } = scene();
    mkdirSync(directory);
    for (let at = 0; at < 100; at++) writeFileSync(join(directory, `${at}.pcap`), '');
    await expect(captures.capture(CALL, { seconds: 1, plain: false })).rejects.toMatchObject({ code: 'capture.full' });
    expect(readdirSync(directory)).toHaveLength(100);
  });

  it('leaves no file where the packets cannot be had or the disk fails, and tells which', async () => {
    const { captures, bridge, directory } = scene();
    const { fork } = bridge;
    bridge.fork = () => {
      throw new GatewayError('media.fork-unsupported', 'no', { origin: 'local' });
    };
    const order = { seconds: 1, plain: false };
    await expect(captures.capture(CALL, order)).rejects.toMatchObject({ code: 'media.fork-unsupported' });
    expect(readdirSync(directory)).toEqual([]);
    bridge.fork = fork;
    const file = join(directory, 'file');
    writeFileSync(file, '');
    const blocked = new Captures({
      directory: join(file, 'captures'),
      mediaOf: () => bridge as unknown as MediaBridge,
      scheduler: new VirtualTime(),
      logger: silentLogger,
    });
    await expect(blocked.capture(CALL, order)).rejects.toMatchObject({ code: 'capture.failed' });
  });
});

describe('a record', () => {
  it('over IPv6 carries a UDP checksum that adds up', () => {
    const record = pcapRecord({
      atMs: 1_700_000_000_123.456,
      from: { address: '2001:db8::1', port: 5004 },
      to: { address: '2001:db8::2', port: 5006 },
      data: Buffer.from([1, 2, 3]),
    });
    expect(record.readUInt32LE(0) * 1e6 + record.readUInt32LE(4)).toBe(1_700_000_000_123_456);
    const ip = record.subarray(16);
    expect([ip[0]! >> 4, ip.readUInt16BE(4), ip[6]]).toEqual([6, 11, 17]);
    const udp = Buffer.concat([ip.subarray(8, 40), Buffer.from([0, 17, 0, 11]), ip.subarray(40), Buffer.alloc(1)]);
    let sum = 0;
    for (let at = 0; at + 1 < udp.length; at += 2) sum += udp.readUInt16BE(at);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    expect(sum).toBe(0xffff);
  });
});
