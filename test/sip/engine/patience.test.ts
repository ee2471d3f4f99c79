import { describe, expect, it } from 'vitest';
import { agentAndPuppet, body, callPair, expectQuiet, orderTo } from './support.js';

/** What the simulation found: INVITEs that were waited for and never answered left a transaction behind for ever. */

const inCall = () => {
  const scene = agentAndPuppet();
  const { time, agent, puppet } = scene;
  const call = agent.call(orderTo(puppet));
  time.advance(0);
  puppet.reply(puppet.last('INVITE'), 200, { rows: [['Contact', puppet.contact]], body: 'answer' });
  time.advance(0);
  call.dialog!.ack();
  time.advance(0);
  puppet.requests.length = 0;
  return { ...scene, dialog: call.dialog! };
};

describe('a re-INVITE of ours that only ever rings', () => {
  it('does not outlive its dialog by more than 64×T1, whatever else is said', () => {
    const { time, agent, puppet, dialog } = inCall();
    const outcomes: (number | string)[] = [];
    dialog.reinvite({ body: body('hold') }, (outcome) =>
      outcomes.push('status' in outcome ? outcome.status : outcome.code),
    );
    time.advance(0);
    const invite = puppet.last('INVITE');
    puppet.reply(invite, 100, { tag: '' });
    time.advance(1000);
    dialog.bye();
    time.advance(0);
    puppet.reply(puppet.last('BYE'), 200);
    for (let second = 0; second < 31; second++) {
      time.advance(1000);
      puppet.reply(invite, 180);
    }
    time.advance(1000);
    expect(outcomes.at(-1)).toBe('sip.timeout');
    expect(agent.core.debugView().clientTransactions).toBe(0);
    expectQuiet(time, agent);
  });
});

describe('a target that was given up', () => {
  it('rings late, heeds no CANCEL, and is forgotten after 64×T1', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet));
    time.advance(2500);
    expect(call.failure?.code).toBe('sip.no-response');
    puppet.reply(puppet.last('INVITE'), 180);
    time.advance(0);
    puppet.reply(puppet.last('CANCEL'), 200);
    time.advance(31_999);
    expect(agent.core.debugView().clientTransactions).toBe(1);
    time.advance(1);
    expectQuiet(time, agent);
  });
});

describe('a re-INVITE before the ACK of our 2xx', () => {
  it('is refused here as glare: on the wire it might overtake that 2xx', () => {
    const { time, alice, bob } = callPair();
    const call = alice.call(orderTo(bob));
    time.advance(100);
    const dialog = bob.legs[0]!.accept({ body: body('answer') });
    const outcomes: string[] = [];
    dialog.reinvite({ body: body('hold') }, (outcome) => 'code' in outcome && outcomes.push(outcome.code));
    time.advance(100);
    expect(outcomes).toEqual(['sip.glare']);
    expect(alice.log).not.toContain('reinvite');
    call.dialog!.ack();
    time.advance(100);
    dialog.reinvite({ body: body('hold') }, () => {});
    time.advance(100);
    expect(alice.log).toContain('reinvite');
  });
});

describe('a 2xx that comes again after a re-INVITE went through', () => {
  it('gets its own ACK again: the first one was lost', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet));
    time.advance(0);
    const first = puppet.last('INVITE');
    puppet.reply(first, 200, { rows: [['Contact', puppet.contact]], body: 'answer' });
    time.advance(0);
    const dialog = call.dialog!;
    dialog.ack();
    time.advance(0);
    for (const text of ['one', 'two']) {
      dialog.reinvite({ body: body(text) }, (outcome) => 'status' in outcome && outcome.status === 200 && dialog.ack());
      time.advance(0);
      puppet.reply(puppet.last('INVITE'), 200, { body: 'answer' });
      time.advance(0);
    }
    puppet.requests.length = 0;
    puppet.reply(first, 200, { rows: [['Contact', puppet.contact]], body: 'answer' });
    time.advance(0);
    expect(puppet.last('ACK').headers.get('CSeq')).toBe('1 ACK');
    dialog.bye();
    expectQuiet(time, agent);
  });
});

describe('a re-INVITE of ours that waits after a 491', () => {
  it('keeps the next one back: both would wait, and one be lost', () => {
    const { time, agent, puppet, dialog } = inCall();
    const outcomes: string[] = [];
    const into = (name: string) => (outcome: { status: number } | { code: string }) => {
      outcomes.push(`${name} ${'status' in outcome ? outcome.status : outcome.code}`);
      if ('status' in outcome && outcome.status === 200) dialog.ack();
    };
    dialog.reinvite({ body: body('one') }, into('one'));
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 491);
    time.advance(1000);
    dialog.reinvite({ body: body('two') }, into('two'));
    time.advance(0);
    expect(outcomes).toEqual(['two sip.glare']);
    time.advance(3000);
    puppet.reply(puppet.last('INVITE'), 200, { body: 'answer' });
    time.advance(0);
    expect(outcomes).toEqual(['two sip.glare', 'one 200']);
    expect(puppet.methods).toEqual(['INVITE', 'ACK', 'INVITE', 'ACK']);
    dialog.bye();
    expectQuiet(time, agent);
  });
});
