import { SipRequest, SipResponse, SipSyntaxError } from '../message/index.js';

/**
 * The answer to a request that could not be read (RFC 3261 §8.2.6.2, RFC 4475 §3.3.1): what it carries is copied as it
 * came, read or not; a field that it lacks is left out.
 */

/** True where an answer is due: a request other than ACK, with a Via to answer along. */
export const isAnswerDue = (message: unknown): message is SipRequest =>
  message instanceof SipRequest && message.method !== 'ACK' && message.headers.has('Via');

/** @param vias Via values of the response */
export function malformedResponse(
  request: SipRequest,
  vias: readonly string[],
  status: number,
  reason: string,
  server: string,
): SipResponse {
  const response = SipResponse.create(status, reason);
  const { headers } = response;
  for (const via of vias) headers.append('Via', via);
  for (const name of ['From', 'To', 'Call-ID', 'CSeq']) {
    const value = request.headers.get(name);
    if (value !== undefined) headers.append(name, name === 'To' ? tagged(request, value) : value);
  }
  if (server !== '') headers.append('Server', server);
  return response;
}

/** A To that cannot be read is not added to: what came after it might be taken for something else. */
function tagged(request: SipRequest, to: string): string {
  try {
    return request.to.tag === undefined ? `${to};tag=stateless` : to;
  } catch (error) {
    if (error instanceof SipSyntaxError) return to;
    throw error;
  }
}
