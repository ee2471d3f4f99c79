import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../../src/core/index.js';
import type { Flow } from '../../../src/sip/transport/flow.js';
import type { Puppet } from './puppet.js';
import { type Agent, agentAndPuppet, expectQuiet, orderTo } from './support.js';

/** Legs whose way to the peer fails in the middle: what was under way is still told, and still heard. */

const unreachable = () => new GatewayError('transport.send', 'unreachable', { origin: 'remote', sipStatus: 503 });

/** A datagram to this peer came back as an ICMP error. */
const icmp = (agent: Agent, peer: Puppet): void =>
  agent.core.flowFailed(agent.host.udpFlow(peer.host.endpoint), unreachable());

const cut = (flow: Flow): void => (flow as unknown as { cut(): void }).cut();

const answered = (puppet: Puppet, flow?: Flow) =>
  puppet.reply(puppet.last('INVITE'), 200, {
    rows: [['Contact', puppet.contact.replace('>', ';transport=tcp>')]],
    body: 'answer',
    ...(flow && { flow }),
  });

describe('a datagram that could not be sent', () => {
  it('fails an INVITE nobody has answered; one that answers it all the same gets its ACK, and BYE', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet));
    time.advance(600);
    icmp(agent, puppet);
    expect(call.failure!.code).toBe('transport.send');
    puppet.reply(puppet.last('INVITE'), 200, { rows: [['Contact', puppet.contact]], body: 'answer' });
    time.advance(0);
    expect(puppet.methods).toEqual(['INVITE', 'INVITE', 'ACK', 'BYE']);
    puppet.reply(puppet.last('BYE'), 200);
    time.advance(0);
    expect([call.finals, call.answers.length]).toEqual([1, 0]);
    expectQuiet(time, agent);
  });

  it('… and one that rings is told CANCEL', () => {
    const { time, agent, puppet } = agentAndPuppet();
    agent.call(orderTo(puppet));
    time.advance(600);
    icmp(agent, puppet);
    puppet.reply(puppet.last('INVITE'), 180);
    time.advance(0);
    expect(puppet.methods.at(-1)).toBe('CANCEL');
    puppet.reply(puppet.last('CANCEL'), 200);
    puppet.reply(puppet.last('INVITE'), 487);
    time.advance(0);
    expect(puppet.methods.at(-1)).toBe('ACK');
    expectQuiet(time, agent);
  });

  it('ends nothing that rings, and no BYE: it is repeated', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet));
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 180);
    time.advance(0);
    icmp(agent, puppet);
    expect(call.finals).toBe(0);
    puppet.reply(puppet.last('INVITE'), 200, { rows: [['Contact', puppet.contact]], body: 'answer' });
    time.advance(0);
    call.dialog!.ack();
    call.dialog!.bye();
    time.advance(100);
    icmp(agent, puppet);
    time.advance(500);
    expect(puppet.methods).toEqual(['INVITE', 'ACK', 'BYE', 'BYE']);
    puppet.reply(puppet.last('BYE'), 200);
    expectQuiet(time, agent);
  });
});

describe('a connection that breaks while the callee rings', () => {
  const scene = () => {
    const parts = agentAndPuppet();
    const call = parts.agent.call(orderTo(parts.puppet, { transport: 'tcp' }));
    parts.time.advance(0);
    parts.puppet.reply(parts.puppet.last('INVITE'), 180);
    parts.time.advance(0);
    cut(parts.puppet.flows.at(-1)!);
    parts.time.advance(0);
    return { ...parts, call };
  };

  it('fails the call; the CANCEL goes by a new connection, and the ACK of the refusal too', () => {
    const { time, agent, puppet, call } = scene();
    expect(call.failure!.code).toBe('transport.closed');
    expect(puppet.methods).toEqual(['INVITE', 'CANCEL']);
    expect(puppet.last('CANCEL').topVia.branch).toBe(puppet.last('INVITE').topVia.branch);
    puppet.reply(puppet.last('CANCEL'), 200);
    puppet.reply(puppet.last('INVITE'), 487);
    time.advance(0);
    expect(puppet.methods.at(-1)).toBe('ACK');
    expectQuiet(time, agent);
  });

  it('an answer that comes by another connection gets its ACK, and BYE', () => {
    const { time, agent, puppet, call } = scene();
    puppet.connect('tcp', (flow) => answered(puppet, flow));
    time.advance(0);
    expect(puppet.methods).toEqual(['INVITE', 'CANCEL', 'ACK', 'BYE']);
    puppet.reply(puppet.last('BYE'), 200);
    time.advance(0);
    expect([call.finals, call.answers.length]).toEqual([1, 0]);
    expectQuiet(time, agent);
  });

  it('an answer of a dialog that has used CSeq numbers before is hung up on with the next one', () => {
    const { time, agent, puppet } = agentAndPuppet();
    agent.call(orderTo(puppet, { transport: 'tcp', reliableProvisional: 'offer' }));
    time.advance(0);
    const contact = puppet.contact.replace('>', ';transport=tcp>');
    const rows = [
      ['Contact', contact],
      ['Require', '100rel'],
      ['RSeq', '1'],
    ] as const;
    puppet.reply(puppet.last('INVITE'), 183, { rows });
    time.advance(0);
    expect(puppet.last('PRACK').cseq.sequence).toBe(2);
    puppet.reply(puppet.last('PRACK'), 200);
    time.advance(0);
    cut(puppet.flows.at(-1)!);
    time.advance(0);
    puppet.connect('tcp', (flow) => answered(puppet, flow));
    time.advance(0);
    expect(puppet.last('BYE').cseq.sequence).toBe(3);
    puppet.reply(puppet.last('BYE'), 200);
    expectQuiet(time, agent);
  });

  it('nothing is waited for longer than 64×T1', () => {
    const { time, agent, puppet } = scene();
    time.advance(33_000);
    answered(puppet);
    time.advance(0);
    expect(puppet.methods).not.toContain('ACK');
    expectQuiet(time, agent);
  });
});

