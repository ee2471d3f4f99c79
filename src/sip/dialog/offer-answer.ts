/**
 * Whose offer is open in a dialog (RFC 3264, RFC 6337 §2). Only what decides glare is kept; the descriptions
 * themselves are the call layer's.
 *
 *     idle ── we send a description ──► local ── the peer's description in a reliable message ──► idle
 *     idle ── the peer sends one ─────► remote ── ours in a reliable message ───────────────────► idle
 *     any  ── the INVITE or UPDATE that carried the offer fails ────────────────────────────────► idle
 */
export class OfferAnswer {
  #open: 'none' | 'local' | 'remote' = 'none';

  get open(): 'none' | 'local' | 'remote' {
    return this.#open;
  }

  /** A description went out in a request, a 2xx, or a reliable 1xx. */
  sent(): void {
    this.#open = this.#open === 'remote' ? 'none' : 'local';
  }

  received(): void {
    this.#open = this.#open === 'local' ? 'none' : 'remote';
  }

  /** The exchange came to nothing, or its transaction is over. */
  reset(): void {
    this.#open = 'none';
  }
}

/** True for bodies that can hold a session description. */
export const describesSession = (contentType: string | undefined): boolean =>
  contentType !== undefined && (contentType.startsWith('application/sdp') || contentType.startsWith('multipart/'));
