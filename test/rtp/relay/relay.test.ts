import { describe, expect, test } from 'vitest';
import { GatewayError } from '../../../src/core/index.js';
import {
  decodeRtcp,
  encodeReceiverReport,
  encodeSenderReport,
  encodeSourceDescription,
  type ReportBlock,
} from '../../../src/rtp/packet/index.js';
import { rtpPacket } from '../../tools/udp-peer.js';
import { CUSTOMER, peerAt, REMOTE, virtualCall, virtualEngine } from './fake-network.js';

/** A call in virtual time whose peers are both described and latched. */
async function talking(order = {}) {
  const world = await virtualEngine();
  const call = await virtualCall(world, order);
  call.session.describe('customer', peerAt(CUSTOMER, 4000));
  call.session.describe('remote', peerAt(REMOTE, 5000));
  let sequence = 0;
  const speak = (packets: number, sides: readonly ('customer' | 'remote')[] = ['customer', 'remote']): void => {
    for (let packet = 0; packet < packets; packet++, sequence++) {
      for (const side of sides) {
        const [to, from, ssrc] =
          side === 'customer' ? [call.customerRtp, `${CUSTOMER} 4000`, 0xc] : [call.remoteRtp, `${REMOTE} 5000`, 0xe];
        world.network.deliver(to, from, rtpPacket({ sequence, timestamp: sequence * 160, ssrc }));
      }
      world.time.advance(20);
    }
  };
  return { ...world, ...call, speak };
}

