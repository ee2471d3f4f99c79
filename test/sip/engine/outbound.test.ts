import { describe, expect, it } from 'vitest';
import type { ResolvedTarget } from '../../../src/sip/transport/flow.js';
import { Puppet } from './puppet.js';
import { agentAndPuppet, body, expectQuiet, orderTo } from './support.js';

const target = (address: string, transport: 'udp' | 'tcp' = 'udp'): ResolvedTarget => ({
  transport,
  address,
  port: 5060,
});

describe('an INVITE of ours', () => {
  it('carries what the engine owns and what the order brings', () => {
    const { time, agent, puppet } = agentAndPuppet({ userAgent: 'Gateway/1' });
    const call = agent.call(
      orderTo(puppet, {
        headers: [
          ['P-Asserted-Identity', '<tel:+1>'],
          ['Max-Forwards', '12'],
        ],
      }),
    );
    expect(puppet.methods).toEqual([]);
    time.advance(0);
    const invite = puppet.last('INVITE');
    expect(invite.requestUri).toBe('sip:bob@192.0.2.2:5060');
    expect(invite.topVia.toString()).toMatch(/^SIP\/2\.0\/UDP 192\.0\.2\.1:5060;branch=z9hG4bK\w{32};rport$/);
    expect(invite.headers.all('Max-Forwards')).toEqual(['12']);
    expect(invite.from.tag).toBe(call.leg.localTag);
    expect(invite.from.displayName).toBe('Alice');
    expect(invite.to.tag).toBeUndefined();
    expect(invite.callId).toBe(call.leg.callId);
    expect(invite.headers.get('CSeq')).toBe('1 INVITE');
    expect(invite.contact!.uri).toBe('sip:192.0.2.1:5060');
    expect(invite.headers.list('Supported')).toEqual(['timer']);
    expect(invite.headers.get('User-Agent')).toBe('Gateway/1');
    expect(invite.headers.get('P-Asserted-Identity')).toBe('<tel:+1>');
    expect(invite.contentType).toBe('application/sdp');
    expect(invite.body.toString()).toBe('offer');
    expect(call.sent.map((each) => each.target)).toEqual([target('192.0.2.2')]);
  });

  it('is told of refusals once, and ACKs them', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet));
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 486);
    puppet.reply(puppet.last('INVITE'), 486);
    time.advance(0);
    expect(puppet.methods).toEqual(['INVITE', 'ACK', 'ACK']);
    expect([call.rejection!.status, call.finals]).toEqual([486, 1]);
    expectQuiet(time, agent);
  });

  it('repeats its ACK when the 200 comes again', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet));
    time.advance(0);
    const ok = () => puppet.reply(puppet.last('INVITE'), 200, { rows: [['Contact', puppet.contact]], body: 'answer' });
    ok();
    time.advance(0);
    ok();
    time.advance(0);
    expect(puppet.methods).toEqual(['INVITE']);
    call.dialog!.ack();
    time.advance(0);
    ok();
    ok();
    time.advance(0);
    expect(puppet.methods).toEqual(['INVITE', 'ACK', 'ACK', 'ACK']);
    expect(call.finals).toBe(1);
    const [first, second] = puppet.requests.slice(1);
    expect(second!.headers.toWire()).toBe(first!.headers.toWire());
    expect(first!.topVia.branch).not.toBe(puppet.last('INVITE').topVia.branch);
    call.dialog!.bye();
    time.advance(0);
    expect(puppet.last('BYE').headers.get('CSeq')).toBe('2 BYE');
    puppet.reply(puppet.last('BYE'), 200);
    time.advance(0);
    ok();
    time.advance(0);
    expect(puppet.methods.at(-1)).toBe('ACK');
    expectQuiet(time, agent);
  });

  it('offers its description in the ACK when the 200 brought the offer', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const { body: _none, ...order } = orderTo(puppet);
    const call = agent.call(order);
    time.advance(0);
    expect(puppet.last('INVITE').body.length).toBe(0);
    puppet.reply(puppet.last('INVITE'), 200, { rows: [['Contact', puppet.contact]], body: 'their offer' });
    time.advance(0);
    call.dialog!.ack(body('our answer'));
    time.advance(0);
    expect(puppet.last('ACK').body.toString()).toBe('our answer');
  });
});

