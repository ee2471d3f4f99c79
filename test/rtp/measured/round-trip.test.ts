import { expect, it } from 'vitest';
import { SeededRandom, silentLogger, systemScheduler } from '../../../src/core/index.js';
import { encodeReceiverReport, encodeSenderReport } from '../../../src/rtp/packet/index.js';
import { freePorts } from '../../support/ports.js';
import { pause } from '../../support/program.js';
import { ImpairmentRelay } from '../../tools/impairment-relay.js';
import { udpPeer } from '../../tools/udp-peer.js';
import { AUDIO, ENGINES, engineOf } from './engines.js';

it.each(ENGINES.flatMap((name) => [0, 5, 20, 60, 150].map((delayMs) => [name, delayMs] as const)))(
  '%s: a delay of %d ms each way is found as the round trip, within 1 ms and 5 percent',
  { retry: 2 },
  async (name, delayMs) => {
    const first = await freePorts(12);
    const options = {
      listen: ['127.0.0.1'],
      ports: { first: first + 4, last: first + 11 },
      scheduler: systemScheduler,
    };
    const engine = engineOf(name, { ...options, random: new SeededRandom(6), logger: silentLogger });
    await engine.start();
    const session = await engine.open({ id: 'delay', timeoutSeconds: 60, onEvent: () => {} });
    const far = { address: '127.0.0.1', rtpPort: session.customer.rtpPort, rtcpPort: session.customer.rtcpPort };
    const network = await ImpairmentRelay.open(first, {
      ...{ seed: 1, far, toFar: { delayMs }, toNear: { delayMs }, punctual: true },
    });
    const [near, remote] = [await udpPeer(), await udpPeer()];
    session.describe('customer', { ...AUDIO, rtpPort: network.farRtpPort, rtcpPort: network.farRtcpPort });
    session.describe('remote', { ...AUDIO, rtpPort: remote.port, rtcpPort: remote.port });
    await pause(50);
    near.send(encodeReceiverReport({ type: 'rr', ssrc: 7, blocks: [] }), network.rtcpPort);
    await remote.received(1);
    const found: number[] = [];
    for (let round = 0; round < 8; round++) {
      const ntp = { ntpSeconds: 0xe8d2a1b0 + round, ntpFraction: 0x12340000 };
      const report = { type: 'sr' as const, ssrc: 9, ...ntp, rtpTimestamp: 1, packets: 1, octets: 160, blocks: [] };
      remote.send(encodeSenderReport(report), session.remote.rtcpPort);
      await near.received(round + 1);
      const lastSr = (((ntp.ntpSeconds & 0xffff) << 16) | 0x1234) >>> 0;
      const block = {
        ssrc: 9,
        fractionLost: 0,
        cumulativeLost: 0,
        extendedHighest: 1,
        jitterTs: 0,
        lastSr,
        delaySinceLastSr: 0,
      };
      near.send(encodeReceiverReport({ type: 'rr', ssrc: 7, blocks: [block] }), network.rtcpPort);
      await remote.received(round + 2);
      found.push((await session.read(true)).customer.rttUs! / 1000);
    }
    // The relay's timers and the machine only ever add.
    const rttMs = Math.min(...found);
    console.info(`${name}: put in ${2 * delayMs} ms, found ${found.map((ms) => ms.toFixed(2)).join(' ')}`);
    expect(Math.abs(rttMs - 2 * delayMs)).toBeLessThanOrEqual(1 + 0.05 * 2 * delayMs);
    await Promise.all([network.close(), near.close(), remote.close(), engine.stop()]);
  },
);