describe('our own reports', () => {
  test('go to both sides when neither sends RTCP, about every five seconds, and are valid compounds', async () => {
    const { speak, network, session } = await talking();
    speak(3000);
    for (const [to, sent, heard] of [
      [`${CUSTOMER} 4001`, 0xe, 0xc],
      [`${REMOTE} 5001`, 0xc, 0xe],
    ] as const) {
      const reports = network.take(to);
      expect(reports.length).toBeGreaterThanOrEqual(8);
      expect(reports.length).toBeLessThanOrEqual(25);
      const outcome = decodeRtcp(reports.at(-1)!.data);
      if (!outcome.ok) throw new Error(outcome.fault);
      const [report, description] = outcome.packets;
      expect(report).toMatchObject({
        type: 'sr',
        ssrc: sent,
        blocks: [{ ssrc: heard, cumulativeLost: 0, fractionLost: 0 }],
      });
      expect(description).toMatchObject({ type: 'sdes', chunks: [{ ssrc: sent, items: [{ type: 1 }] }] });
    }
    const figures = await session.read(false);
    expect(figures.customer.sent.rtcpPackets).toBeGreaterThan(7);
    expect(figures.customer.received.rtcpPackets).toBe(0);
  });

  test('tell the packets, octets and timestamp of the stream as forwarded, on our clock', async () => {
    const { speak, network, time } = await talking();
    speak(1000);
    const last = network.take(`${REMOTE} 5001`).at(-1)!;
    const outcome = decodeRtcp(last.data);
    if (!outcome.ok || outcome.packets[0]?.type !== 'sr') throw new Error('no sender report');
    const report = outcome.packets[0];
    const sentAtMs = (report.ntpSeconds - 2_208_988_800) * 1000 + (report.ntpFraction * 1000) / 2 ** 32;
    const elapsedMs = sentAtMs - (time.wallMs() - time.nowMs());
    expect(report.rtpTimestamp).toBeGreaterThanOrEqual(Math.floor(elapsedMs * 8) - 8);
    expect(report.rtpTimestamp).toBeLessThanOrEqual(Math.ceil(elapsedMs * 8) + 8);
    // A packet that falls on the instant of the report may be in it or not.
    expect([Math.floor(elapsedMs / 20), Math.floor(elapsedMs / 20) + 1]).toContain(report.packets);
    expect(report.octets).toBe(report.packets * 160);
  });

  test('give the round trip when the peer answers one', async () => {
    const { speak, network, time, session, remoteRtcp } = await talking();
    speak(400);
    const outcome = decodeRtcp(network.take(`${REMOTE} 5001`).at(-1)!.data);
    if (!outcome.ok || outcome.packets[0]?.type !== 'sr') throw new Error('no sender report');
    const { ntpSeconds, ntpFraction } = outcome.packets[0];
    const lastSr = (((ntpSeconds & 0xffff) << 16) | (ntpFraction >>> 16)) >>> 0;
    const sentAtMs =
      (ntpSeconds - 2_208_988_800) * 1000 + (ntpFraction * 1000) / 2 ** 32 - (time.wallMs() - time.nowMs());
    const block: ReportBlock = {
      ssrc: 0xc,
      fractionLost: 64,
      cumulativeLost: 9,
      extendedHighest: 399,
      jitterTs: 80,
      lastSr,
      delaySinceLastSr: 65536 / 4,
    };
    time.advance(800);
    network.deliver(remoteRtcp, `${REMOTE} 5001`, encodeReceiverReport({ type: 'rr', ssrc: 0xe, blocks: [block] }));
    const { remote } = await session.read(true);
    expect(remote.rttUs).toBeCloseTo((time.nowMs() - sentAtMs - 250) * 1000, -2);
    expect(remote.rttMeanUs).toBe(remote.rttUs);
    expect(remote.sent).toMatchObject({ reportedLost: 9, reportedFractionLost: 0.25, reportedJitterUs: 10_000 });
  });

  test('fall silent towards a side whose other side speaks RTCP, and start again when it stops', async () => {
    const { speak, network, customerRtcp } = await talking();
    const own = encodeSenderReport({
      type: 'sr',
      ssrc: 0xc,
      ntpSeconds: 77,
      ntpFraction: 0,
      rtpTimestamp: 0,
      packets: 1,
      octets: 1,
      blocks: [],
    });
    for (let round = 0; round < 10; round++) {
      network.deliver(customerRtcp, `${CUSTOMER} 4001`, own);
      speak(200);
    }
    const toRemote = network.take(`${REMOTE} 5001`);
    expect(toRemote.map(({ data }) => data)).toEqual(Array.from({ length: 10 }, () => own));
    expect(network.take(`${CUSTOMER} 4001`).length).toBeGreaterThan(5);
    speak(600);
    expect(network.take(`${REMOTE} 5001`).length).toBeGreaterThan(0);
  });

  test('are receiver reports with an SSRC of our own where nothing is sent to the side', async () => {
    const { speak, network } = await talking();
    speak(1000, ['remote']);
    const outcome = decodeRtcp(network.take(`${REMOTE} 5001`).at(-1)!.data);
    if (!outcome.ok || outcome.packets[0]?.type !== 'rr') throw new Error('no receiver report');
    expect(outcome.packets[0].blocks[0]!.ssrc).toBe(0xe);
    expect([0xc, 0xe]).not.toContain(outcome.packets[0].ssrc);
  });

  test('do not go to a held side', async () => {
    const { speak, network, session } = await talking();
    session.describe('remote', peerAt('0.0.0.0', 5000));
    speak(1000, ['customer']);
    expect(network.sent.filter(({ to }) => !to.startsWith(CUSTOMER))).toEqual([]);
  });
});

