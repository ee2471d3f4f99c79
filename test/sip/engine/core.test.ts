import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../../src/core/index.js';
import { SipRequest } from '../../../src/sip/message/index.js';
import { agentAndPuppet, body, callPair, expectQuiet, orderTo } from './support.js';

const URI = 'sip:gw@192.0.2.1';

describe('the core', () => {
  it('shows every message, in and out, retransmissions too', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const seen: string[] = [];
    agent.core.handler = {
      onInvite: (leg) => leg.respond(486),
      onRequest: () => {},
      onMessage: (direction, message, bytes, flow) => {
        const name = message instanceof SipRequest ? message.method : String(message.status);
        seen.push(`${direction} ${name} ${bytes.length > 100} ${flow.transport}`);
      },
    };
    const invite = puppet.request('INVITE', URI);
    puppet.send(invite);
    time.advance(500);
    puppet.send(puppet.follow(invite, 'ACK', puppet.responses[0]!.headers.get('To')));
    time.advance(0);
    expect(seen).toEqual(['in INVITE true udp', 'out 486 true udp', 'out 486 true udp', 'in ACK true udp']);
  });

  it('is not stopped by a listener that throws', () => {
    const { time, agent, puppet } = agentAndPuppet();
    agent.onRequest = (request) => request.respond(200);
    agent.core.handler = Object.assign(agent, {
      onMessage: () => {
        throw new Error('bug');
      },
    });
    puppet.send(puppet.request('OPTIONS', URI));
    time.advance(0);
    expect(puppet.statuses).toEqual([200]);
    expect(agent.errors.splice(0)).toHaveLength(2);
    expectQuiet(time, agent);
  });

  it('shows its transactions and dialogs', () => {
    const { alice, bob } = callPair();
    alice.answeredCall(bob);
    const view = alice.core.debugView();
    expect(view.dialogs).toBe(1);
    expect(view.details).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          kind: 'transaction',
          side: 'client',
          method: 'INVITE',
          state: 'accepted',
          peer: '192.0.2.2:5060',
        }),
        expect.objectContaining({
          kind: 'dialog',
          role: 'uac',
          state: 'confirmed',
          transport: 'udp',
          remoteTarget: 'sip:192.0.2.2:5060',
        }),
      ]),
    );
  });

  it('counts what comes and goes', () => {
    const { time, alice, bob } = callPair();
    const { dialog } = alice.answeredCall(bob);
    dialog.bye();
    time.advance(100);
    const { counters } = bob;
    expect(['INVITE', 'ACK', 'BYE'].map((method) => counters.get('sip_requests_in', method))).toEqual([1, 1, 1]);
    expect([counters.get('sip_responses_out', '1xx'), counters.get('sip_responses_out', '2xx')]).toEqual([1, 2]);
    expect([alice.counters.get('sip_requests_out', 'INVITE'), alice.counters.get('sip_responses_in', '2xx')]).toEqual([
      1, 2,
    ]);
  });

  it('answers what a connection cut off', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const message = puppet.request('OPTIONS', URI);
    const flow = agent.host.udpFlow(puppet.host.endpoint);
    agent.core.malformed(flow, {
      code: 'parse.body-too-large',
      offset: 0,
      status: 413,
      reason: 'Body too large',
      message,
    });
    time.advance(0);
    expect(puppet.statuses).toEqual([413]);
    expect(agent.counters.get('sip_parse_errors', 'parse.body-too-large')).toBe(1);
  });

  it('refuses everything until there is a call layer', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const { handler } = new (agent.core.constructor as new (parts: object) => typeof agent.core)({
      ...agent.core,
      options: {},
    });
    agent.core.handler = handler;
    puppet.send(puppet.request('OPTIONS', URI));
    puppet.send(puppet.request('INVITE', URI, [['Call-ID', 'b']]));
    time.advance(0);
    expect(puppet.statuses).toEqual([503, 503]);
  });

  it('starts a call in the turn in which it was ordered', () => {
    const { time, agent, puppet } = agentAndPuppet();
    agent.script = () => {
      agent.call(orderTo(puppet, { nextHop: { host: '192.0.2.2' } }));
      agent.log.push('ordered');
    };
    const bytes = Buffer.from(`INVITE ${URI} SIP/2.0\r\n${puppet.request('INVITE', URI).headers.toWire()}\r\n`);
    agent.core.receive(bytes, agent.host.udpFlow(puppet.host.endpoint));
    expect(agent.core.debugView().clientTransactions).toBe(1);
    time.advance(0);
    expect(puppet.statuses).toEqual([100]);
    expect(puppet.methods).toEqual(['INVITE']);
  });

  it('survives a handler that throws on a timer, in a connection’s answer and in a response', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const broken = (): never => {
      throw new Error('bug');
    };
    const facts = { onSent: broken, onProvisional: broken, onAnswered: broken, onRejected: broken, onFailed: broken };
    agent.core.invite({ ...orderTo(puppet), handler: { ...facts, onSent: () => {} } });
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 180);
    puppet.reply(puppet.last('INVITE'), 486);
    time.advance(0);
    agent.core.invite({
      ...orderTo(puppet, { transport: 'tcp', nextHop: { host: '192.0.2.99', transport: 'tcp' } }),
      handler: facts,
    });
    agent.core.invite({
      ...orderTo(puppet, { nextHop: { host: '192.0.2.98' } }),
      handler: { ...facts, onSent: () => {} },
    });
    time.advance(3000);
    expect(agent.errors.splice(0)).toHaveLength(4);
    expectQuiet(time, agent);
  });
});

