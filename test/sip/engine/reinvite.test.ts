import { describe, expect, it } from 'vitest';
import type { Rows } from './puppet.js';
import { agentAndPuppet, body, callPair, expectQuiet, orderTo } from './support.js';

type Outcomes = (number | string)[];
const into = (outcomes: Outcomes) => (outcome: { status: number } | { code: string }) => {
  outcomes.push('status' in outcome ? outcome.status : outcome.code);
};

const inCall = (rows: Rows = []) => {
  const scene = agentAndPuppet();
  const { time, agent, puppet } = scene;
  const call = agent.call(orderTo(puppet));
  time.advance(0);
  puppet.reply(puppet.last('INVITE'), 200, { rows: [['Contact', puppet.contact], ...rows], body: 'answer' });
  time.advance(0);
  call.dialog!.ack();
  time.advance(0);
  puppet.requests.length = 0;
  const to = (method: string, sequence: number, sdp = '') =>
    puppet.request(
      method,
      'sip:192.0.2.1:5060',
      [
        ['From', `<sip:bob@192.0.2.2>;tag=puppet`],
        ['To', `"Alice" <sip:alice@192.0.2.1>;tag=${call.leg.localTag}`],
        ['Call-ID', call.leg.callId],
        ['CSeq', `${sequence} ${method}`],
      ],
      sdp,
    );
  return { ...scene, dialog: call.dialog!, inside: to };
};

