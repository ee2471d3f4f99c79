/**
 * The sender reports that went to one peer, by the middle 32 bits of their NTP time. That peer's report blocks name one
 * as LSR, and its own delay since as DLSR; the round trip between us and the peer is then now − sent − DLSR. The reports
 * were mostly written by the other side on its own clock, so the time they passed us is what counts, not their contents.
 *
 *     other side ──SR──► us ──sent──► peer ──DLSR──► peer ──RR(LSR, DLSR)──► us, now        (RFC 3550 §6.4.1)
 */
const KEPT = 8;

export class SrLedger {
  readonly #middle = new Uint32Array(KEPT);
  readonly #sentMs = new Float64Array(KEPT);
  #next = 0;

  /** @param middle  middle 32 bits of the report's NTP time */
  note(middle: number, sentMs: number): void {
    this.#middle[this.#next] = middle;
    this.#sentMs[this.#next] = sentMs;
    this.#next = (this.#next + 1) % KEPT;
  }

  /**
   * @param lastSr, delaySinceLastSr  of the report block
   * @returns microseconds, 0 where clock grain would make it negative; undefined when the report names none of ours
   */
  roundTripUs(lastSr: number, delaySinceLastSr: number, nowMs: number): number | undefined {
    if (lastSr === 0) return undefined;
    const at = this.#middle.indexOf(lastSr);
    if (at < 0) return undefined;
    return Math.max(0, (nowMs - this.#sentMs[at]!) * 1000 - (delaySinceLastSr * 1_000_000) / 65536);
  }
}
