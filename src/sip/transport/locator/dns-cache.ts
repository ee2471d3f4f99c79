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
  /** A failed query is not repeated for that long. */
  readonly failureMs: number;
  /** No lifetime is longer, whatever the record says. */
  readonly maxLifetimeMs: number;
  /** How long beyond its lifetime an answer may serve when none better is to be had. */
  readonly staleMs: number;
  /** With a stale answer at hand, how long a query may take before that is used. */
  readonly staleAfterMs: number;
  /** Without one, how long before the name counts as failed. */
  readonly deadlineMs: number;
  /** Names and types remembered. */
  readonly entries: number;
}

export const DEFAULT_DNS_CACHE_LIMITS: DnsCacheLimits = {
  defaultLifetimeMs: 60_000,
  negativeMs: 30_000,
  failureMs: 2_000,
  maxLifetimeMs: 86_400_000,
  staleMs: 3_600_000,
  staleAfterMs: 400,
  deadlineMs: 3_000,
  entries: 10_000,
};

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
  waiting: Done[];
  inFlight: boolean;
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
    if (nowMs < entry.retryMs) {
      done(this.#stale(entry) ?? entry.failure ?? notFound(key));
      return;
    }
    entry.waiting.push(done);
    if (!entry.inFlight) this.#query(key, entry, query);
    if (!entry.deadline) this.#setDeadline(key, entry);
  }

  /** Forgets everything, as after a change of DNS servers. */
  clear(): void {
    for (const [key, entry] of this.#entries) if (!entry.inFlight) this.#entries.delete(key);
  }

  get size(): number {
    return this.#entries.size;
  }

  #entry(key: string): Entry {
    let entry = this.#entries.get(key);
    if (entry) this.#entries.delete(key);
    else {
      entry = {
        records: undefined,
        freshUntilMs: 0,
        failure: undefined,
        retryMs: 0,
        waiting: [],
        inFlight: false,
        deadline: undefined,
      };
    }
    this.#entries.set(key, entry);
    if (this.#entries.size > this.#limits.entries) this.#entries.delete(this.#entries.keys().next().value!);
    return entry;
  }

  #query(key: string, entry: Entry, query: () => Promise<Answer>): void {
    entry.inFlight = true;
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
    const lifetimeMs = answer.records.length === 0 ? negativeMs : (answer.lifetimeMs ?? defaultLifetimeMs);
    entry.inFlight = false;
    entry.records = answer.records;
    entry.freshUntilMs = this.#scheduler.nowMs() + Math.min(lifetimeMs, maxLifetimeMs);
    entry.failure = undefined;
    entry.retryMs = 0;
    this.#release(entry, answer.records);
  }

  #failed(entry: Entry, error: GatewayError): void {
    entry.inFlight = false;
    this.#counters.add('dns_failures', 'failed');
    this.#settleFailure(entry, error);
  }

  #settleFailure(entry: Entry, error: GatewayError): void {
    entry.failure = error;
    entry.retryMs = this.#scheduler.nowMs() + this.#limits.failureMs;
    this.#release(entry, this.#stale(entry) ?? error);
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
    if (entry.failure && !(result instanceof GatewayError)) this.#counters.add('dns_stale_answers');
    for (const done of waiting) done(result);
  }
}

const notFound = (key: string): GatewayError =>
  new GatewayError('dns.failed', `cannot resolve ${key}`, { origin: 'remote' });
