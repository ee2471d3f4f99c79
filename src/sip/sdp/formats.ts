import type { MediaSection } from './description.js';

/** One RTP format of a media section: payload type, and what a=rtpmap, a=fmtp or RFC 3551 say about it. */
export interface MediaFormat {
  /** 0–127. */
  readonly payloadType: number;
  /** Encoding name as it came (compared without regard to case); '' for an unmapped dynamic type. */
  readonly encoding: string;
  /** RTP clock rate; 0 for an unmapped dynamic type. */
  readonly clockRateHz: number;
  readonly channels: number;
  /** Format parameters, as they came. */
  readonly fmtp: string | undefined;
}

type StaticFormat = readonly [encoding: string, clockRateHz: number, channels?: number];

/** Static payload types (RFC 3551 tables 4 and 5). */
const STATIC_FORMATS: Readonly<Record<number, StaticFormat>> = {
  0: ['PCMU', 8000],
  3: ['GSM', 8000],
  4: ['G723', 8000],
  5: ['DVI4', 8000],
  6: ['DVI4', 16000],
  7: ['LPC', 8000],
  8: ['PCMA', 8000],
  9: ['G722', 8000],
  10: ['L16', 44100, 2],
  11: ['L16', 44100],
  12: ['QCELP', 8000],
  13: ['CN', 8000],
  14: ['MPA', 90000],
  15: ['G728', 8000],
  16: ['DVI4', 11025],
  17: ['DVI4', 22050],
  18: ['G729', 8000],
  25: ['CelB', 90000],
  26: ['JPEG', 90000],
  28: ['nv', 90000],
  31: ['H261', 90000],
  32: ['MPV', 90000],
  33: ['MP2T', 90000],
  34: ['H263', 90000],
};

const PAYLOAD_TYPE = /^(?:1[01]\d|12[0-7]|\d{1,2})$/;
const RTPMAP = /^(\d{1,3})\s+([^\s/]+)\/(\d{1,9})(?:\/(\d{1,3}))?\s*$/;
const FMTP = /^(\d{1,3})\s+(.*)$/s;

/** The formats of an RTP section in order of preference; empty for other protocols. */
export function formatsOf(media: MediaSection): MediaFormat[] {
  if (!media.isRtp) return [];
  const maps = byPayloadType(media.attributes('rtpmap'), RTPMAP);
  const parameters = byPayloadType(media.attributes('fmtp'), FMTP);
  const formats: MediaFormat[] = [];
  for (const text of media.formats) {
    if (PAYLOAD_TYPE.test(text)) formats.push(format(Number(text), maps, parameters));
  }
  return formats;
}

type Matches = ReadonlyMap<number, RegExpExecArray>;

function byPayloadType(values: readonly string[], pattern: RegExp): Matches {
  const matches = new Map<number, RegExpExecArray>();
  for (const value of values) {
    const match = pattern.exec(value);
    if (match !== null && !matches.has(Number(match[1]))) matches.set(Number(match[1]), match);
  }
  return matches;
}

function format(payloadType: number, maps: Matches, parameters: Matches): MediaFormat {
  const fmtp = parameters.get(payloadType)?.[2];
  const map = maps.get(payloadType);
  if (map !== undefined) {
    const channels = map[4] === undefined ? 1 : Number(map[4]);
    return { payloadType, encoding: map[2]!, clockRateHz: Number(map[3]), channels, fmtp };
  }
  const [encoding, clockRateHz, channels = 1] = STATIC_FORMATS[payloadType] ?? ['', 0];
  return { payloadType, encoding, clockRateHz, channels, fmtp };
}

/** True where two formats are the same codec: by name, clock and channels; unmapped ones by payload type. */
export function sameCodec(a: MediaFormat, b: MediaFormat): boolean {
  if (a.encoding === '' || b.encoding === '') return a.payloadType === b.payloadType && a.encoding === b.encoding;
  return (
    a.encoding.toLowerCase() === b.encoding.toLowerCase() &&
    a.clockRateHz === b.clockRateHz &&
    a.channels === b.channels
  );
}

/** True for named telephone events (RFC 4733), which carry DTMF. */
export const isTelephoneEvent = (candidate: MediaFormat): boolean =>
  candidate.encoding.toLowerCase() === 'telephone-event';