describe('a re-INVITE of ours', () => {
  it('tells provisional and final outcomes and is acknowledged by the call layer', () => {
    const { time, puppet, dialog } = inCall();
    const outcomes: Outcomes = [];
    dialog.reinvite({ body: body('hold') }, into(outcomes));
    time.advance(0);
    expect(puppet.last('INVITE').headers.get('CSeq')).toBe('2 INVITE');
    expect(puppet.last('INVITE').body.toString()).toBe('hold');
    puppet.reply(puppet.last('INVITE'), 100);
    puppet.reply(puppet.last('INVITE'), 200, { rows: [['Contact', '<sip:elsewhere@192.0.2.2>']], body: 'held' });
    time.advance(0);
    expect(outcomes).toEqual([100, 200]);
    expect(puppet.methods).toEqual(['INVITE']);
    dialog.ack();
    time.advance(0);
    expect(puppet.last('ACK').headers.get('CSeq')).toBe('2 ACK');
    expect(puppet.last('ACK').requestUri).toBe('sip:elsewhere@192.0.2.2');
    puppet.reply(puppet.requests[0]!, 200, { body: 'held' });
    time.advance(0);
    expect(puppet.methods).toEqual(['INVITE', 'ACK', 'ACK']);
    expect(outcomes).toEqual([100, 200]);
  });

  it('of more than 1300 bytes goes over TCP (RFC 3261 §18.1.1); what is small, and the ACK, goes over UDP as before', () => {
    const { time, agent, puppet, dialog } = inCall();
    dialog.reinvite({ body: body('x'.repeat(1300)) }, () => {});
    time.advance(10);
    expect([puppet.last('INVITE').body.length, puppet.flows.at(-1)!.transport]).toEqual([1300, 'tcp']);
    puppet.reply(puppet.last('INVITE'), 200, { body: 'held' });
    time.advance(10);
    dialog.ack();
    dialog.bye();
    time.advance(10);
    expect(puppet.methods).toEqual(['INVITE', 'ACK', 'BYE']);
    expect(puppet.flows.slice(-2).map(({ transport }) => transport)).toEqual(['udp', 'udp']);
    puppet.reply(puppet.last('BYE'), 200);
    expectQuiet(time, agent);
  });

  it('… and over UDP all the same where the peer takes no TCP', () => {
    const { time, agent, puppet, dialog } = inCall();
    puppet.host.udpOnly = true;
    dialog.reinvite({ body: body('x'.repeat(1300)) }, () => {});
    time.advance(10);
    expect(puppet.flows.at(-1)!.transport).toBe('udp');
    puppet.reply(puppet.last('INVITE'), 200, { body: 'held' });
    time.advance(10);
    dialog.ack();
    dialog.bye();
    time.advance(10);
    puppet.reply(puppet.last('BYE'), 200);
    expectQuiet(time, agent);
  });

  it('is one at a time: a second one is refused at once, and so is an UPDATE with an offer', () => {
    const { time, puppet, dialog } = inCall();
    const [first, second, third]: Outcomes[] = [[], [], []];
    dialog.reinvite({ body: body('one') }, into(first!));
    dialog.reinvite({ body: body('two') }, into(second!));
    dialog.request('UPDATE', { body: body('three') }, into(third!));
    time.advance(0);
    expect([first, second, third]).toEqual([[], ['sip.glare'], ['sip.glare']]);
    expect(puppet.methods).toEqual(['INVITE']);
    puppet.reply(puppet.last('INVITE'), 488);
    time.advance(0);
    dialog.reinvite({ body: body('four') }, into(second!));
    time.advance(0);
    expect(puppet.methods).toEqual(['INVITE', 'ACK', 'INVITE']);
  });

  it('answered 491 is sent again after 2.1 to 4 s by the owner of the Call-ID', () => {
    const { time, puppet, dialog } = inCall();
    const outcomes: Outcomes = [];
    dialog.reinvite({ body: body('hold') }, into(outcomes));
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 491);
    time.advance(2099);
    expect(puppet.methods).toEqual(['INVITE', 'ACK']);
    time.advance(1901);
    expect(puppet.methods).toEqual(['INVITE', 'ACK', 'INVITE']);
    expect(puppet.last('INVITE').headers.get('CSeq')).toBe('3 INVITE');
    puppet.reply(puppet.last('INVITE'), 200, { rows: [['Contact', puppet.contact]], body: 'held' });
    time.advance(0);
    expect(outcomes).toEqual([200]);
  });

  it('that keeps being answered 491 is given up', () => {
    const { time, puppet, dialog } = inCall();
    const outcomes: Outcomes = [];
    puppet.script = (request) => request.method === 'INVITE' && puppet.reply(request, 491);
    dialog.reinvite({ body: body('hold') }, into(outcomes));
    time.advance(60_000);
    expect(outcomes).toEqual([491]);
    expect(puppet.methods.filter((method) => method === 'INVITE')).toHaveLength(6);
  });

  it('may be cancelled: after the first response, and the answer is told', () => {
    const { time, agent, puppet, dialog } = inCall();
    const outcomes: Outcomes = [];
    dialog.reinvite({ body: body('hold') }, into(outcomes));
    time.advance(0);
    dialog.cancelReinvite();
    time.advance(0);
    expect(puppet.methods).toEqual(['INVITE']);
    puppet.reply(puppet.last('INVITE'), 100);
    time.advance(0);
    expect(puppet.methods).toEqual(['INVITE', 'CANCEL']);
    puppet.reply(puppet.last('CANCEL'), 200);
    puppet.reply(puppet.last('INVITE'), 487);
    time.advance(0);
    expect(outcomes).toEqual([100, 487]);
    dialog.reinvite({ body: body('again') }, into(outcomes));
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 100);
    time.advance(0);
    dialog.cancelReinvite();
    puppet.reply(puppet.last('INVITE'), 200, { rows: [['Contact', puppet.contact]], body: 'crossed' });
    time.advance(0);
    expect(outcomes).toEqual([100, 487, 100, 200]);
    expect(puppet.methods.slice(3)).toEqual(['INVITE', 'CANCEL']);
    dialog.ack();
    dialog.bye();
    time.advance(0);
    puppet.reply(puppet.last('CANCEL'), 200);
    puppet.reply(puppet.last('BYE'), 200);
    expectQuiet(time, agent);
  });

  it('that was cancelled and stays without a final response is given up after 64×T1', () => {
    const { time, agent, puppet, dialog } = inCall();
    const outcomes: Outcomes = [];
    dialog.reinvite({ body: body('hold') }, into(outcomes));
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 180);
    time.advance(0);
    dialog.cancelReinvite();
    time.advance(32_000);
    expect(outcomes).toEqual([180, 'sip.timeout']);
    expect(agent.log).toEqual(['failed sip.dialog-lost']);
  });

  it('that only rings is given up after three minutes', () => {
    const { time, agent, puppet, dialog } = inCall();
    const outcomes: Outcomes = [];
    dialog.reinvite({ body: body('hold') }, into(outcomes));
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 180);
    time.advance(179_999);
    expect(outcomes).toEqual([180]);
    time.advance(1);
    expect(outcomes).toEqual([180, 'sip.timeout']);
    dialog.bye();
    time.advance(0);
    puppet.reply(puppet.last('BYE'), 200);
    expectQuiet(time, agent);
  });

  it('makes one of the peer wait: 491', () => {
    const { time, agent, puppet, dialog, inside } = inCall();
    dialog.reinvite({ body: body('hold') }, () => {});
    puppet.send(inside('INVITE', 1, 'theirs'));
    puppet.send(inside('UPDATE', 2, 'theirs'));
    time.advance(0);
    expect(puppet.statuses).toEqual([100, 491, 491]);
    expect(agent.log).toEqual([]);
    expect(agent.counters.get('sip_rejected', 'glare')).toBe(2);
  });

  it.each([481, 408])('answered %i fails the dialog', (status) => {
    const { time, agent, puppet, dialog } = inCall();
    const outcomes: Outcomes = [];
    dialog.reinvite({ body: body('hold') }, into(outcomes));
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), status);
    time.advance(0);
    expect(outcomes).toEqual([status]);
    expect(agent.log).toEqual(['failed sip.dialog-lost']);
    dialog.bye();
    time.advance(0);
    puppet.reply(puppet.last('BYE'), 481);
    expectQuiet(time, agent);
  });

  it('without any answer fails the dialog after 64×T1', () => {
    const { time, agent, dialog } = inCall();
    const outcomes: Outcomes = [];
    dialog.reinvite({ body: body('hold') }, into(outcomes));
    time.advance(33_000);
    expect(outcomes).toEqual(['sip.timeout']);
    expect(agent.log).toEqual(['failed sip.dialog-lost']);
  });

  it('whose 200 comes after BYE is acknowledged all the same', () => {
    const { time, agent, puppet, dialog } = inCall();
    dialog.reinvite({ body: body('hold') }, () => {});
    time.advance(0);
    dialog.bye();
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 200, { rows: [['Contact', puppet.contact]], body: 'held' });
    puppet.reply(puppet.last('BYE'), 200);
    time.advance(0);
    expect(puppet.methods).toEqual(['INVITE', 'BYE', 'ACK']);
    expectQuiet(time, agent);
  });

  it('waiting out its back-off ends with the dialog', () => {
    const { time, agent, puppet, dialog, inside } = inCall();
    const outcomes: Outcomes = [];
    dialog.reinvite({ body: body('hold') }, into(outcomes));
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 491);
    time.advance(0);
    puppet.send(inside('BYE', 1));
    time.advance(0);
    expect(outcomes).toEqual(['sip.glare']);
    expect(agent.log).toEqual(['bye']);
    expectQuiet(time, agent);
  });

  it('may be asked of an ended dialog only in vain', () => {
    const { time, puppet, dialog } = inCall();
    const outcomes: Outcomes = [];
    dialog.bye();
    dialog.reinvite({}, into(outcomes));
    dialog.request('INFO', {}, into(outcomes));
    dialog.bye([], into(outcomes));
    time.advance(0);
    expect(outcomes).toEqual(['sip.dialog-ended', 'sip.dialog-ended', 'sip.dialog-ended']);
    expect(puppet.methods).toEqual(['BYE']);
  });
});

