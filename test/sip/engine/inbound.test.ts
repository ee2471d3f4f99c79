import { describe, expect, it } from 'vitest';
import type { SipRequest } from '../../../src/sip/message/index.js';
import type { Puppet, Rows } from './puppet.js';
import { agentAndPuppet, body, expectQuiet } from './support.js';

const URI = 'sip:gw@192.0.2.1';

const inviteFrom = (puppet: Puppet, rows: Rows = [], sdp = 'offer'): SipRequest => {
  const invite = puppet.request('INVITE', URI, rows, sdp);
  puppet.send(invite);
  return invite;
};

const ackFor = (puppet: Puppet, invite: SipRequest): SipRequest => {
  const ack = puppet.request('ACK', URI, [
    ['To', puppet.responses.at(-1)!.headers.get('To')!],
    ['CSeq', `${invite.cseq.sequence} ACK`],
  ]);
  ack.headers.remove('Contact');
  return ack;
};

/** Delays between the responses of that status. */
const gaps = (atMs: readonly number[]): number[] => atMs.slice(1).map((at, index) => at - atMs[index]!);

describe('the 2xx to an INVITE', () => {
  it.each(['udp', 'tcp'] as const)('is repeated over %s until its ACK', (transport) => {
    const { time, agent, puppet, network } = agentAndPuppet();
    let invite = puppet.request('INVITE', URI, [], 'offer');
    if (transport === 'udp') puppet.send(invite);
    else {
      puppet.connect('tcp', (flow) => {
        invite = puppet.request('INVITE', URI, [['Via', `SIP/2.0/TCP 192.0.2.2:5060;branch=z9hG4bKtcp`]], 'offer');
        flow.send(Buffer.from(`INVITE ${URI} SIP/2.0\r\n${invite.headers.toWire()}\r\n`));
      });
    }
    time.advance(0);
    agent.legs[0]!.accept({ body: body('answer') });
    time.advance(9000);
    const sent = network.trace.filter(({ text }) => text.startsWith('SIP/2.0 200')).map(({ atMs }) => atMs);
    expect(gaps(sent)).toEqual([500, 1000, 2000, 4000]);
    puppet.send(ackFor(puppet, invite));
    time.advance(60_000);
    expect(puppet.statuses.filter((status) => status === 200)).toHaveLength(5);
    expect(agent.log).toEqual(['invite', 'ack']);
  });

  it('is repeated until its ACK though the peer says BYE in the early dialog meanwhile', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const invite = inviteFrom(puppet);
    time.advance(0);
    const dialog = agent.legs[0]!.accept({ body: body('answer') });
    time.advance(0);
    const bye = puppet.request('BYE', URI, [
      ['To', puppet.responses.at(-1)!.headers.get('To')!],
      ['CSeq', '2 BYE'],
    ]);
    puppet.send(bye);
    time.advance(600);
    expect(puppet.responses.map(({ status, cseq }) => `${status} ${cseq.method}`)).toEqual([
      '100 INVITE',
      '200 INVITE',
      '200 BYE',
      '200 INVITE',
    ]);
    expect([dialog.state, ...agent.log]).toEqual(['terminated', 'invite', 'bye']);
    puppet.send(ackFor(puppet, invite));
    time.advance(60_000);
    expect(puppet.statuses).toHaveLength(4);
    agent.expectNothingLeft();
  });

  it('stays without ACK: told after 64×T1, and the BYE that waited is sent', () => {
    const { time, agent, puppet } = agentAndPuppet();
    inviteFrom(puppet);
    time.advance(0);
    const dialog = agent.legs[0]!.accept({ body: body('answer') });
    time.advance(31_999);
    expect(agent.log).toEqual(['invite']);
    time.advance(1);
    expect(agent.log).toEqual(['invite', 'ack-timeout']);
    expect(puppet.statuses.filter((status) => status === 200)).toHaveLength(11);
    expect(agent.counters.get('sip_timeouts', 'ack')).toBe(1);
    dialog.bye([['Reason', 'SIP;cause=408']]);
    time.advance(0);
    expect(puppet.last('BYE').headers.get('Reason')).toBe('SIP;cause=408');
    puppet.reply(puppet.last('BYE'), 481);
    expectQuiet(time, agent);
  });

  it('is not followed by BYE before the ACK', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const invite = inviteFrom(puppet);
    time.advance(0);
    const dialog = agent.legs[0]!.accept({ body: body('answer') });
    dialog.bye();
    expect(dialog.state).toBe('terminated');
    time.advance(600);
    expect(puppet.methods).toEqual([]);
    expect(puppet.statuses).toEqual([100, 200, 200]);
    puppet.send(ackFor(puppet, invite));
    time.advance(0);
    expect(puppet.methods).toEqual(['BYE']);
    puppet.reply(puppet.last('BYE'), 200);
    expectQuiet(time, agent);
  });

  it('carries Contact, Record-Route, Allow and Supported', () => {
    const { time, agent, puppet } = agentAndPuppet();
    inviteFrom(puppet, [
      ['Record-Route', '<sip:p2.example;lr>, <sip:p1.example;lr>'],
      ['Record-Route', '<sip:p0.example;lr>'],
    ]);
    time.advance(0);
    agent.legs[0]!.provisional(180);
    agent.legs[0]!.accept({ headers: [['P-Asserted-Identity', '<sip:x@y>']], body: body('answer') });
    time.advance(0);
    const [, ringing, ok] = puppet.responses;
    for (const response of [ringing!, ok!]) {
      expect(response.recordRoutes).toEqual(['<sip:p2.example;lr>', '<sip:p1.example;lr>', '<sip:p0.example;lr>']);
      expect(response.contact!.uri).toBe('sip:192.0.2.1:5060');
    }
    expect(ringing!.to.tag).toBe(ok!.to.tag);
    expect(ok!.to.tag).toBe(agent.legs[0]!.localTag);
    expect(ok!.headers.get('Allow')).toContain('UPDATE');
    expect(ok!.headers.list('Supported')).toEqual(['100rel', 'timer']);
    expect(ok!.headers.get('P-Asserted-Identity')).toBe('<sip:x@y>');
  });
});

