import { describe, expect, it } from 'vitest';
import type { Rows } from './puppet.js';
import { agentAndPuppet, body, callPair, expectQuiet, orderTo } from './support.js';

const URI = 'sip:gw@192.0.2.1';
const ALLOW_UPDATE: Rows = [['Allow', 'INVITE, ACK, BYE, CANCEL, UPDATE']];
const TIMER = { intervalSeconds: 1800, minimumSeconds: 90 };

describe('a session timer we ask for', () => {
  const answered = (rows: Rows) => {
    const scene = agentAndPuppet();
    const { time, agent, puppet } = scene;
    const call = agent.call(orderTo(puppet, { sessionTimer: TIMER }));
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 200, { rows: [['Contact', puppet.contact], ...rows], body: 'answer' });
    time.advance(0);
    const dialog = call.dialog!;
    dialog.localDescription = body('offer');
    dialog.ack();
    time.advance(0);
    puppet.requests.length = 0;
    return { ...scene, dialog };
  };

  it('is written in the INVITE', () => {
    const { time, agent, puppet } = agentAndPuppet();
    agent.call(orderTo(puppet, { sessionTimer: TIMER }));
    time.advance(0);
    const { headers } = puppet.last('INVITE');
    expect([headers.get('Session-Expires'), headers.get('Min-SE'), headers.list('Supported')]).toEqual([
      '1800',
      '90',
      ['timer'],
    ]);
  });

  it('is refreshed by us at half time, by UPDATE without a body where the peer allows it', () => {
    const { time, agent, puppet, dialog } = answered([['Session-Expires', '1800;refresher=uac'], ...ALLOW_UPDATE]);
    for (let round = 1; round <= 3; round++) {
      time.advance(899_999);
      expect(puppet.methods).toHaveLength(round - 1);
      time.advance(1);
      const update = puppet.requests.at(-1)!;
      expect(update.method).toBe('UPDATE');
      expect(update.body.length).toBe(0);
      expect([update.headers.get('Session-Expires'), update.headers.get('Min-SE')]).toEqual([
        '1800;refresher=uac',
        '90',
      ]);
      puppet.reply(update, 200, {
        rows: [
          ['Session-Expires', '1800;refresher=uac'],
          ['Contact', puppet.contact],
        ],
      });
      time.advance(0);
    }
    expect(agent.log).toEqual([]);
    dialog.bye();
    time.advance(0);
    puppet.reply(puppet.last('BYE'), 200);
    expectQuiet(time, agent);
  });

  it('is refreshed by a re-INVITE with the same description where the peer knows no UPDATE', () => {
    const { time, agent, puppet } = answered([
      ['Session-Expires', '1800;refresher=uac'],
      ['Allow', 'INVITE, ACK, BYE'],
    ]);
    time.advance(900_000);
    const reinvite = puppet.last('INVITE');
    expect(reinvite.body.toString()).toBe('offer');
    expect(reinvite.to.tag).toBe('puppet');
    puppet.reply(reinvite, 200, {
      rows: [
        ['Session-Expires', '1800;refresher=uac'],
        ['Contact', puppet.contact],
      ],
      body: 'answer',
    });
    time.advance(0);
    expect(puppet.methods).toEqual(['INVITE', 'ACK']);
    expect(agent.log).toEqual([]);
    time.advance(900_000);
    expect(puppet.methods).toEqual(['INVITE', 'ACK', 'INVITE']);
  });

  it('falls back to re-INVITE when UPDATE is refused after all', () => {
    const { time, puppet } = answered([['Session-Expires', '1800;refresher=uac'], ...ALLOW_UPDATE]);
    time.advance(900_000);
    puppet.reply(puppet.last('UPDATE'), 501);
    time.advance(10);
    expect(puppet.methods).toEqual(['UPDATE', 'INVITE']);
  });

  it('ends the session when the peer, who was to refresh it, does not', () => {
    const { time, agent, puppet } = answered([
      ['Session-Expires', '1800;refresher=uas'],
      ['Require', 'timer'],
    ]);
    time.advance(1_767_999);
    expect(agent.log).toEqual([]);
    time.advance(1);
    expect(agent.log).toEqual(['session-expired']);
    expect(puppet.methods).toEqual([]);
    expect(agent.counters.get('sip_timeouts', 'session')).toBe(1);
  });

  it.each([481, 408])('ends the session when a refresh gets %i', (status) => {
    const { time, agent, puppet } = answered([['Session-Expires', '1800;refresher=uac'], ...ALLOW_UPDATE]);
    time.advance(900_000);
    puppet.reply(puppet.last('UPDATE'), status);
    time.advance(0);
    expect(agent.log).toEqual(['session-expired']);
  });

  it('ends the session when a refresh gets no answer', () => {
    const { time, agent } = answered([['Session-Expires', '1800;refresher=uac'], ...ALLOW_UPDATE]);
    time.advance(932_000);
    expect(agent.log).toEqual(['session-expired']);
  });

  it('tries a refresh again that was turned down, while the interval lasts', () => {
    const { time, agent, puppet } = answered([['Session-Expires', '90;refresher=uac'], ...ALLOW_UPDATE]);
    time.advance(45_000);
    puppet.reply(puppet.last('UPDATE'), 500);
    time.advance(10_000);
    expect(puppet.methods).toEqual(['UPDATE', 'UPDATE']);
    puppet.reply(puppet.last('UPDATE'), 500);
    time.advance(5000);
    expect(agent.log).toEqual(['session-expired']);
  });

  it('follows 422 with a larger interval, in the INVITE and in a refresh', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet, { sessionTimer: { intervalSeconds: 120, minimumSeconds: 90 } }));
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 422, { rows: [['Min-SE', '600']] });
    time.advance(0);
    const again = puppet.last('INVITE');
    expect([again.headers.get('Session-Expires'), again.headers.get('Min-SE'), again.headers.get('CSeq')]).toEqual([
      '600',
      '600',
      '2 INVITE',
    ]);
    const rows: Rows = [['Contact', puppet.contact], ['Session-Expires', '600;refresher=uac'], ...ALLOW_UPDATE];
    puppet.reply(again, 200, { rows, body: 'answer' });
    time.advance(0);
    call.dialog!.ack();
    expect(call.finals).toBe(1);
    time.advance(300_000);
    puppet.reply(puppet.last('UPDATE'), 422, { rows: [['Min-SE', '900']] });
    time.advance(0);
    expect(puppet.last('UPDATE').headers.get('Session-Expires')).toBe('900;refresher=uac');
    expect(puppet.last('UPDATE').headers.get('Min-SE')).toBe('900');
  });

  it('gives a 422 to the call layer that is repeated for ever, or asks for nothing', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet, { sessionTimer: TIMER }));
    time.advance(0);
    for (let round = 0; round < 4; round++) {
      puppet.reply(puppet.last('INVITE'), 422, { rows: [['Min-SE', String(2000 + round)]] });
      time.advance(0);
    }
    expect(call.rejection!.status).toBe(422);
    expectQuiet(time, agent);
  });

  it('is none when the answer says none', () => {
    const { time, agent, puppet } = answered([]);
    time.advance(10_000_000);
    expect([agent.log, puppet.methods]).toEqual([[], []]);
  });
});

