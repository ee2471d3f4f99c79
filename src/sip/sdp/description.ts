import { type Origin, parseOrigin } from './fields.js';
import { type SdpLine, Section } from './section.js';

/** One m= line and the lines that follow it (RFC 8866 §5.14). */
export class MediaSection extends Section {
  /** `audio`, `video`, `image`, `application`, … as it came. */
  kind: string;
  /** 0 for a stream that is refused or removed (RFC 3264 §6, §8.2). */
  port: number;
  /** Number of ports after a slash, where one is given. */
  portCount: number | undefined;
  /** `RTP/AVP`, `RTP/SAVP`, `udptl`, … as it came. */
  protocol: string;
  /** Payload types for RTP, else format names, as they came. */
  formats: string[];

  constructor(kind: string, port: number, protocol: string, formats: string[], lines: SdpLine[] = []) {
    super(lines);
    this.kind = kind;
    this.port = port;
    this.portCount = undefined;
    this.protocol = protocol;
    this.formats = formats;
  }

  /** True for RTP/AVP, RTP/SAVPF, UDP/TLS/RTP/SAVPF, … */
  get isRtp(): boolean {
    return this.protocol.toUpperCase().includes('RTP/');
  }

  /** True for T.38 over UDPTL (ITU-T T.38 annex D). */
  get isUdptl(): boolean {
    return this.kind === 'image' && this.protocol.toLowerCase() === 'udptl';
  }

  get label(): string | undefined {
    return this.attribute('label');
  }

  get mid(): string | undefined {
    return this.attribute('mid');
  }

  /** Value of the m= line. */
  get mediaLine(): string {
    const count = this.portCount === undefined ? '' : `/${this.portCount}`;
    return `${this.kind} ${this.port}${count} ${this.protocol} ${this.formats.join(' ')}`;
  }
}

/** A session description (RFC 8866): the lines before the first m=, and the media sections, in order. */
export class SessionDescription {
  readonly session: Section;
  media: MediaSection[];

  constructor(session: Section, media: MediaSection[]) {
    this.session = session;
    this.media = media;
  }

  /** The o= line, which every parsed description has. */
  get origin(): Origin {
    return parseOrigin(this.session.first('o') ?? '') ?? NO_ORIGIN;
  }
}

const NO_ORIGIN: Origin = { username: '-', sessionId: '0', version: '0', addressType: 'IP4', address: '0.0.0.0' };

/** Writes a description with CRLF line ends; lines that were not changed as they came. */
export function serializeSdp(description: SessionDescription): Buffer {
  let text = '';
  for (const line of description.session.lines) text += `${line.type}=${line.value}\r\n`;
  for (const media of description.media) {
    text += `m=${media.mediaLine}\r\n`;
    for (const line of media.lines) text += `${line.type}=${line.value}\r\n`;
  }
  return Buffer.from(text, 'latin1');
}
