import { type CoreOptions, composeResponse, NO_ROWS, templateOf } from '../dialog/index.js';
import type { SipRequest, SipResponse } from '../message/index.js';
import type { ResponseOrder } from '../signaling.js';

/** A response outside any dialog, made from what the request says (RFC 3261 §8.2.6, §8.2.7). */
export function statelessResponse(
  request: SipRequest,
  vias: readonly string[],
  status: number,
  localTag: string,
  order: ResponseOrder,
  options: CoreOptions,
): SipResponse {
  const parts = { status, localTag, order, ownRows: NO_ROWS, contact: '', dialog: false, abilities: false };
  return composeResponse(templateOf(request, vias), parts, options);
}
