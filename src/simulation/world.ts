import { SeededRandom, unit, VirtualTime } from '../core/index.js';
import { type Flow, parseDatagram, SipRequest, type WireReceiver } from '../sip/index.js';
import { AgentHost, type AgentLeg, Callee, Caller, type LegParts } from './agent/index.js';
import { drive } from './drive.js';
import { MAX_CALL_SECONDS, SimulatedGateway } from './gateway.js';
import { Link, type LinkQuality, Network } from './network/index.js';
import { type CallShape, Dice, drawShape } from './shape/index.js';
import { Tally } from './tally.js';
import { CARRIERS, CONNECTORS, GATEWAY_ADDRESS, type PeerPlace, STRANGER } from './topology.js';
import { Troubles } from './troubles.js';
import { branchOf, CALL_NUMBER_HEADER, WireLog } from './wire-log.js';

/** Mean gap between two calls. */
const GAP_MS = 60;
/** After the last call begins, everything must be over within this: the longest call, its timers, and a margin. */
const LINGER_MS = 3_600_000;
/** So far into the calls the gateway drains, in the worlds that have it drain; and what is left is ended then. */
const DRAIN_AFTER = 0.97;
const END_ALL_MS = 30_000;

/** One call with its legs, as the peers have it. */
export interface SimulatedCall {
  readonly shape: CallShape;
  readonly caller: Caller;
  readonly callees: Callee[];
}

/**
 * One world: the gateway, its peers, the network between, and the calls of one seed. The same seed and number of calls
 * is the same world, message for message.
 */
export class World {
  readonly seed: number;
  readonly calls: SimulatedCall[] = [];
  readonly time = new VirtualTime();
  readonly tally = new Tally();
  readonly log: WireLog;
  readonly network: Network;
  readonly gateway: SimulatedGateway;
  readonly hosts = new Map<string, AgentHost>();
  /** Call-IDs of the INVITEs that began a call and reached the gateway, with the highest CSeq number seen. */
  readonly invited = new Map<string, number>();
  /** Branches of the requests to which the gateway heard any response. */
  readonly heard = new Set<string>();
  /** When the first 2xx to an INVITE reached the gateway, by branch. */
  readonly answered = new Map<string, number>();
  /** False when timers were left after the linger. */
  idle = false;
  readonly #count: number;
  readonly #script: ((number: number, startMs: number) => CallShape) | undefined;
  readonly #random: SeededRandom;
  readonly #troubles: Troubles;

