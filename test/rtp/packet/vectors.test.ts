import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  classifyDatagram,
  decodeRtcp,
  decodeRtp,
  decodeTelephoneEvent,
  type RtcpPacket,
  RtpView,
  roundTrip,
} from '../../../src/rtp/packet/index.js';

interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly valid: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: each vector states its own fields
  readonly expect: any;
}
const vectors = JSON.parse(readFileSync(new URL('../../vectors/rtp_rtcp.json', import.meta.url), 'utf8'));

describe('RTP vectors', () => {
  test.each(vectors.rtp as Vector[])('$name', ({ hex, valid, expect: expected }) => {
    const packet = Buffer.from(hex, 'hex');
    if (String(expected).startsWith('RTCP')) {
      expect(classifyDatagram(packet)).toBe('rtcp');
      return;
    }
    if (String(expected).startsWith('not RTP')) expect(classifyDatagram(packet)).toBe('stun');
    const view = new RtpView();
    const fault = decodeRtp(packet, view);
    expect(fault === undefined).toBe(valid);
    if (valid) checkRtp(view, packet, expected);
  });
});

// biome-ignore lint/suspicious/noExplicitAny: as above
function checkRtp(view: RtpView, packet: Buffer, expected: any): void {
  if (expected.pt !== undefined) expect(view.payloadType).toBe(expected.pt);
  if (expected.marker !== undefined) expect(view.marker).toBe(expected.marker);
  if (expected.seq !== undefined) expect(view.sequence).toBe(expected.seq);
  if (expected.ssrc !== undefined) expect(view.ssrc).toBe(expected.ssrc);
  if (expected.padding !== undefined) expect(view.paddingBytes).toBe(expected.padding);
  if (expected.extProfile !== undefined) expect(view.extensionProfile).toBe(expected.extProfile);
  if (expected.extLen !== undefined) expect(view.extensionBytes).toBe(expected.extLen);
  expect(view.payloadBytes).toBe(expected.payloadLen);
  if (expected.csrc) {
    expect(view.csrcCount).toBe(expected.csrc.length);
    expected.csrc.forEach((csrc: number, index: number) => {
      expect(packet.readUInt32BE(12 + 4 * index)).toBe(csrc);
    });
  }
}

const TYPES: Record<number, RtcpPacket['type']> = {
  200: 'sr',
  201: 'rr',
  202: 'sdes',
  203: 'bye',
  204: 'app',
  207: 'xr',
};

describe('RTCP vectors', () => {
  test.each(vectors.rtcp as Vector[])('$name', ({ hex, valid, expect: expected }) => {
    const outcome = decodeRtcp(Buffer.from(hex, 'hex'));
    expect(outcome.ok).toBe(valid);
    if (outcome.ok) checkRtcp(outcome.packets, expected);
  });

  test('drops only the block when an XR block runs past the end, in reduced-size RTCP', () => {
    const vector = (vectors.rtcp as Vector[]).find(({ name }) => name.startsWith('XR block length'))!;
    expect(decodeRtcp(Buffer.from(vector.hex, 'hex'), true)).toEqual({
      ok: true,
      packets: [{ type: 'xr', ssrc: 1, blocks: [] }],
    });
  });

  test('ends the source and ignores the reason when a BYE reason runs past the end, in reduced-size RTCP', () => {
    const vector = (vectors.rtcp as Vector[]).find(({ name }) => name.startsWith('BYE reason length'))!;
    expect(decodeRtcp(Buffer.from(vector.hex, 'hex'), true)).toEqual({
      ok: true,
      packets: [{ type: 'bye', ssrcs: [1], reason: undefined }],
    });
  });

  test('never reads past the end, wherever a datagram is cut', () => {
    for (const { hex } of vectors.rtcp as Vector[]) {
      const whole = Buffer.from(hex, 'hex');
      for (let length = 0; length < whole.length; length++) {
        for (const reduced of [false, true])
          expect(typeof decodeRtcp(whole.subarray(0, length), reduced).ok).toBe('boolean');
      }
    }
  });
});

// biome-ignore lint/suspicious/noExplicitAny: as above
function checkRtcp(packets: readonly RtcpPacket[], expected: any): void {
  const first = packets[0]!;
  if (expected.pt !== undefined) expect(first.type).toBe(TYPES[expected.pt]);
  if (Array.isArray(expected.packets)) {
    expect(packets.map(({ type }) => type)).toEqual(expected.packets.map((type: number) => TYPES[type]));
  }
  if (expected.ssrc !== undefined) expect((first as { ssrc: number }).ssrc).toBe(expected.ssrc);
  if (first.type === 'sr' && expected.ntpSec !== undefined) {
    expect(first).toMatchObject({
      ntpSeconds: expected.ntpSec,
      ntpFraction: expected.ntpFrac,
      rtpTimestamp: expected.rtpTs,
      packets: expected.packets,
      octets: expected.octets,
    });
  }
  if (expected.blocks) checkBlocks(first, expected.blocks);
  for (const packet of packets) checkOther(packet, expected);
}

