import { expect, it, onTestFinished, type TestContext } from 'vitest';
import { SeededRandom, silentLogger, systemScheduler } from '../../../src/core/index.js';
import type { MediaEvent, RemoteDescription, SessionOrder, Side } from '../../../src/rtp/index.js';
import { encodeReceiverReport, encodeSenderReport, middle32 } from '../../../src/rtp/packet/index.js';
import { RtpengineEngine } from '../../../src/rtp/rtpengine/index.js';
import { eventually, needs, pause } from '../../support/program.js';
import { startRtpengine } from '../../support/rtpengine.js';
import { rtpPacket, udpPeer } from '../../tools/udp-peer.js';

/** What a real daemon tells of a call, and what becomes of its calls when it dies. */

const FORMATS = [{ payloadType: 0, encoding: 'PCMU', clockRateHz: 8000 }];

async function openCall(context: TestContext, order: Partial<SessionOrder> = {}, daemonArguments: string[] = []) {
  needs(context, 'rtpengine');
  const daemon = await startRtpengine(50, daemonArguments);
  const engine = new RtpengineEngine({
    daemons: [{ host: '127.0.0.1', port: daemon.port }],
    scheduler: systemScheduler,
    random: new SeededRandom(8),
    logger: silentLogger,
  });
  await engine.start();
  onTestFinished(() => engine.stop().then(() => daemon.kill()));
  const events: MediaEvent[] = [];
  const session = await engine.open({ id: 'c', timeoutSeconds: 60, onEvent: (event) => events.push(event), ...order });
  return { daemon, engine, session, events };
}

const at = (port: number, more: Partial<RemoteDescription> = {}): RemoteDescription => ({
  address: '127.0.0.1',
  rtpPort: port,
  direction: 'sendrecv',
  formats: FORMATS,
  ...more,
});

it('tells loss, jitter and round trip that the far ends report', async (context) => {
  const { session } = await openCall(context);
  const sides = ['customer', 'remote'] as const;
  const rtp = { customer: await udpPeer(), remote: await udpPeer() };
  const rtcp = { customer: await udpPeer(), remote: await udpPeer() };
  const ssrc = { customer: 7, remote: 9 };
  for (const side of sides) session.describe(side, at(rtp[side].port, { rtcpPort: rtcp[side].port }));
  await pause(50);
  for (let sequence = 0; sequence < 5; sequence++) {
    for (const side of sides) {
      const packet = rtpPacket({ sequence, timestamp: sequence * 160, ssrc: ssrc[side] });
      rtp[side].send(packet, session[side].rtpPort);
    }
  }
  await rtp.remote.received(5);
  const report = (side: Side, round: number, of?: Side) => {
    const ntp = (from: Side) => ({ ntpSeconds: 0xe8d2a1b0 + round + 100 * ssrc[from], ntpFraction: 0x12345678 });
    const { ntpSeconds, ntpFraction } = ntp(of ?? side);
    if (!of) {
      const counts = { rtpTimestamp: 1, packets: 5, octets: 800, blocks: [] };
      return encodeSenderReport({ type: 'sr', ssrc: ssrc[side], ntpSeconds, ntpFraction, ...counts });
    }
    const block = { ssrc: ssrc[of], fractionLost: 64, cumulativeLost: 3, extendedHighest: 5, jitterTs: 80 };
    const heard = { lastSr: middle32(ntpSeconds, ntpFraction), delaySinceLastSr: Math.round(0.01 * 65536) };
    return encodeReceiverReport({ type: 'rr', ssrc: ssrc[side], blocks: [{ ...block, ...heard }] });
  };
  // In turns a second apart: each sends a report, and 40 ms later one on what the other's said.
  let figures = await session.read(false);
  for (let round = 0; round < 4 && (figures.customer.rttUs === null || figures.remote.rttUs === null); round++) {
    for (const side of sides) rtcp[side].send(report(side, round), session[side].rtcpPort);
    await pause(40);
    rtcp.customer.send(report('customer', round, 'remote'), session.customer.rtcpPort);
    rtcp.remote.send(report('remote', round, 'customer'), session.remote.rtcpPort);
    await pause(1100);
    figures = await session.read(false);
  }
  const { customer, remote } = figures;
  for (const { sent, received, rttUs } of [customer, remote]) {
    expect(sent).toMatchObject({ packets: 5, reportedLost: 3, reportedJitterUs: 10_000, reportedFractionLost: 0.25 });
    expect(received).toMatchObject({ packets: 5, lost: null, jitterUs: null });
    expect(rttUs).toBeGreaterThan(20_000);
    expect(rttUs).toBeLessThan(200_000);
  }
});

it('carries IPv6 on one side and IPv4 on the other', async (context) => {
  const { session } = await openCall(context, { addressFamily: { customer: 6, remote: 4 } }, ['--interface=::1']);
  expect([session.customer.address, session.remote.address]).toEqual(['::1', '127.0.0.1']);
  const [near, far] = [await udpPeer('::1'), await udpPeer()];
  const ports = [session.customer.rtpPort, session.remote.rtpPort];
  session.describe('customer', at(near.port, { address: '::1' }));
  session.describe('remote', at(far.port));
  await pause(50);
  near.send(rtpPacket({ sequence: 1, timestamp: 1 }), ports[0]!);
  far.send(rtpPacket({ sequence: 1, timestamp: 1 }), ports[1]!);
  await Promise.all([near.received(1), far.received(1)]);
});

it('a call whose daemon dies is told to be silent on both sides, once each', async (context) => {
  const { daemon, session, events, engine } = await openCall(context, { timeoutSeconds: 1 });
  const [near, far] = [await udpPeer(), await udpPeer()];
  session.describe('customer', at(near.port));
  session.describe('remote', at(far.port));
  await pause(50);
  near.send(rtpPacket({ sequence: 1, timestamp: 1 }), session.customer.rtpPort);
  await far.received(1);
  expect((await session.read(false)).customer.received.packets).toBe(1);
  await daemon.kill();
  await eventually('both timeouts', () => events.filter(({ kind }) => kind === 'timeout').length === 2);
  // What was known last remains, and the end does not hang.
  expect((await session.close()).customer.received.packets).toBe(1);
  expect(events.filter(({ kind }) => kind === 'timeout')).toHaveLength(2);
  expect(engine.health()).toMatchObject({ sessions: 0, portsFree: 0 });
});
