import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { LegFigures, RemoteDescription, Side } from '../../../src/rtp/engine.js';
import { loadNative } from '../../../src/rtp/native/index.js';
import { encodeReceiverReport, encodeSenderReport } from '../../../src/rtp/packet/index.js';
import { LegReader } from '../../../src/rtp/quality/index.js';
import { rtpPacket } from '../../tools/udp-peer.js';
import { Twins } from './twins.js';

/** The published RTP and RTCP vectors through both packet paths at once: what the compiled one counts must be right, not only the same. */

interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly valid: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: each vector states its own fields
  readonly expect: any;
}
interface LossVector {
  readonly name: string;
  readonly first: number;
  readonly highestExt: number;
  readonly received: number;
  readonly expected: number;
  readonly lost: number;
}
interface JitterVector {
  readonly name: string;
  readonly rtpTs: readonly number[];
  readonly arrivalMs: readonly number[];
  readonly clock: number;
  readonly jitterAfterEach: readonly number[];
}
const vectors = JSON.parse(readFileSync(new URL('../../vectors/rtp_rtcp.json', import.meta.url), 'utf8'));

const native = loadNative();
const PORT: Readonly<Record<Side, number>> = { customer: 4000, remote: 5000 };
const MUXED: Partial<RemoteDescription> = { rtcpMux: true };

/** Two described sides; `from` gives a datagram of theirs to both paths, which throws where they differ. */
function twins(more: Partial<RemoteDescription> = {}) {
  const pair = new Twins(native!);
  const formats = [0, 8].map((payloadType) => ({ payloadType, encoding: 'PCMU', clockRateHz: 8000 }));
  for (const side of ['customer', 'remote'] as const) {
    pair.describe(side, { address: '127.0.0.1', rtpPort: PORT[side], direction: 'sendrecv', formats, ...more });
  }
  return {
    pair,
    from: (side: Side, bytes: Buffer, rtcp = false) =>
      pair.packet(side, rtcp, bytes, '127.0.0.1', PORT[side] + (rtcp ? 1 : 0)),
    /** As the native path counted. */
    figures: (side: Side): LegFigures => new LegReader(pair.record(side)).read(false),
  };
}

const bytesOf = ({ hex }: Vector): Buffer => Buffer.from(hex, 'hex');

