import { parseSdp, SdpError, type SessionDescription, serializeSdp } from '../../../src/sip/sdp/index.js';

/** Lines joined as a description with CRLF ends. */
export const sdp = (...lines: string[]): string => `${lines.join('\r\n')}\r\n`;

/** A description with these lines after a usual session part. */
export const withSession = (...lines: string[]): string =>
  sdp('v=0', 'o=alice 2890844526 2890844527 IN IP4 10.0.0.5', 's=call', 'c=IN IP4 10.0.0.5', 't=0 0', ...lines);

export function parsed(text: string | Buffer): SessionDescription {
  const description = parseSdp(text);
  if (description instanceof SdpError) throw description;
  return description;
}

export function faultOf(text: string): SdpError {
  const description = parseSdp(text);
  if (description instanceof SdpError) return description;
  throw new Error('description was read');
}

/** Lines of a description as written. */
export const linesOf = (description: SessionDescription): string[] =>
  serializeSdp(description).toString('latin1').split('\r\n').slice(0, -1);
