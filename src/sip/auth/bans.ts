import { type Scheduler, sourceNetwork } from '../../core/index.js';

export interface BanOptions {
  /** So many failures within the window … */
  readonly failures: number;
  readonly windowMs: number;
  /** … shut the source out for this long. */
  readonly banMs: number;
  /** Sources watched at a time; the longest unheard of is dropped first. */
  readonly sources: number;
}

export const DEFAULT_BANS: BanOptions = { failures: 10, windowMs: 60_000, banMs: 600_000, sources: 20_000 };

interface Watched {
  /** When its failures happened, oldest first; at most `failures` of them. */
  readonly failuresMs: number[];
  bannedUntilMs: number;
}

/** Shuts out sources (an IPv6 /64 is one) that keep failing to log in. Needs no timers: what is over is seen to be over when looked at. */
export class Bans {
  readonly #scheduler: Scheduler;
  readonly #options: BanOptions;
  readonly #sources = new Map<string, Watched>();

  constructor(scheduler: Scheduler, options: BanOptions = DEFAULT_BANS) {
    this.#scheduler = scheduler;
    this.#options = options;
  }

  isBanned(source: string): boolean {
    return (
      (this.#sources.get(sourceNetwork(source))?.bannedUntilMs ?? Number.NEGATIVE_INFINITY) > this.#scheduler.nowMs()
    );
  }

  /** Notes a failed log-in; true when it led to a ban. */
  fail(source: string): boolean {
    const nowMs = this.#scheduler.nowMs();
    const watched = this.#watch(sourceNetwork(source));
    const { failuresMs } = watched;
    while (failuresMs.length > 0 && failuresMs[0]! <= nowMs - this.#options.windowMs) failuresMs.shift();
    failuresMs.push(nowMs);
    if (failuresMs.length < this.#options.failures) return false;
    failuresMs.length = 0;
    watched.bannedUntilMs = nowMs + this.#options.banMs;
    return true;
  }

  /** Lifts a ban and forgets the failures. */
  pardon(source: string): void {
    this.#sources.delete(sourceNetwork(source));
  }

  /** Sources shut out now, and for how long still. */
  debugView(): readonly { readonly source: string; readonly msLeft: number }[] {
    const nowMs = this.#scheduler.nowMs();
    const rows = [...this.#sources].map(([source, { bannedUntilMs }]) => ({ source, msLeft: bannedUntilMs - nowMs }));
    return rows.filter(({ msLeft }) => msLeft > 0);
  }

  /** Moves the source to the end of the table, so that the front is the longest unheard of. */
  #watch(network: string): Watched {
    const watched = this.#sources.get(network) ?? { failuresMs: [], bannedUntilMs: Number.NEGATIVE_INFINITY };
    this.#sources.delete(network);
    this.#sources.set(network, watched);
    if (this.#sources.size > this.#options.sources) this.#sources.delete(this.#sources.keys().next().value!);
    return watched;
  }
}
