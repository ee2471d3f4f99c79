import { describe, expect, it } from 'vitest';
import type { Puppet } from './puppet.js';
import { agentAndPuppet, body } from './support.js';

/** An INVITE answered as if a proxy had forked it: several early dialogs, each with its own To tag and RSeq order. */

const URI = 'sip:gw@192.0.2.1';

function forked() {
  const scene = agentAndPuppet();
  const { time, agent, puppet } = scene;
  const invite = puppet.request('INVITE', URI, [['Supported', '100rel']], 'offer');
  puppet.send(invite);
  time.advance(0);
  const leg = agent.legs[0]!;
  const one = leg.fork('one');
  one.handler = agent.dialogHandler();
  leg.provisional(183, { body: body('answer one'), reliable: true });
  const two = leg.fork('two');
  two.handler = agent.dialogHandler();
  leg.provisional(183, { body: body('answer two'), reliable: true });
  time.advance(0);
  const [, first, second] = puppet.responses;
  return { ...scene, invite, leg, one, two, first: first!, second: second! };
}

type Scene = ReturnType<typeof forked>;

const inside = (puppet: Puppet, method: string, to: Scene['first'], sequence: number) => {
  const rows: [string, string][] = [
    ['To', to.headers.get('To')!],
    ['CSeq', `${sequence} ${method}`],
  ];
  if (method === 'PRACK') rows.push(['RAck', `${to.headers.get('RSeq')} 1 INVITE`]);
  return puppet.request(method, URI, rows);
};

/** Status and To tag of what the peer was answered since. */
const answers = (puppet: Puppet, since: number) =>
  puppet.responses.slice(since).map(({ status, to, cseq }) => `${status} ${cseq.method} ${to.tag}`);

describe('an INVITE with several early dialogs', () => {
  it('gives each its own tag, and is answered in the one that is spoken for', () => {
    const { time, agent, puppet, leg, one, two, first, second, invite } = forked();
    expect([first.to.tag, second.to.tag]).toEqual([one.localTag, two.localTag]);
    expect(one.localTag).not.toBe(two.localTag);
    expect(leg.dialog).toBe(two);
    for (const [sequence, early] of [first, second].entries()) {
      puppet.send(inside(puppet, 'PRACK', early, 2 + sequence));
    }
    time.advance(0);
    expect(answers(puppet, 3)).toEqual([`200 PRACK ${one.localTag}`, `200 PRACK ${two.localTag}`]);
    expect(agent.pracks.map(({ request }) => request.to.tag)).toEqual([one.localTag, two.localTag]);

    expect(leg.fork('one')).toBe(one);
    expect(leg.accept({})).toBe(one);
    time.advance(0);
    expect(answers(puppet, 5)).toEqual([`200 INVITE ${one.localTag}`]);
    expect([one.state, two.state]).toEqual(['confirmed', 'terminated']);
    puppet.send(inside(puppet, 'INFO', second, 4));
    const ack = inside(puppet, 'ACK', first, invite.cseq.sequence);
    ack.headers.remove('Contact');
    puppet.send(ack);
    time.advance(0);
    expect(answers(puppet, 6)).toEqual([`481 INFO ${two.localTag}`]);
    expect(agent.log.at(-1)).toBe('ack');
    one.bye();
    time.advance(40_000);
    agent.expectNothingLeft();
  });

  it('takes a PRACK for the response of its own dialog only', () => {
    const { time, puppet, one, two, first, second } = forked();
    const crossed = puppet.request('PRACK', URI, [
      ['To', first.headers.get('To')!],
      ['CSeq', '2 PRACK'],
      ['RAck', `${second.headers.get('RSeq')} 1 INVITE`],
    ]);
    puppet.send(crossed);
    time.advance(0);
    expect(first.headers.get('RSeq')).not.toBe(second.headers.get('RSeq'));
    expect(answers(puppet, 3)).toEqual([`481 PRACK ${one.localTag}`]);
    puppet.send(inside(puppet, 'PRACK', second, 3));
    time.advance(600);
    expect(answers(puppet, 4), 'the other is repeated on').toEqual([
      `200 PRACK ${two.localTag}`,
      `183 INVITE ${one.localTag}`,
    ]);
  });

  it('is over when the peer has hung up the last one, not before', () => {
    const { time, agent, puppet, one, two, first, second } = forked();
    puppet.send(inside(puppet, 'BYE', first, 2));
    time.advance(0);
    expect(answers(puppet, 3)).toEqual([`200 BYE ${one.localTag}`]);
    expect([one.state, two.state]).toEqual(['terminated', 'early']);
    puppet.send(inside(puppet, 'BYE', second, 3));
    time.advance(0);
    expect(answers(puppet, 4)).toEqual([`200 BYE ${two.localTag}`, `487 INVITE ${two.localTag}`]);
    expect(agent.log).toEqual(['invite', 'bye', 'bye']);
    time.advance(60_000);
    agent.expectNothingLeft();
  });

  it('leaves nothing of any when it is refused', () => {
    const { time, agent, leg, one, two } = forked();
    leg.respond(486);
    expect([one.state, two.state]).toEqual(['terminated', 'terminated']);
    expect(leg.fork('three'), 'too late for another').toBe(two);
    time.advance(60_000);
    agent.expectNothingLeft();
  });
});
