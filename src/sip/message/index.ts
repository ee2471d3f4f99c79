/** SIP messages: parsing, typed views, serialising, stream framing (RFC 3261 §7, §18, §19, §20, §25). */
export { isToken } from './chars.js';
export { type CSeq, parseCSeq } from './cseq.js';
export { PARSE_CODES, type ParseCode, type SipParseError, type SipParseFault, SipSyntaxError } from './errors.js';
export { Headers } from './headers.js';
export { formatHost, formatHostPort, type HostPort, parseHostPort } from './host.js';
export { DEFAULT_LIMITS, type ParseLimits } from './limits.js';
export { quote, splitCommas, unquote } from './lists.js';
export { isAnswerable, SipMessage, SipRequest, SipResponse } from './message.js';
export { NameAddress } from './name-address.js';
export { Params } from './params.js';
export { type ParseOutcome, parseDatagram } from './parser.js';
export { serialize } from './serialize.js';
export { reasonPhrase } from './status.js';
export { type FramerOutcome, StreamFramer } from './stream-framer.js';
export { SipUri } from './uri.js';
export { UriParams, unescapeUri } from './uri-params.js';
export { Via } from './via.js';
export { decodeUtf8, encodeUtf8, lineSafe } from './wire-text.js';
