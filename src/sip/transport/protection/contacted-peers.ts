import type { Scheduler } from '../../../core/index.js';
import type { ResolvedTarget, Wire } from '../flow.js';
import type { Verdict } from './source-guard.js';

const REMEMBERED = 10_000;
const LIFETIME_MS = 3_600_000;
/** A note so young is left as it is: requests come to busy targets by the thousand. */
const FRESH_MS = 1000;

/**
 * Addresses we have sent requests to, wherever DNS had them: what comes back from there is wanted, though no list names
 * the address. The longest unheard of is forgotten first.
 */
export class ContactedPeers {
  readonly #scheduler: Scheduler;
  readonly #lastMs = new Map<string, number>();

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** A wire that notes each target it opens. */
  watch(wire: Wire): Wire {
    return {
      open: (target: ResolvedTarget, connectTimeoutMs, done) => {
        this.#note(target.address);
        wire.open(target, connectTimeoutMs, done);
      },
      sentBy: (flow) => wire.sentBy(flow),
    };
  }

  /** `admits` for which contacted peers are allowed, whatever it says of them. */
  allow(admits: (address: string) => Verdict): (address: string) => Verdict {
    return (address) => {
      const verdict = admits(address);
      return verdict === 'allow' || !this.#isKnown(address) ? verdict : 'allow';
    };
  }

  #isKnown(address: string): boolean {
    const lastMs = this.#lastMs.get(address);
    return lastMs !== undefined && this.#scheduler.nowMs() - lastMs < LIFETIME_MS;
  }

  #note(address: string): void {
    const nowMs = this.#scheduler.nowMs();
    if (nowMs - (this.#lastMs.get(address) ?? Number.NEGATIVE_INFINITY) < FRESH_MS) return;
    this.#lastMs.delete(address);
    this.#lastMs.set(address, nowMs);
    if (this.#lastMs.size > REMEMBERED) this.#lastMs.delete(this.#lastMs.keys().next().value!);
  }
}
