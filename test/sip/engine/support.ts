import { expect } from 'vitest';
import {
  Counters,
  type GatewayError,
  type Logger,
  SeededRandom,
  silentLogger,
  VirtualTime,
} from '../../../src/core/index.js';
import { type CoreOptions, SipCore } from '../../../src/sip/engine/index.js';
import type { SipRequest, SipResponse } from '../../../src/sip/message/index.js';
import type {
  Dialog,
  DialogHandler,
  InboundLeg,
  InboundRequest,
  InviteOrder,
  MessageBody,
  OutboundLeg,
  SignalingHandler,
} from '../../../src/sip/signaling.js';
import type { Flow, ResolvedTarget, TransportName } from '../../../src/sip/transport/flow.js';
import { type EmulatedHost, EmulatedNetwork, type NetworkConditions } from '../../support/emulated-network.js';
import { Puppet } from './puppet.js';

export const body = (text: string): MessageBody => ({ contentType: 'application/sdp', bytes: Buffer.from(text) });

/** One core on one host, with a call layer that notes what it is told. */
export class Agent implements SignalingHandler {
  readonly core: SipCore;
  readonly counters = new Counters();
  readonly errors: unknown[] = [];
  readonly legs: InboundLeg[] = [];
  readonly requests: InboundRequest[] = [];
  readonly reinvites: InboundRequest[] = [];
  readonly inDialog: InboundRequest[] = [];
  readonly pracks: InboundRequest[] = [];
  readonly acks: SipRequest[] = [];
  /** What happened, by name. */
  readonly log: string[] = [];
  /** Called in onInvite, for agents that act at once. */
  script: ((leg: InboundLeg) => void) | undefined;

  constructor(
    readonly host: EmulatedHost,
    readonly time: VirtualTime,
    seed: number,
    options: Partial<CoreOptions> = {},
  ) {
    const logger: Logger = { ...silentLogger, error: (fields) => this.errors.push(fields) };
    this.core = new SipCore({
      wire: host,
      locator: host,
      scheduler: time,
      random: new SeededRandom(seed),
      logger,
      counters: this.counters,
      options,
    });
    this.core.handler = this;
    host.receiver = this.core;
  }

  onInvite(leg: InboundLeg): void {
    this.legs.push(leg);
    this.log.push('invite');
    leg.handler = {
      onCancel: () => this.log.push('cancel'),
      onAck: (ack) => {
        this.log.push('ack');
        this.acks.push(ack);
      },
      onAckTimeout: () => this.log.push('ack-timeout'),
      onPrack: (request) => {
        this.log.push('prack');
        this.pracks.push(request);
      },
      onPrackTimeout: () => this.log.push('prack-timeout'),
      onTransportError: (error) => this.log.push(error.code),
    };
    leg.dialog.handler = this.dialogHandler();
    this.script?.(leg);
  }

  onRequest(request: InboundRequest): void {
    this.requests.push(request);
    this.log.push(request.request.method.toLowerCase());
  }

  dialogHandler(): DialogHandler {
    return {
      onBye: () => this.log.push('bye'),
      onReinvite: (request) => {
        this.log.push('reinvite');
        this.reinvites.push(request);
      },
      onReinviteCancelled: () => this.log.push('reinvite-cancelled'),
      onAck: (ack) => {
        this.log.push('reinvite-ack');
        this.acks.push(ack);
      },
      onRequest: (request) => {
        this.log.push(request.request.method.toLowerCase());
        this.inDialog.push(request);
      },
      onSessionExpired: () => this.log.push('session-expired'),
      onDialogFailed: (error) => this.log.push(`failed ${error.code}`),
    };
  }

  call(order: Omit<InviteOrder, 'handler'>): TestCall {
    return new TestCall(this, order);
  }

  /** A call that is up: answered, acknowledged. */
  answeredCall(peer: Agent, facts: OrderFacts = {}): { call: TestCall; dialog: Dialog; peer: Dialog; leg: InboundLeg } {
    const call = this.call(orderTo(peer, facts));
    this.time.advance(100);
    const leg = peer.legs.at(-1)!;
    const answered = leg.accept({ body: body('answer') });
    answered.localDescription = body('answer');
    this.time.advance(100);
    const dialog = call.dialog!;
    dialog.localDescription = body('offer');
    dialog.ack();
    this.time.advance(100);
    this.log.length = 0;
    peer.log.length = 0;
    return { call, dialog, peer: answered, leg };
  }