describe('a CANCEL', () => {
  it('ends a ringing call with 487, once', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const invite = inviteFrom(puppet);
    time.advance(0);
    agent.legs[0]!.provisional(183, { body: body('early') });
    const cancel = puppet.follow(invite, 'CANCEL');
    puppet.send(cancel);
    time.advance(0);
    puppet.send(cancel);
    time.advance(0);
    expect(agent.log).toEqual(['invite', 'cancel']);
    expect(puppet.responses.map(({ status, cseq }) => `${status} ${cseq.method}`)).toEqual([
      '100 INVITE',
      '183 INVITE',
      '200 CANCEL',
      '487 INVITE',
      '200 CANCEL',
    ]);
    expect(agent.core.debugView().dialogs).toBe(0);
    puppet.send(puppet.follow(invite, 'ACK', puppet.responses[3]!.headers.get('To')));
    expectQuiet(time, agent);
  });

  it('is what an INVITE comes to that is not answered within its Expires', () => {
    const { time, agent, puppet } = agentAndPuppet();
    agent.script = (leg) => leg.provisional(180);
    const invite = puppet.request('INVITE', 'sip:gw@192.0.2.1', [['Expires', '20']]);
    puppet.send(invite);
    time.advance(19_900);
    expect(puppet.statuses).toEqual([180]);
    time.advance(200);
    expect(puppet.statuses.slice(0, 2)).toEqual([180, 487]);
    expect(agent.log).toEqual(['invite', 'cancel']);
    puppet.send(puppet.follow(invite, 'ACK', puppet.responses[1]!.headers.get('To')));
    expectQuiet(time, agent);
  });

  it('that crosses the 200 changes nothing', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const invite = inviteFrom(puppet);
    time.advance(0);
    const dialog = agent.legs[0]!.accept({ body: body('answer') });
    puppet.send(puppet.follow(invite, 'CANCEL'));
    time.advance(0);
    expect(puppet.responses.map(({ status, cseq }) => `${status} ${cseq.method}`)).toEqual([
      '100 INVITE',
      '200 INVITE',
      '200 CANCEL',
    ]);
    expect(agent.log).toEqual(['invite']);
    expect(dialog.state).toBe('confirmed');
  });

  it('from another address is refused, and counted', () => {
    const { time, agent, puppet, network } = agentAndPuppet();
    const invite = inviteFrom(puppet);
    time.advance(0);
    const thief = network.host('198.51.100.66');
    const bytes = `CANCEL ${URI} SIP/2.0\r\n${puppet.follow(invite, 'CANCEL').headers.toWire()}\r\n`;
    thief.receiver = { receive: () => {}, flowFailed: () => {} };
    thief.udpFlow({ address: '192.0.2.1', port: 5060 }).send(Buffer.from(bytes));
    time.advance(0);
    expect(agent.log).toEqual(['invite']);
    expect(agent.counters.get('sip_rejected', 'dialog-source')).toBe(1);
  });
});