describe('a connection that breaks before the callee was heard', () => {
  const scene = () => {
    const parts = agentAndPuppet();
    const call = parts.agent.call(orderTo(parts.puppet, { transport: 'tcp' }));
    parts.time.advance(10);
    cut(parts.puppet.flows.at(-1)!);
    parts.time.advance(0);
    return { ...parts, call };
  };

  it('the same copy goes over a new one: a callee that has it repeats its answer instead of refusing a merged request', () => {
    const { time, agent, puppet, call } = scene();
    expect(puppet.methods).toEqual(['INVITE', 'INVITE']);
    const [first, second] = puppet.requests.slice(-2);
    expect(second!.topVia.branch).toBe(first!.topVia.branch);
    expect(puppet.flows.at(-1)).not.toBe(puppet.flows.at(-2));
    answered(puppet);
    time.advance(0);
    expect([call.finals, call.answers.length]).toEqual([1, 1]);
    call.dialog!.ack();
    call.dialog!.bye();
    time.advance(0);
    puppet.reply(puppet.last('BYE'), 200);
    expectQuiet(time, agent);
  });

  it('… which is waited for as for any: a phone that rings when the attempt has long ended is cancelled', () => {
    const { time, agent, puppet, call } = scene();
    time.advance(31_995);
    expect(call.finals).toBe(1);
    puppet.reply(puppet.last('INVITE'), 180);
    time.advance(0);
    expect(puppet.methods.at(-1)).toBe('CANCEL');
    puppet.reply(puppet.last('CANCEL'), 200);
    puppet.reply(puppet.last('INVITE'), 487);
    time.advance(0);
    expectQuiet(time, agent);
  });
});

describe('a callee that answers by another connection, for it has lost the one of the INVITE', () => {
  it('is cancelled by that one, though the lost one still looks sound to us', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet, { transport: 'tcp' }));
    time.advance(2500);
    expect(call.failure!.code).toBe('sip.no-response');
    let other: Flow | undefined;
    puppet.connect('tcp', (flow) => {
      other = flow;
      puppet.reply(puppet.last('INVITE'), 180, { flow });
    });
    time.advance(0);
    expect(puppet.methods.at(-1)).toBe('CANCEL');
    expect(puppet.flows.at(-1)).toBe(other);
    puppet.reply(puppet.last('CANCEL'), 200);
    puppet.reply(puppet.last('INVITE'), 487);
    time.advance(0);
    expect([puppet.methods.at(-1), puppet.flows.at(-1) === other]).toEqual(['ACK', true]);
    expectQuiet(time, agent);
  });
});

describe('a connection that takes a CANCEL with it', () => {
  it('the CANCEL goes once more over a new one, on the same branch', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet, { transport: 'tcp' }));
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 180);
    time.advance(0);
    call.leg.cancel();
    cut(puppet.flows.at(-1)!);
    time.advance(0);
    expect(puppet.methods).toEqual(['INVITE', 'CANCEL']);
    expect(puppet.last('CANCEL').topVia.branch).toBe(puppet.last('INVITE').topVia.branch);
    puppet.reply(puppet.last('CANCEL'), 200);
    puppet.reply(puppet.last('INVITE'), 487);
    time.advance(0);
    expect([puppet.methods.at(-1), call.finals]).toEqual(['ACK', 1]);
    expectQuiet(time, agent);
  });

  it('… and of a target already left by the connection that the callee has opened since', () => {
    const { time, agent, puppet } = agentAndPuppet();
    agent.call(orderTo(puppet, { transport: 'tcp' }));
    time.advance(2500);
    puppet.reply(puppet.last('INVITE'), 180);
    time.advance(0);
    puppet.connect('tcp', (flow) => puppet.reply(puppet.last('INVITE'), 180, { flow }));
    time.advance(0);
    const before = puppet.methods.length;
    cut(puppet.flows.find((flow) => flow.inbound)!);
    time.advance(0);
    expect(puppet.methods.slice(before)).toEqual(['CANCEL']);
    expect(puppet.flows.at(-1)!.inbound).toBe(false);
    puppet.reply(puppet.last('CANCEL'), 200);
    puppet.reply(puppet.last('INVITE'), 487);
    expectQuiet(time, agent);
  });
});

describe('a connection that takes an ACK with it', () => {
  it('a 200 that is repeated over another one gets the ACK there', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet, { transport: 'tcp' }));
    time.advance(0);
    answered(puppet);
    time.advance(0);
    call.dialog!.ack();
    cut(puppet.flows.at(-1)!);
    time.advance(0);
    const before = puppet.methods.length;
    puppet.connect('tcp', (flow) => answered(puppet, flow));
    time.advance(0);
    expect(puppet.methods.slice(before)).toEqual(['ACK']);
    call.dialog!.bye();
    time.advance(0);
    puppet.reply(puppet.last('BYE'), 200);
    expectQuiet(time, agent);
  });
});
