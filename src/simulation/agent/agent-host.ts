import type { GatewayError, Scheduler } from '../../core/index.js';
import {
  type Endpoint,
  type Flow,
  parseDatagram,
  type SipRequest,
  SipResponse,
  serialize,
  type WireReceiver,
} from '../../sip/index.js';
import type { NetworkHost } from '../network/index.js';
import type { Tally } from '../tally.js';
import { GATEWAY_ADDRESS, type PeerTransport } from '../topology.js';
import type { AgentLeg } from './agent-leg.js';
import { makeResponse } from './compose.js';

const CONNECT_TIMEOUT_MS = 4000;
/** An absence of this length leaves repeats enough of everything that is repeated for 64×T1. */
const OUTLIVED_MS = 15_000;

/** A peer's machine: its legs by Call-ID, its connections, and what it does with messages that are of no leg. */
export class AgentHost implements WireReceiver {
  readonly tally: Tally;
  readonly time: Scheduler;
  /** What the gateway sent that is no SIP message. */
  readonly offences: string[] = [];
  readonly #host: NetworkHost;
  readonly #legs = new Map<string, AgentLeg>();
  /** Makes the leg for an INVITE that calls this host; undefined: it is answered 404. */
  readonly #answer: (host: AgentHost, invite: SipRequest) => AgentLeg | undefined;

  constructor(
    host: NetworkHost,
    parts: {
      time: Scheduler;
      tally: Tally;
      answer: (host: AgentHost, invite: SipRequest) => AgentLeg | undefined;
    },
  ) {
    this.#host = host;
    this.time = parts.time;
    this.tally = parts.tally;
    this.#answer = parts.answer;
    host.receiver = this;
  }

  get endpoint(): Endpoint {
    return this.#host.endpoint;
  }

  add(leg: AgentLeg): void {
    this.#legs.set(leg.callId, leg);
  }

  /** The leg is lost without a word, as by a restart. */
  forget(leg: AgentLeg): void {
    leg.mode = 'amnesic';
    if (this.#legs.get(leg.callId) === leg) this.#legs.delete(leg.callId);
  }

  /** A restart: every leg is lost, every connection broken. */
  restart(): void {
    for (const leg of [...this.#legs.values()]) this.forget(leg);
    for (const connection of [...this.#host.connections]) connection.reset();
  }

  /**
   * Off the network, and back after a while. What goes by datagrams outlives a short absence, for it is repeated; the
   * rest may have missed something.
   */
  disappear(forMs: number): void {
    const { connections } = this.#host;
    this.#host.down = true;
    this.#disturb(forMs);
    for (const connection of [...connections]) connection.vanish(5000 + (forMs % 25_000));
    this.time.after(forMs, () => {
      this.#disturb(forMs);
      this.#host.down = false;
    });
  }

  /** Everything that arrives waits, for a while. */
  slowDown(lagMs: number, forMs: number): void {
    this.#host.lagMs = lagMs;
    this.time.after(forMs, () => {
      this.#host.lagMs = 0;
    });
  }

  get down(): boolean {
    return this.#host.down;
  }

  get slow(): boolean {
    return this.#host.lagMs > 0;
  }

  /** Gives a flow to the gateway: the UDP one, the connection there is, or a new one. */
  reach(transport: PeerTransport, ownConnection: boolean, done: (flow: Flow | undefined) => void): void {
    const target = { transport, address: GATEWAY_ADDRESS, port: 5060 };
    const given = (result: Flow | GatewayError): void => done(result instanceof Error ? undefined : result);
    if (ownConnection && transport === 'tcp') this.#host.connect(target, CONNECT_TIMEOUT_MS, given);
    else this.#host.open(target, CONNECT_TIMEOUT_MS, given);
  }

  receive(bytes: Buffer, flow: Flow): void {
    const outcome = parseDatagram(bytes);
    if (outcome.kind !== 'message') {
      this.offences.push(`no SIP message: ${bytes.toString('latin1')}`);
      return;
    }
    const { message } = outcome;
    const leg = this.#legs.get(message.callId);
    if (leg) leg.receive(message, flow);
    else if (!(message instanceof SipResponse)) this.#unknown(message, flow);
  }

  flowFailed(flow: Flow): void {
    for (const leg of this.#legs.values()) leg.flowFailed(flow);
  }

  #disturb(forMs: number): void {
    for (const leg of this.#legs.values()) if (forMs > OUTLIVED_MS || leg.transport !== 'udp') leg.disturbed = true;
  }

  #unknown(request: SipRequest, flow: Flow): void {
    const { method } = request;
    if (method === 'ACK') return;
    const leg = method === 'INVITE' && request.to.tag === undefined ? this.#answer(this, request) : undefined;
    if (leg) {
      this.add(leg);
      leg.receive(request, flow);
      return;
    }
    const outside = request.to.tag === undefined;
    const status = outside && method === 'OPTIONS' ? 200 : outside && method === 'INVITE' ? 404 : 481;
    flow.send(serialize(makeResponse(request, status, { tag: 'unknown' })));
  }
}
