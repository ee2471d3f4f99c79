import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SeededRandom, silentLogger, systemScheduler } from '../../../src/core/index.js';
import { loadNative, NativeEngine, type NativeEngineOptions } from '../../../src/rtp/native/index.js';
import { freePorts } from '../../support/ports.js';
import { eventually } from '../../support/program.js';
import { udpPeer } from '../../tools/udp-peer.js';
import { conformance } from '../conformance.js';

const binding = loadNative();

async function engineOn(pairs: number, more: Partial<NativeEngineOptions> = {}): Promise<NativeEngine> {
  const first = await freePorts(2 * pairs);
  return new NativeEngine({
    binding: binding!,
    listen: ['127.0.0.1'],
    ports: { first, last: first + 2 * pairs - 1 },
    quarantineSeconds: 0,
    scheduler: systemScheduler,
    random: new SeededRandom(12),
    logger: silentLogger,
    ...more,
  });
}

async function started(more: Partial<NativeEngineOptions>) {
  const engine = await engineOn(60, more);
  await engine.start();
  return { engine, end: () => engine.stop() };
}

if (binding) {
  conformance('native, sending by a raw socket where it may', { start: () => started({ raw: true }) });
  conformance('native, sending by each leg’s socket', { start: () => started({ raw: false }) });
}

const openSockets = (): number =>
  readdirSync('/proc/self/fd').filter((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith('socket:');
    } catch {
      // The descriptor that read the directory is gone again.
      return false;
    }
  }).length;

describe.skipIf(!binding)('native engine', () => {
  it.each([
    ['127.0.0.1', true],
    ['127.0.0.1', false],
    ['::1', true],
    ['::1', false],
  ])('carries every length of packet unharmed over %s, raw %s', async (address, raw) => {
    const engine = await engineOn(4, { listen: [address], raw });
    await engine.start();
    const session = await engine.open({ id: 'lengths', timeoutSeconds: 60, onEvent: () => {} });
    const [left, right] = [await udpPeer(address), await udpPeer(address)];
    const formats = [{ payloadType: 0, encoding: 'PCMU', clockRateHz: 8000 }];
    session.describe('customer', { address, rtpPort: left.port, direction: 'sendrecv', formats });
    session.describe('remote', { address, rtpPort: right.port, direction: 'sendrecv', formats });
    const lengths = Array.from({ length: 120 }, (_, at) => 12 + at + (at > 100 ? 60 * (at - 100) : 0));
    const sent = lengths.map((length, sequence) => {
      const packet = Buffer.alloc(length, (sequence * 37) & 255);
      packet[0] = 0x80;
      packet[1] = 0;
      packet.writeUInt16BE(sequence, 2);
      return packet;
    });
    for (let at = 0; at < sent.length; at += 10) {
      for (const packet of sent.slice(at, at + 10)) left.send(packet, session.customer.rtpPort, address);
      await right.received(Math.min(sent.length, at + 10));
    }
    expect(right.got.map(({ data }) => data.toString('hex'))).toEqual(sent.map((packet) => packet.toString('hex')));
    expect(new Set(right.got.map(({ port }) => port))).toEqual(new Set([session.remote.rtpPort]));
    const figures = await session.close();
    expect(figures.customer.received).toMatchObject({ packets: sent.length, lost: 0 });
    expect(figures.remote.sent.packets).toBe(sent.length);
    await Promise.all([left.close(), right.close()]);
    await engine.stop();
  });

  it('closes every socket and thread with its sessions and at the end', async () => {
    const before = openSockets();
    const engine = await engineOn(50, { workers: 2 });
    await engine.start();
    const idle = openSockets();
    for (let batch = 0; batch < 10; batch++) {
      const sessions = await Promise.all(
        Array.from({ length: 20 }, () => engine.open({ id: 'x', timeoutSeconds: 60, onEvent: () => {} })),
      );
      expect(openSockets()).toBe(idle + 80);
      expect(engine.health()).toMatchObject({ sessions: 20, portsInUse: 80 });
      await Promise.all(sessions.map((session) => session.close()));
    }
    expect(openSockets()).toBe(idle);
    const left = await engine.open({ id: 'left open', timeoutSeconds: 60, onEvent: () => {} });
    await engine.stop();
    expect(await left.close()).toHaveProperty('customer');
    expect(openSockets()).toBeLessThanOrEqual(before);
  });

  it('runs as many threads as it is told, each on its processor', async () => {
    const pinned = (): string[] =>
      readdirSync('/proc/self/task')
        .map((task) => /Cpus_allowed_list:\s+(\S+)/.exec(readFileSync(`/proc/self/task/${task}/status`, 'latin1'))![1]!)
        .filter((processors) => processors === '0');
    const before = pinned().length;
    const engine = await engineOn(4, { workers: 2, cpus: [0] });
    await engine.start();
    await eventually('two pinned threads', () => pinned().length === before + 2);
    await engine.stop();
    await eventually('none of them', () => pinned().length === before);
  });

  it('says that a port is taken, and opens the session on others', async () => {
    const engine = await engineOn(8);
    await engine.start();
    const first = await engine.open({ id: 'first', timeoutSeconds: 60, onEvent: () => {} });
    const taken = [first.customer.rtpPort, first.remote.rtpPort];
    const second = await engine.open({ id: 'second', timeoutSeconds: 60, onEvent: () => {} });
    expect(taken).not.toContain(second.customer.rtpPort);
    await engine.stop();
  });

  it('keeps the process’s figures readable while packets flow', async () => {
    const engine = await engineOn(4);
    await engine.start();
    const session = await engine.open({ id: 'busy', timeoutSeconds: 60, onEvent: () => {} });
    const figures = await session.read(true);
    expect(figures.customer.received).toMatchObject({ packets: 0, jitterUs: null, ssrc: null, lastPacketMs: null });
    await engine.stop();
  });
});

describe('loader', () => {
  it('gives nothing and says why where the compiled part is missing or unfit', () => {
    const reasons: string[] = [];
    const directory = mkdtempSync(join(tmpdir(), 'loader-'));
    const unfit = join(directory, 'relay.node');
    writeFileSync(unfit, 'built for another machine');
    expect(loadNative((reason) => reasons.push(reason), '/nonexistent/relay.node')).toBeUndefined();
    expect(loadNative((reason) => reasons.push(reason), unfit)).toBeUndefined();
    rmSync(directory, { recursive: true });
    expect(reasons).toHaveLength(2);
    expect(reasons[0]).toMatch(/not built/);
  });
});
