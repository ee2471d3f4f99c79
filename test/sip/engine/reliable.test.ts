import { describe, expect, it } from 'vitest';
import type { SipRequest } from '../../../src/sip/message/index.js';
import type { Rows } from './puppet.js';
import { agentAndPuppet, body, callPair, expectQuiet, orderTo } from './support.js';

const URI = 'sip:gw@192.0.2.1';

describe('reliable provisional responses we send', () => {
  const ringing = (rows: Rows = [['Supported', '100rel']], sdp = 'offer') => {
    const scene = agentAndPuppet();
    const { time, agent, puppet } = scene;
    const invite = puppet.request('INVITE', URI, rows, sdp);
    puppet.send(invite);
    time.advance(0);
    const leg = agent.legs[0]!;
    const prack = (rseq: string, sequence: number, facts: { invite?: string; sdp?: string } = {}): SipRequest =>
      puppet.request(
        'PRACK',
        URI,
        [
          ['To', puppet.responses.at(-1)!.headers.get('To')!],
          ['CSeq', `${sequence} PRACK`],
          ['RAck', `${rseq} ${facts.invite ?? '1 INVITE'}`],
        ],
        facts.sdp,
      );
    return { ...scene, invite, leg, prack };
  };
  const rseqs = (responses: readonly { headers: { get(name: string): string | undefined } }[]) =>
    responses.map(({ headers }) => headers.get('RSeq')).filter((rseq) => rseq !== undefined);

  it('are repeated with doubling intervals until PRACK, one at a time, RSeq rising', () => {
    const { time, agent, puppet, leg, prack } = ringing();
    leg.provisional(183, { body: body('answer'), reliable: true });
    leg.provisional(180, { reliable: true });
    leg.provisional(181, { reliable: true });
    time.advance(3500);
    expect(puppet.statuses).toEqual([100, 183, 183, 183, 183]);
    const first = Number(rseqs(puppet.responses)[0]);
    expect(puppet.responses[1]!.headers.list('Require')).toEqual(['100rel']);
    expect(puppet.responses[1]!.headers.get('Allow')).toContain('UPDATE');
    puppet.send(prack(String(first), 2));
    time.advance(0);
    expect(puppet.statuses.slice(5)).toEqual([200, 180]);
    expect(Number(rseqs(puppet.responses).at(-1))).toBe(first + 1);
    puppet.send(prack(String(first + 1), 3));
    time.advance(0);
    expect(puppet.statuses.slice(7)).toEqual([200, 181]);
    puppet.send(prack(String(first + 2), 4));
    time.advance(60_000);
    expect(puppet.statuses.slice(9)).toEqual([200]);
    expect(agent.log).toEqual(['invite', 'prack', 'prack', 'prack']);
  });

  it('hold back the 2xx while a description waits for its PRACK', () => {
    const { time, puppet, leg, prack } = ringing();
    leg.provisional(183, { body: body('answer'), reliable: true });
    const dialog = leg.accept({});
    time.advance(100);
    expect(puppet.statuses).toEqual([100, 183]);
    expect(dialog.state).toBe('confirmed');
    puppet.send(prack(rseqs(puppet.responses)[0]!, 2));
    time.advance(0);
    expect(puppet.statuses).toEqual([100, 183, 200, 200]);
    expect(puppet.responses.map(({ cseq }) => cseq.method).slice(2)).toEqual(['PRACK', 'INVITE']);
  });

  it('do not hold back a 2xx when they carried none, and a late PRACK is still answered', () => {
    const { time, puppet, leg, prack } = ringing();
    leg.provisional(180, { reliable: true });
    leg.accept({ body: body('answer') });
    time.advance(0);
    expect(puppet.statuses).toEqual([100, 180, 200]);
    puppet.send(prack(rseqs(puppet.responses)[0]!, 2));
    time.advance(0);
    expect(puppet.responses.at(-1)!.cseq.method).toBe('PRACK');
    expect(puppet.statuses.at(-1)).toBe(200);
  });

  it('without PRACK refuse the call with 504 after 64×T1', () => {
    const { time, agent, puppet, invite, leg } = ringing();
    leg.provisional(183, { body: body('answer'), reliable: true });
    leg.accept({});
    time.advance(32_000);
    expect(puppet.statuses.at(-1)).toBe(504);
    expect(puppet.statuses.filter((status) => status === 183)).toHaveLength(7);
    expect(agent.log).toEqual(['invite', 'prack-timeout']);
    puppet.send(puppet.follow(invite, 'ACK', puppet.responses.at(-1)!.headers.get('To')));
    expectQuiet(time, agent);
  });

  it('take no PRACK that acknowledges something else', () => {
    const { time, agent, puppet, leg, prack } = ringing();
    leg.provisional(183, { reliable: true });
    time.advance(0);
    const rseq = rseqs(puppet.responses)[0]!;
    puppet.send(prack(String(Number(rseq) + 1), 2));
    puppet.send(prack(rseq, 3, { invite: '2 INVITE' }));
    puppet.send(prack(rseq, 4, { invite: '1 UPDATE' }));
    puppet.send(prack('', 5, { invite: 'junk' }));
    puppet.send(prack(rseq, 6));
    puppet.send(prack(rseq, 7));
    time.advance(0);
    expect(puppet.statuses.slice(2)).toEqual([481, 481, 481, 481, 200, 481]);
    expect(agent.log).toEqual(['invite', 'prack']);
  });

  it('are sent plainly to a peer that does not know them, and always to one that requires them', () => {
    const plain = ringing([]);
    plain.leg.provisional(183, { reliable: true });
    plain.time.advance(1000);
    expect(plain.leg.supportsReliable).toBe(false);
    expect(plain.puppet.statuses).toEqual([100, 183]);
    expect(rseqs(plain.puppet.responses)).toEqual([]);
    const forced = ringing([['Require', '100rel']]);
    forced.leg.provisional(180);
    forced.time.advance(0);
    expect(forced.leg.supportsReliable).toBe(true);
    expect(rseqs(forced.puppet.responses)).toHaveLength(1);
  });

  it('may bring the offer, whose answer comes in the PRACK and is the call layer’s to acknowledge', () => {
    const { time, agent, puppet, leg, prack } = ringing([['Supported', '100rel']], '');
    leg.provisional(183, { body: body('our offer'), reliable: true });
    time.advance(0);
    puppet.send(prack(rseqs(puppet.responses)[0]!, 2, { sdp: 'their answer' }));
    time.advance(0);
    expect(puppet.statuses).toEqual([100, 183]);
    agent.pracks[0]!.respond(200);
    time.advance(0);
    expect(puppet.statuses).toEqual([100, 183, 200]);
    leg.accept({});
    time.advance(0);
    expect(puppet.statuses.at(-1)).toBe(200);
  });
});

