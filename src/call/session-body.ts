import { GatewayError } from '../core/index.js';
import type { LocalPorts, PayloadFormat, RemoteDescription, StreamDirection } from '../rtp/index.js';
import {
  answerInPlaces,
  audioMedia,
  effectiveDirection,
  findBody,
  formatsOf,
  imageMedia,
  type MediaSection,
  type MessageBody,
  mediaAddress,
  mediaType,
  type OfferedStream,
  packetTimesMs,
  parseSdp,
  replaceBody,
  rewriteForLeg,
  SdpError,
  type SessionDescription,
  type SipMessage,
  SipSyntaxError,
  serializeSdp,
} from '../sip/index.js';
import type { CryptoPart } from './media-crypto.js';

/** Between SIP message bodies and what the media engine wants to know: the only place that reads session descriptions. */

export interface SessionBody {
  readonly description: SessionDescription;
  /** Body like the received one with another description in it: every other part of a multipart unchanged. */
  readonly wrap: (sdp: Buffer) => MessageBody;
  /** The anchored section: first live audio, else first live T.38, else undefined (everything refused). */
  readonly media: MediaSection | undefined;
}

const SDP = 'application/sdp';

/** The body of a message, whatever it is; undefined without one. */
export function bodyOf(message: SipMessage): MessageBody | undefined {
  const contentType = message.headers.get('Content-Type');
  if (contentType === undefined || message.bodyLength === 0) return undefined;
  return { contentType, bytes: message.body };
}

/**
 * The body of a message where it holds a session description: the whole, or a part of a multipart. Other bodies mean
 * nothing to us and pass as they are. A multipart that cannot be read counts as one, so that reading it says why.
 */
export function sessionOf(message: SipMessage): MessageBody | undefined {
  const body = bodyOf(message);
  return body && holdsSession(body) ? body : undefined;
}

function holdsSession({ contentType, bytes }: MessageBody): boolean {
  const type = mediaType(contentType);
  if (type === SDP) return true;
  if (!type.startsWith('multipart/')) return false;
  try {
    return findBody(bytes, contentType, SDP) !== undefined;
  } catch (error) {
    if (error instanceof SipSyntaxError) return true;
    throw error;
  }
}

/** @throws GatewayError `sdp.malformed` (400), `sdp.unsupported-body` (415) */
export function readSession(body: MessageBody): SessionBody {
  const { sdp, wrap } = locate(body);
  const description = parseSdp(sdp);
  if (description instanceof SdpError) throw fault('sdp.malformed', `Session description: ${description.message}`, 400);
  const live = [audioMedia(description), imageMedia(description)].find((media) => media && media.port !== 0);
  return { description, media: live, wrap };
}

/** An answer that has a place for each stream of its offer (see answerInPlaces). */
export const inPlaces = (session: SessionBody, offered: readonly OfferedStream[]): SessionBody => ({
  ...session,
  description: answerInPlaces(offered, session.description),
});

/** The description's bytes: the body itself, or the one part of a multipart that is SDP (RFC 5621 §3.1). */
function locate({ contentType, bytes }: MessageBody): { sdp: Buffer; wrap: SessionBody['wrap'] } {
  if (mediaType(contentType) === SDP) return { sdp: bytes, wrap: (sdp) => ({ contentType: SDP, bytes: sdp }) };
  const sdp = readable(() => findBody(bytes, contentType, SDP));
  if (!sdp) throw fault('sdp.unsupported-body', 'No part of the body is a session description', 415);
  return { sdp, wrap: (ours) => ({ contentType, bytes: readable(() => replaceBody(bytes, contentType, SDP, ours)) }) };
}

function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SipSyntaxError)) throw error;
    throw fault('sdp.malformed', `Multipart body: ${error.message}`, 400);
  }
}

const fault = (code: string, message: string, sipStatus: number): GatewayError =>
  new GatewayError(code, message, { origin: 'remote', sipStatus });