describe('two cores that re-INVITE each other at once', () => {
  it('both get through: the owner of the Call-ID second', () => {
    const { time, alice, bob } = callPair({ delayMs: 20 });
    const { dialog, peer } = alice.answeredCall(bob);
    const done: string[] = [];
    const reinvite = (side: typeof dialog, name: string): void =>
      side.reinvite({ body: body(name) }, (outcome) => {
        if ('status' in outcome && outcome.status === 200) side.ack();
        if (!('status' in outcome) || outcome.status >= 200)
          done.push(`${name} ${'status' in outcome ? outcome.status : outcome.code}`);
      });
    for (const agent of [alice, bob]) {
      const handler = agent.dialogHandler();
      handler.onReinvite = (request) => request.respond(200, { body: body('fine') });
      (agent === alice ? dialog : peer).handler = handler;
    }
    reinvite(dialog, 'alice');
    reinvite(peer, 'bob');
    time.advance(10_000);
    expect(done).toEqual(['bob 200', 'alice 200']);
    dialog.bye();
    time.advance(1000);
    expectQuiet(time, alice, bob);
  });
});

describe('another request of ours inside a dialog', () => {
  it('rises in CSeq and tells its outcome', () => {
    const { time, puppet, dialog } = inCall([['Allow', 'INVITE, INFO']]);
    const outcomes: Outcomes = [];
    expect([...dialog.remoteAllows]).toEqual(['INVITE', 'INFO']);
    dialog.request(
      'INFO',
      { headers: [['Info-Package', 'x']], body: { contentType: 'text/plain', bytes: Buffer.from('hi') } },
      into(outcomes),
    );
    dialog.request('MESSAGE', {}, into(outcomes));
    time.advance(0);
    expect(puppet.requests.map(({ headers }) => headers.get('CSeq'))).toEqual(['2 INFO', '3 MESSAGE']);
    expect(puppet.requests[0]!.headers.get('Contact')).toBeUndefined();
    puppet.reply(puppet.requests[1]!, 415);
    puppet.reply(puppet.requests[0]!, 200);
    time.advance(0);
    expect(outcomes).toEqual([415, 200]);
  });

  it('goes over a new connection when the old one is gone', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet, { transport: 'tcp' }));
    time.advance(10);
    puppet.reply(puppet.last('INVITE'), 200, {
      rows: [['Contact', '<sip:puppet@192.0.2.2:5060;transport=tcp>']],
      body: 'answer',
    });
    time.advance(10);
    call.dialog!.ack();
    time.advance(10);
    const before = puppet.flows.at(-1);
    [...puppet.host.connections][0]!.cut();
    call.dialog!.bye();
    time.advance(10);
    expect(puppet.methods).toEqual(['INVITE', 'ACK', 'BYE']);
    expect(puppet.flows.at(-1)).not.toBe(before);
    puppet.reply(puppet.last('BYE'), 200);
    expectQuiet(time, agent);
  });

  it('goes where the peer spoke from when its Contact is a name that cannot be found', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet));
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 200, { rows: [['Contact', '<sip:puppet@pbx.local>']], body: 'answer' });
    time.advance(0);
    call.dialog!.ack();
    call.dialog!.bye();
    time.advance(0);
    expect(puppet.methods).toEqual(['INVITE', 'ACK', 'BYE']);
    expect(puppet.last('ACK').requestUri).toBe('sip:puppet@pbx.local');
  });

  it('that cannot be sent tells why, and the dialog lives', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet, { transport: 'tcp' }));
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 200, { rows: [['Contact', '<sip:puppet@nowhere.example>']], body: 'answer' });
    time.advance(0);
    [...puppet.host.connections][0]!.cut();
    call.dialog!.ack();
    const outcomes: Outcomes = [];
    call.dialog!.request('INFO', {}, into(outcomes));
    time.advance(0);
    expect(outcomes).toEqual(['dns.not-found']);
    expect(call.dialog!.state).toBe('confirmed');
    expect(agent.counters.get('sip_send_errors', 'ack')).toBe(1);
  });
});

