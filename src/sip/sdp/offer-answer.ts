import type { MediaSection, SessionDescription } from './description.js';
import { formatsOf, type MediaFormat, sameCodec } from './formats.js';
import { SdpError } from './sdp-error.js';

/** The checks of the offer/answer model (RFC 3264). */

/**
 * Checks an answer against its offer: as many m-lines, of the same kind and transport in the same order, refused
 * where the offer's port is 0 (§6), and at least one offered format in each accepted RTP stream (§6.1).
 * @returns the first fault, or undefined
 */
export function checkAnswer(offer: SessionDescription, answer: SessionDescription): SdpError | undefined {
  if (offer.media.length !== answer.media.length) {
    return new SdpError('sdp.media-count', 'Answer has another number of m= lines than the offer');
  }
  for (let at = 0; at < offer.media.length; at++) {
    const fault = sectionFault(offer.media[at]!, answer.media[at]!);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function sectionFault(offered: MediaSection, answered: MediaSection): SdpError | undefined {
  if (offered.kind !== answered.kind)
    return new SdpError('sdp.media-type', 'Answer has another kind of media than the offer');
  if (answered.port === 0) return undefined;
  if (offered.port === 0) return new SdpError('sdp.media-type', 'Answer accepts a stream that was not offered');
  if (offered.protocol.toUpperCase() !== answered.protocol.toUpperCase()) {
    return new SdpError('sdp.transport', 'Answer has another transport than the offer');
  }
  if (answered.isRtp && commonFormats(offered, answered).length === 0) {
    return new SdpError('sdp.no-common-format', 'Answer takes none of the offered formats');
  }
  return undefined;
}

/** The answered formats that were offered, in the answer's order, by codec or payload type. */
export function commonFormats(offered: MediaSection, answered: MediaSection): MediaFormat[] {
  const candidates = formatsOf(offered);
  return formatsOf(answered).filter((format) => candidates.some((candidate) => sameCodec(candidate, format)));
}

/**
 * Checks a later offer of the same session against the description before it: m-lines may be added at the end and
 * none may go (§8). Kind and transport of a line may change, as they do when voice gives way to T.38 (§8.3.3).
 */
export function checkNextOffer(previous: SessionDescription, next: SessionDescription): SdpError | undefined {
  if (next.media.length >= previous.media.length) return undefined;
  return new SdpError('sdp.media-count', 'Offer drops an m= line');
}

/** True where the origin says it is the same description as before (RFC 3264 §8). */
export function isUnchanged(previous: SessionDescription, next: SessionDescription): boolean {
  const before = previous.origin;
  const after = next.origin;
  return before.sessionId === after.sessionId && before.version === after.version && before.username === after.username;
}