describe('a call that comes in', () => {
  it('is ended by a BYE while it rings: the INVITE is answered 487', () => {
    const { time, agent, puppet } = agentAndPuppet();
    inviteFrom(puppet);
    time.advance(0);
    agent.legs[0]!.provisional(180);
    time.advance(0);
    puppet.send(
      puppet.request('BYE', URI, [
        ['To', puppet.responses[1]!.headers.get('To')!],
        ['CSeq', '2 BYE'],
      ]),
    );
    time.advance(0);
    expect(puppet.responses.map(({ status, cseq }) => `${status} ${cseq.method}`)).toEqual([
      '100 INVITE',
      '180 INVITE',
      '200 BYE',
      '487 INVITE',
    ]);
    expect(agent.log).toEqual(['invite', 'bye']);
    expectQuiet(time, agent);
  });

  it('is told again every minute that it rings', () => {
    const { time, agent, puppet } = agentAndPuppet();
    inviteFrom(puppet);
    time.advance(0);
    agent.legs[0]!.provisional(180);
    time.advance(150_000);
    expect(puppet.statuses).toEqual([100, 180, 180, 180]);
    agent.legs[0]!.respond(480, { reason: 'No Answer', headers: [['Retry-After', '60']] });
    time.advance(100_000);
    expect(puppet.statuses.slice(4, 6)).toEqual([480, 480]);
    expectQuiet(time, agent);
  });

  it('ends with its connection, before an answer', () => {
    const { time, agent, puppet } = agentAndPuppet();
    puppet.connect('tcp', (flow) => {
      const invite = puppet.request('INVITE', URI, [['Via', 'SIP/2.0/TCP 192.0.2.2:5060;branch=z9hG4bKtcp']]);
      flow.send(Buffer.from(`INVITE ${URI} SIP/2.0\r\n${invite.headers.toWire()}\r\n`));
    });
    time.advance(0);
    agent.legs[0]!.provisional(180);
    time.advance(0);
    [...agent.host.connections][0]!.cut();
    expect(agent.log).toEqual(['invite', 'transport.closed']);
    time.advance(100);
    expect(puppet.statuses).toEqual([100, 180, 503]);
    expectQuiet(time, agent);
  });

  it('may bring its offer in the answer to ours: a late offer', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const invite = inviteFrom(puppet, [], '');
    time.advance(0);
    agent.legs[0]!.accept({ body: body('our offer') });
    time.advance(0);
    expect(puppet.responses.at(-1)!.body.toString()).toBe('our offer');
    const ack = ackFor(puppet, invite);
    ack.headers.append('Content-Type', 'application/sdp');
    ack.body = Buffer.from('their answer');
    puppet.send(ack);
    puppet.send(ack);
    time.advance(0);
    expect(agent.acks.map((each) => each.body.toString())).toEqual(['their answer']);
    expect(agent.counters.get('sip_stray', 'ack-repeated')).toBe(1);
  });
});