describe('a session timer the peer asks for', () => {
  const invited = (rows: Rows, options = {}) => {
    const scene = agentAndPuppet({ sessionIntervalSeconds: 1800, ...options });
    const { time, agent, puppet } = scene;
    puppet.send(puppet.request('INVITE', URI, rows, 'offer'));
    time.advance(0);
    const dialog = agent.legs[0]!.accept({ body: body('answer') });
    dialog.localDescription = body('answer');
    time.advance(0);
    const ok = puppet.responses.at(-1)!;
    const inside = (method: string, sequence: number, extra: Rows = [], sdp = '') =>
      puppet.request(method, URI, [['To', ok.headers.get('To')!], ['CSeq', `${sequence} ${method}`], ...extra], sdp);
    puppet.send(inside('ACK', 1));
    time.advance(0);
    return { ...scene, dialog, ok, inside };
  };

  it.each<[string, Rows, string | undefined, string | undefined]>([
    [
      'with a refresher',
      [
        ['Supported', 'timer'],
        ['Session-Expires', '900;refresher=uas'],
      ],
      '900;refresher=uas',
      undefined,
    ],
    [
      'with itself as refresher',
      [
        ['Supported', 'timer'],
        ['x', '900;refresher=uac'],
      ],
      '900;refresher=uac',
      'timer',
    ],
    [
      'without a refresher',
      [
        ['Supported', 'timer'],
        ['Session-Expires', '900'],
      ],
      '900;refresher=uac',
      'timer',
    ],
    ['not at all, but could', [['Supported', 'timer']], '1800;refresher=uas', undefined],
    [
      'not at all, but could from an hour up',
      [
        ['Supported', 'timer'],
        ['Min-SE', '3600'],
      ],
      '3600;refresher=uas',
      undefined,
    ],
    ['not at all', [], undefined, undefined],
    ['through a proxy for a phone that cannot', [['Session-Expires', '900']], '900;refresher=uas', undefined],
  ])('%s is answered', (_name, rows, expires, require) => {
    const { ok } = invited(rows);
    expect([ok.headers.get('Session-Expires'), ok.headers.get('Require')]).toEqual([expires, require]);
  });

  it('is kept alive by its UPDATEs, answered by the engine, and ends when they stop', () => {
    const { time, agent, puppet, inside } = invited([
      ['Supported', 'timer'],
      ['Session-Expires', '300;refresher=uac'],
    ]);
    for (let sequence = 2; sequence < 6; sequence++) {
      time.advance(250_000);
      puppet.send(
        inside('UPDATE', sequence, [
          ['Supported', 'timer'],
          ['Session-Expires', '300;refresher=uac'],
        ]),
      );
      time.advance(0);
      expect(puppet.statuses.at(-1)).toBe(200);
      expect(puppet.responses.at(-1)!.headers.get('Session-Expires')).toBe('300;refresher=uac');
    }
    expect(agent.log).toEqual(['invite', 'ack']);
    time.advance(268_000);
    expect(agent.log).toEqual(['invite', 'ack', 'session-expired']);
  });

  it('is kept alive by its re-INVITEs', () => {
    const { time, agent, puppet, inside } = invited([
      ['Supported', 'timer'],
      ['Session-Expires', '300;refresher=uac'],
    ]);
    time.advance(250_000);
    puppet.send(
      inside(
        'INVITE',
        2,
        [
          ['Supported', 'timer'],
          ['Session-Expires', '300;refresher=uac'],
        ],
        'offer',
      ),
    );
    time.advance(0);
    agent.reinvites[0]!.respond(200, { body: body('answer') });
    time.advance(0);
    expect(puppet.responses.at(-1)!.headers.get('Session-Expires')).toBe('300;refresher=uac');
    puppet.send(inside('ACK', 2));
    time.advance(250_000);
    expect(agent.log).toEqual(['invite', 'ack', 'reinvite', 'reinvite-ack']);
  });

  it('is refreshed by us when that was settled, with the roles of the refresh', () => {
    const { time, puppet, agent } = invited([
      ['Supported', 'timer'],
      ['Session-Expires', '300;refresher=uas'],
      ...ALLOW_UPDATE,
    ]);
    time.advance(150_000);
    const update = puppet.last('UPDATE');
    expect(update.headers.get('Session-Expires')).toBe('300;refresher=uac');
    puppet.reply(update, 200, { rows: [['Session-Expires', '300;refresher=uac']] });
    time.advance(150_000);
    expect(puppet.methods).toEqual(['UPDATE', 'UPDATE']);
    expect(agent.log).toEqual(['invite', 'ack']);
  });

  it('of an interval too small is refused inside the dialog too', () => {
    const { time, puppet, inside } = invited([
      ['Supported', 'timer'],
      ['Session-Expires', '300;refresher=uac'],
    ]);
    puppet.send(
      inside('UPDATE', 2, [
        ['Supported', 'timer'],
        ['Session-Expires', '30'],
      ]),
    );
    time.advance(0);
    expect([puppet.statuses.at(-1), puppet.responses.at(-1)!.headers.get('Min-SE')]).toEqual([422, '90']);
  });
});

it('two cores keep a session alive for hours, and end it when the network breaks', () => {
  const { time, alice, bob, network } = callPair({}, { sessionIntervalSeconds: 1800 });
  alice.answeredCall(bob, { sessionTimer: TIMER });
  time.advance(5 * 3_600_000);
  expect([alice.log, bob.log]).toEqual([[], []]);
  expect(alice.counters.get('sip_requests_out', 'UPDATE') + bob.counters.get('sip_requests_out', 'UPDATE')).toBe(20);
  network.conditions = { loss: 1 };
  time.advance(1_800_000);
  expect([alice.log, bob.log]).toEqual([['session-expired'], ['session-expired']]);
});
