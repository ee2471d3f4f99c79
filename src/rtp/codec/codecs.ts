/**
 * What is known of each codec: clock rate, frame, static payload type and E-model figures (RFC 3551, ITU-T G.113).
 *
 * The E-model figures are those of the narrow-band scale (ITU-T G.107, G.113 Appendix I), or for wide-band codecs those
 * of their own (G.107.1, R up to 129, G.113 Appendix IV): the two do not mix. A codec without an entry has none here, and
 * its MOS stays absent.
 */

/** Equipment impairment of a codec (G.107 §7.5). */
export interface Impairment {
  /** Ie: 0 (none) to 95, without packet loss. */
  readonly ie: number;
  /** Bpl: robustness against random packet loss; absent where no source gives one, and then MOS needs a loss of 0. */
  readonly bpl?: number;
  /** Where the two come from. */
  readonly source: string;
  /** `estimate`: not from G.113's tables, or borrowed from a sister mode. */
  readonly confidence: 'tabulated' | 'estimate';
}

export interface Codec {
  /** Encoding name as in rtpmap, upper case. */
  readonly encoding: string;
  /** RTP clock, Hz. */
  readonly clockRateHz: number;
  readonly channels: number;
  /** Length of one codec frame, ms; for sample codecs the packet time that is usual. */
  readonly frameMs: number;
  /** Algorithmic look-ahead beyond the frame, ms. */
  readonly lookAheadMs: number;
  /** RFC 3551 table 4. */
  readonly payloadType?: number;
  readonly impairment?: Impairment;
  /** Figures of the wide-band scale (ITU-T G.107.1); never those of the narrow-band one. */
  readonly wideband?: Impairment;
  /** Why there is no figure on either scale. */
  readonly unrated?: string;
}

const APPENDIX_I = 'ITU-T G.113 Appendix I';

const tabulated = (ie: number, bpl?: number, note = ''): Impairment => ({
  ie,
  ...(bpl === undefined ? {} : { bpl }),
  source: APPENDIX_I + note,
  confidence: 'tabulated',
});

const estimate = (ie: number, bpl: number, source: string): Impairment => ({ ie, bpl, source, confidence: 'estimate' });

/** G.711 as nearly every receiver plays it today: with the packet loss concealment of G.711 Appendix I. */
const G711 = tabulated(0, 25.1, ', G.711 with packet loss concealment');

/** G.711 for a receiver known to play silence for what is lost. */
export const G711_WITHOUT_CONCEALMENT: Impairment = tabulated(0, 4.3, ', G.711 without packet loss concealment');

/**
 * For one ear at a handset. G.113 gives a Bpl for three modes of AMR-WB alone, and those for both ears, where Ie is another
 * one too (12.65 kbit/s: 20 and 4.3); pairs are not mixed.
 */
const wideband = (ie: number, mode: string): Impairment => ({
  ie,
  source: `ITU-T G.113 Appendix IV, table IV.1 for the scale of ITU-T G.107.1, ${mode}`,
  confidence: 'tabulated',
});

const codec = (
  encoding: string,
  clockRateHz: number,
  frameMs: number,
  more: Partial<Omit<Codec, 'encoding' | 'clockRateHz' | 'frameMs'>> = {},
): Codec => ({ encoding, clockRateHz, frameMs, lookAheadMs: 0, channels: 1, ...more });