describe('requests inside a dialog', () => {
  const inCall = () => {
    const scene = agentAndPuppet();
    const { time, agent, puppet } = scene;
    const invite = inviteFrom(puppet);
    time.advance(0);
    const dialog = agent.legs[0]!.accept({ body: body('answer') });
    time.advance(0);
    puppet.send(ackFor(puppet, invite));
    time.advance(0);
    const to = puppet.responses.at(-1)!.headers.get('To')!;
    const inside = (method: string, sequence: number, rows: Rows = [], sdp = ''): SipRequest =>
      puppet.request(method, URI, [['To', to], ['CSeq', `${sequence} ${method}`], ...rows], sdp);
    agent.log.length = 0;
    puppet.responses.length = 0;
    return { ...scene, dialog, inside };
  };

  it('must rise in CSeq', () => {
    const { time, agent, puppet, inside } = inCall();
    puppet.send(inside('INFO', 5));
    puppet.send(inside('INFO', 4));
    puppet.send(inside('INFO', 5));
    time.advance(0);
    expect(puppet.statuses).toEqual([500, 500]);
    expect(agent.log).toEqual(['info']);
    agent.inDialog[0]!.respond(200);
    time.advance(0);
    expect(puppet.statuses).toEqual([500, 500, 200]);
  });

  it('move the remote target when they refresh it', () => {
    const { time, puppet, dialog, agent, inside } = inCall();
    puppet.send(inside('INVITE', 2, [['Contact', '<sip:moved@192.0.2.2:5060;x=y>']], 'offer 2'));
    time.advance(0);
    agent.reinvites[0]!.respond(200, { body: body('answer 2') });
    time.advance(0);
    puppet.send(inside('ACK', 2));
    time.advance(0);
    expect(agent.log).toEqual(['reinvite', 'reinvite-ack']);
    puppet.send(inside('INFO', 3, [['Contact', '<sip:not-this@192.0.2.2>']]));
    time.advance(0);
    agent.inDialog[0]!.respond(200);
    dialog.bye();
    time.advance(0);
    expect(puppet.last('BYE').requestUri).toBe('sip:moved@192.0.2.2:5060;x=y');
    puppet.reply(puppet.last('BYE'), 200);
    expectQuiet(time, agent);
  });

  it('with a malformed Contact are refused and change nothing', () => {
    const { time, puppet, dialog, inside } = inCall();
    puppet.send(inside('INVITE', 2, [['Contact', '<sip:@@>']], 'offer 2'));
    time.advance(0);
    expect(puppet.statuses).toEqual([100, 400]);
    dialog.bye();
    time.advance(0);
    expect(puppet.last('BYE').requestUri).toBe('sip:puppet@192.0.2.2:5060');
  });

  it('that overlap get 500 with Retry-After', () => {
    const { time, agent, puppet, inside } = inCall();
    puppet.send(inside('INVITE', 2, [], 'offer 2'));
    puppet.send(inside('INVITE', 3, [], 'offer 3'));
    puppet.send(inside('UPDATE', 4, [], 'offer 4'));
    time.advance(0);
    expect(puppet.statuses).toEqual([100, 100, 500, 500]);
    expect(Number(puppet.responses[2]!.headers.get('Retry-After'))).toBeLessThanOrEqual(10);
    agent.reinvites[0]!.respond(488);
    puppet.send(inside('UPDATE', 5, [], 'offer 5'));
    time.advance(0);
    expect(agent.log).toEqual(['reinvite', 'update']);
    agent.inDialog[0]!.respond(200, { body: body('answer 5') });
    time.advance(0);
    expect(puppet.statuses.slice(4)).toEqual([488, 200]);
  });

  it('may be cancelled when they are re-INVITEs', () => {
    const { time, agent, puppet, inside } = inCall();
    const reinvite = inside('INVITE', 2, [], 'offer 2');
    puppet.send(reinvite);
    puppet.send(puppet.follow(reinvite, 'CANCEL'));
    time.advance(0);
    expect(agent.log).toEqual(['reinvite', 'reinvite-cancelled']);
    expect(puppet.responses.map(({ status, cseq }) => `${status} ${cseq.method}`)).toEqual([
      '100 INVITE',
      '200 CANCEL',
      '487 INVITE',
    ]);
  });

  it('a 2xx to a re-INVITE without ACK fails the dialog after 64×T1', () => {
    const { time, agent, puppet, dialog, inside } = inCall();
    puppet.send(inside('INVITE', 2, [], 'offer 2'));
    time.advance(0);
    agent.reinvites[0]!.respond(200, { body: body('answer 2') });
    time.advance(33_000);
    expect(agent.log).toEqual(['reinvite', 'failed sip.no-ack']);
    dialog.bye();
    time.advance(0);
    puppet.reply(puppet.last('BYE'), 200);
    expectQuiet(time, agent);
  });

  it('a re-INVITE still open when BYE comes is answered 487', () => {
    const { time, agent, puppet, inside } = inCall();
    puppet.send(inside('INVITE', 2, [], 'offer 2'));
    puppet.send(inside('BYE', 3));
    time.advance(0);
    expect(puppet.responses.map(({ status, cseq }) => `${status} ${cseq.method}`)).toEqual([
      '100 INVITE',
      '200 BYE',
      '487 INVITE',
    ]);
    expect(agent.log).toEqual(['reinvite', 'bye']);
    puppet.send(inside('INFO', 4));
    time.advance(0);
    expect(puppet.statuses.at(-1)).toBe(481);
  });

  it('a BYE that crosses ours is answered 200, anything else then 481', () => {
    const { time, agent, puppet, dialog, inside } = inCall();
    dialog.bye();
    puppet.send(inside('INFO', 2));
    puppet.send(inside('BYE', 3));
    time.advance(0);
    expect(puppet.statuses).toEqual([481, 200]);
    expect(agent.log).toEqual([]);
    puppet.reply(puppet.last('BYE'), 481);
    expectQuiet(time, agent);
  });

  it('from another address of the same party are taken', () => {
    const { time, agent, puppet, network } = agentAndPuppet({
      isSameParty: (one, other) => one === '192.0.2.2' && other === '192.0.2.7',
    });
    const invite = inviteFrom(puppet);
    time.advance(0);
    const dialog = agent.legs[0]!.accept({ body: body('answer') });
    time.advance(0);
    const ack = puppet.follow(invite, 'ACK', puppet.responses.at(-1)!.headers.get('To'));
    ack.headers.set('Via', 'SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKack');
    for (const [address, left] of [
      ['192.0.2.8', 'invite'],
      ['192.0.2.7', 'invite ack'],
    ] as const) {
      const host = network.host(address);
      host.receiver = { receive: () => {}, flowFailed: () => {} };
      const bytes = Buffer.from(`ACK ${URI} SIP/2.0\r\n${ack.headers.toWire()}\r\n`);
      host.udpFlow({ address: '192.0.2.1', port: 5060 }).send(bytes);
      time.advance(0);
      expect(agent.log.join(' ')).toBe(left);
    }
    expect(dialog.state).toBe('confirmed');
  });

  it('from another address are refused and counted; from where the peer says it is they are not', () => {
    const { time, agent, puppet, network, inside } = inCall();
    const sendFrom = (address: string, request: SipRequest): void => {
      const host = network.host(address);
      host.receiver ??= { receive: () => {}, flowFailed: () => {} };
      const bytes = Buffer.from(`${request.method} ${URI} SIP/2.0\r\n${request.headers.toWire()}\r\n`);
      host.udpFlow({ address: '192.0.2.1', port: 5060 }).send(bytes);
      time.advance(0);
    };
    sendFrom('198.51.100.66', inside('BYE', 2));
    expect(agent.log).toEqual([]);
    expect(agent.counters.get('sip_rejected', 'dialog-source')).toBe(1);
    puppet.send(
      inside(
        'UPDATE',
        2,
        [
          ['Contact', '<sip:puppet@203.0.113.9>'],
          ['X', 'y'],
        ],
        'offer',
      ),
    );
    time.advance(0);
    agent.inDialog[0]!.respond(200, { body: body('answer') });
    sendFrom('203.0.113.9', inside('BYE', 3));
    expect(agent.log).toEqual(['update', 'bye']);
  });

  it('from another address are admitted where the peer named a host that resolves to it', () => {
    const { time, agent, puppet, network, inside } = inCall();
    agent.host.names.set('pbx.example', [{ transport: 'udp', address: '203.0.113.10', port: 5060 }]);
    puppet.send(inside('UPDATE', 2, [['Contact', '<sip:puppet@pbx.example>']], 'offer'));
    time.advance(0);
    agent.inDialog[0]!.respond(200, { body: body('answer') });
    const host = network.host('203.0.113.10');
    host.receiver = { receive: () => {}, flowFailed: () => {} };
    const bye = inside('BYE', 3);
    host
      .udpFlow({ address: '192.0.2.1', port: 5060 })
      .send(Buffer.from(`BYE ${URI} SIP/2.0\r\n${bye.headers.toWire()}\r\n`));
    time.advance(0);
    expect(agent.log).toEqual(['update', 'bye']);
  });
});
