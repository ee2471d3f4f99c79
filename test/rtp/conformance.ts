import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type {
  LegFigures,
  MediaEngine,
  MediaEvent,
  MediaSession,
  RemoteDescription,
  SessionFigures,
  Side,
  SrtpKeys,
  SrtpSuite,
} from '../../src/rtp/index.js';
import { SrtpContext, SUITES } from '../../src/rtp/index.js';
import { decodeRtcp, encodeReceiverReport, encodeSenderReport, middle32 } from '../../src/rtp/packet/index.js';
import { rtpPacket, type UdpPeer, udpPeer } from '../tools/udp-peer.js';

/**
 * What every media engine must do, whatever carries its packets: run over the port alone, with real sockets on loopback.
 * An engine's test file calls `conformance('native', start)`; `lacks` names what an engine cannot do and why, so that the
 * gap stands in its test file and nowhere else.
 */
export interface EngineUnderTest {
  readonly engine: MediaEngine;
  /** Ends the engine; every socket is closed then. */
  readonly end: () => Promise<void>;
}

/** What an engine may be unable to do by its nature. */
export type Capability =
  | 'refused-events'
  /** One side's reports are read though the other sends none. */
  | 'rtcp-of-one-side'
  /** Loss, order, jitter and intervals are measured. */
  | 'measures'
  /** A better source shuts others out at once, and a description that repeats what was known opens nothing. */
  | 'locks-at-once'
  /** Configured blocks bound every source. */
  | 'allowed-sources'
  /** What is no RTP is told apart; dropped packets are counted by reason. */
  | 'drop-reasons'
  | 'srtp-replay'
  /** A peer that speaks from elsewhere than it described is found by its packets. */
  | 'learns'
  /** Sequence numbers that a plain sender restarts are rewritten into SRTP. */
  | 'renumbers'
  /** A side hears reports in the place of an other side that sends none. */
  | 'own-reports';

export interface ConformanceOptions {
  /** Starts the engine on 127.0.0.1 with at least 40 port pairs, without quarantine. */
  readonly start: () => Promise<EngineUnderTest>;
  /** What it cannot do, and why. */
  readonly lacks?: Readonly<Partial<Record<Capability, string>>>;
  /** What stands in every description of a peer. */
  readonly describes?: Partial<RemoteDescription>;
  /** Time both sides must speak until a strange source is refused for certain; default 0. */
  readonly locksMs?: number;
}

const AUDIO: RemoteDescription['formats'] = [
  { payloadType: 0, encoding: 'PCMU', clockRateHz: 8000 },
  { payloadType: 101, encoding: 'TELEPHONE-EVENT', clockRateHz: 8000 },
];

/** Time for what was sent on loopback to have passed through the engine, when nothing is expected to come out. */
const SETTLE_MS = 60;
const settle = (ms = SETTLE_MS): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Call {
  readonly session: MediaSession;
  readonly events: MediaEvent[];
  readonly peers: Readonly<Record<Side, UdpPeer>>;
  describe(side: Side, more?: Partial<RemoteDescription>): void;
  /** Sends `packets` from that side's peer, in sequence, from number `first`. */
  speak(side: Side, packets: number, first?: number): void;
  figures(close?: boolean): Promise<SessionFigures>;
  /** Reads until `done` says so of the figures; fails after two seconds. */
  until(done: (figures: SessionFigures) => boolean): Promise<SessionFigures>;
}