describe('a connection', () => {
  it('is in use as long as a dialog lives on it', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet, { transport: 'tcp' }));
    time.advance(10);
    const contact = [['Contact', '<sip:puppet@192.0.2.2:5060;transport=tcp>']] as const;
    puppet.reply(puppet.last('INVITE'), 200, { rows: contact, body: 'answer' });
    time.advance(10);
    call.dialog!.ack();
    const { flow } = call.dialog!;
    expect(agent.core.inUse(flow)).toBe(true);
    call.dialog!.bye();
    time.advance(10);
    puppet.reply(puppet.last('BYE'), 200);
    time.advance(10);
    expect(agent.core.inUse(flow)).toBe(false);
  });
});

describe('a peer on a WebSocket', () => {
  it('is reached by its own connection, and not at all once that is gone', () => {
    const { time, agent, puppet } = agentAndPuppet();
    puppet.connect('ws', (flow) => {
      const rows: Rows = [
        ['Via', 'SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bKws'],
        ['Contact', '<sip:x@df7jal23ls0d.invalid;transport=ws>'],
      ];
      const invite = puppet.request('INVITE', 'sip:gw@192.0.2.1', rows);
      flow.send(Buffer.from(`INVITE sip:gw@192.0.2.1 SIP/2.0\r\n${invite.headers.toWire()}\r\n`));
    });
    time.advance(0);
    const dialog = agent.legs[0]!.accept({ body: body('answer') });
    time.advance(0);
    expect(puppet.responses.at(-1)!.contact!.uri).toBe('sip:192.0.2.1:5060;transport=ws');
    dialog.request('INFO', {}, () => {});
    time.advance(0);
    expect(puppet.last('INFO').requestUri).toBe('sip:x@df7jal23ls0d.invalid;transport=ws');
    puppet.reply(puppet.last('INFO'), 200);
    time.advance(0);
    [...puppet.host.connections][0]!.cut();
    const outcomes: Outcomes = [];
    dialog.request('INFO', {}, into(outcomes));
    time.advance(0);
    expect(outcomes).toEqual(['dns.not-found']);
  });
});
