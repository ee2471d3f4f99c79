import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { below, type Random, SeededRandom } from '../../../src/core/index.js';
import { serialize } from '../../../src/sip/message/index.js';
import type { Dialog, InboundLeg } from '../../../src/sip/signaling.js';
import type { Puppet, Rows } from './puppet.js';
import { type Agent, agentAndPuppet, body, expectQuiet, orderTo } from './support.js';

/** Peers that say anything at any time: the core must neither break nor keep anything. */

const URI = 'sip:gw@192.0.2.1';
const METHODS = ['INVITE', 'ACK', 'BYE', 'CANCEL', 'OPTIONS', 'PRACK', 'UPDATE', 'INFO', 'MESSAGE', 'REFER', 'FROB'];
const EXTRAS: readonly (readonly [string, string])[] = [
  ['Require', '100rel'],
  ['Require', 'frob'],
  ['Supported', '100rel, timer'],
  ['Session-Expires', '90;refresher=uac'],
  ['Session-Expires', '1;refresher=uas'],
  ['Session-Expires', 'x'],
  ['RAck', '1 1 INVITE'],
  ['RAck', 'junk'],
  ['RSeq', '1'],
  ['Contact', '<sip:@>'],
  ['Contact', '*'],
  ['Contact', '<sip:puppet@198.51.100.9>'],
  ['Contact', '<tel:+1>'],
  ['Record-Route', '<sip:192.0.2.2;lr>, <sip:x'],
  ['Record-Route', '<sip:192.0.2.2>'],
  ['Allow', 'UPDATE, , INVITE'],
  ['Max-Forwards', '0'],
  ['Content-Encoding', 'gzip'],
  ['Authorization', 'Digest'],
  ['WWW-Authenticate', 'Digest realm="x", nonce="y", qop="auth"'],
  ['Min-SE', '999999'],
  ['Retry-After', 'soon'],
  ['Timestamp', '1'],
];

class Noise {
  readonly #random: Random;
  readonly #agent: Agent;
  readonly #puppet: Puppet;
  readonly #dialogs: Dialog[] = [];

  constructor(agent: Agent, puppet: Puppet, random: Random) {
    this.#agent = agent;
    this.#puppet = puppet;
    this.#random = random;
    agent.script = (leg) => this.#answer(leg);
    agent.onRequest = (request) => this.#chance(3) || request.respond(200 + below(this.#random, 400));
  }

  step(): void {
    const action = below(this.#random, 10);
    if (action < 4) this.#sendRequest();
    else if (action < 7) this.#sendResponse();
    else if (action < 8) this.#call();
    else if (action < 9) this.#useDialog();
    else this.#sendGarbage();
  }

  #chance(of: number): boolean {
    return below(this.#random, of) === 0;
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[below(this.#random, items.length)]!;
  }

  #rows(): Rows {
    return [0, 1, 2].flatMap(() => (this.#chance(2) ? [] : [this.#pick(EXTRAS)]));
  }

  #sendRequest(): void {
    const method = this.#pick(METHODS);
    const tags = ['', ...this.#puppet.responses.slice(-20).map((response) => response.headers.get('To')!)];
    const to = this.#pick(tags);
    const rows: Rows = [
      ['Call-ID', `call-${below(this.#random, 4)}`],
      ['CSeq', `${1 + below(this.#random, 6)} ${method}`],
      ...(to === '' || this.#chance(4) ? [] : [['To', to] as const]),
      ...(this.#chance(4)
        ? [['Via', `SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKpuppet${below(this.#random, 30)}`] as const]
        : []),
      ...this.#rows(),
    ];
    this.#puppet.send(
      this.#puppet.request(method, this.#chance(20) ? 'tel:+1' : URI, rows, this.#chance(3) ? 'sdp' : ''),
    );
  }

  #sendResponse(): void {
    const request = this.#puppet.requests.length > 0 ? this.#pick(this.#puppet.requests.slice(-10)) : undefined;
    if (!request || request.method === 'ACK') return;
    const status = this.#pick([
      100, 180, 183, 200, 200, 200, 202, 302, 401, 404, 408, 422, 481, 486, 487, 491, 503, 603,
    ]);
    const facts = { tag: this.#pick(['', 'a', 'b']), rows: this.#rows(), body: this.#chance(2) ? 'sdp' : '' };
    this.#puppet.reply(request, status, {
      ...facts,
      flow: this.#puppet.host.udpFlow({ address: '192.0.2.1', port: 5060 }),
    });
  }