describe('reliable provisional responses we get', () => {
  const calling = (facts: Parameters<typeof orderTo>[1] = {}) => {
    const scene = agentAndPuppet();
    const call = scene.agent.call(orderTo(scene.puppet, { reliableProvisional: 'offer', ...facts }));
    scene.time.advance(0);
    const reliable = (status: number, rseq: number, sdp = ''): void => {
      const rows: Rows = [
        ['Require', '100rel'],
        ['RSeq', String(rseq)],
        ['Contact', '<sip:callee@192.0.2.2>'],
      ];
      scene.puppet.reply(scene.puppet.last('INVITE'), status, { rows, body: sdp });
      scene.time.advance(0);
    };
    return { ...scene, call, reliable };
  };

  it('are offered, or demanded, as ordered', () => {
    const offered = calling().puppet.last('INVITE');
    expect([offered.headers.list('Supported'), offered.headers.list('Require')]).toEqual([['100rel', 'timer'], []]);
    const demanded = calling({ reliableProvisional: 'require' }).puppet.last('INVITE');
    expect(demanded.headers.list('Require')).toEqual(['100rel']);
  });

  it('are acknowledged once each, in order', () => {
    const { agent, time, puppet, call, reliable } = calling();
    reliable(183, 100, 'answer');
    reliable(183, 100, 'answer');
    reliable(180, 102);
    reliable(180, 101);
    expect(
      puppet.requests
        .filter(({ method }) => method === 'PRACK')
        .map(({ headers, requestUri }) => `${headers.get('RAck')} ${headers.get('CSeq')} ${requestUri}`),
    ).toEqual(['100 1 INVITE 2 PRACK sip:callee@192.0.2.2', '101 1 INVITE 3 PRACK sip:callee@192.0.2.2']);
    expect(call.provisionals.map(({ status }) => status)).toEqual([183, 180]);
    expect(agent.counters.get('sip_stray', 'reliable-response')).toBe(2);
    for (const prack of puppet.requests.filter(({ method }) => method === 'PRACK')) puppet.reply(prack, 200);
    puppet.reply(puppet.last('INVITE'), 486);
    expectQuiet(time, agent);
  });

  it('that bring an offer wait for the call layer’s answer', () => {
    const scene = agentAndPuppet();
    const { body: _none, ...order } = orderTo(scene.puppet, { reliableProvisional: 'offer' });
    const call = scene.agent.call(order);
    scene.time.advance(0);
    const rows: Rows = [
      ['Require', '100rel'],
      ['RSeq', '7'],
      ['Contact', scene.puppet.contact],
    ];
    scene.puppet.reply(scene.puppet.last('INVITE'), 183, { rows, body: 'their offer' });
    scene.time.advance(1000);
    expect(scene.puppet.methods).toEqual(['INVITE']);
    call.pracks[0]!(body('our answer'));
    call.pracks[0]!();
    scene.time.advance(0);
    expect(scene.puppet.methods).toEqual(['INVITE', 'PRACK']);
    expect(scene.puppet.last('PRACK').body.toString()).toBe('our answer');
    expect(scene.puppet.last('PRACK').headers.get('RAck')).toBe('7 1 INVITE');
  });

  it('of several forks are counted apart', () => {
    const { time, puppet } = calling();
    for (const tag of ['one', 'two']) {
      const rows: Rows = [
        ['Require', '100rel'],
        ['RSeq', '1'],
        ['Contact', `<sip:${tag}@192.0.2.2>`],
      ];
      puppet.reply(puppet.last('INVITE'), 183, { tag, rows });
    }
    time.advance(0);
    expect(puppet.requests.filter(({ method }) => method === 'PRACK').map(({ to }) => to.tag)).toEqual(['one', 'two']);
  });

  it('let an UPDATE change the early session', () => {
    const { time, puppet, call, agent, reliable } = calling();
    reliable(183, 1, 'answer');
    puppet.reply(puppet.last('PRACK'), 200);
    const outcomes: number[] = [];
    call.dialogs[0]!.request('UPDATE', { body: body('new offer') }, (outcome) =>
      outcomes.push('status' in outcome ? outcome.status : 0),
    );
    time.advance(0);
    expect(puppet.last('UPDATE').headers.get('CSeq')).toBe('3 UPDATE');
    puppet.reply(puppet.last('UPDATE'), 200, { rows: [['Contact', puppet.contact]], body: 'new answer' });
    time.advance(0);
    expect(outcomes).toEqual([200]);
    puppet.reply(puppet.last('INVITE'), 200, { rows: [['Contact', puppet.contact]] });
    time.advance(0);
    call.dialog!.ack();
    call.dialog!.bye();
    time.advance(0);
    puppet.reply(puppet.last('BYE'), 200);
    expectQuiet(time, agent);
  });
});

it('two cores agree on reliable early media and leave nothing behind', () => {
  const { time, alice, bob } = callPair();
  const call = alice.call(orderTo(bob, { reliableProvisional: 'require' }));
  time.advance(0);
  bob.legs[0]!.provisional(183, { body: body('answer') });
  bob.legs[0]!.provisional(180);
  const dialog = bob.legs[0]!.accept({});
  time.advance(10);
  expect(bob.log).toEqual(['invite', 'prack']);
  expect(call.provisionals.map(({ status }) => status)).toEqual([183]);
  call.dialog!.ack();
  time.advance(10);
  expect(bob.log).toEqual(['invite', 'prack', 'ack']);
  dialog.bye();
  time.advance(10);
  expectQuiet(time, alice, bob);
});