describe.skipIf(!native)('vectors in the compiled path', () => {
  it.each(vectors.rtp as Vector[])('RTP: $name', (vector) => {
    const { pair, from, figures } = twins(MUXED);
    const packet = bytesOf(vector);
    from('customer', packet);
    const { received } = figures('customer');
    expect(pair.forwarded).toBe(vector.valid ? 1 : 0);
    if (!vector.valid) {
      const reason = String(vector.expect).startsWith('not RTP') ? 'stun' : 'malformed';
      expect(received).toMatchObject({ packets: 0, rtcpPackets: 0, dropped: { [reason]: 1 } });
    } else if (String(vector.expect).startsWith('RTCP')) {
      expect(received).toMatchObject({ packets: 0, rtcpPackets: 1, rtcpBytes: packet.length, dropped: {} });
    } else {
      expect(received).toMatchObject({ packets: 1, bytes: packet.length, ssrc: packet.readUInt32BE(8), dropped: {} });
      expect(received.payloadType).toBe(vector.expect.pt ?? packet[1]! & 0x7f);
    }
  });

  it.each(vectors.rtcp as Vector[])('RTCP: $name', (vector) => {
    const { pair, from, figures } = twins();
    const packet = bytesOf(vector);
    from('customer', packet, true);
    // Another version's first octet is none of RTCP's (RFC 7983 §7).
    const reason = packet[0]! >> 6 === 2 ? 'rtcp-malformed' : 'not-rtp';
    expect(pair.forwarded).toBe(vector.valid ? 1 : 0);
    expect(figures('customer').received).toMatchObject({
      rtcpPackets: vector.valid ? 1 : 0,
      rtcpBytes: vector.valid ? packet.length : 0,
      dropped: vector.valid ? {} : { [reason]: 1 },
    });
  });

  it('no vector cut anywhere is read past its end, on either port', () => {
    for (const vector of [...vectors.rtp, ...vectors.rtcp] as Vector[]) {
      const { from } = twins(MUXED);
      for (let length = 0; length < vector.hex.length / 2; length++) {
        for (const rtcp of [false, true]) from('customer', bytesOf(vector).subarray(0, length), rtcp);
      }
    }
  });

  it.each((vectors.rtcp as Vector[]).filter((vector) => vector.valid && vector.expect.blocks?.length > 0))(
    'a report block is what the far end says of the stream it names: $name',
    (vector) => {
      const [block] = vector.expect.blocks;
      const { from, figures } = twins();
      from('remote', rtpPacket({ sequence: 1, timestamp: 160, ssrc: block.ssrc }));
      from('customer', bytesOf(vector), true);
      expect(figures('customer').sent).toMatchObject({
        reportedLost: Math.max(0, block.cumulativeLost),
        reportedFractionLost: block.fractionLost / 256,
        reportedJitterUs: (block.jitter * 1e6) / 8000,
      });
      expect(figures('remote').sent.reportedLost).toBeNull();
    },
  );

  it('VoIP metrics are read of the stream that was sent', () => {
    const vector = (vectors.rtcp as Vector[]).find(({ expect: told }) => told.block === 'voip-metrics')!;
    const { ssrcOfSource, lossRate, discardRate, rFactor, mosCq } = vector.expect;
    const { from, figures } = twins();
    from('remote', rtpPacket({ sequence: 1, timestamp: 160, ssrc: ssrcOfSource }));
    from('customer', bytesOf(vector), true);
    expect(figures('customer').sent.reportedVoip).toEqual({
      lossRate: lossRate / 256,
      discardRate: discardRate / 256,
      rFactor,
      mosCq: mosCq / 10,
    });
  });

  it.each((vectors.loss.cases as LossVector[]).filter(({ received }) => received > 1))(
    'loss: $name',
    ({ first, highestExt, received, expected, lost }) => {
      const { pair, from, figures } = twins();
      // What is lost is lost in the midst; what is too many are repetitions of the last.
      const missing = Math.max(0, expected - received);
      const numbers = Array.from({ length: expected }, (_, at) => first + at).filter(
        (_, at) => at < 5 || at >= 5 + missing,
      );
      while (numbers.length < received) numbers.push(highestExt);
      for (const sequence of numbers) {
        pair.nowMs += 20;
        from('customer', rtpPacket({ sequence, timestamp: sequence * 160 }));
      }
      expect(figures('customer').received).toMatchObject({
        packets: received,
        intervalExpected: expected,
        lost: Math.max(0, lost),
      });
    },
  );

  it.each(vectors.jitter.cases as JitterVector[])('jitter: $name', ({ rtpTs, arrivalMs, clock, jitterAfterEach }) => {
    const { pair, from, figures } = twins();
    const startMs = pair.nowMs;
    rtpTs.forEach((timestamp, sequence) => {
      pair.nowMs = startMs + arrivalMs[sequence]!;
      from('customer', rtpPacket({ sequence, timestamp }));
      const { jitterUs } = figures('customer').received;
      if (sequence > 0) expect((jitterUs! * clock) / 1e6).toBeCloseTo(jitterAfterEach[sequence]!, 5);
    });
  });

  it.each([
    ['is arrival − LSR − DLSR', vectors.rtt[0], 6_125_000],
    ['is never negative', vectors.rtt[1], 0],
  ])('round trip %s', (_, vector, rttUs) => {
    const [arrival, lsr, dlsr] = [vector.arrivalMid32, vector.lsr, vector.dlsr].map((hex) => Number.parseInt(hex, 16));
    const { pair, from, figures } = twins();
    const counts = { rtpTimestamp: 1, packets: 1, octets: 160, blocks: [] };
    const ntp = { ntpSeconds: lsr! >>> 16, ntpFraction: ((lsr! & 0xffff) << 16) >>> 0 };
    from('remote', rtpPacket({ sequence: 1, timestamp: 160, ssrc: 7 }));
    from('remote', encodeSenderReport({ type: 'sr', ssrc: 7, ...ntp, ...counts }), true);
    pair.nowMs += ((arrival! - lsr!) * 1000) / 65_536;
    const heard = { fractionLost: 0, cumulativeLost: 0, extendedHighest: 1, jitterTs: 0 };
    const block = { ssrc: 7, ...heard, lastSr: lsr!, delaySinceLastSr: dlsr! };
    from('customer', encodeReceiverReport({ type: 'rr', ssrc: 8, blocks: [block] }), true);
    expect(figures('customer').rttUs).toBeCloseTo(rttUs, 3);
  });
});