describe('a handler that throws', () => {
  const broken = (): never => {
    throw new Error('bug');
  };

  it('when it is told an answer over a connection leaves no transaction behind', () => {
    const { time, agent, puppet } = agentAndPuppet();
    agent.core.request(
      {
        method: 'OPTIONS',
        requestUri: 'sip:x@192.0.2.2',
        nextHop: { host: '192.0.2.2', transport: 'tcp' },
        from: '<sip:a@b>',
        to: '<sip:x@y>',
        headers: [],
        connectTimeoutMs: 1000,
      },
      broken,
    );
    time.advance(0);
    puppet.reply(puppet.last('OPTIONS'), 200);
    time.advance(0);
    expect(agent.errors.splice(0)).toHaveLength(1);
    expectQuiet(time, agent);
  });

  it('after it has rung reliably ends the call with 500, under the same tag', () => {
    const { time, agent, puppet } = agentAndPuppet();
    agent.script = (leg) => {
      leg.provisional(183, { reliable: true, body: body('answer') });
      broken();
    };
    const invite = puppet.request('INVITE', URI, [['Supported', '100rel']], 'offer');
    puppet.send(invite);
    time.advance(10);
    expect(puppet.statuses).toEqual([183, 500]);
    expect(puppet.responses[1]!.to.tag).toBe(puppet.responses[0]!.to.tag);
    expect(agent.errors.splice(0)).toHaveLength(1);
    puppet.send(puppet.follow(invite, 'ACK', puppet.responses[1]!.headers.get('To')));
    expectQuiet(time, agent);
  });

  it('when ACK never comes still lets the BYE go', () => {
    const { time, agent, puppet } = agentAndPuppet();
    puppet.send(puppet.request('INVITE', URI, [], 'offer'));
    time.advance(0);
    const [leg] = agent.legs;
    leg!.handler = { ...leg!.handler, onAckTimeout: broken };
    leg!.accept({ body: body('answer') }).bye();
    time.advance(32_000);
    expect(agent.errors.splice(0)).toHaveLength(1);
    expect(puppet.methods).toEqual(['BYE']);
    puppet.reply(puppet.last('BYE'), 200);
    expectQuiet(time, agent);
  });

  it('in a re-INVITE has it answered 500', () => {
    const { time, alice, bob } = callPair();
    const { dialog, peer } = alice.answeredCall(bob);
    peer.handler = { ...bob.dialogHandler(), onReinvite: broken };
    const outcomes: number[] = [];
    dialog.reinvite({ body: body('hold') }, (outcome) => outcomes.push('status' in outcome ? outcome.status : 0));
    time.advance(10);
    expect(outcomes).toEqual([100, 500]);
    expect(bob.errors.splice(0)).toHaveLength(1);
    dialog.bye();
    time.advance(10);
    expectQuiet(time, alice, bob);
  });
});

describe('a dialog that was not answered', () => {
  it('of an INVITE to us is refused by bye, not with a BYE', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const invite = puppet.request('INVITE', URI);
    puppet.send(invite);
    time.advance(0);
    agent.legs[0]!.provisional(180);
    agent.legs[0]!.dialog.bye();
    time.advance(0);
    expect(puppet.methods).toEqual([]);
    expect(puppet.statuses).toEqual([100, 180, 487]);
    puppet.send(puppet.follow(invite, 'ACK', puppet.responses.at(-1)!.headers.get('To')));
    expectQuiet(time, agent);
  });

  it('of an INVITE of ours may be ended by BYE', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet));
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 180, { rows: [['Contact', puppet.contact]] });
    time.advance(0);
    call.dialogs[0]!.bye();
    time.advance(0);
    puppet.reply(puppet.last('BYE'), 200);
    puppet.reply(puppet.last('INVITE'), 487);
    time.advance(0);
    expect(call.rejection!.status).toBe(487);
    expectQuiet(time, agent);
  });
});

describe('a re-INVITE answered reliably', () => {
  it('has its provisional responses acknowledged', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet));
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 200, { rows: [['Contact', puppet.contact]], body: 'answer' });
    time.advance(0);
    call.dialog!.ack();
    const outcomes: number[] = [];
    call.dialog!.reinvite({ body: body('more') }, (outcome) =>
      outcomes.push(outcome instanceof GatewayError ? 0 : outcome.status),
    );
    time.advance(0);
    const reliable = () =>
      puppet.reply(puppet.last('INVITE'), 183, {
        rows: [
          ['Require', '100rel'],
          ['RSeq', '9'],
        ],
      });
    reliable();
    reliable();
    time.advance(0);
    expect(
      puppet.requests.filter(({ method }) => method === 'PRACK').map(({ headers }) => headers.get('RAck')),
    ).toEqual(['9 2 INVITE']);
    expect(outcomes).toEqual([183]);
  });
});
