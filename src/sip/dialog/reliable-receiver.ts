import type { SipResponse } from '../message/index.js';
import { listsTag } from './session-timer.js';

/**
 * Order of the reliable provisional responses of one early dialog, UAC side (RFC 3262 §4): the first may have any
 * RSeq, each further one must have the next; a repeated one, or one out of order, is not acknowledged again.
 */
export class ReliableReceiver {
  #last: number | undefined;

  /** `unreliable`: nothing to acknowledge; `next`: acknowledge with this RSeq; `stale`: drop it. */
  take(response: SipResponse): ReliableOrder {
    const rseq = rseqOf(response);
    if (rseq === undefined) return { kind: 'unreliable' };
    if (this.#last !== undefined && rseq !== this.#last + 1) return { kind: 'stale' };
    this.#last = rseq;
    return { kind: 'next', rseq };
  }
}

export type ReliableOrder =
  | { readonly kind: 'unreliable' }
  | { readonly kind: 'stale' }
  | { readonly kind: 'next'; readonly rseq: number };

/** RSeq of a reliable provisional response; undefined for every other response. */
function rseqOf(response: SipResponse): number | undefined {
  if (response.status <= 100 || response.status >= 200) return undefined;
  const value = response.headers.get('RSeq');
  if (value === undefined || !/^\d{1,10}$/.test(value) || !listsTag(response, 'Require', '100rel')) return undefined;
  return Number(value);
}