// biome-ignore lint/suspicious/noExplicitAny: as above
function checkBlocks(packet: RtcpPacket, blocks: any[]): void {
  if (packet.type !== 'sr' && packet.type !== 'rr') throw new Error('no report');
  expect(packet.blocks).toEqual(
    blocks.map((block) => ({
      ssrc: block.ssrc,
      fractionLost: block.fractionLost,
      cumulativeLost: block.cumulativeLost,
      extendedHighest: block.ext_high_seq,
      jitterTs: block.jitter,
      lastSr: block.lsr,
      delaySinceLastSr: block.dlsr,
    })),
  );
}

// biome-ignore lint/suspicious/noExplicitAny: as above
function checkOther(packet: RtcpPacket, expected: any): void {
  if (packet.type === 'sdes' && expected.cname) {
    expect(packet.chunks[0]!.items).toEqual([{ type: 1, text: expected.cname }]);
  }
  if (packet.type === 'bye' && expected.byeReason) expect(packet.reason).toBe(expected.byeReason);
  if (packet.type === 'app') {
    expect(packet.name).toBe(expected.name);
    expect(packet.data.toString('hex')).toBe(expected.data);
  }
  if (packet.type === 'xr') checkXr(packet.blocks, expected);
}

// biome-ignore lint/suspicious/noExplicitAny: as above
function checkXr(blocks: readonly any[], expected: any): void {
  if (expected.rrtr) {
    expect(blocks[0]).toEqual({ kind: 'rrtr', ntpSeconds: expected.rrtr.ntpSec, ntpFraction: expected.rrtr.ntpFrac });
    const [report] = expected.dlrr;
    expect(blocks[1]).toEqual({
      kind: 'dlrr',
      reports: [{ ssrc: report.ssrc, lastRr: report.lrr, delaySinceLastRr: report.dlrr }],
    });
    return;
  }
  if (expected.block === 'voip-metrics') {
    expect(blocks[0]).toEqual({
      kind: 'voip',
      ssrc: expected.ssrcOfSource,
      lossRate: expected.lossRate,
      discardRate: expected.discardRate,
      burstDensity: expected.burstDensity,
      gapDensity: expected.gapDensity,
      burstDurationMs: expected.burstDuration,
      gapDurationMs: expected.gapDuration,
      roundTripDelayMs: expected.roundTripDelay,
      endSystemDelayMs: expected.endSystemDelay,
      signalLevelDbm: expected.signalLevel,
      noiseLevelDbm: expected.noiseLevel,
      rerlDb: expected.rerl,
      gmin: expected.gmin,
      rFactor: expected.rFactor,
      externalRFactor: expected.extRFactor,
      mosLq: expected.mosLq,
      mosCq: expected.mosCq,
      rxConfig: expected.rxConfig,
      jitterBufferNominalMs: expected.jbNominal,
      jitterBufferMaximumMs: expected.jbMaximum,
      jitterBufferAbsoluteMaximumMs: expected.jbAbsMax,
    });
    return;
  }
  expect(blocks[0]).toMatchObject({
    kind: 'statistics',
    beginSequence: expected.beginSeq,
    endSequence: expected.endSeq,
    lost: expected.lost,
    duplicates: expected.dup,
    minJitterTs: expected.minJitter,
    maxJitterTs: expected.maxJitter,
    meanJitterTs: expected.meanJitter,
    deviationJitterTs: expected.devJitter,
  });
}

describe('round trip vectors', () => {
  test('is arrival − LSR − DLSR', () => {
    const [vector] = vectors.rtt;
    const hex = (text: string): number => Number.parseInt(text, 16);
    const trip = roundTrip(hex(vector.arrivalMid32), hex(vector.lsr), hex(vector.dlsr));
    expect(trip).toBe(hex(vector.rttHex));
    expect(trip / 65536).toBe(vector.rttSeconds);
  });

  test('is never negative', () => {
    const vector = vectors.rtt[1];
    const [arrival, lsr, dlsr] = [vector.arrivalMid32, vector.lsr, vector.dlsr].map((text) =>
      Number.parseInt(text, 16),
    );
    expect(roundTrip(arrival!, lsr!, dlsr!)).toBe(0);
  });
});

describe('telephone-event vectors', () => {
  // biome-ignore lint/suspicious/noExplicitAny: as above
  test.each(vectors.telephoneEvent.cases as any[])('$name', ({ hex, event, end, volume, duration }) => {
    expect(decodeTelephoneEvent(Buffer.from(hex, 'hex'))).toEqual({ event, end, volume, durationTs: duration });
  });

  test('three octets are no event', () => {
    expect(decodeTelephoneEvent(Buffer.from('050a00', 'hex'))).toBeUndefined();
  });
});
