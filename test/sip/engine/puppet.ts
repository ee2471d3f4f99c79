import { parseDatagram, SipRequest, SipResponse, serialize } from '../../../src/sip/message/index.js';
import type { Flow, TransportName, WireReceiver } from '../../../src/sip/transport/flow.js';
import type { EmulatedHost } from '../../support/emulated-network.js';

export type Rows = readonly (readonly [string, string])[];

/** A peer without any logic: it sends what it is told and keeps what it gets. */
export class Puppet implements WireReceiver {
  readonly requests: SipRequest[] = [];
  readonly responses: SipResponse[] = [];
  readonly flows: Flow[] = [];
  readonly failed: Flow[] = [];
  readonly host: EmulatedHost;
  /** The answer to a request that lacks fields lacks them too. */
  sendsGarbage = false;
  /** Called with each request, for puppets that answer at once. */
  script: ((request: SipRequest, puppet: Puppet) => void) | undefined;
  #branch = 0;

  constructor(host: EmulatedHost) {
    this.host = host;
    host.receiver = this;
  }

  receive(bytes: Buffer, flow: Flow): void {
    const outcome = parseDatagram(bytes);
    if (outcome.kind !== 'message') {
      if (this.sendsGarbage) return;
      throw new Error(`the core sent a bad message: ${bytes.toString('latin1')}`);
    }
    this.flows.push(flow);
    if (outcome.message instanceof SipResponse) {
      this.responses.push(outcome.message);
      return;
    }
    this.requests.push(outcome.message);
    this.script?.(outcome.message, this);
  }

  flowFailed(flow: Flow): void {
    this.failed.push(flow);
  }

  /** Methods received, in order. */
  get methods(): string[] {
    return this.requests.map(({ method }) => method);
  }

  get statuses(): number[] {
    return this.responses.map(({ status }) => status);
  }

  last(method: string): SipRequest {
    const request = this.requests.findLast((each) => each.method === method);
    if (!request) throw new Error(`no ${method} came`);
    return request;
  }

  /** Answers a request over the flow it came last by. */
  reply(
    request: SipRequest,
    status: number,
    facts: { tag?: string; rows?: Rows; body?: string; flow?: Flow } = {},
  ): SipResponse {
    const { tag = 'puppet', rows = [], body = '', flow = this.flows.at(-1)! } = facts;
    const response = SipResponse.create(status);
    for (const via of request.headers.all('Via')) response.headers.append('Via', via);
    response.headers.append('From', request.headers.get('From')!);
    const to = request.headers.get('To')!;
    response.headers.append('To', tag === '' || request.to.tag !== undefined ? to : `${to};tag=${tag}`);
    response.headers.append('Call-ID', request.callId);
    response.headers.append('CSeq', request.headers.get('CSeq')!);
    for (const [name, value] of rows) response.headers.append(name, value);
    if (body !== '') {
      response.headers.append('Content-Type', 'application/sdp');
      response.body = Buffer.from(body);
    }
    flow.send(serialize(response));
    return response;
  }

  get contact(): string {
    const { address, port } = this.host.endpoint;
    return `<sip:puppet@${address}:${port}>`;
  }

  /** A fresh request; rows replace the usual ones of their name. */
  request(method: string, requestUri: string, rows: Rows = [], body = ''): SipRequest {
    const { address, port } = this.host.endpoint;
    const request = SipRequest.create(method, requestUri);
    const { headers } = request;
    headers.append('Via', `SIP/2.0/UDP ${address}:${port};branch=z9hG4bKpuppet${++this.#branch}`);
    headers.append('Max-Forwards', '70');
    headers.append('From', `<sip:puppet@${address}>;tag=puppet`);
    headers.append('To', '<sip:gw@192.0.2.1>');
    headers.append('Call-ID', 'call-1');
    headers.append('CSeq', `1 ${method}`);
    headers.append('Contact', this.contact);
    const seen = new Set<string>();
    for (const [name, value] of rows) {
      if (seen.has(name)) headers.append(name, value);
      else headers.set(name, value);
      seen.add(name);
    }
    if (body !== '') {
      headers.append('Content-Type', 'application/sdp');
      request.body = Buffer.from(body);
    }
    return request;
  }

  /** An ACK or CANCEL for a request of the puppet: same branch. */
  follow(request: SipRequest, method: string, to?: string): SipRequest {
    const follower = SipRequest.create(method, request.requestUri);
    for (const name of ['Via', 'Max-Forwards', 'From', 'To', 'Call-ID'])
      follower.headers.append(name, request.headers.get(name)!);
    if (to) follower.headers.set('To', to);
    follower.headers.append('CSeq', `${request.cseq.sequence} ${method}`);
    return follower;
  }

  send(request: SipRequest, to: { address: string; port: number } = { address: '192.0.2.1', port: 5060 }): void {
    this.sendBytes(serialize(request), to);
  }

  sendBytes(bytes: Buffer, to: { address: string; port: number } = { address: '192.0.2.1', port: 5060 }): void {
    this.host.udpFlow(to).send(bytes);
  }

  /** Opens a connection and gives its flow once it is up. */
  connect(transport: TransportName, done: (flow: Flow) => void): void {
    this.host.open({ transport, address: '192.0.2.1', port: 5060 }, 1000, (flow) => {
      if (flow instanceof Error) throw flow;
      done(flow);
    });
  }
}
