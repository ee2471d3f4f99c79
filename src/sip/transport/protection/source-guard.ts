import { type Counters, type Scheduler, sourceNetwork } from '../../../core/index.js';
import { BucketTable, type Rate, TokenBucket } from './token-bucket.js';

/**
 * Decides, before anything is parsed, whether a message or a connection from an address goes on.
 *
 *                     allow ───────────────────────────────────────────────► on
 *     admits(address) limited ─ bucket of this source ─ bucket of all such ─► on        (unknown: may still authenticate)
 *                     deny ──── 'drop': never · 'answer': 25/s each ────────► on, to be refused
 *
 * A denied source is also sent no more than that many messages a second, whoever writes them: retransmissions of a
 * 403 that nobody acknowledges included. A source here is an IPv4 address, or an IPv6 /64.
 */

/** What the call layer thinks of a source address. */
export type Verdict = 'allow' | 'limited' | 'deny';

export interface GuardLimits {
  /** Messages from one source that is not known. */
  readonly unknownSource: Rate;
  /** Messages from all such sources together: forged addresses cannot buy more. */
  readonly unknownSources: Rate;
  /** Messages taken from, and sent to, one denied source. */
  readonly deniedSource: Rate;
  /** … and all denied sources together. */
  readonly deniedSources: Rate;
  /** Sources remembered in each table. */
  readonly tableSize: number;
}

export const DEFAULT_GUARD_LIMITS: GuardLimits = {
  unknownSource: { perSecond: 100, burst: 200 },
  unknownSources: { perSecond: 2000, burst: 2000 },
  // A full bucket and what fills it meanwhile: never more than 50 in any second.
  deniedSource: { perSecond: 25, burst: 25 },
  deniedSources: { perSecond: 500, burst: 500 },
  tableSize: 10_000,
};

export interface SourceGuardOptions {
  /** Asked for every message: what it answers now holds for the next message. Must be cheap. */
  readonly admits: (address: string) => Verdict;
  /** What a denied source gets: nothing at all, or up to `deniedSource` messages a second taken and refused. */
  readonly denied?: 'drop' | 'answer';
  readonly limits?: Partial<GuardLimits>;
  readonly scheduler: Scheduler;
  readonly counters: Counters;
}

export class SourceGuard {
  /** May be changed while running. */
  denied: 'drop' | 'answer';
  readonly #admits: (address: string) => Verdict;
  readonly #counters: Counters;
  readonly #unknown: BucketTable;
  readonly #allUnknown: TokenBucket;
  readonly #deniedIn: BucketTable;
  readonly #allDeniedIn: TokenBucket;
  readonly #deniedOut: BucketTable;

  constructor(options: SourceGuardOptions) {
    const limits = { ...DEFAULT_GUARD_LIMITS, ...options.limits };
    const { scheduler } = options;
    this.denied = options.denied ?? 'answer';
    this.#admits = options.admits;
    this.#counters = options.counters;
    this.#unknown = new BucketTable(limits.unknownSource, scheduler, limits.tableSize);
    this.#allUnknown = new TokenBucket(limits.unknownSources, scheduler);
    this.#deniedIn = new BucketTable(limits.deniedSource, scheduler, limits.tableSize);
    this.#allDeniedIn = new TokenBucket(limits.deniedSources, scheduler);
    this.#deniedOut = new BucketTable(limits.deniedSource, scheduler, limits.tableSize);
  }

  /** True when one message from there is to be parsed; else it is counted under its reason. */
  admitMessage(address: string): boolean {
    switch (this.#admits(address)) {
      case 'allow':
        return true;
      case 'limited':
        if (!this.#unknown.take(sourceNetwork(address))) return this.#drop('rate');
        return this.#allUnknown.take() || this.#drop('rate-overall');
      case 'deny':
        if (this.denied === 'drop' || !this.#deniedIn.take(sourceNetwork(address))) return this.#drop('denied');
        return this.#allDeniedIn.take() || this.#drop('denied');
    }
  }

  /** True when a connection from there is to be kept; refused ones are counted by the caller. */
  admitConnection(address: string): boolean {
    return this.denied === 'answer' || this.#admits(address) !== 'deny';
  }

  /** True when one message may be sent there over UDP. */
  admitAnswer(address: string): boolean {
    if (this.#admits(address) !== 'deny' || this.#deniedOut.take(sourceNetwork(address))) return true;
    this.#counters.add('sip_answers_suppressed');
    return false;
  }

  #drop(reason: string): false {
    this.#counters.add('sip_messages_dropped', reason);
    return false;
  }
}
