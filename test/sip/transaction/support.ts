import { Counters, type GatewayError, SeededRandom, VirtualTime } from '../../../src/core/index.js';
import { type ParseOutcome, parseDatagram, SipRequest, SipResponse } from '../../../src/sip/message/index.js';
import {
  type ClientTransaction,
  type ClientUser,
  DEFAULT_TIMERS,
  type ListTimer,
  type ServerTransaction,
  type ServerUser,
  TimerLists,
  type TimerOwner,
  TransactionLayer,
} from '../../../src/sip/transaction/index.js';
import type { Endpoint, Flow, ResolvedTarget, TransportName, Wire } from '../../../src/sip/transport/flow.js';

/** A flow that keeps what is sent on it. */
export class ArrayFlow implements Flow {
  readonly sent: { atMs: number; bytes: Buffer }[] = [];
  readonly local: Endpoint = { address: '192.0.2.1', port: 5060 };
  readonly inbound = false;
  readonly reliable: boolean;
  closed = false;

  constructor(
    readonly transport: TransportName,
    readonly remote: Endpoint,
    readonly time: VirtualTime,
    readonly events: string[],
  ) {
    this.reliable = transport !== 'udp';
  }

  send(bytes: Buffer): void {
    this.sent.push({ atMs: this.time.nowMs(), bytes });
    const first = bytes.toString('latin1').split('\r\n', 1)[0]!;
    const words = first.split(' ');
    this.events.push(`sent ${words[0] === 'SIP/2.0' ? words[1] : words[0]}`);
  }

  close(): void {
    this.closed = true;
  }
}

/** Timers that note what is set and stopped. */
class NotingTimers extends TimerLists {
  constructor(
    time: VirtualTime,
    readonly events: string[],
  ) {
    super(time, (error) => {
      throw error;
    });
  }

  override start<Name extends string>(delayMs: number, owner: TimerOwner<Name>, name: Name): ListTimer {
    this.events.push(`start ${name} ${delayMs}`);
    return super.start(delayMs, owner, name);
  }

  override stop(timer: ListTimer | undefined): void {
    if (timer?.list) this.events.push(`stop ${timer.name}`);
    super.stop(timer);
  }
}

/** A transaction layer in virtual time whose every effect is noted in `events`. */
export class Bench implements Wire {
  readonly time = new VirtualTime();
  readonly events: string[] = [];
  readonly counters = new Counters();
  readonly timers = new NotingTimers(this.time, this.events);
  readonly opened: ArrayFlow[] = [];
  openFails: GatewayError | undefined;
  readonly layer = new TransactionLayer({
    wire: this,
    timers: this.timers,
    settings: DEFAULT_TIMERS,
    random: new SeededRandom(3),
    counters: this.counters,
    onSent: () => {},
  });

  flow(transport: TransportName = 'udp', remote: Endpoint = { address: '192.0.2.2', port: 5060 }): ArrayFlow {
    return new ArrayFlow(transport, remote, this.time, this.events);
  }

  open(target: ResolvedTarget, _connectTimeoutMs: number, done: (result: Flow | GatewayError) => void): void {
    if (this.openFails) {
      done(this.openFails);
      return;
    }
    const flow = this.flow(target.transport, { address: target.address, port: target.port });
    this.opened.push(flow);
    done(flow);
  }

  sentBy(): Endpoint {
    return { address: '192.0.2.1', port: 5060 };
  }

  /** What happened since the last call. */
  taken(): string[] {
    return this.events.splice(0);
  }

  readonly clientUser: ClientUser = {
    onResponse: (response) => this.events.push(`up ${response.status}`),
    onTimeout: () => this.events.push('timeout'),
    onTransportError: (error) => this.events.push(error.code),
    onEnded: () => this.events.push('ended'),
  };

  readonly serverUser: ServerUser = {
    onAck: () => this.events.push('up ACK'),
    onAckTimeout: () => this.events.push('timeout'),
    onTransportError: (error) => this.events.push(error.code),
  };

  /** @param triesElsewhere the user heeds datagrams that could not be sent */
  client(method: string, flow: Flow = this.flow(), triesElsewhere = false): ClientTransaction {
    const requestUri = 'sip:bob@192.0.2.2';
    const branch = this.layer.branches.make(requestUri);
    const request = SipRequest.create(method, requestUri);
    request.headers.append('Via', this.layer.via(flow, branch));
    request.headers.append('Route', '<sip:p.example;lr>');
    request.headers.append('From', '<sip:alice@192.0.2.1>;tag=a');
    request.headers.append('To', '<sip:bob@192.0.2.2>');
    request.headers.append('Call-ID', 'c1');
    request.headers.append('CSeq', `7 ${method}`);
    const transaction = this.layer.open(request, branch, flow, { ...this.clientUser, triesElsewhere });
    transaction.begin();
    return transaction;
  }

  /** A response as the peer of this client transaction makes it. */
  response(transaction: ClientTransaction, status: number): SipResponse {
    const response = SipResponse.create(status);
    response.headers.append('Via', `SIP/2.0/UDP 192.0.2.1:5060;branch=${transaction.branch};rport=5060`);
    response.headers.append('From', '<sip:alice@192.0.2.1>;tag=a');
    response.headers.append('To', '<sip:bob@192.0.2.2>;tag=b');
    response.headers.append('Call-ID', 'c1');
    response.headers.append('CSeq', `7 ${transaction.method}`);
    return response;
  }

  server(request: SipRequest, flow: Flow = this.flow()): ServerTransaction {
    const transaction = this.layer.openServer(request, flow);
    transaction.user = this.serverUser;
    return transaction;
  }

  answer(transaction: ServerTransaction, status: number): void {
    const response = SipResponse.create(status);
    for (const via of transaction.vias) response.headers.append('Via', via);
    response.headers.append('CSeq', `7 ${transaction.method}`);
    transaction.respond(response);
  }
}

/** A request of a peer. */
export function peerRequest(
  method: string,
  rows: Record<string, string> = {},
  requestUri = 'sip:gw@192.0.2.1',
): SipRequest {
  const fields = {
    Via: 'SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKpeer1',
    From: '<sip:bob@192.0.2.2>;tag=b',
    To: '<sip:gw@192.0.2.1>',
    'Call-ID': 'c2',
    CSeq: `7 ${method}`,
    'Max-Forwards': '70',
    ...rows,
  };
  const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const outcome: ParseOutcome = parseDatagram(Buffer.from(`${method} ${requestUri} SIP/2.0\r\n${head.join('')}\r\n`));
  if (outcome.kind !== 'message') throw new Error(`bad test message: ${JSON.stringify(outcome)}`);
  return outcome.message as SipRequest;
}
