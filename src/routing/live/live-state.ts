import type { Scheduler } from '../../core/index.js';
import { countryOf } from '../numbers/index.js';
import type { Snapshot } from '../snapshot.js';
import type { Admission, CountryTraffic, LiveView, TargetState } from '../types.js';
import { CountryTrafficCounters } from './country-traffic.js';
import { targetsOf } from './health-prober.js';
import type { TargetHealth } from './target-health.js';
import { TokenBucket } from './token-bucket.js';
import { type Use, Uses } from './uses.js';

/**
 * The live numbers of one node: what decisions read (it is their LiveView) and what calls take and give back.
 *
 *     decide(facts, snapshot, live, random) ─admit─► live.enterCall(admission) ─► each attempt: live.enterAttempt(owner)
 *                                                        │ at the end: leave(talkedSeconds)
 */
export interface CallSlot {
  /** Gives back what the call took; further calls do nothing. @param talkedSeconds 0 for a call not answered */
  leave(talkedSeconds: number): void;
}

export interface NodeState {
  readonly draining: boolean;
  readonly overloaded: boolean;
  readonly mediaPortsFree: number;
}

/** Whose limit it is. */
type Holder = 'connector' | 'carrier';

export class LiveState implements LiveView {
  readonly health: TargetHealth;
  readonly traffic: CountryTrafficCounters;
  readonly #clock: Pick<Scheduler, 'nowMs' | 'wallMs'>;
  readonly #node: NodeState;
  readonly #onHold: (voiceConnectorId: string, country: string) => void;
  readonly #connectors = new Uses();
  readonly #carriers = new Uses();
  #snapshot: Snapshot;

  /**
   * @param node read at each decision
   * @param onHold told when a fraud cap holds a country (end it with `traffic.release`); must not throw
   */
  constructor(
    snapshot: Snapshot,
    health: TargetHealth,
    clock: Pick<Scheduler, 'nowMs' | 'wallMs'>,
    node: NodeState,
    onHold: (voiceConnectorId: string, country: string) => void = () => {},
  ) {
    this.#snapshot = snapshot;
    this.#clock = clock;
    this.#node = node;
    this.#onHold = onHold;
    this.health = health;
    this.traffic = new CountryTrafficCounters(clock);
  }

  /** Takes over the limits of a new snapshot; counters go on, those of what is gone are forgotten. */
  configure(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    for (const kind of ['connector', 'carrier'] as const) {
      for (const [id, use] of this.#uses(kind).entries()) this.#follow(kind, id, use);
    }
    this.health.keepOnly(new Set([...targetsOf(snapshot)].map((target) => target.targetKey)));
  }

  get draining(): boolean {
    return this.#node.draining;
  }

  get overloaded(): boolean {
    return this.#node.overloaded;
  }

  get mediaPortsFree(): number {
    return this.#node.mediaPortsFree;
  }

  get nowMs(): number {
    return this.#clock.nowMs();
  }

  get wallMs(): number {
    return this.#clock.wallMs();
  }

  callTokens(kind: Holder, id: string): number {
    return this.#use(kind, id).bucket?.available() ?? 0;
  }

  activeCalls(kind: Holder, id: string): number {
    return this.#uses(kind).get(id)?.activeCalls ?? 0;
  }

  targetState(targetKey: string): TargetState {
    return this.health.state(targetKey);
  }

  countryTraffic(voiceConnectorId: string, country: string): CountryTraffic {
    return this.traffic.read(voiceConnectorId, country);
  }

  /** Takes what an admitted call uses of its connector: a CPS token (outbound), a place, traffic to its country. */
  enterCall(admission: Admission): CallSlot {
    const { voiceConnectorId, direction, emergency, calledNumber } = admission;
    const leaveConnector = this.#enter('connector', voiceConnectorId);
    if (direction === 'Inbound' || emergency) return { leave: leaveConnector };
    this.#use('connector', voiceConnectorId).bucket?.force();
    const country = countryOf(calledNumber);
    const leaveCountry = country === undefined ? undefined : this.traffic.begin(voiceConnectorId, country);
    if (country !== undefined) this.#holdWhereOver(voiceConnectorId, country);
    return {
      leave: (talkedSeconds) => {
        leaveConnector();
        leaveCountry?.(talkedSeconds / 60);
        if (country !== undefined) this.#holdWhereOver(voiceConnectorId, country);
      },
    };
  }

  /** Takes a CPS token and a place of a carrier for one attempt; the function given gives the place back, once. */
  enterCarrier(carrierName: string): () => void {
    this.#use('carrier', carrierName).bucket?.force();
    return this.#enter('carrier', carrierName);
  }

  #holdWhereOver(voiceConnectorId: string, country: string): void {
    const { enabled, hold, perCountry } = this.#snapshot.fraud;
    if (!enabled || !hold) return;
    if (this.traffic.holdIfOver(voiceConnectorId, country, perCountry)) this.#onHold(voiceConnectorId, country);
  }

  /** Counts a call in; the function given counts it out, once. */
  #enter(kind: Holder, id: string): () => void {
    const use = this.#use(kind, id);
    this.#uses(kind).set(id, use);
    use.activeCalls++;
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      use.activeCalls--;
      if (!use.bucket && use.activeCalls === 0) this.#uses(kind).delete(id);
    };
  }

  #uses(kind: Holder): Uses {
    return kind === 'connector' ? this.#connectors : this.#carriers;
  }

  #use(kind: Holder, id: string): Use {
    const known = this.#uses(kind).get(id);
    if (known?.bucket) return known;
    const use = known ?? { bucket: undefined, activeCalls: 0 };
    const rate = this.#rateOf(kind, id);
    if (rate !== undefined) use.bucket = new TokenBucket(rate, this.#clock);
    // Kept for those that have a rate, and for calls: ids that name nothing must not pile up.
    if (use.bucket) this.#uses(kind).set(id, use);
    return use;
  }

  /** Brings a use to the rate in force; that of a holder who is gone goes with its last call. */
  #follow(kind: Holder, id: string, use: Use): void {
    const rate = this.#rateOf(kind, id);
    if (rate === undefined) use.bucket = undefined;
    else if (use.bucket) use.bucket.setRate(rate);
    if (!use.bucket && use.activeCalls === 0) this.#uses(kind).delete(id);
  }

  #rateOf(kind: Holder, id: string): number | undefined {
    if (kind === 'carrier') return this.#snapshot.carriers.get(id)?.resource.callsPerSecond;
    return this.#snapshot.connectors.get(id)?.termination?.cpsLimit;
  }
}