describe('a CANCEL of ours', () => {
  it('waits for a provisional response', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet));
    time.advance(0);
    call.leg.cancel([['Reason', 'Q.850;cause=16']]);
    time.advance(100);
    expect(puppet.methods).toEqual(['INVITE']);
    puppet.reply(puppet.last('INVITE'), 100, { tag: '' });
    time.advance(0);
    expect(puppet.methods).toEqual(['INVITE', 'CANCEL']);
    const cancel = puppet.last('CANCEL');
    expect(cancel.topVia.branch).toBe(puppet.last('INVITE').topVia.branch);
    expect(cancel.headers.get('Reason')).toBe('Q.850;cause=16');
    puppet.reply(cancel, 200);
    puppet.reply(puppet.last('INVITE'), 487);
    time.advance(0);
    expect(call.rejection!.status).toBe(487);
    expectQuiet(time, agent);
  });

  it('crossed by the 200: the call layer is given the dialog to end it', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet));
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 180);
    time.advance(0);
    call.leg.cancel();
    puppet.reply(puppet.last('INVITE'), 200, { rows: [['Contact', puppet.contact]], body: 'answer' });
    time.advance(0);
    expect(call.answers).toHaveLength(1);
    call.dialog!.ack();
    call.dialog!.bye();
    time.advance(0);
    expect(puppet.methods).toEqual(['INVITE', 'CANCEL', 'ACK', 'BYE']);
    puppet.reply(puppet.last('CANCEL'), 481);
    puppet.reply(puppet.last('BYE'), 200);
    time.advance(0);
    expect(call.finals).toBe(1);
    expectQuiet(time, agent);
  });

  it('without a final response gives up after 64×T1', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet));
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 180);
    time.advance(0);
    call.leg.cancel();
    time.advance(31_000);
    expect(call.failure).toBeUndefined();
    time.advance(2000);
    expect(call.failure!.code).toBe('sip.timeout');
    expect(call.dialogs[0]!.state).toBe('terminated');
    expectQuiet(time, agent);
  });

  it('before anything was sent sends nothing', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet));
    call.leg.cancel();
    time.advance(100);
    expect(puppet.methods).toEqual([]);
    expect(call.failure!.code).toBe('sip.cancelled');
    expectQuiet(time, agent);
  });

  it('of a silent target does not try the next one', () => {
    const { time, agent, puppet, network } = agentAndPuppet();
    const second = new Puppet(network.host('192.0.2.3'));
    agent.host.names.set('carrier', [target('192.0.2.2'), target('192.0.2.3')]);
    const call = agent.call(orderTo(puppet, { nextHop: { host: 'carrier' } }));
    time.advance(0);
    call.leg.cancel();
    time.advance(3000);
    expect(second.methods).toEqual([]);
    expect(call.failure!.code).toBe('sip.no-response');
    puppet.reply(puppet.requests[0]!, 180);
    time.advance(0);
    expect(puppet.methods.at(-1)).toBe('CANCEL');
    puppet.reply(puppet.last('CANCEL'), 200);
    puppet.reply(puppet.requests[0]!, 487);
    expectQuiet(time, agent);
  });
});

describe('a REGISTER of ours', () => {
  it('names the address that the server is reached from, whatever the sockets are bound to', () => {
    const { time, agent, puppet } = agentAndPuppet();
    for (const transport of ['udp', 'tcp'] as const) {
      agent.core.request(
        {
          method: 'REGISTER',
          requestUri: 'sip:192.0.2.2:5060',
          nextHop: { host: '192.0.2.2', port: 5060, transport },
          from: '<sip:trunk@192.0.2.2>',
          to: '<sip:trunk@192.0.2.2>',
          headers: [['Expires', '60']],
          contact: { user: 'trunk', params: ';expires=60' },
          connectTimeoutMs: 2000,
        },
        () => {},
      );
      time.advance(10);
      const shown = transport === 'udp' ? '' : ';transport=tcp';
      expect(puppet.last('REGISTER').headers.all('Contact')).toEqual([`<sip:trunk@192.0.2.1:5060${shown}>;expires=60`]);
      puppet.reply(puppet.last('REGISTER'), 200);
    }
    expectQuiet(time, agent);
  });
});