  #sendGarbage(): void {
    const bytes = serialize(this.#puppet.request(this.#pick(METHODS), URI, this.#rows(), 'sdp'));
    for (let change = 0; change < 4; change++) bytes[below(this.#random, bytes.length)] = below(this.#random, 256);
    this.#puppet.sendBytes(bytes.subarray(0, below(this.#random, bytes.length)));
  }

  #call(): void {
    const facts = {
      reliableProvisional: this.#pick(['off', 'offer', 'require'] as const),
      credentials: { username: 'u', password: 'p' },
    };
    const timer = this.#chance(2) ? { sessionTimer: { intervalSeconds: 1800, minimumSeconds: 90 } } : {};
    const call = this.#agent.core.invite({
      ...orderTo(this.#puppet, { ...facts, ...timer }),
      handler: {
        onSent: () => {},
        onProvisional: (_response, dialog, prack) => {
          if (dialog) this.#adopt(dialog);
          if (this.#chance(3)) prack?.(body('sdp'));
        },
        onAnswered: (_response, dialog) => {
          this.#adopt(dialog);
          if (!this.#chance(10)) dialog.ack(this.#chance(3) ? body('sdp') : undefined);
        },
        onRejected: () => {},
        onFailed: () => {},
      },
    });
    if (this.#chance(3)) call.cancel();
    this.#agent.time.after(50_000, () => call.cancel());
  }

  #adopt(dialog: Dialog): void {
    if (!this.#dialogs.includes(dialog)) this.#dialogs.push(dialog);
    dialog.localDescription = body('sdp');
    dialog.handler = {
      onBye: () => {},
      onReinvite: (request) => request.respond(this.#pick([200, 200, 488, 491])),
      onAck: () => {},
      onRequest: (request) => request.respond(200),
      onSessionExpired: () => dialog.bye(),
      onDialogFailed: () => dialog.bye(),
    };
  }

  #answer(leg: InboundLeg): void {
    this.#adopt(leg.dialog);
    leg.handler = { ...leg.handler, onAckTimeout: () => leg.dialog.bye(), onPrack: (request) => request.respond(200) };
    if (this.#chance(2))
      leg.provisional(this.#pick([180, 183]), {
        reliable: this.#chance(2),
        ...(this.#chance(2) ? { body: body('sdp') } : {}),
      });
    this.#agent.time.after(below(this.#random, 2000), () => {
      if (this.#chance(3)) leg.respond(this.#pick([302, 404, 486, 503]));
      else leg.accept({ body: body('sdp') });
    });
  }

  #useDialog(): void {
    if (this.#dialogs.length === 0) return;
    const dialog = this.#pick(this.#dialogs);
    const order = this.#chance(2) ? { body: body('sdp') } : {};
    const action = below(this.#random, 5);
    if (action === 0) dialog.bye();
    else if (action === 1)
      dialog.reinvite(
        order,
        (outcome) => 'status' in outcome && outcome.status >= 200 && outcome.status < 300 && dialog.ack(),
      );
    else if (action === 2) dialog.request('UPDATE', order, () => {});
    else if (action === 3) dialog.request('INFO', {}, () => {});
    else dialog.ack();
  }

  hangUp(): void {
    for (const dialog of this.#dialogs) dialog.bye();
  }
}

describe('noise', () => {
  it.each([11, 12, 13, 14, 15, 16, 17, 18])('breaks nothing and leaves nothing behind (seed %i)', (seed) => {
    const { time, agent, puppet, network } = agentAndPuppet();
    network.traced = false;
    puppet.sendsGarbage = true;
    const random = new SeededRandom(seed);
    const noise = new Noise(agent, puppet, random);
    for (let step = 0; step < 1500; step++) {
      noise.step();
      time.advance(below(random, 4) === 0 ? below(random, 3000) : below(random, 20));
      if (puppet.responses.length > 200) puppet.responses.splice(0, 100);
      if (puppet.requests.length > 200) puppet.requests.splice(0, 100);
    }
    time.advance(60_000);
    noise.hangUp();
    expect(agent.errors).toEqual([]);
    expect(agent.counters.get('sip_internal_errors')).toBe(0);
    expectQuiet(time, agent);
  });

  it('of every torture message breaks nothing', () => {
    const folder = new URL('../../vectors/torture/', import.meta.url);
    const { time, agent, puppet } = agentAndPuppet();
    puppet.host.receiver = { receive: () => {}, flowFailed: () => {} };
    agent.script = (leg) => leg.respond(486);
    agent.onRequest = (request) => request.respond(200);
    for (const name of readdirSync(folder).filter((each) => each.endsWith('.dat'))) {
      puppet.sendBytes(readFileSync(new URL(name, folder)));
      time.advance(10);
    }
    expectQuiet(time, agent);
  });
});
