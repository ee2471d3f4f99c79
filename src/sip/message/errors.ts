import { GatewayError } from '../../core/index.js';
import type { SipRequest, SipResponse } from './message.js';

/** Thrown by typed views of a header field or URI that does not follow its grammar. */
export class SipSyntaxError extends GatewayError {
  /** @param what which element was read, and what is wrong with it; never text from the wire */
  constructor(what: string) {
    super('sip.syntax', what, { origin: 'remote', sipStatus: 400 });
    this.name = 'SipSyntaxError';
  }
}

/** Every code a SipParseError can carry. */
export const PARSE_CODES = [
  'parse.empty',
  'parse.start-line',
  'parse.version',
  'parse.status-code',
  'parse.request-uri',
  'parse.truncated',
  'parse.header-line',
  'parse.header-missing',
  'parse.header-duplicate',
  'parse.header-value',
  'parse.cseq-mismatch',
  'parse.content-length',
  'parse.headers-too-large',
  'parse.too-many-headers',
  'parse.body-too-large',
] as const;

export type ParseCode = (typeof PARSE_CODES)[number];

/** A fault in received bytes, and how a request with it is answered. */
export interface SipParseFault {
  readonly code: ParseCode;
  /** Byte offset near which the fault lies. */
  readonly offset: number;
  /** SIP status that answers a request with this fault: 400, 413 or 505. */
  readonly status: number;
  /** One phrase without text from the wire; fit for a reason phrase. */
  readonly reason: string;
}

/** Why received bytes are not a message that can be processed. */
export interface SipParseError extends SipParseFault {
  /** As much as was understood; ask `isAnswerable` before a response is made from it. */
  readonly message?: SipRequest | SipResponse;
}
