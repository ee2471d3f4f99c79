import { describe, expect, it, onTestFinished } from 'vitest';
import { SeededRandom, silentLogger, systemScheduler } from '../../../src/core/index.js';
import type { RemoteDescription, Side } from '../../../src/rtp/index.js';
import { encodeReceiverReport } from '../../../src/rtp/packet/index.js';
import { RtpengineEngine } from '../../../src/rtp/rtpengine/index.js';
import { sourceFlags } from '../../../src/rtp/rtpengine/sources.js';
import { eventually, needs, pause } from '../../support/program.js';
import { startRtpengine } from '../../support/rtpengine.js';
import { rtpPacket, type UdpPeer, udpPeer } from '../../tools/udp-peer.js';

const peerAt = (address: string, signallingAddress?: string): RemoteDescription => ({
  address,
  rtpPort: 4000,
  direction: 'sendrecv',
  formats: [{ payloadType: 0, encoding: 'PCMU', clockRateHz: 8000 }],
  ...(signallingAddress !== undefined && { signallingAddress }),
});

const learns = (...about: Parameters<typeof sourceFlags>): boolean =>
  sourceFlags(...about).includes('endpoint-learning-heuristic');

describe('a daemon', () => {
  it.each([
    ['a public address', peerAt('198.41.0.4', '9.9.9.9')],
    ['a public IPv6 address', peerAt('2a00:1450:4001::5')],
    ['the address that it signals from', peerAt('10.1.2.3', '10.1.2.3')],
  ])('hears the described source alone where the peer describes %s', (_, peer) => {
    expect(learns('described', peer, false)).toBe(false);
    expect(sourceFlags('described', peer, true)).not.toContain('media handover');
    expect(learns('learned', peer, false)).toBe(true);
  });

  it.each([
    ['a private address and signals from another', peerAt('10.1.2.3', '9.9.9.9')],
    ['an address of a carrier’s NAT', peerAt('100.64.1.1', '9.9.9.9')],
    ['a private IPv6 address', peerAt('fd00::1', '9.9.9.9')],
    ['a name', peerAt('phone.example', '9.9.9.9')],
    ['nothing', peerAt('0.0.0.0')],
  ])('learns where the peer describes %s', (_, peer) => {
    expect(learns('described', peer, false)).toBe(true);
    expect(sourceFlags('described', peer, true)).toContain('media handover');
  });
});

it('passes nothing of strangers, from the first packet on, RTCP neither, and sends them nothing', async (context) => {
  needs(context, 'rtpengine');
  const daemon = await startRtpengine(50);
  const engine = new RtpengineEngine({
    daemons: [{ host: '127.0.0.1', port: daemon.port }],
    scheduler: systemScheduler,
    random: new SeededRandom(8),
    logger: silentLogger,
  });
  await engine.start();
  onTestFinished(() => engine.stop().then(() => daemon.kill()));
  const session = await engine.open({ id: 'c', timeoutSeconds: 60, onEvent: () => {} });
  const sides = ['customer', 'remote'] as const;
  const pair = async (address?: string) => ({ rtp: await udpPeer(address), rtcp: await udpPeer(address) });
  const peers = { customer: await pair(), remote: await pair() };
  const strangers = { customer: await pair('127.0.0.77'), remote: await pair('127.0.0.77') };
  onTestFinished(async () => {
    for (const { rtp, rtcp } of [...Object.values(peers), ...Object.values(strangers)]) {
      await Promise.all([rtp.close(), rtcp.close()]);
    }
  });
  const say = (from: Record<'rtp' | 'rtcp', UdpPeer>, to: Side, ssrc: number, sequence: number): void => {
    from.rtp.send(rtpPacket({ sequence, timestamp: sequence * 160, ssrc }), session[to].rtpPort, '127.0.0.1');
    from.rtcp.send(encodeReceiverReport({ type: 'rr', ssrc, blocks: [] }), session[to].rtcpPort, '127.0.0.1');
  };
  for (const side of sides) {
    session.describe(side, {
      ...peerAt('127.0.0.1', '127.0.0.1'),
      rtpPort: peers[side].rtp.port,
      rtcpPort: peers[side].rtcp.port,
    });
  }
  await session.settled!();
  // The strangers speak first, and go on when the peers begin.
  for (let sequence = 0; sequence < 20; sequence++) {
    for (const side of sides) {
      say(strangers[side], side, 99, sequence);
      if (sequence >= 10) say(peers[side], side, 5, sequence);
    }
    await pause(5);
  }
  for (const side of sides) {
    const { rtp, rtcp } = peers[side];
    await eventually('what the other said', () => rtp.got.length >= 10 && rtcp.got.length >= 1);
    expect(new Set(rtp.got.map(({ data }) => data.readUInt32BE(8)))).toEqual(new Set([5]));
    expect(new Set(rtcp.got.map(({ data }) => data.readUInt32BE(4)))).not.toContain(99);
    expect([strangers[side].rtp.got, strangers[side].rtcp.got]).toEqual([[], []]);
  }
  const { customer, remote } = await session.read(false);
  for (const { received } of [customer, remote])
    expect(received).toMatchObject({ packets: 10, dropped: { rtpengine: 40 } });
});
