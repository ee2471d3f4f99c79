import { describe, expect, it } from 'vitest';
import { Puppet, type Rows } from './puppet.js';
import { agentAndPuppet, body, expectQuiet, orderTo } from './support.js';

/**
 * The call flows of RFC 3665 section 3 with one side played by the core. The puppet plays whatever stands on the other
 * side of the first hop: a phone, or a proxy with its Via and Record-Route.
 */

const URI = 'sip:bob@biloxi.example.com';
const RECORD_ROUTES = '<sip:ss2.biloxi.example.com;lr>, <sip:192.0.2.2;lr>';

describe('RFC 3665, the core as Alice', () => {
  const calling = (facts: Parameters<typeof orderTo>[1] = {}) => {
    const scene = agentAndPuppet();
    const call = scene.agent.call(orderTo(scene.puppet, { requestUri: URI, ...facts }));
    scene.time.advance(0);
    return { ...scene, call };
  };
  const toBob: Rows = [
    ['Contact', '<sip:bob@client.biloxi.example.com>'],
    ['Record-Route', RECORD_ROUTES],
  ];

  it('3.2: through two proxies; ACK and BYE follow the route set, BYE rises in CSeq', () => {
    const { time, agent, puppet, call } = calling();
    const invite = puppet.last('INVITE');
    puppet.reply(invite, 100, { tag: '' });
    puppet.reply(invite, 180, { tag: '314159', rows: toBob });
    puppet.reply(invite, 200, { tag: '314159', rows: toBob, body: 'answer' });
    time.advance(0);
    call.dialog!.ack();
    time.advance(0);
    const ack = puppet.last('ACK');
    expect(ack.requestUri).toBe('sip:bob@client.biloxi.example.com');
    expect(ack.routes).toEqual(['<sip:192.0.2.2;lr>', '<sip:ss2.biloxi.example.com;lr>']);
    expect(ack.headers.get('CSeq')).toBe('1 ACK');
    const bye = puppet.request('BYE', 'sip:192.0.2.1:5060', [
      ['From', `<sip:bob@biloxi.example.com>;tag=314159`],
      ['To', `<sip:alice@atlanta.example.com>;tag=${call.leg.localTag}`],
      ['Call-ID', call.leg.callId],
      ['CSeq', '1 BYE'],
      ['Via', 'SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK2d4790.1'],
      ['Via', 'SIP/2.0/UDP ss2.biloxi.example.com:5060;branch=z9hG4bK721e4.1;received=192.0.2.222'],
    ]);
    puppet.send(bye);
    time.advance(0);
    expect(agent.log).toEqual(['bye']);
    expect(puppet.responses.at(-1)!.headers.all('Via')).toEqual(bye.headers.all('Via'));
    expectQuiet(time, agent);
  });

  it('3.3: two proxies that each ask for credentials of their own realm', () => {
    const { time, agent, puppet, call } = calling({ credentials: { username: 'alice', password: 'secret' } });
    const proxy = (realm: string): Rows => [
      [
        'Proxy-Authenticate',
        `Digest realm="${realm}", qop="auth", nonce="${realm}-n", opaque="", stale=FALSE, algorithm=MD5`,
      ],
    ];
    puppet.reply(puppet.last('INVITE'), 407, { rows: proxy('atlanta.example.com') });
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 407, { rows: proxy('biloxi.example.com') });
    time.advance(0);
    const third = puppet.last('INVITE');
    expect(third.headers.get('CSeq')).toBe('3 INVITE');
    expect(third.headers.all('Proxy-Authorization').map((value) => /realm="([^"]+)"/.exec(value)![1])).toEqual([
      'atlanta.example.com',
      'biloxi.example.com',
    ]);
    puppet.reply(third, 200, { rows: toBob, body: 'answer' });
    time.advance(0);
    call.dialog!.ack();
    time.advance(0);
    expect(puppet.last('ACK').headers.all('Proxy-Authorization')).toHaveLength(2);
    expect(puppet.methods).toEqual(['INVITE', 'ACK', 'INVITE', 'ACK', 'INVITE', 'ACK']);
    expect(agent.core.debugView().dialogs).toBe(1);
  });

  it('3.4: the first proxy fails, the second carries the call', () => {
    const { time, agent, puppet, network } = agentAndPuppet();
    const second = new Puppet(network.host('192.0.2.3'));
    const proxies = ['192.0.2.2', '192.0.2.3'].map((address) => ({ transport: 'udp' as const, address, port: 5060 }));
    agent.host.names.set('atlanta.example.com', proxies);
    const call = agent.call(orderTo(puppet, { requestUri: URI, nextHop: { host: 'atlanta.example.com' } }));
    time.advance(3000);
    second.reply(second.last('INVITE'), 100, { tag: '' });
    second.reply(second.last('INVITE'), 200, { rows: [['Contact', second.contact]], body: 'answer' });
    time.advance(0);
    expect(call.answers).toHaveLength(1);
  });

  it('3.7: hold and back by re-INVITE from the callee', () => {
    const { time, agent, puppet, call } = calling();
    puppet.reply(puppet.last('INVITE'), 200, { tag: 'b', rows: [['Contact', puppet.contact]], body: 'answer' });
    time.advance(0);
    call.dialog!.ack();
    for (const [sequence, sdp] of [
      [1, 'inactive'],
      [2, 'sendrecv'],
    ] as const) {
      const inside = (method: string): Rows => [
        ['From', '<sip:bob@x>;tag=b'],
        ['To', `<sip:alice@y>;tag=${call.leg.localTag}`],
        ['Call-ID', call.leg.callId],
        ['CSeq', `${sequence} ${method}`],
      ];
      puppet.send(puppet.request('INVITE', 'sip:192.0.2.1:5060', inside('INVITE'), sdp));
      time.advance(0);
      expect(agent.reinvites.at(-1)!.request.body.toString()).toBe(sdp);
      agent.reinvites.at(-1)!.respond(200, { body: body(`${sdp} too`) });
      time.advance(0);
      expect(puppet.responses.at(-1)!.body.toString()).toBe(`${sdp} too`);
      puppet.send(puppet.request('ACK', 'sip:192.0.2.1:5060', inside('ACK')));
      time.advance(0);
    }
    expect(agent.log).toEqual(['reinvite', 'reinvite-ack', 'reinvite', 'reinvite-ack']);
  });

  it('3.8: no answer; the caller cancels', () => {
    const { time, agent, puppet, call } = calling();
    const invite = puppet.last('INVITE');
    puppet.reply(invite, 180, { rows: toBob });
    time.advance(10_000);
    call.leg.cancel();
    time.advance(0);
    puppet.reply(puppet.last('CANCEL'), 200);
    puppet.reply(invite, 487);
    time.advance(0);
    expect(puppet.methods).toEqual(['INVITE', 'CANCEL', 'ACK']);
    expect(call.rejection!.status).toBe(487);
    expectQuiet(time, agent);
  });

  it.each([
    ['3.9: busy', 486],
    ['3.11: temporarily unavailable', 480],
  ])('%s', (_name, status) => {
    const { time, agent, puppet, call } = calling();
    puppet.reply(puppet.last('INVITE'), 100, { tag: '' });
    puppet.reply(puppet.last('INVITE'), status);
    time.advance(0);
    expect(call.rejection!.status).toBe(status);
    expect(puppet.last('ACK').to.tag).toBe('puppet');
    expectQuiet(time, agent);
  });

  it('3.10: no response from the callee’s side; the proxy answers 408', () => {
    const { time, agent, puppet, call } = calling();
    puppet.reply(puppet.last('INVITE'), 100, { tag: '' });
    time.advance(32_000);
    puppet.reply(puppet.last('INVITE'), 408);
    time.advance(0);
    expect(call.rejection!.status).toBe(408);
    expectQuiet(time, agent);
  });
});

