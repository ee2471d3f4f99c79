import fc from 'fast-check';
import { ReceiverReportPacket, SdesPacket, SenderReportPacket } from 'rtp.js/packets';
import { describe, expect, test } from 'vitest';
import {
  decodeRtcp,
  decodeRtp,
  encodeReceiverReport,
  encodeSenderReport,
  encodeSourceDescription,
  middle32,
  ntpFromWall,
  type ReportBlock,
  RtpView,
  SDES_ITEM,
} from '../../../src/rtp/packet/index.js';

const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const block: fc.Arbitrary<ReportBlock> = fc.record({
  ssrc: uint32,
  fractionLost: fc.integer({ min: 0, max: 255 }),
  cumulativeLost: fc.integer({ min: -0x800000, max: 0x7fffff }),
  extendedHighest: uint32,
  jitterTs: uint32,
  lastSr: uint32,
  delaySinceLastSr: uint32,
});
const blocks = fc.array(block, { maxLength: 31 });

describe('RTCP encoding', () => {
  test('sender reports decode back to what was encoded', () => {
    fc.assert(
      fc.property(blocks, uint32, uint32, uint32, (list, ssrc, first, second) => {
        const report = {
          type: 'sr' as const,
          ssrc,
          ntpSeconds: first,
          ntpFraction: second,
          rtpTimestamp: second,
          packets: first,
          octets: second,
          blocks: list,
        };
        expect(decodeRtcp(encodeSenderReport(report))).toEqual({ ok: true, packets: [report] });
      }),
    );
  });

  test('receiver reports decode back to what was encoded', () => {
    fc.assert(
      fc.property(blocks, uint32, (list, ssrc) => {
        const report = { type: 'rr' as const, ssrc, blocks: list };
        expect(decodeRtcp(encodeReceiverReport(report))).toEqual({ ok: true, packets: [report] });
      }),
    );
  });

  test('source descriptions of every length decode back, each chunk on a 32-bit boundary', () => {
    for (let length = 0; length <= 255; length++) {
      const item = { type: SDES_ITEM.cname, text: 'x'.repeat(length) };
      const sdes = {
        type: 'sdes' as const,
        chunks: [
          { ssrc: 1, items: [item] },
          { ssrc: 2, items: [item, item] },
        ],
      };
      const bytes = encodeSourceDescription(sdes);
      expect(bytes.length % 4).toBe(0);
      expect(decodeRtcp(bytes, true)).toEqual({ ok: true, packets: [sdes] });
    }
  });

  test('a cumulative loss beyond 24 bits is held at the limit', () => {
    const one = {
      ssrc: 1,
      fractionLost: 0,
      cumulativeLost: 2 ** 30,
      extendedHighest: 0,
      jitterTs: 0,
      lastSr: 0,
      delaySinceLastSr: 0,
    };
    const outcome = decodeRtcp(
      encodeReceiverReport({ type: 'rr', ssrc: 9, blocks: [one, { ...one, cumulativeLost: -(2 ** 30) }] }),
    );
    if (!outcome.ok || outcome.packets[0]?.type !== 'rr') throw new Error('not decoded');
    expect(outcome.packets[0].blocks.map(({ cumulativeLost }) => cumulativeLost)).toEqual([0x7fffff, -0x800000]);
  });

  test('another implementation reads the same report', () => {
    const list = [
      {
        ssrc: 7,
        fractionLost: 3,
        cumulativeLost: 12,
        extendedHighest: 70000,
        jitterTs: 55,
        lastSr: 1,
        delaySinceLastSr: 2,
      },
    ];
    const report = {
      type: 'sr' as const,
      ssrc: 42,
      ntpSeconds: 1,
      ntpFraction: 2,
      rtpTimestamp: 3,
      packets: 4,
      octets: 5,
      blocks: list,
    };
    const bytes = encodeSenderReport(report);
    const read = new SenderReportPacket(new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
    expect(Number(read.getPacketType())).toBe(200);
    expect([read.getSsrc(), read.getNtpSeconds(), read.getNtpFraction(), read.getRtpTimestamp()]).toEqual([
      42, 1, 2, 3,
    ]);
    expect([read.getPacketCount(), read.getOctetCount()]).toEqual([4, 5]);
    expect(
      read
        .getReports()
        .map((one) => [
          one.getSsrc(),
          one.getFractionLost(),
          one.getTotalLost(),
          one.getHighestSeqNumber(),
          one.getJitter(),
        ]),
    ).toEqual([[7, 3, 12, 70000, 55]]);
    const rr = encodeReceiverReport({ type: 'rr', ssrc: 1, blocks: list });
    expect(new ReceiverReportPacket(new DataView(rr.buffer, rr.byteOffset, rr.length)).getReports()).toHaveLength(1);
    const sdes = encodeSourceDescription({ type: 'sdes', chunks: [{ ssrc: 5, items: [{ type: 1, text: 'abc' }] }] });
    expect(new SdesPacket(new DataView(sdes.buffer, sdes.byteOffset, sdes.length)).getChunks()).toHaveLength(1);
  });

  test('NTP time counts from 1900, and its middle 32 bits are seconds and fraction halves', () => {
    const ntp = ntpFromWall(Date.UTC(2023, 9, 12, 3, 7, 44, 500));
    expect(ntp.seconds).toBe(Date.UTC(2023, 9, 12, 3, 7, 44) / 1000 + 2208988800);
    expect(ntp.fraction).toBe(2 ** 31);
    expect(middle32(0xe8d2a1b0, 0x80000000)).toBe(0xa1b08000);
  });
});

describe('any bytes', () => {
  test('decode to a packet or a fault, never to an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, flag) => {
        const datagram = Buffer.from(bytes);
        if (datagram.length > 0) datagram[0] = 0x80 | (datagram[0]! & 0x3f);
        if (datagram.length > 1 && flag) datagram[1] = 200 + (datagram[1]! % 8);
        decodeRtcp(datagram, flag);
        const view = new RtpView();
        if (decodeRtp(datagram, view) === undefined) {
          expect(view.payloadOffset + view.payloadBytes + view.paddingBytes).toBe(datagram.length);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