/** Where a description wants its media; undefined where it does not say or cannot be read. */
export function sessionAddress(body: MessageBody | undefined): string | undefined {
  if (!body) return undefined;
  try {
    const { description, media } = readSession(body);
    return media && mediaAddress(description, media)?.address;
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}

/** What an INVITE offers, for policy; never throws. */
export function offerProfile(body: MessageBody | undefined): 'none' | 'RTP/AVP' | 'RTP/SAVP' | 'both' | 'unusable' {
  if (!body) return 'none';
  try {
    const { description, media } = readSession(body);
    if (!media) return 'unusable';
    const profiles = description.media.filter((section) => section.kind === 'audio' && section.port !== 0);
    const secure = profiles.some((section) => /SAVP/i.test(section.protocol));
    const clear = profiles.length === 0 || profiles.some((section) => !/SAVP/i.test(section.protocol));
    return secure && clear ? 'both' : secure ? 'RTP/SAVP' : 'RTP/AVP';
  } catch (error) {
    if (error instanceof GatewayError) return 'unusable';
    throw error;
  }
}

/**
 * The body for the other leg: our address and ports, nothing of the sender's network (see rewriteForLeg), edited.
 * @param rtcpMux  it answers an offer of rtcp-mux, which it accepts (RFC 5761 §5.1.1)
 */
export function rewriteSession(
  session: SessionBody,
  ports: LocalPorts,
  originId: number,
  version: number,
  { profile, crypto }: CryptoPart,
  rtcpMux: boolean,
  edit?: (media: MediaSection) => void,
): MessageBody {
  const { description, anchored } = rewriteForLeg(session.description, {
    address: ports.address,
    rtpPort: ports.rtpPort,
    rtcpPort: ports.rtcpPort,
    sessionId: originId,
    version,
    username: '-',
    profile,
    crypto,
  });
  const media = description.media[anchored];
  if (rtcpMux && media?.isRtp) media.addAttribute('rtcp-mux');
  if (edit && media?.isRtp) edit(media);
  return session.wrap(serializeSdp(description));
}

const REVERSED: Readonly<Record<StreamDirection, StreamDirection>> = {
  sendrecv: 'sendrecv',
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  inactive: 'inactive',
};

/** What is known of where a side's media may come from. */
export interface SourceBounds {
  readonly signallingAddress?: string | undefined;
  /** Blocks configured for media: they bound every source. */
  readonly mediaSources: readonly string[] | undefined;
  /** Blocks the side may signal from, where none were configured for media; undefined: not known, any source will do. */
  readonly allowedSources: readonly string[] | undefined;
}

/**
 * What the media engine is told of a peer. We offer no rtcp-mux, so that an answer cannot agree to it (RFC 5761 §5.1.1).
 * @throws GatewayError `sdp.not-acceptable` (488) when a live stream has no address
 */
export function describeMedia(
  { description, media }: SessionBody,
  bounds: SourceBounds,
  role: 'offer' | 'answer',
): RemoteDescription {
  if (!media) return { address: '0.0.0.0', rtpPort: 0, direction: 'inactive', formats: [] };
  const at = mediaAddress(description, media);
  if (!at) {
    throw fault('sdp.not-acceptable', 'A media stream has no connection address', 488);
  }
  const { ptimeMs } = packetTimesMs(media);
  const { signallingAddress } = bounds;
  const rtcpMux = at.rtcpMux && role === 'offer';
  const allowedSources = acceptableSources(bounds, [at.address, at.rtcpAddress, signallingAddress]);
  return {
    address: at.address,
    rtpPort: at.rtpPort,
    rtcpAddress: at.rtcpAddress,
    rtcpPort: at.rtcpMux && !rtcpMux ? at.rtpPort + 1 : at.rtcpPort,
    rtcpMux,
    direction: REVERSED[effectiveDirection(description, media)],
    formats: payloadFormats(media),
    ...(ptimeMs !== undefined && { ptimeMs }),
    ...(signallingAddress !== undefined && { signallingAddress }),
    ...(allowedSources !== undefined && { allowedSources }),
    kind: media.isUdptl ? 'udptl' : 'rtp',
  };
}

/**
 * Without blocks of its own for media a side speaks from where it said, from where it signals, or from where it may
 * signal. Anybody else who guesses the port would be heard, and spoken to, until the peer itself begins.
 */
function acceptableSources(
  { mediaSources, allowedSources }: SourceBounds,
  told: readonly (string | undefined)[],
): readonly string[] | undefined {
  if (mediaSources || !allowedSources) return mediaSources;
  return [...allowedSources, ...told.filter((address) => address !== undefined)];
}

/** The RTP formats of a section; none for T.38. */
export const payloadFormats = (media: MediaSection | undefined): readonly PayloadFormat[] =>
  media ? formatsOf(media).map(payloadFormat) : [];

const payloadFormat = (format: ReturnType<typeof formatsOf>[number]): PayloadFormat => ({
  payloadType: format.payloadType,
  encoding: format.encoding.toUpperCase(),
  clockRateHz: format.clockRateHz || 8000,
  channels: format.channels,
});
