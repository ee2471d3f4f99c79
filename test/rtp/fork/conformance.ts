import { readdirSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type {
  ForkedPacket,
  ForkOrder,
  MediaFork,
  MediaSession,
  RemoteDescription,
  Side,
} from '../../../src/rtp/index.js';
import { SrtpContext } from '../../../src/rtp/index.js';
import { encodeReceiverReport } from '../../../src/rtp/packet/index.js';
import { rtpPacket, type UdpPeer, udpPeer } from '../../tools/udp-peer.js';
import type { EngineUnderTest } from '../conformance.js';

/** What a fork does in every engine that can fork: run over the port alone, with real sockets on loopback. */

const AUDIO: RemoteDescription['formats'] = [{ payloadType: 0, encoding: 'PCMU', clockRateHz: 8000 }];
const SUITE = 'AES_CM_128_HMAC_SHA1_80';
const keyFor = (seed: number) => ({ suite: SUITE, key: Buffer.alloc(30, seed) }) as const;
const KEYS = { receive: keyFor(1), send: keyFor(2) };

const settle = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const numbered = (sequence: number): Buffer =>
  rtpPacket({ sequence, timestamp: sequence * 160, payload: Buffer.alloc(160, sequence & 0xff) });
const texts = (packets: readonly { readonly data: Buffer }[]): string[] =>
  packets.map(({ data }) => data.toString('hex'));

async function until(met: () => boolean, withinMs = 3000): Promise<void> {
  for (let waitedMs = 0; !met(); waitedMs += 5) {
    if (waitedMs > withinMs) throw new Error(`not so within ${withinMs} ms: ${met}`);
    await settle(5);
  }
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
/** Queues are barely touched, so they show in the address space rather than in resident memory. */
const addressSpaceBytes = (): number => Number(readFileSync('/proc/self/statm', 'utf8').split(' ')[0]) * 4096;

interface Call {
  readonly session: MediaSession;
  readonly peers: Readonly<Record<Side, UdpPeer>>;
  describe(side: Side, more?: Partial<RemoteDescription>): void;
  /** Sends numbered packets from a side's peer, paced so that no socket buffer overflows, and waits until they passed. */
  speak(side: Side, first: number, packets: number): Promise<void>;
}

/** A fork that keeps what it gets. */
function listen(session: MediaSession, order: Omit<ForkOrder, 'onPackets'>): { fork: MediaFork; got: ForkedPacket[] } {
  const got: ForkedPacket[] = [];
  const fork = session.fork({
    ...order,
    onPackets: (packets) => {
      got.push(...packets);
    },
  });
  return { fork, got };
}

export function forkConformance(name: string, start: () => Promise<EngineUnderTest>): void {
  describe(`forks of media engine ${name}`, () => {
    let under: EngineUnderTest;
    const open: { close(): Promise<unknown> }[] = [];

    beforeAll(async () => {
      under = await start();
    });
    afterAll(() => under.end());
    afterEach(async () => {
      await Promise.all(open.splice(0).map((one) => one.close()));
    });

    async function call(more: Partial<Record<Side, Partial<RemoteDescription>>> = {}): Promise<Call> {
      const session = await under.engine.open({ id: 'c', timeoutSeconds: 60, onEvent: () => {} });
      const peers = { customer: await udpPeer(), remote: await udpPeer() };
      open.push(session, peers.customer, peers.remote);
      const learn = (side: Side, facts: Partial<RemoteDescription> = {}): void =>
        session.describe(side, {
          address: '127.0.0.1',
          rtpPort: peers[side].port,
          direction: 'sendrecv',
          formats: AUDIO,
          ...facts,
        });
      learn('customer', more.customer);
      learn('remote', more.remote);
      await settle(20);
      return {
        session,
        peers,
        describe: learn,
        speak: async (side, first, packets) => {
          const { got } = peers[side === 'customer' ? 'remote' : 'customer'];
          const before = got.length;
          for (let at = 0; at < packets; at++) {
            peers[side].send(numbered(first + at), session[side].rtpPort);
            if (at % 40 === 39) await until(() => got.length === before + at + 1);
          }
          await until(() => got.length === before + packets);
        },
      };
    }

    test('copies what is received and what is sent, byte for byte, in order, with times and addresses', async () => {
      const { session, peers, speak } = await call();
      const received = listen(session, { side: 'customer', point: 'received' });
      const plain = listen(session, { side: 'customer', point: 'plain' });
      const sent = listen(session, { side: 'remote', point: 'sent' });
      const back = listen(session, { side: 'remote', point: 'received' });
      await speak('customer', 1, 300);
      await until(() => sent.got.length === 300 && received.got.length === 300 && plain.got.length === 300);
      const wanted = Array.from({ length: 300 }, (_, at) => numbered(at + 1).toString('hex'));
      for (const { got } of [received, plain, sent]) expect(texts(got)).toEqual(wanted);
      expect(back.got).toEqual([]);
      for (const { got } of [received, plain]) {
        expect(got.every(({ kind }) => kind === 'rtp')).toBe(true);
        expect(got[0]).toMatchObject({
          peer: { address: '127.0.0.1', port: peers.customer.port },
          localPort: session.customer.rtpPort,
        });
      }
      expect(sent.got[0]).toMatchObject({
        peer: { address: '127.0.0.1', port: peers.remote.port },
        localPort: session.remote.rtpPort,
      });
      expect(received.fork.read()).toEqual({ copied: 300, dropped: 0, oversized: 0, abandoned: 0 });
    });

    test('tells when each packet came, on the clock of the figures', async () => {
      const { session, peers } = await call();
      const { got } = listen(session, { side: 'customer', point: 'received' });
      for (let at = 0; at < 5; at++) {
        peers.customer.send(numbered(at), session.customer.rtpPort);
        await settle(40);
      }
      await until(() => got.length === 5);
      const gaps = got.slice(1).map(({ atMs }, at) => atMs - got[at]!.atMs);
      for (const gap of gaps) expect(gap).toBeGreaterThan(30);
      const { customer } = await session.read(false);
      expect(got[4]!.atMs).toBe(customer.received.lastPacketMs);
    });

    test('copies a sealed leg as it came, opened, and as it left', async () => {
      const { session, peers, speak } = await call({ remote: { srtp: KEYS } });
      const wire = listen(session, { side: 'remote', point: 'received' });
      const plain = listen(session, { side: 'remote', point: 'plain' });
      const sent = listen(session, { side: 'remote', point: 'sent' });
      const clear = listen(session, { side: 'customer', point: 'sent' });
      const sealer = new SrtpContext(KEYS.receive);
      const sealed = Array.from({ length: 20 }, (_, at) => {
        const packet = Buffer.concat([numbered(at), Buffer.alloc(16)]);
        return packet.subarray(0, sealer.seal(packet, 172));
      });
      for (const packet of sealed) peers.remote.send(packet, session.remote.rtpPort);
      await peers.customer.received(20);
      await speak('customer', 100, 20);
      await until(() => [wire, plain, sent, clear].every(({ got }) => got.length === 20));
      expect(texts(wire.got)).toEqual(texts(sealed.map((data) => ({ data }))));
      const inClear = Array.from({ length: 20 }, (_, at) => numbered(at).toString('hex'));
      expect(texts(plain.got)).toEqual(inClear);
      expect(texts(clear.got)).toEqual(inClear);
      expect(texts(sent.got)).toEqual(texts(peers.remote.got));
    });

    test('copies neither strangers’ nor unauthentic packets', async () => {
      const { session, peers } = await call({ remote: { srtp: KEYS } });
      const wire = listen(session, { side: 'remote', point: 'received' });
      const { got } = listen(session, { side: 'customer', point: 'received' });
      peers.remote.send(numbered(1), session.remote.rtpPort);
      peers.customer.send(numbered(1), session.customer.rtpPort);
      await until(() => got.length === 1);
      const stranger = await udpPeer('127.0.0.9');
      open.push(stranger);
      stranger.send(numbered(2), session.customer.rtpPort, '127.0.0.1');
      peers.customer.send(Buffer.from('no packet at all'), session.customer.rtpPort);
      peers.customer.send(numbered(3), session.customer.rtpPort);
      await until(() => got.length === 2);
      await settle(50);
      expect(texts(got)).toEqual([numbered(1).toString('hex'), numbered(3).toString('hex')]);
      expect(wire.got).toEqual([]);
      expect(wire.fork.read()).toEqual({ copied: 0, dropped: 0, oversized: 0, abandoned: 0 });
    });

    test('tells RTCP from RTP, beside it and on the same port, and T.38 from both', async () => {
      const { session, peers, describe: learn } = await call();
      const { got } = listen(session, { side: 'customer', point: 'received' });
      const report = encodeReceiverReport({ type: 'rr', ssrc: 5, blocks: [] });
      peers.customer.send(numbered(1), session.customer.rtpPort);
      await until(() => got.length === 1);
      peers.customer.send(report, session.customer.rtcpPort);
      await until(() => got.length === 2);
      peers.customer.send(report, session.customer.rtpPort);
      await until(() => got.length === 3);
      for (const side of ['customer', 'remote'] as const) learn(side, { kind: 'udptl' });
      await settle(20);
      const fax = Buffer.from([0, 1, 2, 3]);
      peers.customer.send(fax, session.customer.rtpPort);
      await until(() => got.length === 4);
      expect(got.map(({ kind, localPort }) => [kind, localPort - session.customer.rtpPort])).toEqual([
        ['rtp', 0],
        ['rtcp', 1],
        ['rtcp', 0],
        ['udptl', 0],
      ]);
      expect(texts(got)).toEqual([numbered(1), report, report, fax].map((data) => data.toString('hex')));
    });

    test('a consumer that stalls costs drops, counted to the packet; the call loses nothing', async () => {
      const { session, speak } = await call();
      const got: ForkedPacket[] = [];
      let release: () => void = () => {};
      const fork = session.fork({
        side: 'customer',
        point: 'received',
        maxQueued: 50,
        onPackets: (packets) => {
          got.push(...packets);
          return new Promise((resolve) => {
            release = resolve;
          });
        },
      });
      await speak('customer', 0, 1);
      await until(() => got.length === 1);
      await speak('customer', 1, 200);
      expect(fork.read()).toEqual({ copied: 51, dropped: 150, oversized: 0, abandoned: 0 });
      release();
      await until(() => got.length === 51);
      release();
      await settle(30);
      await speak('customer', 201, 10);
      await until(() => {
        release();
        return got.length === 61;
      });
      const numbers = [
        0,
        ...Array.from({ length: 50 }, (_, at) => at + 1),
        ...Array.from({ length: 10 }, (_, at) => at + 201),
      ];
      expect(texts(got)).toEqual(numbers.map((sequence) => numbered(sequence).toString('hex')));
      const { customer, remote } = await session.read(false);
      expect(customer.received).toMatchObject({ packets: 211, lost: 0 });
      expect(remote.sent.packets).toBe(211);
      release();
      expect(await fork.close()).toEqual({ copied: 61, dropped: 150, oversized: 0, abandoned: 0 });
    });

    test('what is too long for a slot is counted, not cut', async () => {
      const { session, peers, describe: learn } = await call();
      for (const side of ['customer', 'remote'] as const) learn(side, { kind: 'udptl' });
      await settle(20);
      const { fork, got } = listen(session, { side: 'customer', point: 'received' });
      peers.customer.send(Buffer.alloc(2048, 1), session.customer.rtpPort);
      peers.customer.send(Buffer.alloc(2049, 1), session.customer.rtpPort);
      peers.customer.send(Buffer.alloc(100, 1), session.customer.rtpPort);
      await until(() => got.length === 2);
      expect(got.map(({ data }) => data.length)).toEqual([2048, 100]);
      const { customer } = await session.read(false);
      const { copied, dropped, oversized } = fork.read();
      expect([copied, dropped, copied + oversized]).toEqual([2, 0, customer.received.packets]);
    });

    test('closes while packets flow: every one that was counted was handed over, and the call goes on', async () => {
      const { session, peers, speak } = await call();
      for (let round = 0; round < 20; round++) {
        const { fork, got } = listen(session, { side: 'customer', point: 'received' });
        for (let at = 0; at < 60; at++) peers.customer.send(numbered(round * 60 + at), session.customer.rtpPort);
        await settle(round % 7);
        const figures = await fork.close();
        expect(got).toHaveLength(figures.copied);
        expect(figures).toMatchObject({ dropped: 0, abandoned: 0 });
        await peers.remote.received((round + 1) * 60);
        expect(got).toHaveLength(figures.copied);
        expect(await fork.close()).toEqual(figures);
        expect(fork.read()).toEqual(figures);
      }
      await speak('customer', 1200, 10);
      expect((await session.read(false)).customer.received).toMatchObject({ packets: 1210, lost: 0 });
    });

    test('closes with its session, handing over what was queued', async () => {
      const { session, speak } = await call();
      const one = listen(session, { side: 'customer', point: 'received' });
      const other = listen(session, { side: 'remote', point: 'sent' });
      await speak('customer', 0, 40);
      await session.close();
      for (const { fork, got } of [one, other]) {
        const { figures, failure } = await fork.ended;
        expect(failure).toBeUndefined();
        expect(figures).toEqual({ copied: 40, dropped: 0, oversized: 0, abandoned: 0 });
        expect(got).toHaveLength(40);
      }
      expect(() => session.fork({ side: 'customer', point: 'sent', onPackets: () => {} })).toThrow(
        expect.objectContaining({ code: 'media.fork-closed' }),
      );
    });

    test('a consumer that never comes back holds neither the session’s end nor the fork’s', async () => {
      const { session, speak } = await call();
      const fork = session.fork({ side: 'customer', point: 'received', onPackets: () => new Promise(() => {}) });
      await speak('customer', 0, 1);
      await settle(60);
      await speak('customer', 1, 10);
      const before = performance.now();
      await session.close();
      expect(performance.now() - before).toBeLessThan(900);
      expect((await fork.ended).figures).toEqual({ copied: 11, dropped: 0, oversized: 0, abandoned: 10 });
    });

    test('ends when its consumer throws or rejects, and tells why', async () => {
      const { session, speak } = await call();
      const broken = new Error('disk full');
      const thrower = session.fork({
        side: 'customer',
        point: 'received',
        onPackets: () => {
          throw broken;
        },
      });
      const rejecter = session.fork({ side: 'customer', point: 'plain', onPackets: () => Promise.reject(broken) });
      await speak('customer', 0, 10);
      expect((await thrower.ended).failure).toBe(broken);
      expect((await rejecter.ended).failure).toBe(broken);
      await speak('customer', 10, 10);
      expect((await session.read(false)).customer.received.packets).toBe(20);
    });

    test('has its limits', async () => {
      const { session } = await call();
      const order = { side: 'customer', point: 'received', onPackets: () => {} } as const;
      for (const maxQueued of [0, -1, 1.5, 8193])
        expect(() => session.fork({ ...order, maxQueued })).toThrow(RangeError);
      const forks = Array.from({ length: 8 }, () => session.fork({ ...order, maxQueued: 1 }));
      expect(() => session.fork(order)).toThrow(expect.objectContaining({ code: 'media.fork-limit' }));
      await forks[3]!.close();
      await session.fork(order).close();
    });

    test('leaves nothing behind: 200 forks, opened and closed while packets flow', async () => {
      const { session, peers } = await call();
      const round = async (): Promise<void> => {
        const { fork } = listen(session, { side: 'customer', point: 'received', maxQueued: 8192 });
        for (let at = 0; at < 5; at++) peers.customer.send(numbered(at), session.customer.rtpPort);
        await fork.close();
      };
      for (let warm = 0; warm < 5; warm++) await round();
      // Where a leg gets a socket connected to its source, it has it by now.
      await settle(500);
      const descriptors = readdirSync('/proc/self/fd').length;
      const before = addressSpaceBytes();
      for (let rounds = 0; rounds < 200; rounds++) await round();
      collect();
      expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(descriptors);
      // All queues together would be 3.5 GB.
      expect(addressSpaceBytes() - before).toBeLessThan(1e9);
    });
  });
}

/** A fork of an engine on ::1. */
export function tellsIpv6(name: string, start: () => Promise<EngineUnderTest>): void {
  test(`forks of media engine ${name} tell IPv6 peers`, async () => {
    const { engine, end } = await start();
    const session = await engine.open({ id: 'six', timeoutSeconds: 60, onEvent: () => {} });
    const peers = { customer: await udpPeer('::1'), remote: await udpPeer('::1') };
    for (const side of ['customer', 'remote'] as const) {
      const rtpPort = peers[side].port;
      session.describe(side, { address: '::1', rtpPort, direction: 'sendrecv', formats: AUDIO });
    }
    const { got } = listen(session, { side: 'customer', point: 'received' });
    const sent = listen(session, { side: 'remote', point: 'sent' });
    await settle(20);
    peers.customer.send(numbered(1), session.customer.rtpPort);
    await until(() => got.length === 1 && sent.got.length === 1);
    expect(got[0]!.peer).toEqual({ address: '::1', port: peers.customer.port });
    expect(sent.got[0]!.peer).toEqual({ address: '::1', port: peers.remote.port });
    expect(texts(got)).toEqual([numbered(1).toString('hex')]);
    await Promise.all([session.close(), peers.customer.close(), peers.remote.close()]);
    await end();
  });
}