describe('several located targets', () => {
  const scene = () => {
    const parts = agentAndPuppet();
    const second = new Puppet(parts.network.host('192.0.2.3'));
    parts.agent.host.names.set('carrier', [target('192.0.2.2'), target('192.0.2.3')]);
    const call = parts.agent.call(orderTo(parts.puppet, { nextHop: { host: 'carrier' } }));
    parts.time.advance(0);
    return { ...parts, second, call };
  };

  it('are tried in turn while nothing answers, each with a new branch', () => {
    const { time, agent, puppet, second, call } = scene();
    time.advance(2499);
    expect(puppet.methods).toEqual(['INVITE', 'INVITE', 'INVITE']);
    expect(second.methods).toEqual([]);
    time.advance(1);
    expect(second.methods).toEqual(['INVITE']);
    expect(second.last('INVITE').topVia.branch).not.toBe(puppet.last('INVITE').topVia.branch);
    expect(second.last('INVITE').callId).toBe(puppet.last('INVITE').callId);
    second.reply(second.last('INVITE'), 180);
    time.advance(20_000);
    expect(puppet.methods).toHaveLength(3);
    expect(call.sent.map((each) => each.target.address)).toEqual(['192.0.2.2', '192.0.2.3']);
    second.reply(second.last('INVITE'), 404);
    time.advance(0);
    expect(call.rejection!.status).toBe(404);
    expectQuiet(time, agent);
  });

  it('that all stay silent fail the call', () => {
    const { time, agent, call } = scene();
    time.advance(5000);
    expect([call.failure!.code, call.finals]).toEqual(['sip.no-response', 1]);
    expect(agent.counters.get('sip_timeouts', 'no-response')).toBe(2);
    expectQuiet(time, agent);
  });

  it('are left by 503, whose last one is the answer', () => {
    const { time, agent, puppet, second, call } = scene();
    puppet.reply(puppet.last('INVITE'), 503, { rows: [['Retry-After', '9']] });
    time.advance(0);
    expect(puppet.methods).toEqual(['INVITE', 'ACK']);
    expect(second.methods).toEqual(['INVITE']);
    expect(call.finals).toBe(0);
    second.reply(second.last('INVITE'), 503);
    time.advance(0);
    expect(call.rejection!.status).toBe(503);
    expectQuiet(time, agent);
  });

  it('a refusal heard says more than silence after it', () => {
    const { time, agent, puppet, call } = scene();
    puppet.reply(puppet.last('INVITE'), 503, { rows: [['Retry-After', '9']] });
    time.advance(3000);
    expect(call.rejection!.headers.get('Retry-After')).toBe('9');
    expect(call.failure).toBeUndefined();
    expectQuiet(time, agent);
  });

  it('are not left once one has answered with a provisional response', () => {
    const { time, agent, puppet, second, call } = scene();
    puppet.reply(puppet.last('INVITE'), 100, { tag: '' });
    time.advance(60_000);
    expect(second.methods).toEqual([]);
    puppet.reply(puppet.last('INVITE'), 603);
    time.advance(0);
    expect(call.rejection!.status).toBe(603);
    expectQuiet(time, agent);
  });

  it('that speak too late are cancelled', () => {
    const { time, agent, puppet, second, call } = scene();
    time.advance(2500);
    puppet.reply(puppet.requests[0]!, 180);
    time.advance(0);
    expect(puppet.methods.at(-1)).toBe('CANCEL');
    expect(call.provisionals).toEqual([]);
    puppet.reply(puppet.last('CANCEL'), 200);
    puppet.reply(puppet.requests[0]!, 487);
    second.reply(second.last('INVITE'), 486);
    time.advance(0);
    expect(call.rejection!.status).toBe(486);
    expectQuiet(time, agent);
  });

  it('that answer too late are hung up, while the other call goes on', () => {
    const { time, agent, puppet, second, call } = scene();
    time.advance(2500);
    puppet.reply(puppet.requests[0]!, 200, { tag: 'late', rows: [['Contact', puppet.contact]] });
    time.advance(0);
    expect(puppet.methods.slice(-2)).toEqual(['ACK', 'BYE']);
    puppet.reply(puppet.last('BYE'), 200);
    second.reply(second.last('INVITE'), 200, { tag: 'good', rows: [['Contact', second.contact]] });
    time.advance(0);
    expect(call.answers).toHaveLength(1);
    expect(agent.counters.get('sip_late_answers')).toBe(1);
    call.dialog!.ack();
    call.dialog!.bye();
    time.advance(0);
    second.reply(second.last('BYE'), 200);
    expectQuiet(time, agent);
  });

  it('are tried in turn when they cannot be connected to', () => {
    const { time, agent, puppet, network } = agentAndPuppet();
    const second = new Puppet(network.host('192.0.2.3'));
    puppet.host.down = true;
    agent.host.names.set('carrier', [target('192.0.2.2', 'tcp'), target('192.0.2.3', 'tcp')]);
    const call = agent.call(orderTo(puppet, { nextHop: { host: 'carrier' } }));
    time.advance(10);
    expect(second.methods).toEqual(['INVITE']);
    second.reply(second.last('INVITE'), 486);
    time.advance(0);
    expect(call.rejection!.status).toBe(486);
    expectQuiet(time, agent);
  });

  it('fail the call with the last reason when none can be reached or located', () => {
    const { time, agent, puppet } = agentAndPuppet();
    puppet.host.down = true;
    const refused = agent.call(orderTo(puppet, { transport: 'tcp' }));
    const unknown = agent.call(orderTo(puppet, { nextHop: { host: 'no.such.host' } }));
    time.advance(10);
    expect(refused.failure!.code).toBe('transport.refused');
    expect(unknown.failure!.code).toBe('dns.not-found');
    expectQuiet(time, agent);
  });

  it('a connection found dead is opened anew, once', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet, { transport: 'tcp' }));
    time.advance(10);
    [...puppet.host.connections][0]!.cut();
    time.advance(10);
    expect(puppet.methods).toEqual(['INVITE', 'INVITE']);
    [...puppet.host.connections][0]!.cut();
    time.advance(10);
    expect(puppet.methods).toHaveLength(2);
    expect([call.failure!.code, call.finals]).toEqual(['transport.closed', 1]);
    expectQuiet(time, agent);
  });

  it('a connection that breaks before any response leads to the next target, after one it fails the call', () => {
    const { time, agent, puppet, network } = agentAndPuppet();
    const second = new Puppet(network.host('192.0.2.3'));
    agent.host.names.set('carrier', [target('192.0.2.2', 'tcp'), target('192.0.2.3', 'tcp')]);
    const call = agent.call(orderTo(puppet, { nextHop: { host: 'carrier' } }));
    time.advance(10);
    puppet.host.down = true;
    [...puppet.host.connections][0]!.cut();
    time.advance(10);
    expect(second.methods).toEqual(['INVITE']);
    second.reply(second.last('INVITE'), 180);
    time.advance(10);
    [...second.host.connections][0]!.cut();
    expect(call.failure!.code).toBe('transport.closed');
    expectQuiet(time, agent);
  });
});

