import type { GatewayConfig, LoggingConfig } from '../config/index.js';
import type { Logger, Random, Scheduler } from '../core/index.js';
import {
  type Admission,
  buildSnapshot,
  type CallSlot,
  countryOf,
  type Decision,
  decide,
  type IdentityFacts,
  identifySource,
  isEmergencyCode,
  LiveState,
  nextSnapshot,
  type PlannedAttempt,
  type ProxySessionResource,
  parseAddress,
  type RequestFacts,
  type Snapshot,
  type Target,
  TargetHealth,
  targetsOf,
} from '../routing/index.js';
import { type SipRequest, type StoredDigests, storedDigests } from '../sip/index.js';
import type { AttemptEnd } from './attempt.js';
import { retryAfterOf } from './health-prober.js';
import { NODE_EVENT_LINES, type NodeEvent } from './node-events.js';
import { userOf } from './request-facts.js';

/** Last OPTIONS of a customer: termination health. */
export interface TerminationHealth {
  readonly source: string;
  readonly timeMs: number;
}

/** What policy goes by: a configuration, or one whose resources come from the store, with digests for passwords. */
export interface PolicyConfig extends GatewayConfig {
  readonly proxySessions?: readonly ProxySessionResource[];
  readonly users?: ReadonlyMap<string, ReadonlyMap<string, StoredDigests>>;
  /** Calling names, where they are kept elsewhere than in `phoneNumbers`. */
  readonly callingNameOf?: (e164: string) => string | undefined;
}

const NO_LOGGING: LoggingConfig = { enableSIPLogs: false, enableMediaMetricLogs: false };

/**
 * Routing's decisions together with what they live on: the snapshot in force, the limits in use, the health of targets.
 * A reload swaps the snapshot; the next INVITE is judged by the new one and running calls keep what they have.
 */
export class Policy {
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #live: LiveState;
  readonly #slots = new Map<Admission, CallSlot>();
  readonly #carrierPlaces = new Map<PlannedAttempt, (() => void)[]>();
  readonly #terminationHealth = new Map<string, TerminationHealth>();
  #config: PolicyConfig;
  #snapshot: Snapshot;
  #callingNameOf: (e164: string) => string | undefined;
  #logging: ReadonlyMap<string, LoggingConfig>;
  #users: ReadonlyMap<string, ReadonlyMap<string, StoredDigests>>;
  #draining = false;
  /** Set by the composition: how many media port pairs are free. */
  mediaPortsFree: () => number = () => 1;
  /** Set by the composition: whether new calls are to be shed. */
  overloaded: () => boolean = () => false;
  /** Set by the composition: asked once for each new call, whether to shed it before anything is decided. */
  sheds: () => boolean = () => false;
  /** Set by the composition: told of what happens to the node rather than to one call. Must not throw. */
  onNodeEvent: (event: NodeEvent) => void = () => {};

  constructor(config: PolicyConfig, scheduler: Scheduler, random: Random, logger: Logger) {
    this.#random = random;
    this.#logger = logger;
    this.#config = config;
    this.#snapshot = buildSnapshot(config);
    this.#callingNameOf = callingNames(config);
    this.#logging = loggingOf(config);
    this.#users = usersOf(config);
    const { missesToDown, answersToUp, intervalSeconds } = config.sip.health;
    const thresholds = { missesToDown, answersToUp, restMs: intervalSeconds * 1000, probed: config.sip.health.enabled };
    const health = new TargetHealth(thresholds, scheduler, (change) =>
      this.announce({ kind: change.to === 'up' ? 'target-up' : 'target-down', ...change }),
    );
    const draining = (): boolean => this.#draining;
    const overloaded = (): boolean => this.overloaded();
    const mediaPortsFree = (): number => this.mediaPortsFree();
    const node = {
      get draining() {
        return draining();
      },
      get overloaded() {
        return overloaded();
      },
      get mediaPortsFree() {
        return mediaPortsFree();
      },
    };
    const onHold = (voiceConnectorId: string, country: string) =>
      this.announce({ kind: 'fraud-hold', voiceConnectorId, country });
    this.#live = new LiveState(this.#snapshot, health, scheduler, node, onHold);
  }

  get config(): PolicyConfig {
    return this.#config;
  }

