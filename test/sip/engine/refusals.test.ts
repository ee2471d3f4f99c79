import { describe, expect, it } from 'vitest';
import type { Rows } from './puppet.js';
import { agentAndPuppet, expectQuiet } from './support.js';

const URI = 'sip:gw@192.0.2.1';

describe('a request that cannot be served', () => {
  it.each<[string, string, string, Rows, number, RegExp]>([
    ['an unknown method', 'FROB', URI, [], 501, /Allow: INVITE, ACK/],
    ['a method that is known but not served', 'PUBLISH', URI, [], 405, /Allow: INVITE, ACK/],
    ['no hops left', 'INVITE', URI, [['Max-Forwards', '0']], 483, /./],
    ['a scheme that is not ours', 'OPTIONS', 'http://192.0.2.1/', [], 416, /./],
    [
      'a required option that is unknown',
      'INVITE',
      URI,
      [['Require', 'frob, 100rel, gruu']],
      420,
      /Unsupported: frob, gruu/,
    ],
    ['a body in an unknown encoding', 'INVITE', URI, [['Content-Encoding', 'gzip']], 415, /Accept-Encoding: identity/],
    ['a BYE outside any dialog', 'BYE', URI, [], 481, /./],
    ['an UPDATE outside any dialog', 'UPDATE', URI, [], 481, /./],
    ['a request for a dialog that is not there', 'INFO', URI, [['To', '<sip:gw@192.0.2.1>;tag=nobody']], 481, /./],
    ['an INVITE for a dialog that is not there', 'INVITE', URI, [['To', '<sip:gw@192.0.2.1>;tag=nobody']], 481, /./],
    ['a CANCEL for no INVITE', 'CANCEL', URI, [], 481, /./],
    ['a malformed Contact', 'INVITE', URI, [['Contact', '<sip:>']], 400, /./],
    [
      'a session interval that is too small',
      'INVITE',
      URI,
      [
        ['Session-Expires', '60'],
        ['Supported', 'timer'],
      ],
      422,
      /Min-SE: 90/,
    ],
  ])('is refused: %s', (_name, method, uri, rows, status, expected) => {
    const { time, agent, puppet, network } = agentAndPuppet();
    const request = puppet.request(method, uri, rows);
    puppet.send(request);
    time.advance(10);
    expect(puppet.statuses).toEqual([status]);
    expect(network.trace.at(-1)!.text).toMatch(expected);
    expect(puppet.responses[0]!.to.tag).toBeTruthy();
    expect(agent.log).toEqual([]);
    if (method === 'INVITE') puppet.send(puppet.follow(request, 'ACK', puppet.responses[0]!.headers.get('To')));
    expectQuiet(time, agent);
  });

  it('is refused as a loop when our own Via and Request-URI come back, but not as a spiral', () => {
    const { time, agent, puppet } = agentAndPuppet();
    agent.core.request(
      {
        method: 'MESSAGE',
        requestUri: URI,
        nextHop: { host: '192.0.2.2' },
        from: '<sip:a@x>',
        to: '<sip:b@x>',
        headers: [],
        connectTimeoutMs: 1,
      },
      () => {},
    );
    time.advance(10);
    const ours = puppet.last('MESSAGE').headers.get('Via')!;
    const vias = (branch: string): Rows => [
      ['Via', `SIP/2.0/UDP 192.0.2.2;branch=${branch}`],
      ['Via', ours],
    ];
    puppet.send(puppet.request('MESSAGE', URI, [...vias('z9hG4bK1'), ['Call-ID', 'a']]));
    time.advance(10);
    expect(puppet.statuses).toEqual([482]);
    puppet.send(puppet.request('MESSAGE', 'sip:other@192.0.2.1', [...vias('z9hG4bK2'), ['Call-ID', 'b']]));
    time.advance(10);
    expect(agent.log).toEqual(['message']);
    expect(agent.counters.get('sip_rejected', 'loop')).toBe(1);
  });

  it('is refused as merged when it comes over a second path', () => {
    const { time, agent, puppet } = agentAndPuppet();
    puppet.send(puppet.request('INVITE', URI));
    puppet.send(puppet.request('INVITE', URI));
    time.advance(10);
    expect(puppet.statuses.sort()).toEqual([100, 482]);
    expect(agent.log).toEqual(['invite']);
  });

  it('is refused with 503 and Retry-After beyond the limit of transactions, without keeping anything', () => {
    const { time, agent, puppet } = agentAndPuppet({ maxServerTransactions: 1 });
    puppet.send(puppet.request('INVITE', URI));
    puppet.send(puppet.request('INVITE', URI, [['Call-ID', 'other']]));
    time.advance(10);
    expect(puppet.statuses).toEqual([100, 503]);
    expect(puppet.responses[1]!.headers.get('Retry-After')).toBe('5');
    expect(agent.core.debugView().serverTransactions).toBe(1);
  });

  it('is shed with 503 and Retry-After, and nothing is kept of it, while the call layer has too much to do', () => {
    const { time, agent, puppet } = agentAndPuppet();
    agent.core.handler = Object.assign(agent, { shedFor: () => 3 });
    const invite = puppet.request('INVITE', URI);
    puppet.send(invite);
    puppet.send(invite);
    puppet.send(puppet.request('OPTIONS', URI, [['Call-ID', 'other']]));
    time.advance(10);
    expect(puppet.statuses.slice(0, 2)).toEqual([503, 503]);
    expect(puppet.responses[0]!.headers.get('Retry-After')).toBe('3');
    puppet.send(puppet.follow(invite, 'ACK', puppet.responses[0]!.headers.get('To')));
    expect(agent.log).toEqual(['options']);
    expect(agent.counters.get('sip_rejected', 'overload')).toBe(2);
    agent.requests[0]!.respond(200);
    expectQuiet(time, agent);
  });
});

