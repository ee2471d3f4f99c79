import { canonicalAddress, type Endpoint, sourceFilter } from './address.js';

/**
 * Symmetric RTP with care: which source address is the peer (design §5; the attack is "RTP bleed").
 *
 *      learning ──first packet──► settling, 2 s: a better match takes over ──► locked: one source, all else refused
 *         ▲                                                                      │
 *         └────────── description with another address, port or keys ────────────┘
 *
 * Match, best first: address and port of the description; its address; the address its signalling comes from; any
 * address within the allowed sources. What is outside the allowed sources never matches.
 */
export interface LatchFacts {
  readonly address: string;
  readonly port: number;
  readonly signallingAddress?: string | undefined;
  readonly allowedSources?: readonly string[] | undefined;
}

export const SETTLE_MS = 2000;

/** ACCEPTED: the latched source. LATCHED: the same, and newly so. REFUSED: anything else. */
export const REFUSED = 0;
export const ACCEPTED = 1;
export const LATCHED = 2;
export type LatchVerdict = typeof REFUSED | typeof ACCEPTED | typeof LATCHED;

const EXACT = 4;

export class Latch {
  /** Latched source; empty while learning. */
  address = '';
  port = 0;
  #rank = 0;
  #firstMs = 0;
  #movedMs = 0;
  #facts: LatchFacts = { address: '', port: 0 };
  #expected: string | undefined;
  #allowed: (address: string) => boolean = () => true;

  get latched(): Endpoint | undefined {
    return this.address === '' ? undefined : { address: this.address, port: this.port };
  }

  /** Sets what sources are matched against; keeps the latched source unless `reopen`. */
  describe(facts: LatchFacts, reopen: boolean): void {
    this.#facts = {
      ...facts,
      address: canonicalAddress(facts.address),
      ...(facts.signallingAddress !== undefined && { signallingAddress: canonicalAddress(facts.signallingAddress) }),
    };
    this.#allowed = sourceFilter(facts.allowedSources);
    if (reopen) this.reopen();
  }

  /** RTP of this peer comes from `address`: RTCP from elsewhere must then match the description or the signalling. */
  expect(address: string): void {
    this.#expected = address;
  }

  /** Starts learning anew. */
  reopen(): void {
    this.address = '';
    this.port = 0;
    this.#rank = 0;
    this.#expected = undefined;
  }

  /**
   * Judges the source of a packet that is RTP (or RTCP).
   * @param authentic  it carries a valid SRTP tag: only the peer can have sent it, so it moves even a locked latch, but
   *     no oftener than once in two seconds; in between it is accepted where it comes from
   */
  judge(address: string, port: number, nowMs: number, authentic: boolean): LatchVerdict {
    if (port === this.port && address === this.address) return ACCEPTED;
    const first = this.address === '';
    if (!first && !authentic && this.#isSettled(nowMs)) return REFUSED;
    const rank = this.#rankOf(address, port);
    if (rank === 0 || (!first && !authentic && rank <= this.#rank)) return REFUSED;
    if (!first && rank <= this.#rank && nowMs - this.#movedMs < SETTLE_MS) return ACCEPTED;
    if (first) this.#firstMs = nowMs;
    this.#movedMs = nowMs;
    this.address = address;
    this.port = port;
    this.#rank = rank;
    return LATCHED;
  }

  /** The latched source, once only an authentic packet could move it. */
  settled(nowMs: number): Endpoint | undefined {
    return this.#isSettled(nowMs) ? this.latched : undefined;
  }

  #isSettled(nowMs: number): boolean {
    return this.#rank === EXACT || nowMs - this.#firstMs >= SETTLE_MS;
  }

  #rankOf(address: string, port: number): number {
    if (!this.#allowed(address)) return 0;
    if (address === this.#facts.address) return port === this.#facts.port ? EXACT : 3;
    if (address === this.#facts.signallingAddress || address === this.#expected) return 2;
    return this.#expected === undefined ? 1 : 0;
  }
}
