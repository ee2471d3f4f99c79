import { GatewayError } from '../core/index.js';
import type { LocalPorts, PayloadFormat, RemoteDescription, StreamDirection } from '../rtp/index.js';
import {
  audioMedia,
  effectiveDirection,
  formatsOf,
  imageMedia,
  type MediaSection,
  type MessageBody,
  mediaAddress,
  packetTimesMs,
  parseSdp,
  rewriteForLeg,
  SdpError,
  type SessionDescription,
  type SipMessage,
  serializeSdp,
} from '../sip/index.js';

/** Between SIP message bodies and what the media engine wants to know: the only place that reads session descriptions. */

export interface SessionBody {
  readonly description: SessionDescription;
  /** The anchored section: first live audio, else first live T.38, else undefined (everything refused). */
  readonly media: MediaSection | undefined;
}

const SDP = 'application/sdp';

/** The session description a message carries, as body; undefined without one. */
export function bodyOf(message: SipMessage): MessageBody | undefined {
  const contentType = message.headers.get('Content-Type');
  if (contentType === undefined || message.body.length === 0) return undefined;
  return { contentType, bytes: message.body };
}

/** @throws GatewayError `sdp.malformed` (400), `sdp.unsupported-body` (415) */
export function readSession(body: MessageBody): SessionBody {
  if (!body.contentType.toLowerCase().startsWith(SDP)) {
    throw new GatewayError('sdp.unsupported-body', 'The body is no session description', { origin: 'remote', sipStatus: 415 });
  }
  const description = parseSdp(body.bytes);
  if (description instanceof SdpError) {
    throw new GatewayError('sdp.malformed', `Session description: ${description.message}`, { origin: 'remote', sipStatus: 400 });
  }
  const live = [audioMedia(description), imageMedia(description)].find((media) => media && media.port !== 0);
  return { description, media: live };
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

/** The body for the other leg: our address and ports, nothing of the sender's network (see rewriteForLeg). */
export function rewriteSession(session: SessionBody, ports: LocalPorts, originId: number, version: number): MessageBody {
  const { description } = rewriteForLeg(session.description, {
    address: ports.address,
    rtpPort: ports.rtpPort,
    rtcpPort: ports.rtcpPort,
    sessionId: originId,
    version,
    username: '-',
  });
  return { contentType: SDP, bytes: serializeSdp(description) };
}

const REVERSED: Readonly<Record<StreamDirection, StreamDirection>> = {
  sendrecv: 'sendrecv',
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  inactive: 'inactive',
};

/**
 * What the media engine is told of a peer.
 * @throws GatewayError `sdp.not-acceptable` (488) when a live stream has no address
 */
export function describeMedia(
  { description, media }: SessionBody,
  signallingAddress: string | undefined,
  allowedSources: readonly string[] | undefined,
): RemoteDescription {
  if (!media) return { address: '0.0.0.0', rtpPort: 0, direction: 'inactive', formats: [] };
  const at = mediaAddress(description, media);
  if (!at) {
    throw new GatewayError('sdp.not-acceptable', 'A media stream has no connection address', { origin: 'remote', sipStatus: 488 });
  }
  const { ptimeMs } = packetTimesMs(media);
  return {
    address: at.address,
    rtpPort: at.rtpPort,
    rtcpAddress: at.rtcpAddress,
    rtcpPort: at.rtcpPort,
    rtcpMux: at.rtcpMux,
    direction: REVERSED[effectiveDirection(description, media)],
    formats: formatsOf(media).map(payloadFormat),
    ...(ptimeMs !== undefined && { ptimeMs }),
    ...(signallingAddress !== undefined && { signallingAddress }),
    ...(allowedSources !== undefined && { allowedSources }),
    kind: media.isUdptl ? 'udptl' : 'rtp',
  };
}

const payloadFormat = (format: ReturnType<typeof formatsOf>[number]): PayloadFormat => ({
  payloadType: format.payloadType,
  encoding: format.encoding.toUpperCase(),
  clockRateHz: format.clockRateHz || 8000,
  channels: format.channels,
});
