/**
 * Interarrival jitter (RFC 3550 §6.4.1, appendix A.8): J += (|D| − J) / 16, over packets in order of arrival.
 *
 * D is taken from differences, so neither the 32-bit timestamp nor the arrival clock can wrap into it. A timestamp step
 * that disagrees with the clock by more than three seconds is a sender that stopped or restarted its clock (hold, new
 * media source), not jitter, and only starts the comparison anew. So does a change of clock rate (RFC 7160 §3).
 */
const DISCONTINUITY_SECONDS = 3;

export class JitterEstimator {
  /** RTP clock units; divide by the clock rate for seconds. */
  valueTs = 0;
  /** False before the second packet. */
  known = false;
  #started = false;
  #timestamp = 0;
  #arrivalMs = 0;
  #clockRateHz = 0;

  /**
   * @param timestamp  RTP timestamp, uint32, wraps
   * @param arrivalMs  milliseconds, fractional, on the injected monotonic clock
   */
  update(timestamp: number, arrivalMs: number, clockRateHz: number): void {
    const comparable = this.#started && clockRateHz === this.#clockRateHz;
    if (comparable) {
      const difference = ((arrivalMs - this.#arrivalMs) * clockRateHz) / 1000 - ((timestamp - this.#timestamp) | 0);
      this.#absorb(difference < 0 ? -difference : difference, clockRateHz);
    } else if (this.#started) {
      this.valueTs *= clockRateHz / this.#clockRateHz;
    }
    this.#started = true;
    this.#timestamp = timestamp;
    this.#arrivalMs = arrivalMs;
    this.#clockRateHz = clockRateHz;
  }

  /** Of the last packet; 0 before the first. */
  get clockRateHz(): number {
    return this.#clockRateHz;
  }

  /** Microseconds. */
  get valueUs(): number {
    return this.#clockRateHz === 0 ? 0 : (this.valueTs * 1_000_000) / this.#clockRateHz;
  }

  #absorb(distance: number, clockRateHz: number): void {
    if (distance > DISCONTINUITY_SECONDS * clockRateHz) return;
    this.valueTs += (distance - this.valueTs) / 16;
    this.known = true;
  }
}
