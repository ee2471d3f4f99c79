import { type Counters, GatewayError, type Scheduler, type Timer } from '../../../core/index.js';

/**
 * Answers remembered by name and type for as long as they may be, one query in flight for each.
 *
 *     ask ─ fresh? ──────────────────────────────────────────────► answer
 *        └ else query (or join the one in flight)
 *              ├─ answered ─ remember for its lifetime ──────────► answer
 *              ├─ failed ──── stale one? ── yes ─────────────────► stale answer      (RFC 8767)
 *              │                         └─ no ──────────────────► dns.failed, remembered for `failureMs`
 *              └─ no answer ─ after `staleAfterMs` with a stale one, `deadlineMs` without: as failed, dns.timeout
 *
 * A query that comes back after its deadline still fills the cache. A name that fails touches no other name.
 */

export interface DnsCacheLimits {
  /** Lifetime of answers whose time to live is not told: SRV and NAPTR of Node's resolver. */
  readonly defaultLifetimeMs: number;
  /** Lifetime of "there is none" (RFC 2308 §5; Node does not tell the SOA's minimum). */
  readonly negativeMs: number;
  /** A failed query is not repeated for that long; twice as long after each further failure, up to the most. */
  readonly failureMs: number;
  readonly maxFailureMs: number;
  /** No lifetime is longer, whatever the record says. */
  readonly maxLifetimeMs: number;
  /** How long beyond its lifetime an answer may serve when none better is to be had. */
  readonly staleMs: number;
  /** With a stale answer at hand, how long a query may take before that is used. */
  readonly staleAfterMs: number;
  /** Without one, how long before the name counts as failed. */
  readonly deadlineMs: number;
  /** A query without any outcome for that long is given up and asked anew. */
  readonly abandonMs: number;
  /** Names and types remembered. */
  readonly entries: number;
}

export const DEFAULT_DNS_CACHE_LIMITS: DnsCacheLimits = {
  defaultLifetimeMs: 60_000,
  negativeMs: 30_000,
  failureMs: 2_000,
  maxFailureMs: 10_000,
  maxLifetimeMs: 86_400_000,
  staleMs: 3_600_000,
  staleAfterMs: 400,
  deadlineMs: 3_000,
  abandonMs: 12_000,
  entries: 10_000,
};

/** Records of one name and type that are looked at: a zone with more would cost time by their square and find no more. */
const MOST_RECORDS = 64;

/** Records and how long they hold; lifetime absent: not told. */
export interface Answer {
  readonly records: readonly unknown[];
  readonly lifetimeMs?: number;
}

type Done = (result: readonly unknown[] | GatewayError) => void;

interface Entry {
  records: readonly unknown[] | undefined;
  freshUntilMs: number;
  /** The last failure, given again until `retryMs`. */
  failure: GatewayError | undefined;
  retryMs: number;
  /** Failures in a row. */
  failures: number;
  waiting: Done[];
  /** When the query in flight was sent; -Infinity: none is. */
  askedMs: number;
  deadline: Timer | undefined;
}

export class DnsCache {
  readonly #limits: DnsCacheLimits;
  readonly #scheduler: Scheduler;
  readonly #counters: Counters;
  readonly #entries = new Map<string, Entry>();

  constructor(limits: Partial<DnsCacheLimits>, scheduler: Scheduler, counters: Counters) {
    this.#limits = { ...DEFAULT_DNS_CACHE_LIMITS, ...limits };
    this.#scheduler = scheduler;
    this.#counters = counters;
  }

