import { bench, describe } from 'vitest';
import { Counters, SystemRandom, silentLogger, VirtualTime } from '../../../src/core/index.js';
import { SipCore } from '../../../src/sip/engine/index.js';
import type { DialogHandler, MessageBody } from '../../../src/sip/signaling.js';
import type { Flow, Locator, Wire } from '../../../src/sip/transport/flow.js';

/**
 * One call through the core as a B2BUA, 14 messages: INVITE 100 180 200 ACK BYE 200 on each leg, over UDP, with a
 * session timer and 100rel offered. The peers are text templates, so nearly all the time measured is the core's.
 *
 *     npx vitest bench test/sip/engine        the rate shown is calls per second on one core
 */

const SDP = [
  'v=0',
  'o=- 1 1 IN IP4 192.0.2.10',
  's=-',
  'c=IN IP4 192.0.2.10',
  't=0 0',
  'm=audio 40000 RTP/AVP 0 8 101',
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:8 PCMA/8000',
  'a=rtpmap:101 telephone-event/8000',
  'a=fmtp:101 0-16',
  'a=sendrecv',
  '',
].join('\r\n');

class QueueFlow implements Flow {
  readonly transport = 'udp';
  readonly reliable = false;
  readonly inbound = true;
  readonly closed = false;
  readonly local = { address: '192.0.2.1', port: 5060 };
  readonly sent: Buffer[] = [];
  constructor(readonly remote: { address: string; port: number }) {}
  send(bytes: Buffer): void {
    this.sent.push(bytes);
  }
  close(): void {}
}

class Scene {
  readonly #time = new VirtualTime();
  readonly #caller = new QueueFlow({ address: '192.0.2.2', port: 5060 });
  readonly #callee = new QueueFlow({ address: '192.0.2.3', port: 5060 });
  readonly #core: SipCore;
  #calls = 0;

  constructor() {
    const wire: Wire = {
      open: (target, _ms, done) => done(target.address === '192.0.2.2' ? this.#caller : this.#callee),
      sentBy: () => ({ address: '192.0.2.1', port: 5060 }),
    };
    const locator: Locator = { locate: (where, done) => done([{ transport: 'udp', address: where.host, port: 5060 }]) };
    const parts = {
      wire,
      locator,
      scheduler: this.#time,
      random: new SystemRandom(),
      logger: silentLogger,
      counters: new Counters(),
    };
    this.#core = new SipCore({ ...parts, options: { userAgent: 'Bench' } });
    this.#core.handler = { onInvite: (leg) => this.#bridge(leg), onRequest: (request) => request.respond(200) };
  }

  call(): void {
    const call = ++this.#calls;
    const from = `From: "Alice" <sip:+12065550111@192.0.2.2>;tag=a${call}\r\n`;
    const ids = `Call-ID: call-${call}@192.0.2.2\r\nMax-Forwards: 70\r\n`;
    const via = (kind: string): string => `Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK${kind}${call};rport\r\n`;
    const abilities =
      'Contact: <sip:alice@192.0.2.2:5060>\r\nAllow: INVITE, ACK, BYE, CANCEL, UPDATE\r\nSupported: timer, 100rel\r\n';
    this.#receive(
      `INVITE sip:+12065550100@192.0.2.1 SIP/2.0\r\n${via('i')}${from}To: <sip:+12065550100@192.0.2.1>\r\n${ids}CSeq: 1 INVITE\r\n${abilities}Content-Type: application/sdp\r\nContent-Length: ${SDP.length}\r\n\r\n${SDP}`,
      this.#caller,
    );
    this.#answer('100 Trying', '', '');
    this.#answer('180 Ringing', `;tag=c${call}`, '');
    this.#answer('200 OK', `;tag=c${call}`, SDP);
    this.#callee.sent.length = 0;
    const to = header(this.#caller.sent.at(-1)!.toString('latin1'), 'To');
    this.#receive(
      `ACK sip:192.0.2.1:5060 SIP/2.0\r\n${via('a')}${from}To: ${to}\r\n${ids}CSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n`,
      this.#caller,
    );
    this.#receive(
      `BYE sip:192.0.2.1:5060 SIP/2.0\r\n${via('b')}${from}To: ${to}\r\n${ids}CSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n`,
      this.#caller,
    );
    this.#answer('200 OK', '', '');
    this.#caller.sent.length = this.#callee.sent.length = 0;
    // 1,500 calls a second: what lingers for 32 s is there.
    this.#time.advance(1000 / 1500);
  }

  /** The callee answers what it got first. */
  #answer(status: string, tag: string, sdp: string): void {
    const request = this.#callee.sent[0]!.toString('latin1');
    const copied = ['Via', 'From', 'To', 'Call-ID', 'CSeq'].map(
      (name) => `${name}: ${header(request, name)}${name === 'To' ? tag : ''}\r\n`,
    );
    const type = sdp === '' ? '' : 'Content-Type: application/sdp\r\n';
    const text = `SIP/2.0 ${status}\r\n${copied.join('')}Contact: <sip:callee@192.0.2.3:5060>\r\n${type}Content-Length: ${sdp.length}\r\n\r\n${sdp}`;
    this.#receive(text, this.#callee);
  }

  #receive(text: string, flow: Flow): void {
    this.#core.receive(Buffer.from(text, 'latin1'), flow);
  }

  #bridge(leg: Parameters<SipCore['handler']['onInvite']>[0]): void {
    const body: MessageBody = { contentType: 'application/sdp', bytes: leg.request.body };
    this.#core.invite({
      requestUri: 'sip:+12065550100@192.0.2.3',
      nextHop: { host: '192.0.2.3' },
      from: '"HQ" <sip:+12065550111@192.0.2.1>',
      to: '<sip:+12065550100@192.0.2.3>',
      headers: [['P-Asserted-Identity', '<sip:+12065550111@192.0.2.1>']],
      body,
      noResponseTimeoutMs: 2500,
      connectTimeoutMs: 2000,
      reliableProvisional: 'offer',
      sessionTimer: { intervalSeconds: 1800, minimumSeconds: 90 },
      handler: {
        onSent: () => {},
        onProvisional: (response) => leg.provisional(response.status),
        onAnswered: (response, dialog) => {
          const other = leg.accept({ body: { contentType: 'application/sdp', bytes: response.body } });
          dialog.ack();
          other.handler = { ...idle, onBye: () => dialog.bye() };
          dialog.handler = { ...idle, onBye: () => other.bye() };
        },
        onRejected: (response) => leg.respond(response.status),
        onFailed: () => leg.respond(503),
      },
    });
  }
}

const idle: DialogHandler = {
  onBye: () => {},
  onReinvite: (request) => request.respond(488),
  onAck: () => {},
  onRequest: (request) => request.respond(200),
  onSessionExpired: () => {},
  onDialogFailed: () => {},
};

function header(text: string, name: string): string {
  const start = text.indexOf(`\r\n${name}: `) + name.length + 4;
  return text.slice(start, text.indexOf('\r\n', start));
}

describe('the core as a B2BUA', () => {
  const scene = new Scene();
  bench('one call', () => scene.call(), { time: 10_000, warmupTime: 3000 });
});