describe('RFC 3665, the core as Bob', () => {
  it('3.2: through two proxies; the BYE follows Record-Route as it came', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const vias: Rows = [
      ['Via', 'SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK721e4.1'],
      ['Via', 'SIP/2.0/UDP ss1.atlanta.example.com:5060;branch=z9hG4bK2d4790.1;received=192.0.2.111'],
      ['Via', 'SIP/2.0/UDP client.atlanta.example.com:5060;branch=z9hG4bK74b43;received=192.0.2.101'],
      ['Record-Route', '<sip:192.0.2.2;lr>, <sip:ss1.atlanta.example.com;lr>'],
      ['Contact', '<sip:alice@client.atlanta.example.com>'],
    ];
    const invite = puppet.request('INVITE', 'sip:bob@192.0.2.1', vias, 'offer');
    puppet.send(invite);
    time.advance(0);
    agent.legs[0]!.provisional(180);
    const dialog = agent.legs[0]!.accept({ body: body('answer') });
    time.advance(0);
    for (const response of puppet.responses) expect(response.headers.all('Via')).toEqual(invite.headers.all('Via'));
    puppet.send(
      puppet.request('ACK', 'sip:192.0.2.1:5060', [
        ['To', puppet.responses.at(-1)!.headers.get('To')!],
        ['CSeq', '1 ACK'],
      ]),
    );
    dialog.bye();
    time.advance(0);
    const bye = puppet.last('BYE');
    expect(bye.requestUri).toBe('sip:alice@client.atlanta.example.com');
    expect(bye.routes).toEqual(['<sip:192.0.2.2;lr>', '<sip:ss1.atlanta.example.com;lr>']);
    expect([bye.from.tag, bye.to.tag]).toEqual([agent.legs[0]!.localTag, 'puppet']);
    puppet.reply(bye, 200);
    expectQuiet(time, agent);
  });
});