  expectNothingLeft(): void {
    expect(this.errors).toEqual([]);
    const { details: _details, ...counts } = this.core.debugView();
    expect(counts).toEqual({ serverTransactions: 0, clientTransactions: 0, dialogs: 0 });
    expect(this.core.timers.pending).toBe(0);
  }
}

/** An outgoing call and everything told of it. */
export class TestCall {
  readonly leg: OutboundLeg;
  readonly sent: { target: ResolvedTarget; flow: Flow }[] = [];
  readonly provisionals: SipResponse[] = [];
  readonly dialogs: Dialog[] = [];
  readonly pracks: ((body?: MessageBody) => void)[] = [];
  readonly answers: SipResponse[] = [];
  readonly answeredDialogs: Dialog[] = [];
  rejection: SipResponse | undefined;
  failure: GatewayError | undefined;
  /** Final outcomes told; one at most, but for further forks. */
  finals = 0;

  constructor(agent: Agent, order: Omit<InviteOrder, 'handler'>) {
    this.leg = agent.core.invite({
      ...order,
      handler: {
        onSent: (target, flow) => this.sent.push({ target, flow }),
        onProvisional: (response, dialog, prack) => {
          this.provisionals.push(response);
          if (prack) this.pracks.push(prack);
          if (!dialog) return;
          if (!this.dialogs.includes(dialog)) this.dialogs.push(dialog);
          dialog.handler = agent.dialogHandler();
        },
        onAnswered: (response, dialog) => {
          this.finals++;
          this.answers.push(response);
          this.answeredDialogs.push(dialog);
          dialog.handler = agent.dialogHandler();
        },
        onRejected: (response) => {
          this.finals++;
          this.rejection = response;
        },
        onFailed: (error) => {
          this.finals++;
          this.failure = error;
        },
      },
    });
  }

  /** The first confirmed dialog. */
  get dialog(): Dialog | undefined {
    return this.answeredDialogs[0];
  }
}

export interface OrderFacts extends Partial<Omit<InviteOrder, 'handler'>> {
  readonly transport?: TransportName;
}

export function orderTo(peer: { readonly host: EmulatedHost }, facts: OrderFacts = {}): Omit<InviteOrder, 'handler'> {
  const { address, port } = peer.host.endpoint;
  const { transport = 'udp', ...rest } = facts;
  return {
    requestUri: `sip:bob@${address}:${port}`,
    nextHop: { host: address, port, transport },
    from: '"Alice" <sip:alice@192.0.2.1>',
    to: `<sip:bob@${address}>`,
    headers: [],
    body: body('offer'),
    noResponseTimeoutMs: 2500,
    connectTimeoutMs: 2000,
    reliableProvisional: 'off',
    ...rest,
  };
}

export interface Pair {
  readonly time: VirtualTime;
  readonly network: EmulatedNetwork;
  readonly alice: Agent;
  readonly bob: Agent;
}

/** Two agents joined by a network. */
export function callPair(conditions: NetworkConditions = {}, options: Partial<CoreOptions> = {}, seed = 1): Pair {
  const time = new VirtualTime();
  const network = new EmulatedNetwork(time, new SeededRandom(seed), conditions);
  const alice = new Agent(network.host('192.0.2.1'), time, seed + 1, { sessionIntervalSeconds: 0, ...options });
  const bob = new Agent(network.host('192.0.2.2'), time, seed + 2, { sessionIntervalSeconds: 0, ...options });
  return { time, network, alice, bob };
}

/** A call layer that refuses every INVITE. */
export const rejecting = (status: number): SignalingHandler => ({
  onInvite: (leg) => leg.respond(status),
  onRequest: (request) => request.respond(status),
});

/** An agent (192.0.2.1) and a puppet (192.0.2.2). */
export function agentAndPuppet(options: Partial<CoreOptions> = {}): {
  time: VirtualTime;
  network: EmulatedNetwork;
  agent: Agent;
  puppet: Puppet;
} {
  const time = new VirtualTime();
  const network = new EmulatedNetwork(time, new SeededRandom(1));
  const agent = new Agent(network.host('192.0.2.1'), time, 5, { sessionIntervalSeconds: 0, ...options });
  const puppet = new Puppet(network.host('192.0.2.2'));
  return { time, network, agent, puppet };
}

/** Lets every absorbing timer run out, and checks that nothing is left anywhere. */
export function expectQuiet(time: VirtualTime, ...agents: Agent[]): void {
  time.runUntilIdle(200_000);
  for (const agent of agents) agent.expectNothingLeft();
  expect(time.pending).toBe(0);
}