  /**
   * @param seed 0 to 2^32 − 1
   * @param script for single calls that are to go one certain way: their shapes, on perfect lines, without troubles
   */
  constructor(seed: number, count: number, script?: (number: number, startMs: number) => CallShape) {
    this.seed = seed;
    this.#count = count;
    this.#script = script;
    this.#random = this.#stream(1);
    this.log = new WireLog(this.time);
    this.network = new Network({ time: this.time, random: this.#stream(2), log: this.log, tally: this.tally });
    const host = this.network.add(GATEWAY_ADDRESS);
    const soundMedia = script !== undefined;
    const parts = { time: this.time, host, seed, random: this.#stream(3), tally: this.tally, soundMedia };
    this.gateway = new SimulatedGateway(parts);
    host.receiver = this.#watched(this.gateway.core);
    for (const place of everyPlace()) this.#addHost(place);
    this.#troubles = new Troubles({
      time: this.time,
      random: this.#stream(4),
      tally: this.tally,
      network: this.network,
      hosts: [...this.hosts.values()],
    });
  }

  /** Plays every call to its end. */
  async run(): Promise<void> {
    this.#startNext(0);
    if (!this.#script) this.#trouble();
    this.idle = await drive(this.time, this.#count * GAP_MS * 2 + LINGER_MS);
  }

  #trouble(): void {
    this.#troubles.start();
    if (this.seed % 3 === 0) this.time.after(this.#count * GAP_MS * 0.5, () => this.#reload());
    if (this.seed % 4 === 0) this.time.after(this.#count * GAP_MS * DRAIN_AFTER, () => this.#drain());
  }

  #startNext(number: number): void {
    if (number === this.#count) {
      this.#troubles.stop();
      // Long enough that every host which was down is found up again.
      this.time.after(MAX_CALL_SECONDS * 1000, () => this.gateway.stopProbing());
      return;
    }
    this.time.after(-GAP_MS * Math.log(1 - unit(this.#random)), () => {
      this.#startCall(number);
      this.#startNext(number + 1);
    });
  }

  #startCall(number: number): void {
    const random = this.#stream(number + 16);
    const startMs = this.time.nowMs();
    const shape = this.#script?.(number, startMs) ?? drawShape(number, startMs, new Dice(random));
    const host = this.hosts.get(shape.from)!;
    const parts = this.#legParts(host, `call-${this.seed}-${number}`, shape, 'caller', shape.caller.transport);
    const caller = new Caller({ ...parts, random }, shape);
    this.calls.push({ shape, caller, callees: [] });
    host.add(caller);
    caller.start();
  }

  /** A peer is called: which call it is of stands in a header field that the gateway passes on. */
  #answer(host: AgentHost, invite: SipRequest): Callee | undefined {
    const call = this.calls[Number(invite.headers.get(CALL_NUMBER_HEADER))];
    if (!call) return undefined;
    const { shape, callees } = call;
    const script = shape.callees[Math.min(callees.length, shape.callees.length - 1)]!;
    const name = `callee ${callees.length + 1}`;
    const transport = invite.topVia.transport === 'UDP' ? 'udp' : 'tcp';
    const credentials = CARRIERS.find(({ hosts }) =>
      hosts.some(({ address }) => address === host.endpoint.address),
    )?.credentials;
    const callee = new Callee(this.#legParts(host, invite.callId, shape, name, transport), script, credentials);
    // A restarted host hears a repeated INVITE as a new call, though the gateway may be done with it.
    callee.disturbed = callees.some((other) => other.callId === callee.callId && other.host === host);
    callees.push(callee);
    return callee;
  }

  #legParts(host: AgentHost, callId: string, shape: CallShape, name: string, transport: 'udp' | 'tcp'): LegParts {
    const random = this.#stream(16 + this.#count + shape.number * 8 + (this.calls[shape.number]?.callees.length ?? 7));
    return { host, callId, call: shape.number, name, transport, time: this.time, random };
  }

  #addHost(place: PeerPlace): void {
    const random = this.network.random;
    const host = this.network.add(place.address, new Link(this.#script ? CLEAN : drawLink(this.#random), random));
    const answer = (agent: AgentHost, invite: SipRequest): AgentLeg | undefined => this.#answer(agent, invite);
    this.hosts.set(place.address, new AgentHost(host, { time: this.time, tally: this.tally, answer }));
  }

  /** What reaches the gateway, noted on its way in: each INVITE that begins a call must leave one record. */
  #watched(receiver: WireReceiver): WireReceiver {
    return {
      receive: (bytes: Buffer, flow: Flow) => {
        const method = bytes.toString('latin1', 0, 7);
        if (method === 'INVITE ') this.#noteInvite(Buffer.from(bytes));
        if (method === 'SIP/2.0') this.#noteResponse(bytes.toString('latin1'));
        receiver.receive(bytes, flow);
      },
      flowFailed: (flow, error) => receiver.flowFailed(flow, error),
    };
  }

  #noteResponse(text: string): void {
    const branch = branchOf(text);
    this.heard.add(branch);
    const accepts = text.startsWith('SIP/2.0 2') && / INVITE\r$/m.test(text);
    if (accepts && !this.answered.has(branch)) this.answered.set(branch, this.time.nowMs());
  }

  #noteInvite(bytes: Buffer): void {
    const outcome = parseDatagram(bytes);
    if (outcome.kind !== 'message' || !(outcome.message instanceof SipRequest)) return;
    const { callId, to, cseq } = outcome.message;
    if (to.tag === undefined) this.invited.set(callId, Math.max(cseq.sequence, this.invited.get(callId) ?? 0));
  }

  #reload(): void {
    this.tally.add('configuration reloaded');
    this.gateway.reload();
  }

  #drain(): void {
    const { control } = this.gateway;
    this.tally.add('gateway drains');
    control.drain();
    this.time.after(END_ALL_MS, () => control.endAll('gateway.stopped', 'The gateway was stopped'));
  }

  /** An independent random stream of this world. */
  #stream(index: number): SeededRandom {
    return new SeededRandom(this.seed + index * 2 ** 32);
  }
}

const everyPlace = (): PeerPlace[] => [...[...CONNECTORS, ...CARRIERS].flatMap(({ hosts }) => hosts), STRANGER];

const CLEAN: LinkQuality = { loss: 0, duplication: 0, delayMs: 10, jitterMs: 0 };

/** From a clean line to a bad one. */
function drawLink(random: SeededRandom): LinkQuality {
  const dice = new Dice(random);
  const kind = dice.weighted({ clean: 30, usual: 40, lossy: 20, bad: 10 });
  switch (kind) {
    case 'clean':
      return { loss: 0, duplication: 0, delayMs: dice.between(2, 40), jitterMs: 0 };
    case 'usual':
      return { loss: 0.01, duplication: 0.005, delayMs: dice.between(5, 80), jitterMs: dice.between(1, 30) };
    case 'lossy':
      return { loss: 0.05, duplication: 0.03, delayMs: dice.between(10, 150), jitterMs: dice.between(10, 200) };
    case 'bad':
      return { loss: 0.15, duplication: 0.1, delayMs: dice.between(50, 300), jitterMs: dice.between(100, 900) };
  }
}