export function conformance(
  name: string,
  { start, lacks = {}, locksMs = 0, describes = {} }: ConformanceOptions,
): void {
  // What an engine cannot do by its nature is no test of it: left out, not skipped.
  const nothing = (_name: string, _run: () => void | Promise<void>, _timeoutMs?: number): void => {};
  const has = (capability: Capability): boolean => lacks[capability] === undefined;
  const testOf = (capability: Capability) => (has(capability) ? test : nothing);
  const describeOf = (capability: Capability) => (has(capability) ? describe : nothing);
  const drops = (reasons: Readonly<Record<string, number>>) => (has('drop-reasons') ? reasons : expect.anything());
  describe(`media engine ${name}`, () => {
    let under: EngineUnderTest;
    const open: { close(): Promise<unknown> }[] = [];

    beforeAll(async () => {
      under = await start();
    });
    afterAll(() => under.end());
    afterEach(async () => {
      await Promise.all(open.splice(0).map((one) => one.close()));
    });

    async function peer(address?: string, port?: number): Promise<UdpPeer> {
      const made = await udpPeer(address, port);
      open.push(made);
      return made;
    }

    /** A session with two peers; both are described unless `described` is false. */
    async function call(described = true, timeoutSeconds = 60): Promise<Call> {
      const events: MediaEvent[] = [];
      const session = await under.engine.open({ id: 'c', timeoutSeconds, onEvent: (event) => events.push(event) });
      open.push(session);
      const peers = { customer: await peer(), remote: await peer() };
      const made: Call = {
        session,
        events,
        peers,
        describe: (side, more = {}) =>
          session.describe(side, {
            address: '127.0.0.1',
            rtpPort: peers[side].port,
            direction: 'sendrecv',
            formats: AUDIO,
            ...describes,
            ...more,
          }),
        speak: (side, packets, first = 0) => {
          for (let sequence = first; sequence < first + packets; sequence++) {
            peers[side].send(
              rtpPacket({ sequence, timestamp: sequence * 160, ssrc: ssrcOf(side) }),
              session[side].rtpPort,
            );
          }
        },
        figures: (close = false) => session.read(close),
        until: async (done) => {
          for (let tries = 0; tries < 200; tries++) {
            const figures = await session.read(false);
            if (done(figures)) return figures;
            await settle(10);
          }
          throw new Error(`never so: ${JSON.stringify(await session.read(false))}`);
        },
      };
      if (described) {
        made.describe('customer');
        made.describe('remote');
        await settle(20);
      }
      return made;
    }

    /** Both sides speak, until whoever else comes is refused. */
    async function lock({ speak, peers }: Call, also = () => {}): Promise<void> {
      const untilMs = performance.now() + locksMs;
      let sequence = 0;
      do {
        for (const side of ['customer', 'remote'] as const) speak(side, 1, sequence);
        also();
        sequence++;
        await settle(locksMs > 0 ? 200 : 0);
      } while (performance.now() < untilMs);
      await peers.remote.received(sequence);
      await peers.customer.received(sequence);
      await settle();
    }

    describe('ports', () => {
      test('are an even and the next odd one on each leg, all different', async () => {
        const { session } = await call(false);
        for (const side of ['customer', 'remote'] as const) {
          expect(session[side].address).toBe('127.0.0.1');
          expect(session[side].rtpPort % 2).toBe(0);
          expect(session[side].rtcpPort).toBe(session[side].rtpPort + 1);
        }
        expect(session.customer.rtpPort).not.toBe(session.remote.rtpPort);
      });

      test('are bound when the session has opened', async () => {
        const { session } = await call(false);
        for (const port of [
          session.customer.rtpPort,
          session.customer.rtcpPort,
          session.remote.rtpPort,
          session.remote.rtcpPort,
        ]) {
          await expect(udpPeer('127.0.0.1', port)).rejects.toThrow('EADDRINUSE');
        }
      });

      test('show in the health of the engine, and leave it when sessions close', async () => {
        const before = under.engine.health();
        const { session } = await call(false);
        const during = under.engine.health();
        expect(during.sessions).toBe(before.sessions + 1);
        expect(during.portsInUse).toBe(before.portsInUse + 4);
        await session.close();
        expect(under.engine.health()).toMatchObject({ sessions: before.sessions, portsInUse: before.portsInUse });
      });
    });

    describe('relaying', () => {
      test('passes packets both ways, unchanged, from the ports that the session told', async () => {
        const { session, peers, speak } = await call();
        speak('customer', 20);
        speak('remote', 30);
        await peers.remote.received(20);
        await peers.customer.received(30);
        expect(peers.remote.got[7]!.data).toEqual(
          rtpPacket({ sequence: 7, timestamp: 7 * 160, ssrc: ssrcOf('customer') }),
        );
        expect(new Set(peers.remote.got.map(({ port }) => port))).toEqual(new Set([session.remote.rtpPort]));
        expect(new Set(peers.customer.got.map(({ port }) => port))).toEqual(new Set([session.customer.rtpPort]));
      });

      test('counts packets and RTP bytes on every path', async () => {
        const { speak, until } = await call();
        speak('customer', 20);
        speak('remote', 30);
        const { customer, remote } = await until(
          ({ customer, remote }) => customer.sent.packets >= 30 && remote.sent.packets >= 20,
        );
        expect(customer.received).toMatchObject({
          packets: 20,
          bytes: 20 * 172,
          ssrc: ssrcOf('customer'),
          ...(has('measures') ? { payloadType: 0 } : {}),
        });
        expect(remote.received).toMatchObject({ packets: 30, bytes: 30 * 172, ssrc: ssrcOf('remote') });
        expect(customer.sent).toMatchObject({ packets: 30, bytes: 30 * 172 });
        expect(remote.sent).toMatchObject({ packets: 20, bytes: 20 * 172 });
      });

      test('sends to the described address before that side has sent anything', async () => {
        const { peers, speak } = await call();
        speak('customer', 1);
        await peers.remote.received(1);
      });

      test('passes nothing from a side that is not described', async () => {
        const it = await call(false);
        it.describe('remote');
        await settle(20);
        it.speak('customer', 5);
        await settle();
        expect(it.peers.remote.got).toEqual([]);
        if (has('drop-reasons')) expect((await it.figures()).customer.received.packets).toBe(0);
      });

      testOf('measures')('tells loss, duplicates and reordering', async () => {
        const { speak, until } = await call();
        speak('customer', 10);
        speak('customer', 10, 15);
        speak('customer', 2, 12);
        speak('customer', 3, 20);
        const figures = await until(({ customer }) => customer.received.packets >= 25);
        expect(figures.customer.received).toMatchObject({
          reordered: 2,
          duplicates: 3,
          intervalExpected: 25,
          intervalLost: 3,
        });
        expect(figures.customer.received.lost).toBe(0);
      });

      testOf('measures')('starts interval figures anew when an interval is closed', async () => {
        const { speak, until, figures } = await call();
        speak('customer', 10);
        await until(({ customer }) => customer.received.packets >= 10);
        expect((await figures(true)).customer.received).toMatchObject({ intervalExpected: 10, payloadType: 0 });
        expect((await figures()).customer.received).toMatchObject({
          intervalExpected: 0,
          payloadType: null,
          packets: 10,
        });
      });

      test('stops at close, and gives the same final figures ever after', async () => {
        const { session, peers, speak, until } = await call();
        speak('customer', 5);
        await until(({ customer }) => customer.received.packets >= 5);
        const final = await session.close();
        expect(final.customer.received.packets).toBe(5);
        speak('customer', 5, 5);
        await settle();
        expect(peers.remote.got).toHaveLength(5);
        expect(await session.close()).toEqual(final);
        expect(await session.read(true)).toEqual(final);
      });
    });

    describe('latching', () => {
      testOf('learns')('finds a peer behind a NAT by its packets, and tells where', async () => {
        const { session, events, peers, speak, describe: learn } = await call(false);
        const nat = await peer();
        learn('customer', { address: '192.0.2.1', rtpPort: 9 });
        learn('remote');
        await settle(20);
        nat.send(rtpPacket({ sequence: 1, timestamp: 1 }), session.customer.rtpPort);
        await peers.remote.received(1);
        speak('remote', 3);
        await nat.received(3);
        expect((await session.read(false)).customer.latched).toEqual({ address: '127.0.0.1', port: nat.port });
        expect(events).toContainEqual({ kind: 'latched', side: 'customer', address: '127.0.0.1', port: nat.port });
      });

      testOf('learns')('prefers the described source over a stranger that was faster', async () => {
        const { session, peers, speak, figures } = await call();
        const stranger = await peer('127.0.0.2');
        stranger.send(rtpPacket({ sequence: 1, timestamp: 1, ssrc: 9 }), session.customer.rtpPort, '127.0.0.1');
        await peers.remote.received(1);
        speak('customer', 3);
        await peers.remote.received(4);
        speak('remote', 5);
        await peers.customer.received(5);
        expect(stranger.got).toEqual([]);
        expect((await figures()).customer.latched).toEqual({ address: '127.0.0.1', port: peers.customer.port });
      });

      testOf('locks-at-once')('shuts out a stranger that was faster, once the described source speaks', async () => {
        const { session, peers, speak, until } = await call();
        const stranger = await peer('127.0.0.2');
        stranger.send(rtpPacket({ sequence: 1, timestamp: 1, ssrc: 9 }), session.customer.rtpPort, '127.0.0.1');
        await peers.remote.received(1);
        speak('customer', 3);
        await peers.remote.received(4);
        stranger.send(rtpPacket({ sequence: 2, timestamp: 1, ssrc: 9 }), session.customer.rtpPort, '127.0.0.1');
        const figures = await until(({ customer }) => (customer.received.dropped.source ?? 0) >= 1);
        expect(figures.customer.latched).toEqual({ address: '127.0.0.1', port: peers.customer.port });
        expect(peers.remote.got).toHaveLength(4);
      });

      test('passes nothing from others once latched, and sends them nothing', { timeout: 15_000 }, async () => {
        const it = await call();
        const { session, events, peers, speak, until } = it;
        await lock(it);
        const [heard, seen] = [peers.remote.got.length, (await it.figures()).customer.received.packets];
        const stranger = await peer('127.0.0.3');
        for (let sequence = 0; sequence < 10; sequence++) {
          stranger.send(rtpPacket({ sequence, timestamp: 1, ssrc: 9 }), session.customer.rtpPort, '127.0.0.1');
        }
        const { customer } = await until(({ customer }) => dropped(customer) === 10);
        expect(customer.received.packets).toBe(seen);
        if (has('drop-reasons')) expect(customer.received.dropped).toEqual({ source: 10 });
        const before = peers.customer.got.length;
        speak('remote', 5, 1000);
        await peers.customer.received(before + 5);
        expect(stranger.got).toEqual([]);
        expect(peers.remote.got).toHaveLength(heard);
        if (has('refused-events')) {
          const refused = events.filter(({ kind }) => kind === 'source-refused');
          expect(refused).toEqual([
            { kind: 'source-refused', side: 'customer', address: '127.0.0.3', port: stranger.port },
          ]);
        }
      });

      testOf('refused-events')('tells at most 16 refused sources of a leg', async () => {
        const { session, events, peers, speak, until } = await call();
        speak('customer', 1);
        await peers.remote.received(1);
        for (let stranger = 0; stranger < 20; stranger++) {
          const made = await peer('127.0.0.4');
          made.send(rtpPacket({ sequence: 1, timestamp: 1 }), session.customer.rtpPort, '127.0.0.1');
        }
        await until(({ customer }) => customer.received.dropped.source === 20);
        await settle();
        expect(events.filter(({ kind }) => kind === 'source-refused')).toHaveLength(16);
      });

      testOf('allowed-sources')('takes nothing from outside the allowed sources', async () => {
        const { session, describe: learn, peers, until } = await call();
        learn('customer', { rtpPort: peers.customer.port + 2, allowedSources: ['127.0.0.1/32'] });
        await settle(20);
        const stranger = await peer('127.0.0.5');
        stranger.send(rtpPacket({ sequence: 1, timestamp: 1 }), session.customer.rtpPort, '127.0.0.1');
        await until(({ customer }) => customer.received.dropped.source === 1);
        expect(peers.remote.got).toEqual([]);
      });

      test('starts anew when the description names another port', async () => {
        const { session, describe: learn, peers, speak } = await call();
        speak('customer', 1);
        await peers.remote.received(1);
        const next = await peer();
        learn('customer', { rtpPort: next.port });
        await settle(20);
        next.send(rtpPacket({ sequence: 1, timestamp: 1, ssrc: 77 }), session.customer.rtpPort);
        await peers.remote.received(2);
        speak('remote', 1);
        await next.received(1);
        expect(peers.customer.got).toEqual([]);
      });

      testOf('locks-at-once')('keeps its source when a description repeats what was known', async () => {
        const { describe: learn, peers, speak, until, session } = await call();
        speak('customer', 1);
        await peers.remote.received(1);
        learn('customer', { direction: 'sendrecv', formats: [...AUDIO] });
        await settle(20);
        const stranger = await peer('127.0.0.6');
        stranger.send(rtpPacket({ sequence: 1, timestamp: 1 }), session.customer.rtpPort, '127.0.0.1');
        await until(({ customer }) => customer.received.dropped.source === 1);
        expect(peers.remote.got).toHaveLength(1);
      });
    });

    describe('directions', () => {
      test.each([
        ['sendrecv', true, true],
        ['sendonly', false, true],
        ['recvonly', true, false],
        ['inactive', false, false],
      ] as const)('%s of the customer: heard %s, spoken to %s', async (direction, heard, spokenTo) => {
        const { describe: learn, speak, peers, figures } = await call();
        learn('customer', { direction });
        await settle(20);
        speak('customer', 5);
        speak('remote', 5);
        await settle();
        expect(peers.remote.got).toHaveLength(heard ? 5 : 0);
        expect(peers.customer.got).toHaveLength(spokenTo ? 5 : 0);
        const { customer } = await figures();
        expect(customer.sent.packets).toBe(spokenTo ? 5 : 0);
        if (!has('drop-reasons')) return;
        expect(customer.received.packets).toBe(heard ? 5 : 0);
        expect(customer.received.dropped).toEqual(heard ? {} : { direction: 5 });
      });

      test.each([
        ['port 0', { rtpPort: 0 }],
        ['address 0.0.0.0', { address: '0.0.0.0' }],
      ])('%s: nothing is sent there, latched or not', async (_, held) => {
        const { describe: learn, speak, peers } = await call();
        speak('customer', 1);
        await peers.remote.received(1);
        learn('customer', held);
        await settle(20);
        speak('remote', 5);
        await settle();
        expect(peers.customer.got).toEqual([]);
      });
    });

    describeOf('drop-reasons')('what is not RTP', () => {
      test.each([
        ['stun', Buffer.from('000100002112a442000000000000000000000000', 'hex')],
        ['dtls', Buffer.from('16feff0000000000000000', 'hex')],
        ['malformed', Buffer.from('8f000006decafbadcafebabe060708090a0b0c0d', 'hex')],
        ['not-rtp', Buffer.from('SIP/2.0 200 OK')],
        ['rtcp-malformed', Buffer.from('80c90001', 'hex')],
      ])('is dropped and counted: %s', async (reason, datagram) => {
        const { session, peers, until } = await call();
        peers.customer.send(datagram, session.customer.rtpPort);
        const { customer } = await until((figures) => figures.customer.received.dropped[reason] === 1);
        expect(customer.received.packets).toBe(0);
        await settle(20);
        expect(peers.remote.got).toEqual([]);
        expect(peers.customer.got).toEqual([]);
      });

      test('does not latch', async () => {
        const { session, figures } = await call();
        const stranger = await peer('127.0.0.7');
        stranger.send(
          Buffer.from('000100002112a442000000000000000000000000', 'hex'),
          session.customer.rtpPort,
          '127.0.0.1',
        );
        await settle();
        expect((await figures()).customer.latched).toBeUndefined();
      });
    });

    describe('RTCP', () => {
      const block = {
        fractionLost: 51,
        cumulativeLost: 7,
        extendedHighest: 99,
        jitterTs: 40,
        lastSr: 0,
        delaySinceLastSr: 0,
      };
      const senderReport = {
        type: 'sr' as const,
        ssrc: ssrcOf('customer'),
        ntpSeconds: 0xe8d2a1b0,
        ntpFraction: 0x12345678,
        rtpTimestamp: 1,
        packets: 1,
        octets: 160,
        blocks: [],
      };

      test('passes on the RTCP ports and is counted apart', async () => {
        const { session, peers, describe: learn, until } = await call();
        const rtcp = { customer: await peer(), remote: await peer() };
        learn('customer', { rtcpPort: rtcp.customer.port });
        learn('remote', { rtcpPort: rtcp.remote.port });
        await settle(20);
        const report = encodeSenderReport(senderReport);
        rtcp.customer.send(report, session.customer.rtcpPort);
        await rtcp.remote.received(1);
        expect(rtcp.remote.got[0]).toMatchObject({ data: report, port: session.remote.rtcpPort });
        const { customer, remote } = await until((figures) => figures.remote.sent.rtcpPackets === 1);
        expect(customer.received).toMatchObject({ packets: 0, rtcpPackets: 1, rtcpBytes: report.length });
        expect(remote.sent).toMatchObject({ packets: 0, rtcpPackets: 1, rtcpBytes: report.length });
        expect(peers.remote.got).toEqual([]);
      });

      test('passes between a muxed side and one that is not', async () => {
        const { session, peers, describe: learn } = await call();
        const rtcp = await peer();
        learn('customer', { rtcpMux: true });
        learn('remote', { rtcpPort: rtcp.port });
        await settle(20);
        peers.customer.send(encodeSenderReport(senderReport), session.customer.rtpPort);
        await rtcp.received(1);
        rtcp.send(encodeReceiverReport({ type: 'rr', ssrc: 5, blocks: [] }), session.remote.rtcpPort);
        await peers.customer.received(1);
        expect(peers.customer.got[0]!.port).toBe(session.customer.rtpPort);
      });

      testOf('rtcp-of-one-side')('gives the round trip and what the far end reports', async () => {
        const { session, peers, speak, describe: learn, until } = await call();
        const rtcp = { customer: await peer(), remote: await peer() };
        learn('customer', { rtcpPort: rtcp.customer.port });
        learn('remote', { rtcpPort: rtcp.remote.port });
        await settle(20);
        speak('customer', 3);
        await peers.remote.received(3);
        rtcp.customer.send(encodeSenderReport(senderReport), session.customer.rtcpPort);
        await rtcp.remote.received(1);
        await settle(100);
        const lastSr = middle32(senderReport.ntpSeconds, senderReport.ntpFraction);
        const answer = { ...block, ssrc: ssrcOf('customer'), lastSr, delaySinceLastSr: Math.round(0.06 * 65536) };
        rtcp.remote.send(
          encodeReceiverReport({ type: 'rr', ssrc: ssrcOf('remote'), blocks: [answer] }),
          session.remote.rtcpPort,
        );
        const { remote, customer } = await until((figures) => figures.remote.rttUs !== null);
        expect(remote.rttUs).toBeGreaterThan(35_000);
        expect(remote.rttUs).toBeLessThan(200_000);
        expect(remote.sent).toMatchObject({
          reportedLost: 7,
          reportedFractionLost: 51 / 256,
          reportedJitterUs: 5000,
        });
        expect(remote.received.lost).toBe(0);
        expect(customer.rttUs).toBeNull();
        expect(customer.sent.reportedLost).toBeNull();
      });

      testOf('own-reports')(
        'is sent in the place of a side that sends none, sealed where its peer is, and of no other',
        async () => {
          const { session, peers, speak, describe: learn, until } = await call(false);
          const rtcp = { customer: await peer(), remote: await peer() };
          const keys = { receive: keyFor('AES_CM_128_HMAC_SHA1_80', 1), send: keyFor('AES_CM_128_HMAC_SHA1_80', 2) };
          learn('customer', { rtcpPort: rtcp.customer.port, srtp: keys });
          learn('remote', { rtcpPort: rtcp.remote.port });
          await settle(20);
          const [sealer, opener] = [new SrtpContext(keys.receive), new SrtpContext(keys.send)];
          const sealedRtcp = (report: Buffer): Buffer => {
            const room = Buffer.alloc(report.length + 20);
            report.copy(room);
            return room.subarray(0, sealer.sealRtcp(room, report.length));
          };
          // Both speak; the customer reports of itself, the remote does not.
          const own = encodeSenderReport(senderReport);
          let said = 0;
          while (rtcp.customer.got.length === 0 && said < 200) {
            const packet = rtpPacket({ sequence: said, timestamp: said * 160, ssrc: ssrcOf('customer') });
            peers.customer.send(sealed(sealer, packet), session.customer.rtpPort);
            speak('remote', 1, said);
            if (said++ % 20 === 0) rtcp.customer.send(sealedRtcp(own), session.customer.rtcpPort);
            await settle(50);
          }
          const { data, port } = rtcp.customer.got[0]!;
          expect(port).toBe(session.customer.rtcpPort);
          const length = opener.openRtcp(data, data.length);
          const outcome = decodeRtcp(data.subarray(0, Math.max(0, length)));
          if (!outcome.ok || outcome.packets[0]?.type !== 'sr') throw new Error('no sender report');
          const [report, description] = outcome.packets;
          expect(report).toMatchObject({
            ssrc: ssrcOf('remote'),
            octets: report.packets * 160,
            blocks: [{ ssrc: ssrcOf('customer'), cumulativeLost: 0, fractionLost: 0 }],
          });
          expect(report.packets).toBeGreaterThan(said - 10);
          expect(report.packets).toBeLessThanOrEqual(said);
          expect(description).toMatchObject({
            type: 'sdes',
            chunks: [{ ssrc: ssrcOf('remote'), items: [{ type: 1 }] }],
          });
          expect(rtcp.remote.got.map((one) => one.data.toString('hex'))).toEqual(
            Array.from({ length: Math.ceil(said / 20) }, () => own.toString('hex')),
          );
          // Who answers it tells its round trip.
          const lastSr = middle32(report.ntpSeconds, report.ntpFraction);
          const answer = { ...block, ssrc: ssrcOf('remote'), lastSr, delaySinceLastSr: 0 };
          const receiverReport = encodeReceiverReport({ type: 'rr', ssrc: 0xc0ffee, blocks: [answer] });
          rtcp.customer.send(sealedRtcp(receiverReport), session.customer.rtcpPort);
          const { customer } = await until((figures) => figures.customer.rttUs !== null);
          expect(customer.rttUs).toBeLessThan(2_000_000);
          expect(customer.sent).toMatchObject({ rtcpPackets: 1, reportedLost: 7, reportedJitterUs: 5000 });
        },
        20_000,
      );

      test('from a stranger is refused', { timeout: 15_000 }, async () => {
        const it = await call(false);
        const rtcp = { customer: await peer(), remote: await peer() };
        for (const side of ['customer', 'remote'] as const) it.describe(side, { rtcpPort: rtcp[side].port });
        await settle(20);
        await lock(it, () => {
          const report = encodeReceiverReport({ type: 'rr', ssrc: 5, blocks: [] });
          for (const side of ['customer', 'remote'] as const) rtcp[side].send(report, it.session[side].rtcpPort);
        });
        const before = (await it.figures()).customer.received;
        const stranger = await peer('127.0.0.8');
        stranger.send(encodeSenderReport(senderReport), it.session.customer.rtcpPort, '127.0.0.1');
        const { customer } = await it.until((figures) => dropped(figures.customer) === 1);
        expect(customer.received.rtcpPackets).toBe(before.rtcpPackets);
        if (has('drop-reasons')) expect(customer.received.dropped).toEqual({ source: 1 });
        expect(rtcp.remote.got.filter(({ data }) => data.readUInt32BE(4) === senderReport.ssrc)).toEqual([]);
      });
    });

    describe('events', () => {
      test('tell a timeout of a silent side, and none of a side on hold', async () => {
        const { events, describe: learn, speak } = await call(true, 1);
        learn('remote', { direction: 'inactive' });
        speak('customer', 1);
        await settle(2300);
        expect(events.filter(({ kind }) => kind === 'timeout')).toEqual([{ kind: 'timeout', side: 'customer' }]);
      });

      test('tell a digit once', async () => {
        const { events, session, peers } = await call();
        const digit = (sequence: number, payload: string): void =>
          peers.customer.send(
            rtpPacket({ sequence, timestamp: 8000, payloadType: 101, payload: Buffer.from(payload, 'hex') }),
            session.customer.rtpPort,
          );
        ['050a00a0', '050a0140', '058a0320', '058a0320', '058a0320'].forEach((payload, index) => {
          digit(index, payload);
        });
        await peers.remote.received(5);
        await settle(300);
        expect(events.filter(({ kind }) => kind === 'dtmf')).toEqual([
          { kind: 'dtmf', side: 'customer', event: 5, durationMs: 100 },
        ]);
      });
    });

    describe('UDPTL', () => {
      test('datagrams are relayed and counted without being read', async () => {
        const { session, peers, describe: learn, until } = await call();
        for (const side of ['customer', 'remote'] as const) learn(side, { kind: 'udptl', formats: [] });
        await settle(20);
        const ifp = Buffer.from('0000010600', 'hex');
        peers.customer.send(ifp, session.customer.rtpPort);
        await peers.remote.received(1);
        expect(peers.remote.got[0]!.data).toEqual(ifp);
        const { customer, remote } = await until((figures) => figures.remote.sent.packets === 1);
        expect(customer.received).toMatchObject({
          packets: 1,
          bytes: ifp.length,
          lost: has('measures') ? 0 : null,
          jitterUs: null,
          dropped: {},
        });
        expect(remote.sent).toMatchObject({ packets: 1, bytes: ifp.length });
      });
    });

    describe('SRTP', () => {
      test.each(Object.keys(SUITES) as SrtpSuite[])('%s on one side, plain RTP on the other', async (suite) => {
        const { session, peers, describe: learn, speak, until } = await call();
        const keys = { receive: keyFor(suite, 1), send: keyFor(suite, 2) };
        learn('remote', { srtp: keys });
        await settle(20);
        const sealer = new SrtpContext(keys.receive);
        const opener = new SrtpContext(keys.send);
        speak('customer', 3);
        await peers.remote.received(3);
        for (const [index, { data }] of peers.remote.got.entries()) {
          const length = opener.open(data, data.length);
          const plain = rtpPacket({ sequence: index, timestamp: index * 160, ssrc: ssrcOf('customer') });
          expect(data.subarray(0, Math.max(0, length))).toEqual(plain);
        }
        const plain = rtpPacket({ sequence: 9, timestamp: 9, ssrc: ssrcOf('remote') });
        peers.remote.send(sealed(sealer, plain), session.remote.rtpPort);
        await peers.customer.received(1);
        expect(peers.customer.got[0]!.data).toEqual(plain);
        const figures = await until(({ remote }) => remote.received.packets === 1);
        expect(figures.remote.received.bytes).toBe(plain.length);
      });

      test('drops what is plain or forged, and counts it', async () => {
        const { session, peers, describe: learn, until } = await call();
        const keys = { receive: keyFor('AES_CM_128_HMAC_SHA1_80', 1), send: keyFor('AES_CM_128_HMAC_SHA1_80', 2) };
        learn('remote', { srtp: keys });
        await settle(20);
        const genuine = sealed(new SrtpContext(keys.receive), rtpPacket({ sequence: 1, timestamp: 1 }));
        const forged = sealed(
          new SrtpContext(keyFor('AES_CM_128_HMAC_SHA1_80', 3)),
          rtpPacket({ sequence: 2, timestamp: 1 }),
        );
        for (const packet of [genuine, forged, rtpPacket({ sequence: 3, timestamp: 3 })]) {
          peers.remote.send(packet, session.remote.rtpPort);
        }
        const { remote } = await until((figures) => dropped(figures.remote) === 2);
        expect(remote.received).toMatchObject({ packets: 1, dropped: drops({ 'srtp-auth': 2 }) });
        expect(peers.customer.got).toHaveLength(1);
      });

      testOf('srtp-replay')('drops what is repeated, and counts it', async () => {
        const { session, peers, describe: learn, until } = await call();
        const keys = { receive: keyFor('AES_CM_128_HMAC_SHA1_80', 1), send: keyFor('AES_CM_128_HMAC_SHA1_80', 2) };
        learn('remote', { srtp: keys });
        await settle(20);
        const genuine = sealed(new SrtpContext(keys.receive), rtpPacket({ sequence: 1, timestamp: 1 }));
        for (const packet of [genuine, genuine]) peers.remote.send(packet, session.remote.rtpPort);
        const { remote } = await until((figures) => dropped(figures.remote) === 1);
        expect(remote.received).toMatchObject({ packets: 1, dropped: { 'srtp-replay': 1 } });
        expect(peers.customer.got).toHaveLength(1);
      });

      testOf('srtp-replay')('RTCP that is plain, forged or repeated is dropped, counted and not believed', async () => {
        const { session, peers, describe: learn, speak, until } = await call();
        const rtcp = { customer: await peer(), remote: await peer() };
        const suite = 'AES_CM_128_HMAC_SHA1_32';
        const keys = { receive: keyFor(suite, 1), send: keyFor(suite, 2) };
        learn('customer', { rtcpPort: rtcp.customer.port });
        learn('remote', { rtcpPort: rtcp.remote.port, srtp: keys });
        await settle(20);
        speak('customer', 3);
        await peers.remote.received(3);
        const report = (cumulativeLost: number): Buffer => {
          const lies = {
            fractionLost: 0,
            cumulativeLost,
            extendedHighest: 3,
            jitterTs: 0,
            lastSr: 0,
            delaySinceLastSr: 0,
          };
          return encodeReceiverReport({ type: 'rr', ssrc: 5, blocks: [{ ...lies, ssrc: ssrcOf('customer') }] });
        };
        const sealedBy = (context: SrtpContext, plain: Buffer): Buffer => {
          const room = Buffer.alloc(plain.length + 20);
          plain.copy(room);
          return room.subarray(0, context.sealRtcp(room, plain.length));
        };
        const genuine = sealedBy(new SrtpContext(keys.receive), report(7));
        const forged = sealedBy(new SrtpContext(keyFor(suite, 3)), report(66));
        for (const datagram of [report(99), forged, genuine, genuine]) {
          rtcp.remote.send(datagram, session.remote.rtcpPort);
        }
        const { remote } = await until((figures) => dropped(figures.remote) === 3);
        expect(remote.received).toMatchObject({ rtcpPackets: 1, dropped: { 'srtcp-auth': 2, 'srtcp-replay': 1 } });
        expect(remote.sent.reportedLost).toBe(7);
        expect(rtcp.customer.got.map(({ data }) => data)).toEqual([report(7)]);
      });

      test.each(Object.keys(SUITES) as SrtpSuite[])('%s on one side, another suite on the other', async (suite) => {
        const { session, peers, describe: learn, until } = await call();
        const opposite: SrtpSuite = suite === 'AEAD_AES_256_GCM' ? 'AES_CM_128_HMAC_SHA1_32' : 'AEAD_AES_256_GCM';
        const keys = {
          customer: { receive: keyFor(suite, 1), send: keyFor(suite, 2) },
          remote: { receive: keyFor(opposite, 3), send: keyFor(opposite, 4) },
        };
        for (const side of ['customer', 'remote'] as const) learn(side, { srtp: keys[side] });
        await settle(30);
        for (const [from, to] of [
          ['customer', 'remote'],
          ['remote', 'customer'],
        ] as const) {
          const plain = rtpPacket({ sequence: 9, timestamp: 9, ssrc: ssrcOf(from) });
          peers[from].send(sealed(new SrtpContext(keys[from].receive), plain), session[from].rtpPort);
          await peers[to].received(1);
          const { data } = peers[to].got[0]!;
          const length = new SrtpContext(keys[to].send).open(data, data.length);
          expect(data.subarray(0, Math.max(0, length))).toEqual(plain);
        }
        const { customer, remote } = await until((figures) => figures.remote.received.packets === 1);
        expect([dropped(customer), dropped(remote)]).toEqual([0, 0]);
      });

      test('one suite on both sides, and a key that one of them changes', async () => {
        const { session, peers, describe: learn } = await call();
        const pair = (seed: number) => ({
          receive: keyFor('AES_CM_128_HMAC_SHA1_80', seed),
          send: keyFor('AES_CM_128_HMAC_SHA1_80', seed + 1),
        });
        const contexts = (keys: ReturnType<typeof pair>) => ({
          seal: new SrtpContext(keys.receive),
          open: new SrtpContext(keys.send),
        });
        learn('customer', { srtp: pair(1) });
        learn('remote', { srtp: pair(3) });
        await settle(30);
        const ends = { customer: contexts(pair(1)), remote: contexts(pair(3)) };
        const exchange = async (sequence: number): Promise<void> => {
          for (const [from, to] of [
            ['customer', 'remote'],
            ['remote', 'customer'],
          ] as const) {
            // The customer's numbers wrap, the remote's do not.
            const plain = rtpPacket({
              sequence: from === 'remote' ? sequence - 60_000 : sequence,
              timestamp: 1,
              ssrc: ssrcOf(from),
            });
            peers[from].send(sealed(ends[from].seal, plain), session[from].rtpPort);
            await peers[to].received(peers[to].got.length + 1);
            const { data } = peers[to].got.at(-1)!;
            expect(data.subarray(0, Math.max(0, ends[to].open.open(data, data.length)))).toEqual(plain);
          }
        };
        for (const sequence of [65_534, 65_535, 65_536]) await exchange(sequence);
        learn('customer', { srtp: pair(5) });
        await settle(30);
        ends.customer = contexts(pair(5));
        // The customer begins anew; towards the remote the rollover counter goes on.
        for (const sequence of [65_537, 65_538]) await exchange(sequence);
      });

      testOf('learns')(
        'a forger can not latch, the key’s owner moves a locked latch',
        async () => {
          const { session, peers, describe: learn, until, events } = await call();
          const keys = { receive: keyFor('AEAD_AES_128_GCM', 1), send: keyFor('AEAD_AES_128_GCM', 2) };
          learn('remote', { srtp: keys });
          await settle(20);
          const stranger = await peer('127.0.0.9');
          const sealer = new SrtpContext(keys.receive);
          stranger.send(rtpPacket({ sequence: 1, timestamp: 1 }), session.remote.rtpPort, '127.0.0.1');
          const first = await until((figures) => dropped(figures.remote) === 1);
          expect(first.remote.latched).toBeUndefined();
          const lockedMs = performance.now() + Math.max(2050, locksMs);
          let sequence = 0;
          do {
            const packet = rtpPacket({ sequence: ++sequence, timestamp: 1 });
            peers.remote.send(sealed(sealer, packet), session.remote.rtpPort);
            await settle(100);
          } while (performance.now() < lockedMs);
          await until((figures) => figures.remote.latched !== undefined);
          const moved = rtpPacket({ sequence: ++sequence, timestamp: 1 });
          stranger.send(sealed(sealer, moved), session.remote.rtpPort, '127.0.0.1');
          await until((figures) => figures.remote.received.packets === sequence);
          await settle(20);
          expect(
            events.filter(({ kind }) => kind === 'latched').map((event) => 'address' in event && event.address),
          ).toEqual(['127.0.0.1', '127.0.0.9']);
        },
        15_000,
      );

      test('keeps its rollover state over a description with the same keys', async () => {
        const { session, peers, describe: learn, until } = await call();
        const keys = { receive: keyFor('AES_CM_128_HMAC_SHA1_80', 1), send: keyFor('AES_CM_128_HMAC_SHA1_80', 2) };
        learn('remote', { srtp: keys });
        await settle(20);
        const sealer = new SrtpContext(keys.receive);
        for (const sequence of [65534, 65535, 0, 1]) {
          peers.remote.send(sealed(sealer, rtpPacket({ sequence, timestamp: 1 })), session.remote.rtpPort);
        }
        await peers.customer.received(4);
        learn('remote', {
          srtp: { receive: keyFor('AES_CM_128_HMAC_SHA1_80', 1), send: keyFor('AES_CM_128_HMAC_SHA1_80', 2) },
        });
        await settle(20);
        peers.remote.send(sealed(sealer, rtpPacket({ sequence: 2, timestamp: 1 })), session.remote.rtpPort);
        const { remote } = await until((figures) => figures.remote.received.packets === 5);
        expect(remote.received).toMatchObject({ ...(has('measures') && { lost: 0 }), dropped: {} });
      });

      testOf('renumbers')('goes on when a plain sender restarts its sequence numbers', async () => {
        const { peers, describe: learn, speak } = await call();
        const keys = { receive: keyFor('AES_CM_128_HMAC_SHA1_80', 1), send: keyFor('AES_CM_128_HMAC_SHA1_80', 2) };
        learn('remote', { srtp: keys });
        await settle(20);
        speak('customer', 3, 30_000);
        speak('customer', 3, 10);
        await peers.remote.received(6);
        const opener = new SrtpContext(keys.send);
        expect(peers.remote.got.map(({ data }) => opener.open(data, data.length))).toEqual(
          Array.from({ length: 6 }, () => 172),
        );
      });

      test('covers RTCP', async () => {
        const { session, peers, describe: learn } = await call();
        const keys = { receive: keyFor('AES_CM_128_HMAC_SHA1_80', 1), send: keyFor('AES_CM_128_HMAC_SHA1_80', 2) };
        learn('customer', { rtcpMux: true });
        learn('remote', { rtcpMux: true, srtp: keys });
        await settle(20);
        const report = encodeReceiverReport({ type: 'rr', ssrc: 5, blocks: [] });
        peers.customer.send(report, session.customer.rtpPort);
        await peers.remote.received(1);
        const { data } = peers.remote.got[0]!;
        const length = new SrtpContext(keys.send).openRtcp(data, data.length);
        expect(data.subarray(0, Math.max(0, length))).toEqual(report);
        const copy = Buffer.alloc(report.length + 20);
        report.copy(copy);
        const sealedLength = new SrtpContext(keys.receive).sealRtcp(copy, report.length);
        peers.remote.send(copy.subarray(0, sealedLength), session.remote.rtpPort);
        await peers.customer.received(1);
        expect(peers.customer.got[0]!.data).toEqual(report);
      });
    });

    test('many sessions one after the other leave nothing behind', async () => {
      const before = under.engine.health();
      for (let round = 0; round < 200; round++) {
        const session = await under.engine.open({ id: `r${round}`, timeoutSeconds: 60, onEvent: () => {} });
        await session.close();
      }
      expect(under.engine.health()).toMatchObject({ sessions: before.sessions, portsInUse: before.portsInUse });
    });
  });
}

/** Datagrams of one side that were not passed on, for whatever reason. */
const dropped = ({ received }: LegFigures): number =>
  Object.values(received.dropped).reduce((total, count) => total + count, 0);

function ssrcOf(side: Side): number {
  return side === 'customer' ? 0xc0ffee : 0xbeef;
}

function keyFor(suite: SrtpSuite, seed: number): SrtpKeys {
  const { keyBytes, saltBytes } = SUITES[suite];
  return { suite, key: Buffer.alloc(keyBytes + saltBytes, seed) };
}

function sealed(context: SrtpContext, packet: Buffer): Buffer {
  const room = Buffer.alloc(packet.length + 20);
  packet.copy(room);
  return room.subarray(0, context.seal(room, packet.length));
}