describe('a message that is malformed', () => {
  const raw = (text: string): Buffer => Buffer.from(text.replaceAll('\n', '\r\n'));
  const rows = 'Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>\nCall-ID: x\n';

  it.each([
    ['another version', `OPTIONS ${URI} SIP/7.0\n${rows}CSeq: 1 OPTIONS\n\n`, 505],
    ['a CSeq of another method', `OPTIONS ${URI} SIP/2.0\n${rows}CSeq: 1 INVITE\n\n`, 400],
    ['a Max-Forwards that is no number', `OPTIONS ${URI} SIP/2.0\n${rows}CSeq: 1 OPTIONS\nMax-Forwards: many\n\n`, 400],
  ])('is answered where it can be: %s', (_name, text, status) => {
    const { time, agent, puppet } = agentAndPuppet();
    puppet.sendBytes(raw(text));
    time.advance(10);
    expect(puppet.statuses).toEqual([status]);
    expectQuiet(time, agent);
  });

  it.each(['', 'hello', 'SIP/2.0 200 OK\n\n', `OPTIONS ${URI} SIP/2.0\n\n`, `ACK ${URI} SIP/2.0\n${rows}CSeq: x\n\n`])(
    'is dropped and counted where it cannot: %j',
    (text) => {
      const { time, agent, puppet } = agentAndPuppet();
      puppet.sendBytes(raw(text));
      time.advance(10);
      expect(puppet.statuses).toEqual([]);
      expect([...agent.counters.entries()].some(([name, , value]) => name === 'sip_parse_errors' && value === 1)).toBe(
        true,
      );
      expectQuiet(time, agent);
    },
  );

  it('is dropped when it is a response, or an ACK, that nothing waits for', () => {
    const { time, agent, puppet } = agentAndPuppet();
    puppet.sendBytes(raw(`SIP/2.0 200 OK\n${rows}CSeq: 1 INVITE\n\n`));
    puppet.sendBytes(raw(`SIP/2.0 200 OK\nVia: SIP/2.0/UDP 1.1.1.1;branch=z9hG4bK2\n${rows}CSeq: 1 INVITE\n\n`));
    puppet.send(puppet.request('ACK', URI));
    puppet.send(puppet.request('ACK', URI, [['To', '<sip:gw@x>;tag=gone']]));
    time.advance(10);
    expect(puppet.statuses).toEqual([]);
    expect([
      agent.counters.get('sip_stray', 'response'),
      agent.counters.get('sip_stray', 'via'),
      agent.counters.get('sip_stray', 'ack'),
    ]).toEqual([1, 1, 2]);
    expectQuiet(time, agent);
  });
});