/** Every codec known here. The first entry of an encoding stands for it where the clock rate is not given. */
export const CODECS: readonly Codec[] = [
  codec('PCMU', 8000, 20, { payloadType: 0, impairment: G711 }),
  codec('PCMA', 8000, 20, { payloadType: 8, impairment: G711 }),
  // The clock rate of G.722 is 8000 though it samples at 16 kHz (RFC 3551 §4.5.2).
  codec('G722', 8000, 20, { payloadType: 9, wideband: wideband(13, '64 kbit/s') }),
  // annexb=yes is the default (RFC 4856 §2.1.9), so G729 stands for G.729A with VAD.
  codec('G729', 8000, 10, { payloadType: 18, lookAheadMs: 5, impairment: tabulated(11, 19, ', G.729A with VAD') }),
  codec('G729D', 8000, 10, { lookAheadMs: 5 }),
  codec('G729E', 8000, 10, { lookAheadMs: 5 }),
  codec('G723', 8000, 30, { payloadType: 4, lookAheadMs: 7.5, impairment: tabulated(15, 16.1, ', 6.3 kbit/s + VAD') }),
  codec('G728', 8000, 2.5, { payloadType: 15, impairment: tabulated(7, undefined, ', 16 kbit/s') }),
  codec('G726-40', 8000, 20, { impairment: tabulated(2) }),
  codec('G726-32', 8000, 20, { impairment: tabulated(7) }),
  codec('G726-24', 8000, 20, { impairment: tabulated(25) }),
  codec('G726-16', 8000, 20, { impairment: tabulated(50) }),
  codec('GSM', 8000, 20, { payloadType: 3, impairment: tabulated(20, undefined, ', GSM-FR') }),
  codec('GSM-HR-08', 8000, 20, { lookAheadMs: 4.4, impairment: tabulated(23, undefined, ', GSM-HR') }),
  codec('GSM-EFR', 8000, 20, { impairment: tabulated(5, 10, ', GSM-EFR') }),
  // The mode is not signalled per call; 12.2 kbit/s, which is GSM-EFR, is what trunks use.
  codec('AMR', 8000, 20, { lookAheadMs: 5, impairment: tabulated(5, 10, ', GSM-EFR, the same codec as AMR 12.2') }),
  codec('AMR-WB', 16000, 20, { lookAheadMs: 5, wideband: wideband(13, 'G.722.2 at 12.65 kbit/s') }),
  codec('ILBC', 8000, 30, { lookAheadMs: 10, impairment: estimate(11, 32, 'literature; not in G.113 Appendix I') }),
  codec('OPUS', 48000, 20, { lookAheadMs: 6.5, channels: 2, unrated: 'ITU-T G.113 Appendix I has no entry' }),
  codec('SPEEX', 8000, 20, { lookAheadMs: 10 }),
  codec('SPEEX', 16000, 20, { lookAheadMs: 14 }),
  codec('EVS', 16000, 20, { lookAheadMs: 12 }),
  codec('L16', 44100, 20, { payloadType: 11 }),
  codec('L16', 44100, 20, { payloadType: 10, channels: 2 }),
  codec('L16', 8000, 20),
  codec('L16', 16000, 20),
  codec('DVI4', 8000, 20, { payloadType: 5 }),
  codec('DVI4', 16000, 20, { payloadType: 6 }),
  codec('DVI4', 11025, 20, { payloadType: 16 }),
  codec('DVI4', 22050, 20, { payloadType: 17 }),
  codec('LPC', 8000, 20, { payloadType: 7 }),
  codec('QCELP', 8000, 20, { payloadType: 12 }),
  codec('MPA', 90000, 20, { payloadType: 14 }),
  codec('CN', 8000, 20, { payloadType: 13 }),
  codec('TELEPHONE-EVENT', 8000, 20),
];

/** Encodings that carry no speech: events and comfort noise (RFC 4733, RFC 3389). */
const SIGNALS = new Set(['TELEPHONE-EVENT', 'TONE', 'CN', 'RED', 'NAMED-TELEPHONE-EVENT']);

const byName = new Map<string, Codec>();
const byPayloadType = new Map<number, Codec>();
for (const entry of CODECS) {
  if (!byName.has(entry.encoding)) byName.set(entry.encoding, entry);
  byName.set(`${entry.encoding}/${entry.clockRateHz}`, entry);
  if (entry.payloadType !== undefined) byPayloadType.set(entry.payloadType, entry);
}

/**
 * The codec of an encoding name.
 * @param encoding name as in rtpmap, any case
 * @param clockRateHz picks among codecs of one name; absent: the usual one
 * @returns undefined for an unknown name, or a known one at a clock rate not known for it
 */
export function findCodec(encoding: string, clockRateHz?: number): Codec | undefined {
  const name = encoding.toUpperCase();
  return byName.get(clockRateHz === undefined ? name : `${name}/${clockRateHz}`);
}

/** The codec of a static payload type (RFC 3551 table 4), 0–34; undefined for a dynamic or reserved one. */
export function staticCodec(payloadType: number): Codec | undefined {
  return byPayloadType.get(payloadType);
}

/** Whether an encoding carries speech, as opposed to telephone events, tones or comfort noise. */
export function carriesSpeech(encoding: string): boolean {
  return !SIGNALS.has(encoding.toUpperCase());
}
