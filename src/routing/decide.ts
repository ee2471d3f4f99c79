import type { Random } from '../core/index.js';
import { parseAddress } from './cidr.js';
import { identify, type SourceIdentity } from './identify.js';
import { INBOUND_CHECKS } from './inbound/index.js';
import { type Check, type Judgement, type RefusalResult, refuse, runChecks } from './judgement.js';
import { printable } from './numbers/index.js';
import type { Attempt } from './plan/attempt.js';
import type { Snapshot } from './snapshot.js';
import { TERMINATION_CHECKS } from './termination/index.js';
import type { Admission, Decision, LiveView, Refusal, RequestFacts, TraceStep } from './types.js';

/**
 * Judges a request: whose is it, may it, and where does it go. Pure: the same facts, snapshot, live numbers and random
 * numbers give the same decision, and nothing is taken or counted; a dry run is just this call.
 *
 *     facts ─► identify ─┬─ connector ─► termination checks ─┐
 *                        ├─ carrier   ─► inbound checks     ─┼─► admit(plan) or refuse(status, reason, code), and trace
 *                        └─ neither   ───────────────────────┘
 */
export function decide(facts: RequestFacts, snapshot: Snapshot, live: LiveView, random: Random): Decision {
  const source = parseAddress(facts.source.address);
  const identity = identify(facts, snapshot, source);
  const judgement: Judgement = {
    facts,
    snapshot,
    live,
    random,
    source,
    trace: [],
    direction: identity.kind === 'carrier' ? 'Inbound' : 'Outbound',
    connector: identity.kind === 'connector' ? identity.connector : undefined,
    carrier: identity.kind === 'carrier' ? identity.carrier : undefined,
    called: '',
    calling: '',
    country: undefined,
    emergency: false,
    proxy: undefined,
    encryptionOfCaller: 'off',
    plan: [],
  };
  const unidentified = judgeIdentity(identity, judgement);
  if (unidentified) return refusal(unidentified, judgement, undefined);
  const refused = runChecks(checksFor(judgement), judgement);
  return refused ? refusal(refused, judgement, judgement.direction) : admission(judgement);
}

const checksFor = (judgement: Judgement): readonly Check[] =>
  judgement.direction === 'Inbound' ? INBOUND_CHECKS : TERMINATION_CHECKS;

/** The trace's first step: whose request it is; a refusal where nobody can be told. */
function judgeIdentity(identity: SourceIdentity, { facts, snapshot, trace }: Judgement): RefusalResult | undefined {
  const check = 'request.owner';
  const { host } = facts.requestUri;
  if (identity.kind === 'connector') {
    const input = { by: identity.by, host, voiceConnectorId: identity.connector.id };
    trace.push({ check, verdict: 'pass', input, detail: 'A Voice Connector places the call.' });
    return undefined;
  }
  if (identity.kind === 'carrier') {
    const input = { by: identity.by, source: facts.source.address, carrier: identity.carrier.name };
    trace.push({ check, verdict: 'pass', input, detail: 'A carrier brings the call.' });
    return undefined;
  }
  const result = unknownOwner(identity, facts, snapshot);
  trace.push({ check, verdict: 'fail', code: result.code, input: result.input, detail: result.detail });
  return result;
}

function unknownOwner(
  identity: Extract<SourceIdentity, { kind: 'ambiguous' | 'unknown' }>,
  facts: RequestFacts,
  snapshot: Snapshot,
): RefusalResult {
  const input = { host: facts.requestUri.host, source: facts.source.address };
  if (identity.kind === 'ambiguous') {
    const reason = 'Source address belongs to more than one Voice Connector: name one in the Request-URI';
    return refuse('request.ambiguous', 403, reason, { ...input, voiceConnectorIds: identity.connectorIds });
  }
  if (snapshot.unknownSource === 'drop') {
    return refuse('request.unknown-source', 'drop', 'Unknown source', input);
  }
  if (identity.namedHost !== undefined) {
    return refuse('termination.no-such-connector', 404, 'No such Voice Connector', {
      ...input,
      host: identity.namedHost,
    });
  }
  return refuse('request.unknown-source', 403, 'Unknown source', input);
}

function admission(judgement: Judgement): Admission {
  const { connector, carrier, direction, proxy, plan } = judgement;
  const inbound = direction === 'Inbound';
  return {
    kind: 'admit',
    direction,
    voiceConnectorId: connector!.id,
    callingNumber: judgement.calling,
    calledNumber: judgement.called,
    emergency: judgement.emergency,
    plan,
    encryptionOfCaller: judgement.encryptionOfCaller,
    mediaSources: mediaSources(
      proxy ? planMedia(plan) : connector!.mediaSources,
      inbound ? blocksOrAny(carrier!.resource.mediaSources) : planMedia(plan),
    ),
    allowedSources: new AllowedSources(proxy ? plan : connector!.sources, inbound ? carrier!.resource.sources : plan),
    trace: judgement.trace,
  };
}

type Blocks = readonly string[];

function mediaSources(customer: Blocks | undefined, remote: Blocks | undefined): Admission['mediaSources'] {
  if (!customer && !remote) return ANY_SOURCE;
  return { ...(customer ? { customer } : {}), ...(remote ? { remote } : {}) };
}

const ANY_SOURCE: Admission['mediaSources'] = Object.freeze({});

const blocksOrAny = (blocks: Blocks): Blocks | undefined => (blocks.length > 0 ? blocks : undefined);

/** Blocks of every carrier of the plan; any source where one of them sets none. */
function planMedia(plan: readonly Attempt[]): Blocks | undefined {
  if (plan.some((attempt) => attempt.mediaSources.length === 0)) return undefined;
  return [...new Set(plan.flatMap((attempt) => attempt.mediaSources))];
}

/**
 * Where each side may signal from: its media may come from there too, though nothing described it. A side is given as
 * its blocks, or as the plan whose carriers' blocks they are: those are gathered when they are read, once a call.
 */
class AllowedSources {
  readonly #customer: Blocks | readonly Attempt[];
  readonly #remote: Blocks | readonly Attempt[];

  constructor(customer: Blocks | readonly Attempt[], remote: Blocks | readonly Attempt[]) {
    this.#customer = customer;
    this.#remote = remote;
  }

  get customer(): Blocks {
    return blocksOf(this.#customer);
  }

  get remote(): Blocks {
    return blocksOf(this.#remote);
  }

  /** What JSON shows. */
  toJSON(): { readonly customer: Blocks; readonly remote: Blocks } {
    return { customer: this.customer, remote: this.remote };
  }
}

function blocksOf(side: Blocks | readonly Attempt[]): Blocks {
  const [first] = side;
  // Most plans have one attempt.
  if (side.length === 1 && typeof first === 'object') return first.sources;
  return [...new Set(side.flatMap((one) => (typeof one === 'string' ? one : one.sources)))];
}

function refusal(result: RefusalResult, judgement: Judgement, direction: Refusal['direction']): Refusal {
  const { facts } = judgement;
  const { status, reason, code, retryAfterSeconds, warning, challenge } = result;
  return {
    kind: 'refuse',
    direction,
    voiceConnectorId: judgement.connector?.id,
    callingNumber: judgement.calling || printable(facts.assertedUser ?? facts.fromUser),
    calledNumber: judgement.called || printable(facts.requestUri.user),
    status,
    reason,
    code,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(warning === undefined ? {} : { warning }),
    ...(challenge === undefined ? {} : { challenge }),
    trace: judgement.trace as readonly TraceStep[],
  };
}