describe('a request outside any dialog', () => {
  it('is handed over and answered once, its copies with the same answer', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const request = puppet.request('OPTIONS', URI, [['Max-Forwards', '0']]);
    puppet.send(request);
    time.advance(10);
    puppet.send(request);
    time.advance(10);
    expect(puppet.statuses).toEqual([]);
    agent.requests[0]!.respond(200, { headers: [['Accept', 'application/sdp']] });
    agent.requests[0]!.respond(500);
    puppet.send(request);
    time.advance(10);
    expect(puppet.statuses).toEqual([200, 200]);
    expect(agent.log).toEqual(['options']);
    expect(puppet.responses[0]!.headers.get('Allow')).toContain('INVITE');
    expect(puppet.responses[1]!.to.tag).toBe(puppet.responses[0]!.to.tag);
    expectQuiet(time, agent);
  });

  it('is forgotten in silence when nobody answers it', () => {
    const { time, agent, puppet } = agentAndPuppet();
    puppet.send(puppet.request('MESSAGE', URI));
    time.advance(33_000);
    expect(puppet.statuses).toEqual([]);
    expect(agent.counters.get('sip_unanswered')).toBe(1);
    expectQuiet(time, agent);
  });

  it('is answered 500 when its handler throws, and the core lives on', () => {
    const { time, agent, puppet } = agentAndPuppet();
    agent.core.handler = {
      onInvite: () => {
        throw new Error('bug');
      },
      onRequest: (request) => request.respond(200),
    };
    const invite = puppet.request('INVITE', URI);
    puppet.send(invite);
    time.advance(10);
    expect(puppet.statuses).toEqual([500]);
    expect(agent.errors.splice(0)).toHaveLength(1);
    puppet.send(puppet.follow(invite, 'ACK', puppet.responses[0]!.headers.get('To')));
    puppet.send(puppet.request('OPTIONS', URI, [['Call-ID', 'next']]));
    time.advance(10);
    expect(puppet.statuses).toEqual([500, 200]);
    expectQuiet(time, agent);
  });
});

describe('an INVITE', () => {
  it('refused once is answered no more than it asks, and leaves nothing: its source may be forged', () => {
    const { time, agent, puppet } = agentAndPuppet();
    agent.script = (leg) => leg.respond(401, { headers: [['WWW-Authenticate', 'Digest realm="x"']], once: true });
    const invite = puppet.request('INVITE', URI);
    puppet.send(invite);
    time.advance(10);
    expect(agent.core.debugView().serverTransactions).toBe(0);
    time.advance(40_000);
    expect(puppet.statuses).toEqual([401]);
    puppet.send(invite);
    time.advance(10);
    expect(puppet.statuses).toEqual([401, 401]);
    puppet.send(puppet.follow(invite, 'ACK', puppet.responses[0]!.headers.get('To')));
    expectQuiet(time, agent);
  });

  it('that the core refuses by itself is refused once', () => {
    const { time, agent, puppet } = agentAndPuppet();
    puppet.send(puppet.request('INVITE', URI, [['Require', 'frob']]));
    time.advance(40_000);
    expect(puppet.statuses).toEqual([420]);
    expectQuiet(time, agent);
  });

  it('may be dropped in silence', () => {
    const { time, agent, puppet } = agentAndPuppet();
    agent.script = (leg) => leg.drop();
    puppet.send(puppet.request('INVITE', URI));
    time.advance(10);
    expect(puppet.statuses).toEqual([]);
    expectQuiet(time, agent);
  });

  it('gets 100 at once, with its Timestamp, and nothing twice', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const invite = puppet.request('INVITE', URI, [['Timestamp', '54']]);
    puppet.send(invite);
    time.advance(0);
    expect(puppet.statuses).toEqual([100]);
    expect(puppet.responses[0]!.headers.get('Timestamp')).toBe('54');
    expect(puppet.responses[0]!.to.tag).toBeUndefined();
    puppet.send(invite);
    time.advance(0);
    expect(puppet.statuses).toEqual([100, 100]);
    expect(agent.legs).toHaveLength(1);
  });

  it('of an old peer without Contact makes a dialog with its From', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const invite = puppet.request('INVITE', URI, [
      ['Via', 'SIP/2.0/UDP 192.0.2.2'],
      ['From', '<sip:old@192.0.2.2>'],
    ]);
    invite.headers.remove('Contact');
    puppet.send(invite);
    time.advance(0);
    const dialog = agent.legs[0]!.accept({});
    time.advance(0);
    const ok = puppet.responses.at(-1)!;
    puppet.send(puppet.follow(invite, 'ACK', ok.headers.get('To')));
    time.advance(0);
    expect(agent.log).toEqual(['invite', 'ack']);
    dialog.bye();
    time.advance(0);
    expect(puppet.last('BYE').requestUri).toBe('sip:old@192.0.2.2');
    puppet.reply(puppet.last('BYE'), 200);
    expectQuiet(time, agent);
  });
});
