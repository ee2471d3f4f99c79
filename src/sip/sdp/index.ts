/** Session descriptions: a byte-preserving line model, what they mean, offer/answer, rewriting (RFC 8866, 3264, 4566). */
export { type AudioOrder, audioSection, createDescription, type SessionOrder } from './create.js';
export { MediaSection, SessionDescription, serializeSdp } from './description.js';
export { type AddressType, type Connection, formatConnection, formatOrigin, type Origin } from './fields.js';
export { formatsOf, isTelephoneEvent, type MediaFormat, sameCodec } from './formats.js';
export { type DtlsFacts, dtlsFacts, type Fingerprint, type IceFacts, iceFacts } from './ice.js';
export {
  audioMedia,
  cryptoLines,
  type Direction,
  effectiveDirection,
  imageMedia,
  inheritedAttribute,
  isHeld,
  isUnspecified,
  type MediaAddress,
  mediaAddress,
  packetTimesMs,
  statedDirection,
} from './media-facts.js';
export { answerInPlaces, type OfferedStream, offeredStreams } from './offer-answer.js';
export { parseSdp } from './parse.js';
export { type LegOrder, type RewrittenDescription, rewriteForLeg } from './rewrite.js';
export { SDP_CODES, type SdpCode, SdpError } from './sdp-error.js';
export { type SdpLine, Section } from './section.js';
