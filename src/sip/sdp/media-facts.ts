import type { MediaSection, SessionDescription } from './description.js';
import type { AddressType } from './fields.js';

/** What a media section means: values that may stand at session or media level, resolved (RFC 8866 §5.7, §6.7). */

/** Where a peer wants its media (RFC 8866 §5.7, RFC 3605, RFC 5761). */
export interface MediaAddress {
  readonly address: string;
  readonly addressType: AddressType;
  readonly rtpPort: number;
  readonly rtcpAddress: string;
  /** a=rtcp, else the RTP port with rtcp-mux, else the next port. */
  readonly rtcpPort: number;
  readonly rtcpMux: boolean;
}

/** Port and address of `a=rtcp:53020 IN IP4 126.16.64.4` (RFC 3605 §2.1). */
const RTCP = /^(\d{1,5})(?: IN IP[46] (\S+))?\s*$/;

/** Undefined where neither the section nor the session has a c= line. */
export function mediaAddress(description: SessionDescription, media: MediaSection): MediaAddress | undefined {
  const connection = media.connection ?? description.session.connection;
  if (connection === undefined) return undefined;
  const { address, addressType } = connection;
  const rtcpMux = media.has('rtcp-mux');
  const rtcp = RTCP.exec(media.attribute('rtcp') ?? '');
  const statedPort = rtcp === null ? 0 : Number(rtcp[1]);
  const impliedPort = rtcpMux ? media.port : media.port + 1;
  const rtcpPort = statedPort > 0 && statedPort <= 65535 ? statedPort : impliedPort;
  return { address, addressType, rtpPort: media.port, rtcpAddress: rtcp?.[2] ?? address, rtcpPort, rtcpMux };
}

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

const DIRECTIONS: ReadonlySet<string> = new Set(['sendrecv', 'sendonly', 'recvonly', 'inactive']);

/** Direction by attribute, of the media else of the session; sendrecv where none is given (RFC 8866 §6.7). */
export function statedDirection(description: SessionDescription, media: MediaSection): Direction {
  for (const section of [media, description.session]) {
    for (const line of section.lines) {
      if (line.type === 'a' && DIRECTIONS.has(line.value)) return line.value as Direction;
    }
  }
  return 'sendrecv';
}

const UNSPECIFIED: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** True where the connection address tells not to send (RFC 3264 §8.4). */
export const isUnspecified = (address: string): boolean => UNSPECIFIED.has(address);

/** Direction with the old way of holding, c=0.0.0.0, taken into account: its owner wants nothing sent. */
export function effectiveDirection(description: SessionDescription, media: MediaSection): Direction {
  const stated = statedDirection(description, media);
  const address = mediaAddress(description, media)?.address;
  if (media.port === 0) return 'inactive';
  if (address === undefined || !isUnspecified(address)) return stated;
  return stated === 'sendrecv' || stated === 'sendonly' ? 'sendonly' : 'inactive';
}

/** True where the owner of this description does not want to receive: on hold (RFC 3264 §8.4). */
export function isHeld(description: SessionDescription, media: MediaSection): boolean {
  const direction = effectiveDirection(description, media);
  return direction === 'sendonly' || direction === 'inactive';
}

/** The first audio section over RTP that is not refused; else the first audio section. */
export function audioMedia(description: SessionDescription): MediaSection | undefined {
  const audio = description.media.filter((media) => media.kind === 'audio' && media.isRtp);
  return audio.find((media) => media.port !== 0) ?? audio[0];
}

/** The first T.38 section over UDPTL that is not refused; else the first of them. */
export function imageMedia(description: SessionDescription): MediaSection | undefined {
  const image = description.media.filter((media) => media.isUdptl);
  return image.find((media) => media.port !== 0) ?? image[0];
}

/** Packet time in milliseconds, and the longest accepted (RFC 8866 §6.4, §6.5). */
export function packetTimesMs(media: MediaSection): { ptimeMs: number | undefined; maxptimeMs: number | undefined } {
  return { ptimeMs: positive(media.attribute('ptime')), maxptimeMs: positive(media.attribute('maxptime')) };
}

function positive(value: string | undefined): number | undefined {
  const number = value === undefined ? Number.NaN : Number(value);
  return number > 0 && number <= 65535 ? number : undefined;
}

/** Values of the a=crypto lines in order of preference (RFC 4568 §4). */
export const cryptoLines = (media: MediaSection): string[] => media.attributes('crypto');

/** Value of an attribute of the media section, else of the session (ice-ufrag, fingerprint, setup, …). */
export function inheritedAttribute(
  description: SessionDescription,
  media: MediaSection,
  name: string,
): string | undefined {
  return media.attribute(name) ?? description.session.attribute(name);
}