  /** Puts a valid configuration in force for everything decided from now on. */
  reload(config: PolicyConfig): void {
    this.#snapshot = nextSnapshot(this.#snapshot, config);
    this.#live.configure(this.#snapshot);
    this.#callingNameOf = callingNames(config);
    this.#logging = loggingOf(config);
    this.#users = usersOf(config);
    this.#config = config;
  }

  /** Every fraud hold. */
  fraudHolds(): { readonly voiceConnectorId: string; readonly country: string }[] {
    return [...this.#live.traffic.holds()];
  }

  /** Puts holds in force that were kept over a restart. */
  restoreHolds(holds: Iterable<{ readonly voiceConnectorId: string; readonly country: string }>): void {
    for (const { voiceConnectorId, country } of holds) this.#live.traffic.hold(voiceConnectorId, country);
  }

  /** Ends a fraud hold and begins its hour anew; false where there is none. */
  releaseHold(voiceConnectorId: string, country: string): boolean {
    const released = this.#live.traffic.release(voiceConnectorId, country);
    if (released) this.announce({ kind: 'fraud-release', voiceConnectorId, country });
    return released;
  }

  /** One log line, and whoever counts. */
  announce(event: NodeEvent): void {
    const { kind, ...facts } = event;
    this.#logger.warn({ event: kind, ...facts }, NODE_EVENT_LINES[kind]);
    this.onNodeEvent(event);
  }

  setDraining(draining: boolean): void {
    this.#draining = draining;
  }

  decide(facts: RequestFacts): Decision {
    return decide(facts, this.#snapshot, this.#live, this.#random);
  }

  /** Digest users of the connector a request belongs to; undefined when it belongs to none, or none are set. */
  usersFor(facts: IdentityFacts): ReadonlyMap<string, StoredDigests> | undefined {
    const identity = identifySource(facts, this.#snapshot);
    return identity.kind === 'connector' ? this.#users.get(identity.connector.id) : undefined;
  }

  /** Blocks that may send requests: customers' allowed lists and carriers' sources. */
  knownSources(): readonly string[] {
    const { voiceConnectors, carriers } = this.#config;
    return [
      ...voiceConnectors.flatMap(({ termination }) => termination?.cidrAllowedList ?? []),
      ...carriers.flatMap(({ sources }) => sources),
    ];
  }

  /** Whether both addresses are in the declared sources of one carrier, whose hosts stand in for each other in a call. */
  isSameCarrier(one: string, other: string): boolean {
    const { carrierSources } = this.#snapshot;
    const [first] = carrierSources.longest(parseAddress(one));
    const [second] = carrierSources.longest(parseAddress(other));
    return first !== undefined && first === second;
  }

  /** Whether somebody from an unlisted address may still prove who he is: by digest or by certificate. */
  admitsUnknownSources(): boolean {
    const { voiceConnectors, carriers } = this.#config;
    return (
      voiceConnectors.some(({ termination: t }) => t && t.cidrAllowedList.length === 0 && t.credentials.length > 0) ||
      carriers.some(({ tlsNames }) => tlsNames.length > 0)
    );
  }

  /** Whether a source may ask OPTIONS: an allowed customer's (kept as termination health) or a carrier's. */
  noteOptions(facts: IdentityFacts, timeMs: number): boolean {
    const { address } = facts.source;
    const source = parseAddress(address);
    const owners = this.#snapshot.allowlists.all(source);
    for (const { id } of owners) this.#terminationHealth.set(id, { source: address, timeMs });
    return owners.length > 0 || identifySource(facts, this.#snapshot).kind === 'carrier';
  }

  terminationHealth(voiceConnectorId: string): TerminationHealth | undefined {
    return this.#terminationHealth.get(voiceConnectorId);
  }

  takeCall(admission: Admission): void {
    this.#slots.set(admission, this.#live.enterCall(admission));
    const { emergency, voiceConnectorId, callingNumber, calledNumber } = admission;
    if (emergency) this.announce({ kind: 'emergency-call', voiceConnectorId, callingNumber, calledNumber });
  }

  releaseCall(admission: Admission, talkedSeconds: number): void {
    this.#slots.get(admission)?.leave(talkedSeconds);
    this.#slots.delete(admission);
  }

  /** Counts an attempt in at its target; false when its carrier's limits were used up since the plan was made. */
  takeTarget(planned: PlannedAttempt, emergency: boolean): boolean {
    // Claimed only once it will be tried: nobody would release the claim of an attempt that is not made.
    if (planned.kind === 'carrier' && !this.#enterCarrier(planned, emergency)) return false;
    this.#live.health.claim(planned.targetKey);
    return true;
  }

  #enterCarrier(planned: PlannedAttempt, emergency: boolean): boolean {
    const carrier = this.#snapshot.carriers.get(planned.owner);
    const free =
      carrier !== undefined &&
      this.#live.callTokens('carrier', planned.owner) >= 1 &&
      this.#live.activeCalls('carrier', planned.owner) < carrier.resource.maxCalls;
    if (!free && !emergency) return false;
    const places = this.#carrierPlaces.get(planned) ?? [];
    places.push(this.#live.enterCarrier(planned.owner));
    this.#carrierPlaces.set(planned, places);
    return true;
  }

  releaseTarget(planned: PlannedAttempt): void {
    this.#live.health.release(planned.targetKey);
    const places = this.#carrierPlaces.get(planned);
    places?.pop()?.();
    if (places?.length === 0) this.#carrierPlaces.delete(planned);
  }

  /** What a live call tells of a target's health (passive signals). */
  targetOutcome(planned: PlannedAttempt, end: AttemptEnd | 'answered'): void {
    const { health } = this.#live;
    if (end === 'answered') return health.answered(planned.targetKey, true);
    if (end.code === 'attempt.ring-timeout') return;
    if (end.status !== undefined && end.status !== 408 && end.status !== 503) {
      return health.answered(planned.targetKey, true);
    }
    health.missed(planned.targetKey, end.code, end.status === 503 ? retryAfterOf(end.response) : undefined);
  }

  /** Whether a request dials an emergency or emergency test code, as the decision will read it. */
  isEmergency(request: SipRequest): boolean {
    return isEmergencyCode(userOf(request.uri), this.#snapshot);
  }

  /** Health of targets, for the prober. */
  get health(): TargetHealth {
    return this.#live.health;
  }

  /** Every target of the snapshot in force. */
  targets(): Iterable<Target> {
    return targetsOf(this.#snapshot);
  }

  /** Places that calls and attempts hold now: none once every call is over. */
  debugView(): { readonly calls: number; readonly carrierAttempts: number } {
    return { calls: this.#slots.size, carrierAttempts: this.#carrierPlaces.size };
  }

  countryOf(number: string): string {
    return countryOf(number) ?? '';
  }

  nameOf(number: string): string {
    return this.#callingNameOf(number) ?? '';
  }

  logging(voiceConnectorId: string): LoggingConfig {
    return this.#logging.get(voiceConnectorId) ?? NO_LOGGING;
  }

  /** State of every target that has been heard of: 1 up, 0.5 half-open, 0 down. */
  *targetStates(): IterableIterator<readonly [string, number]> {
    for (const { targetKey, state } of this.#live.health.debugView()) {
      yield [targetKey, state === 'up' ? 1 : state === 'half-open' ? 0.5 : 0];
    }
  }
}

function callingNames(config: PolicyConfig): (e164: string) => string | undefined {
  if (config.callingNameOf) return config.callingNameOf;
  const names = new Map(config.phoneNumbers.map(({ e164, callingName }) => [e164, callingName]));
  return (e164) => names.get(e164);
}

/** Digests of each connector's users; the realm is the domain. Passwords are not kept. */
function usersOf(config: PolicyConfig): ReadonlyMap<string, ReadonlyMap<string, StoredDigests>> {
  if (config.users) return config.users;
  const users = new Map<string, ReadonlyMap<string, StoredDigests>>();
  for (const { id, termination } of config.voiceConnectors) {
    const rows = (termination?.credentials ?? []).map(({ username, password }) => {
      return [username, storedDigests(username, config.domain, password)] as const;
    });
    if (rows.length > 0) users.set(id, new Map(rows));
  }
  return users;
}

function loggingOf(config: GatewayConfig): Map<string, LoggingConfig> {
  return new Map(config.voiceConnectors.map(({ id, logging }) => [id, logging]));
}