describe('RTCP of a peer', () => {
  test('is sent behind a NAT to the port after its RTP, when its RTCP address is not known', async () => {
    const { session, network, customerRtp, remoteRtcp, speak } = await talking();
    speak(1);
    session.describe('customer', peerAt('10.9.9.9', 4000));
    network.deliver(customerRtp, '203.0.113.7 61000', rtpPacket({ sequence: 9, timestamp: 9, ssrc: 0xc }));
    network.take();
    network.deliver(remoteRtcp, `${REMOTE} 5001`, encodeReceiverReport({ type: 'rr', ssrc: 0xe, blocks: [] }));
    expect(network.take().map(({ to }) => to)).toEqual(['203.0.113.7 61001']);
  });

  test('is sent where it comes from, once it has', async () => {
    const { network, customerRtcp, remoteRtcp, speak } = await talking();
    speak(1);
    const report = encodeReceiverReport({ type: 'rr', ssrc: 0xc, blocks: [] });
    network.deliver(customerRtcp, `${CUSTOMER} 55555`, report);
    network.take();
    network.deliver(remoteRtcp, `${REMOTE} 5001`, report);
    expect(network.take().map(({ to }) => to)).toEqual([`${CUSTOMER} 55555`]);
  });

  test('tells its VoIP metrics apart from what is measured here', async () => {
    const { session, network, remoteRtcp, speak } = await talking();
    speak(3);
    const report = encodeReceiverReport({ type: 'rr', ssrc: 0xe, blocks: [] });
    const metrics = Buffer.alloc(44);
    metrics.set([0x80, 207, 0, 10]);
    metrics.writeUInt32BE(0xe, 4);
    metrics.set([7, 0, 0, 8], 8);
    metrics.writeUInt32BE(0xc, 12);
    metrics.set([64, 32], 16);
    metrics.set([88, 127, 43, 127], 32);
    network.deliver(remoteRtcp, `${REMOTE} 5001`, Buffer.concat([report, metrics]));
    const { remote, customer } = await session.read(false);
    expect(remote.sent.reportedVoip).toEqual({ lossRate: 0.25, discardRate: 0.125, rFactor: 88, mosCq: null });
    expect(customer.sent.reportedVoip).toBeUndefined();
  });

  test('about a stream that is not the one sent changes no figure', async () => {
    const { session, network, remoteRtcp, speak } = await talking();
    speak(3);
    const block = {
      ssrc: 0xdead,
      fractionLost: 9,
      cumulativeLost: 9,
      extendedHighest: 9,
      jitterTs: 9,
      lastSr: 9,
      delaySinceLastSr: 9,
    };
    network.deliver(remoteRtcp, `${REMOTE} 5001`, encodeReceiverReport({ type: 'rr', ssrc: 0xe, blocks: [block] }));
    const { remote } = await session.read(false);
    expect(remote).toMatchObject({ rttUs: null, sent: { reportedLost: null, reportedJitterUs: null } });
    expect(remote.received.rtcpPackets).toBe(1);
  });

  test('gives its canonical name to our reports in its place', async () => {
    const { network, customerRtcp, speak } = await talking();
    const name = encodeSourceDescription({
      type: 'sdes',
      chunks: [{ ssrc: 0xc, items: [{ type: 1, text: 'its-name' }] }],
    });
    network.deliver(
      customerRtcp,
      `${CUSTOMER} 4001`,
      Buffer.concat([encodeReceiverReport({ type: 'rr', ssrc: 0xc, blocks: [] }), name]),
    );
    speak(1000);
    const outcome = decodeRtcp(network.take(`${REMOTE} 5001`).at(-1)!.data);
    if (!outcome.ok) throw new Error(outcome.fault);
    expect(outcome.packets[1]).toMatchObject({ chunks: [{ items: [{ text: 'its-name' }] }] });
  });
});

describe('timeouts', () => {
  test('tell each silent side once, and again after it spoke', async () => {
    const { speak, time, events } = await talking({ timeoutSeconds: 30 });
    speak(10);
    time.advance(29_000);
    expect(events.filter(({ kind }) => kind === 'timeout')).toEqual([]);
    time.advance(2000);
    expect(events.filter(({ kind }) => kind === 'timeout')).toEqual([
      { kind: 'timeout', side: 'customer' },
      { kind: 'timeout', side: 'remote' },
    ]);
    time.advance(100_000);
    expect(events.filter(({ kind }) => kind === 'timeout')).toHaveLength(2);
    speak(1, ['customer']);
    time.advance(31_000);
    expect(events.filter(({ kind }) => kind === 'timeout')).toHaveLength(3);
  });

  test.each([
    ['held by address', peerAt('0.0.0.0', 5000)],
    ['inactive', peerAt(REMOTE, 5000, { direction: 'inactive' })],
    ['only sent to', peerAt(REMOTE, 5000, { direction: 'sendonly' })],
    ['refused stream', peerAt(REMOTE, 0)],
  ])('leave a side alone that is %s', async (_, description) => {
    const { session, time, events, speak } = await talking({ timeoutSeconds: 30 });
    session.describe('remote', description);
    for (let minute = 0; minute < 5; minute++) {
      speak(1, ['customer']);
      time.advance(20_000);
    }
    expect(events.filter(({ kind }) => kind === 'timeout')).toEqual([]);
  });

  test('do not run before both sides are described', async () => {
    const world = await virtualEngine();
    const { session, events } = await virtualCall(world, { timeoutSeconds: 30 });
    session.describe('customer', peerAt(CUSTOMER, 4000));
    world.time.advance(120_000);
    expect(events).toEqual([]);
    session.describe('remote', peerAt(REMOTE, 5000));
    world.time.advance(29_000);
    expect(events).toEqual([]);
    world.time.advance(2000);
    expect(events).toHaveLength(2);
  });

  test('count from the resumption after a hold', async () => {
    const { session, time, events } = await talking({ timeoutSeconds: 30 });
    for (const side of ['customer', 'remote'] as const) session.describe(side, peerAt('0.0.0.0', 1));
    time.advance(300_000);
    for (const side of ['customer', 'remote'] as const) session.describe(side, peerAt(REMOTE, 5000));
    time.advance(29_000);
    expect(events).toEqual([]);
  });
});