describe('forks', () => {
  it('are followed up to a bound: a callee that invents tags does not fill our memory', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet));
    time.advance(0);
    for (let fork = 0; fork < 200; fork++) puppet.reply(puppet.last('INVITE'), 180, { tag: `f${fork}` });
    time.advance(0);
    expect(call.dialogs).toHaveLength(64);
    expect(agent.counters.get('sip_stray', 'fork')).toBe(136);
    puppet.reply(puppet.last('INVITE'), 180, { tag: 'f3' });
    time.advance(0);
    expect(call.provisionals).toHaveLength(65);
    puppet.reply(puppet.last('INVITE'), 486, { tag: 'f3' });
    expectQuiet(time, agent);
  });

  it('are an early dialog each; the losers end with the winner’s 200 after 64×T1', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet));
    time.advance(0);
    const invite = puppet.last('INVITE');
    for (const tag of ['one', 'two', 'three'])
      puppet.reply(invite, 180, { tag, rows: [['Contact', `<sip:${tag}@192.0.2.2>`]] });
    puppet.reply(invite, 183, { tag: 'two', rows: [['Contact', '<sip:two@192.0.2.2>']], body: 'early two' });
    time.advance(0);
    expect(call.dialogs.map(({ remoteTag }) => remoteTag)).toEqual(['one', 'two', 'three']);
    expect(agent.core.debugView().dialogs).toBe(3);
    puppet.reply(invite, 200, { tag: 'two', rows: [['Contact', '<sip:two@192.0.2.2>']], body: 'answer two' });
    time.advance(0);
    expect(call.dialog).toBe(call.dialogs[1]);
    call.dialog!.ack();
    time.advance(33_000);
    expect(call.dialogs.map(({ state }) => state)).toEqual(['terminated', 'confirmed', 'terminated']);
    expect(agent.core.debugView().dialogs).toBe(1);
    call.dialog!.bye();
    time.advance(0);
    puppet.reply(puppet.last('BYE'), 200);
    expectQuiet(time, agent);
  });

  it('may answer twice: each 200 has its own dialog and its own ACK', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet));
    time.advance(0);
    const invite = puppet.last('INVITE');
    for (const tag of ['one', 'two'])
      puppet.reply(invite, 200, { tag, rows: [['Contact', `<sip:${tag}@192.0.2.2>`]], body: tag });
    time.advance(0);
    expect(call.answeredDialogs.map(({ remoteTag }) => remoteTag)).toEqual(['one', 'two']);
    for (const dialog of call.answeredDialogs) dialog.ack();
    time.advance(0);
    expect(
      puppet.requests.filter(({ method }) => method === 'ACK').map(({ to, requestUri }) => `${to.tag} ${requestUri}`),
    ).toEqual(['one sip:one@192.0.2.2', 'two sip:two@192.0.2.2']);
    for (const dialog of call.answeredDialogs) dialog.bye();
    time.advance(0);
    for (const bye of puppet.requests.filter(({ method }) => method === 'BYE')) puppet.reply(bye, 200);
    expectQuiet(time, agent);
  });

  it('end with a refusal', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet));
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 180, { tag: 'one' });
    puppet.reply(puppet.last('INVITE'), 180, { tag: '' });
    puppet.reply(puppet.last('INVITE'), 600, { tag: 'proxy' });
    time.advance(0);
    expect(call.provisionals).toHaveLength(2);
    expect(call.dialogs[0]!.state).toBe('terminated');
    expectQuiet(time, agent);
  });
});

