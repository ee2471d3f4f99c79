import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CODECS, carriesSpeech, findCodec, staticCodec } from '../../../src/rtp/codec/index.js';

describe('codec table', () => {
  // RFC 3551 table 4, audio.
  it.each([
    [0, 'PCMU', 8000, 1],
    [3, 'GSM', 8000, 1],
    [4, 'G723', 8000, 1],
    [5, 'DVI4', 8000, 1],
    [6, 'DVI4', 16000, 1],
    [7, 'LPC', 8000, 1],
    [8, 'PCMA', 8000, 1],
    [9, 'G722', 8000, 1],
    [10, 'L16', 44100, 2],
    [11, 'L16', 44100, 1],
    [12, 'QCELP', 8000, 1],
    [13, 'CN', 8000, 1],
    [14, 'MPA', 90000, 1],
    [15, 'G728', 8000, 1],
    [16, 'DVI4', 11025, 1],
    [17, 'DVI4', 22050, 1],
    [18, 'G729', 8000, 1],
  ])('static payload type %i is %s/%i/%i', (payloadType, encoding, clockRateHz, channels) => {
    expect(staticCodec(payloadType)).toMatchObject({ encoding, clockRateHz, channels });
  });

  it('knows no codec for reserved, unassigned and dynamic payload types', () => {
    for (const payloadType of [1, 2, 19, 24, 35, 72, 96, 127]) expect(staticCodec(payloadType)).toBeUndefined();
  });

  it('finds an encoding in any case and tells clock rates apart', () => {
    expect(findCodec('opus', 48000)?.channels).toBe(2);
    expect(findCodec('speex', 16000)?.lookAheadMs).toBe(14);
    expect(findCodec('PCMU', 44100)).toBeUndefined();
    expect(findCodec('codec2')).toBeUndefined();
  });

  it('gives every figure it rates with a source', () => {
    for (const { impairment } of CODECS) {
      if (!impairment) continue;
      expect(impairment.source).toMatch(/\w/);
      expect(impairment.ie).toBeGreaterThanOrEqual(0);
      expect(impairment.ie).toBeLessThanOrEqual(95);
    }
  });

  it('tells speech from events and comfort noise', () => {
    expect(carriesSpeech('PCMA')).toBe(true);
    expect(carriesSpeech('cn')).toBe(false);
    expect(carriesSpeech('telephone-event')).toBe(false);
  });
});

describe('the E-model table', () => {
  it.each(['PCMU', 'PCMA', 'G722', 'G729', 'OPUS', 'AMR', 'ILBC'])(
    'knows %s, with its source or why there is none',
    (name) => {
      const { impairment, wideband, unrated } = findCodec(name)!;
      expect(impairment?.source ?? wideband?.source ?? unrated).toMatch(/G\.113/);
    },
  );

  it('has for wide-band codecs what the published vectors have, and no narrow-band figure', () => {
    const { codecs } = JSON.parse(readFileSync(new URL('../../vectors/emodel.json', import.meta.url), 'utf8')) as {
      codecs: Record<string, { IeWb?: number }>;
    };
    for (const [name, row] of [
      ['G722', 'G.722 64k'],
      ['AMR-WB', 'AMR-WB 12.65k'],
    ] as const) {
      const { impairment, wideband } = findCodec(name)!;
      expect(wideband?.ie).toBe(codecs[row]!.IeWb);
      expect(impairment).toBeUndefined();
    }
  });
});