describe('ports', () => {
  test('run out as media.no-port, 503, and come back after quarantine', async () => {
    const world = await virtualEngine({ first: 30000, last: 30007, quarantineSeconds: 30 });
    const first = await world.engine.open({ id: 'a', timeoutSeconds: 60, onEvent: () => {} });
    await world.engine.open({ id: 'b', timeoutSeconds: 60, onEvent: () => {} });
    const refused = await world.engine
      .open({ id: 'c', timeoutSeconds: 60, onEvent: () => {} })
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(GatewayError);
    expect(refused).toMatchObject({ code: 'media.no-port', sipStatus: 503, origin: 'local' });
    expect(world.engine.health()).toMatchObject({ sessions: 2, portsInUse: 8, portsQuarantined: 0 });
    await first.close();
    expect(world.engine.health()).toMatchObject({ sessions: 1, portsInUse: 4, portsQuarantined: 4 });
    await expect(world.engine.open({ id: 'd', timeoutSeconds: 60, onEvent: () => {} })).rejects.toThrow(GatewayError);
    world.time.advance(30_000);
    const again = await world.engine.open({ id: 'e', timeoutSeconds: 60, onEvent: () => {} });
    expect(again.customer.rtpPort % 2).toBe(0);
  });

  test('held by another process are passed over', async () => {
    const world = await virtualEngine({ first: 30000, last: 30011 });
    world.network.taken.add(30002).add(30005);
    const session = await world.engine.open({ id: 'a', timeoutSeconds: 60, onEvent: () => {} });
    expect([session.customer.rtpPort, session.remote.rtpPort]).not.toContain(30002);
    expect([session.customer.rtpPort, session.remote.rtpPort]).not.toContain(30004);
    expect(world.network.bound).toBeGreaterThanOrEqual(4);
    await world.engine.stop();
    expect(world.network.bound).toBe(0);
  });

  test('of the other IP version are given to the leg that asks for it', async () => {
    const world = await virtualEngine();
    const { session, customerRtp, remoteRtp } = await virtualCall(world, { addressFamily: { customer: 6 } });
    expect(session.customer.address).toBe('2001:db8::1');
    expect(session.remote.address).toBe('10.0.0.1');
    session.describe('customer', peerAt('2001:db8::99', 4000));
    session.describe('remote', peerAt(REMOTE, 5000));
    world.network.deliver(remoteRtp, `${REMOTE} 5000`, rtpPacket({ sequence: 1, timestamp: 1 }));
    world.network.deliver(customerRtp, '2001:db8::99 4000', rtpPacket({ sequence: 1, timestamp: 1 }));
    expect(world.network.take().map(({ from, to }) => [from, to])).toEqual([
      [customerRtp, '2001:db8::99 4000'],
      [remoteRtp, `${REMOTE} 5000`],
    ]);
  });

  test('never send to an address of the other IP version', async () => {
    const { session, network, customerRtp } = await talking();
    session.describe('remote', peerAt('2001:db8::99', 5000));
    network.deliver(customerRtp, `${CUSTOMER} 4000`, rtpPacket({ sequence: 1, timestamp: 1 }));
    expect(network.sent).toEqual([]);
    expect((await session.read(false)).customer.received.dropped).toEqual({ 'no-target': 1 });
  });
});

describe('a packet that breaks an invariant', () => {
  test('costs itself only, and is counted', async () => {
    const { session, network, customerRtp, speak } = await talking();
    network.deliver(customerRtp, `${CUSTOMER} 4000`, {
      length: 40,
      0: 0x80,
      1: 0,
      get 2() {
        throw new Error('broken');
      },
    } as never);
    speak(5);
    const { customer } = await session.read(false);
    expect(customer.received.dropped).toEqual({ internal: 1 });
    expect(customer.received.packets).toBe(5);
  });
});