describe('the way of requests inside a dialog', () => {
  const answered = (recordRoutes: string[], contact: string) => {
    const scene = agentAndPuppet();
    const { time, agent, puppet } = scene;
    const call = agent.call(orderTo(puppet));
    time.advance(0);
    const rows = [['Contact', contact] as const, ...recordRoutes.map((route) => ['Record-Route', route] as const)];
    puppet.reply(puppet.last('INVITE'), 200, { rows, body: 'answer' });
    time.advance(0);
    call.dialog!.ack();
    call.dialog!.request('INFO', {}, () => {});
    call.dialog!.bye();
    time.advance(0);
    return { ...scene, sent: ['ACK', 'INFO', 'BYE'].map((method) => puppet.last(method)) };
  };

  it('goes through loose routers, nearest first', () => {
    const { sent } = answered(['<sip:far.example;lr>, <sip:192.0.2.2;lr;x=1>'], '<sip:callee@10.1.1.1;ob>');
    for (const request of sent) {
      expect(request.requestUri).toBe('sip:callee@10.1.1.1;ob');
      expect(request.routes).toEqual(['<sip:192.0.2.2;lr;x=1>', '<sip:far.example;lr>']);
    }
  });

  it('puts a strict router into the Request-URI and the target last', () => {
    const { sent } = answered(['<sip:far.example;lr>', '<sip:192.0.2.2;method=INVITE?a=b>'], '<sip:callee@10.1.1.1>');
    for (const request of sent) {
      expect(request.requestUri).toBe('sip:192.0.2.2');
      expect(request.routes).toEqual(['<sip:far.example;lr>', '<sip:callee@10.1.1.1>']);
    }
  });

  it('goes straight to the Contact without Record-Route', () => {
    const { sent } = answered([], '<sip:callee@192.0.2.2:5060;transport=udp?x=y>');
    for (const request of sent) {
      expect(request.requestUri).toBe('sip:callee@192.0.2.2:5060;transport=udp');
      expect(request.routes).toEqual([]);
    }
  });

  it('goes back by the flow to a peer behind a NAT', () => {
    const { sent } = answered([], '<sip:callee@192.168.1.7:5062>');
    for (const request of sent) expect(request.requestUri).toBe('sip:callee@192.168.1.7:5062');
  });

  it('goes to the Request-URI when Contact and Record-Route cannot be read', () => {
    const { sent } = answered(['<sip:'], '<sip:@@@>');
    for (const request of sent) {
      expect(request.requestUri).toBe('sip:bob@192.0.2.2:5060');
      expect(request.routes).toEqual([]);
    }
  });
});

describe('an INFO in an early dialog', () => {
  it.each([
    ['481', (puppet: Puppet) => puppet.reply(puppet.last('INFO'), 481)],
    ['408', (puppet: Puppet) => puppet.reply(puppet.last('INFO'), 408)],
    ['silence', () => {}],
  ])('does not end it: %s', (_, answer) => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet));
    time.advance(0);
    const invite = puppet.last('INVITE');
    const contact: [string, string] = ['Contact', puppet.contact];
    puppet.reply(invite, 183, { tag: 'one', rows: [contact, ['Allow', 'INVITE, INFO']], body: 'answer' });
    time.advance(0);
    const [dialog] = call.dialogs;
    const outcomes: string[] = [];
    dialog!.request('INFO', { body: body('5') }, (outcome) => {
      outcomes.push('status' in outcome ? `${outcome.status}` : outcome.code);
    });
    time.advance(0);
    answer(puppet);
    time.advance(33_000);
    expect(outcomes).toHaveLength(1);
    expect(dialog!.state).toBe('early');
    puppet.reply(invite, 200, { tag: 'one', rows: [contact], body: 'answer' });
    time.advance(0);
    expect(dialog!.state).toBe('confirmed');
    expect(agent.log.filter((line) => line.startsWith('failed'))).toEqual([]);
  });
});
