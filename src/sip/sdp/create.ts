import { MediaSection, SessionDescription } from './description.js';
import { addressTypeOf, formatConnection, formatOrigin } from './fields.js';
import type { MediaFormat } from './formats.js';
import type { Direction } from './media-facts.js';
import { Section, sdpLine } from './section.js';

/** Descriptions of our own making: where no other leg's description is rewritten. */

export interface SessionOrder {
  /** Our IP literal, for o= and c=. */
  readonly address: string;
  readonly sessionId: string | number;
  readonly version: string | number;
  /** o= username; `-` where there is none. */
  readonly username: string;
}

/** A description with these media sections, in order. */
export function createDescription(order: SessionOrder, media: MediaSection[]): SessionDescription {
  const { address, username, sessionId, version } = order;
  const origin = {
    username,
    sessionId: `${sessionId}`,
    version: `${version}`,
    addressType: addressTypeOf(address),
    address,
  };
  const lines = [
    sdpLine('v', '0'),
    sdpLine('o', formatOrigin(origin)),
    sdpLine('s', '-'),
    sdpLine('c', formatConnection(address)),
    sdpLine('t', '0 0'),
  ];
  return new SessionDescription(new Section(lines), media);
}

export interface AudioOrder {
  /** RTP port; 0 for a refused section. */
  readonly port: number;
  /** Stated where it is not the port after the RTP port. */
  readonly rtcpPort?: number;
  /** Default RTP/SAVP with `crypto`, else RTP/AVP. */
  readonly protocol?: string;
  /** In order of preference, at least one. */
  readonly formats: readonly MediaFormat[];
  readonly direction?: Direction;
  readonly ptimeMs?: number;
  readonly label?: string;
  /** Values of a=crypto lines. */
  readonly crypto?: readonly string[];
  /** Further attribute values, last. */
  readonly attributes?: readonly string[];
}

/** An audio section over RTP with a=rtpmap and a=fmtp for each format that has an encoding. */
export function audioSection(order: AudioOrder): MediaSection {
  const secure = order.crypto !== undefined && order.crypto.length > 0;
  const protocol = order.protocol ?? (secure ? 'RTP/SAVP' : 'RTP/AVP');
  const section = new MediaSection(
    'audio',
    order.port,
    protocol,
    order.formats.map(({ payloadType }) => `${payloadType}`),
  );
  for (const format of order.formats) addFormat(section, format);
  if (order.ptimeMs !== undefined) section.addAttribute('ptime', `${order.ptimeMs}`);
  if (order.rtcpPort !== undefined && order.rtcpPort !== order.port + 1)
    section.addAttribute('rtcp', `${order.rtcpPort}`);
  if (order.label !== undefined) section.addAttribute('label', order.label);
  for (const line of order.crypto ?? []) section.addAttribute('crypto', line);
  section.addAttribute(order.direction ?? 'sendrecv');
  for (const attribute of order.attributes ?? []) section.addAttribute(attribute);
  return section;
}

function addFormat(section: MediaSection, format: MediaFormat): void {
  const { payloadType, encoding, clockRateHz, channels, fmtp } = format;
  if (encoding === '') return;
  section.addAttribute('rtpmap', `${payloadType} ${encoding}/${clockRateHz}${channels > 1 ? `/${channels}` : ''}`);
  if (fmtp !== undefined) section.addAttribute('fmtp', `${payloadType} ${fmtp}`);
}