  /** Gives the records of `key`, asking with `query` where they are not known; `done` once, maybe at once. */
  ask(key: string, query: () => Promise<Answer>, done: Done): void {
    const entry = this.#entry(key);
    const nowMs = this.#scheduler.nowMs();
    if (entry.records && nowMs < entry.freshUntilMs) {
      this.#counters.add('dns_cache_hits');
      done(entry.records);
      return;
    }
    // A failure a moment ago: the server is not asked again by every call that comes.
    if (entry.failure && nowMs < entry.retryMs) {
      done(this.#serveStale(entry) ?? entry.failure);
      return;
    }
    entry.waiting.push(done);
    if (nowMs - entry.askedMs >= this.#limits.abandonMs) this.#query(key, entry, query);
    if (!entry.deadline) this.#setDeadline(key, entry);
  }

  /** Forgets everything, as after a change of DNS servers. */
  clear(): void {
    for (const [key, entry] of this.#entries) if (entry.waiting.length === 0) this.#entries.delete(key);
  }

  get size(): number {
    return this.#entries.size;
  }

  #entry(key: string): Entry {
    const entry = this.#entries.get(key) ?? blankEntry();
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size > this.#limits.entries) this.#entries.delete(this.#entries.keys().next().value!);
    return entry;
  }

  #query(key: string, entry: Entry, query: () => Promise<Answer>): void {
    entry.askedMs = this.#scheduler.nowMs();
    this.#counters.add('dns_queries');
    query().then(
      (answer) => this.#answered(entry, answer),
      (cause) =>
        this.#failed(entry, new GatewayError('dns.failed', `cannot resolve ${key}`, { origin: 'remote', cause })),
    );
  }

  #setDeadline(key: string, entry: Entry): void {
    const { staleAfterMs, deadlineMs } = this.#limits;
    const patienceMs = this.#stale(entry) ? staleAfterMs : deadlineMs;
    entry.deadline = this.#scheduler.after(patienceMs, () => {
      this.#counters.add('dns_failures', 'timeout');
      const error = new GatewayError('dns.timeout', `no answer for ${key} in ${patienceMs} ms`, { origin: 'remote' });
      this.#settleFailure(entry, error);
    });
  }

  #answered(entry: Entry, answer: Answer): void {
    const { defaultLifetimeMs, negativeMs, maxLifetimeMs } = this.#limits;
    const records = answer.records.slice(0, MOST_RECORDS);
    const lifetimeMs = records.length === 0 ? negativeMs : (answer.lifetimeMs ?? defaultLifetimeMs);
    entry.askedMs = -Infinity;
    entry.records = records;
    entry.freshUntilMs = this.#scheduler.nowMs() + Math.min(lifetimeMs, maxLifetimeMs);
    entry.failure = undefined;
    entry.failures = 0;
    this.#release(entry, records);
  }

  #failed(entry: Entry, error: GatewayError): void {
    entry.askedMs = -Infinity;
    this.#counters.add('dns_failures', 'failed');
    this.#settleFailure(entry, error);
  }

  #settleFailure(entry: Entry, error: GatewayError): void {
    const { failureMs, maxFailureMs } = this.#limits;
    entry.failure = error;
    entry.retryMs = this.#scheduler.nowMs() + Math.min(failureMs * 2 ** entry.failures++, maxFailureMs);
    this.#release(entry, this.#serveStale(entry) ?? error);
  }

  #serveStale(entry: Entry): readonly unknown[] | undefined {
    const stale = this.#stale(entry);
    if (stale) this.#counters.add('dns_stale_answers');
    return stale;
  }

  #stale(entry: Entry): readonly unknown[] | undefined {
    if (!entry.records || entry.records.length === 0) return undefined;
    if (this.#scheduler.nowMs() >= entry.freshUntilMs + this.#limits.staleMs) return undefined;
    return entry.records;
  }

  #release(entry: Entry, result: readonly unknown[] | GatewayError): void {
    entry.deadline?.cancel();
    entry.deadline = undefined;
    const waiting = entry.waiting;
    entry.waiting = [];
    for (const done of waiting) done(result);
  }
}

const blankEntry = (): Entry => ({
  records: undefined,
  freshUntilMs: 0,
  failure: undefined,
  retryMs: 0,
  failures: 0,
  waiting: [],
  askedMs: -Infinity,
  deadline: undefined,
});
