import { MediaSection, SessionDescription } from './description.js';
import { parseConnection, parseOrigin } from './fields.js';
import { SdpError } from './sdp-error.js';
import { type SdpLine, Section, sdpLine } from './section.js';

/**
 * Reads a session description (RFC 8866 §5, §9) into lines grouped in sections.
 *
 *     v= o= s= … c= t= a=…        session
 *     m=audio …  c= a=…           media[0]
 *     m=image …  a=…              media[1]
 *
 * Strict where a reader could be misled: `x=value` lines, v=0 first, o=, c= and m= by their grammar. Lenient where
 * peers in use differ: a missing s= or t=, bare LF, a missing last line end, line order after o=.
 */

const MAX_BYTES = 64 * 1024;
const MAX_LINES = 2000;
const MAX_MEDIA = 64;
const MAX_FORMATS = 256;

/** Parses wire text (one unit per byte) or bytes. Returns an SdpError with code sdp.syntax or sdp.too-large. */
export function parseSdp(sdp: string | Buffer): SessionDescription | SdpError {
  if (sdp.length > MAX_BYTES) return new SdpError('sdp.too-large', 'Description too long');
  const rows = splitRows(typeof sdp === 'string' ? sdp : sdp.toString('latin1'));
  if (rows.length > MAX_LINES) return new SdpError('sdp.too-large', 'Description has too many lines');
  const session = new Section([]);
  const media: MediaSection[] = [];
  let section: Section = session;
  for (let row = 0; row < rows.length; row++) {
    const line = readLine(rows[row]!);
    const fault = line === undefined ? 'Malformed line' : lineFault(line, row, media.length);
    if (line === undefined || fault !== undefined)
      return new SdpError('sdp.syntax', fault ?? 'Malformed line', row + 1);
    if (line.type === 'm') {
      const opened = readMedia(line.value);
      if (opened === undefined) return new SdpError('sdp.syntax', 'Malformed m= line', row + 1);
      if (opened.formats.length > MAX_FORMATS) return new SdpError('sdp.too-large', 'Too many formats', row + 1);
      if (media.push(opened) > MAX_MEDIA) return new SdpError('sdp.too-large', 'Too many m= lines', row + 1);
      section = opened;
    } else section.lines.push(line);
  }
  if (session.first('o') === undefined) return new SdpError('sdp.syntax', 'No o= line');
  return new SessionDescription(session, media);
}

function splitRows(text: string): string[] {
  const rows = text.split('\n');
  for (let row = 0; row < rows.length; row++) {
    if (rows[row]!.endsWith('\r')) rows[row] = rows[row]!.slice(0, -1);
  }
  while (rows.length > 0 && rows[rows.length - 1] === '') rows.pop();
  return rows;
}

function readLine(row: string): SdpLine | undefined {
  if (row.charCodeAt(1) !== 0x3d || row.includes('\r') || row.includes('\0')) return undefined;
  const type = row[0]!;
  return type >= 'a' && type <= 'z' ? sdpLine(type, row.slice(2)) : undefined;
}

function lineFault(line: SdpLine, row: number, mediaCount: number): string | undefined {
  if (row === 0) return line.type === 'v' && line.value === '0' ? undefined : 'No v=0 line';
  if (line.type === 'v') return 'More than one v= line';
  if (line.type === 'o' && (row !== 1 || mediaCount > 0)) return 'Misplaced o= line';
  if (line.type === 'o') return parseOrigin(line.value) === undefined ? 'Malformed o= line' : undefined;
  if (line.type === 'c') return parseConnection(line.value) === undefined ? 'Malformed c= line' : undefined;
  return undefined;
}

const MEDIA =
  /^([A-Za-z0-9!#$%&'*+\-.^_`{|}~]+) (\d{1,5})(?:\/(\d{1,5}))? ([A-Za-z0-9!#$%&'*+\-.^_`{|}~/]+) (\S[\S ]*)$/;

function readMedia(value: string): MediaSection | undefined {
  const match = MEDIA.exec(value);
  if (match === null || Number(match[2]) > 65535) return undefined;
  const formats = match[5]!.split(' ').filter((format) => format !== '');
  const media = new MediaSection(match[1]!, Number(match[2]), match[4]!, formats);
  if (match[3] !== undefined) media.portCount = Number(match[3]);
  return media;
}
