import { describe, expect, it } from 'vitest';
import { Counters, SeededRandom } from '../../../src/core/index.js';
import { Bans, DigestVerifier, Nonces, storedDigests } from '../../../src/sip/auth/index.js';
import type { InboundRequest, SignalingHandler } from '../../../src/sip/signaling.js';
import { Puppet, type Rows } from './puppet.js';
import { agentAndPuppet, body, callPair, expectQuiet, orderTo } from './support.js';

const credentials = { username: 'trunk-7', password: 'correct horse' };
const challenge = (nonce: string, more = '', realm = 'carrier'): Rows => [
  ['WWW-Authenticate', `Digest realm="${realm}", nonce="${nonce}", algorithm=SHA-256, qop="auth"${more}`],
];

describe('a challenge to our INVITE', () => {
  it('is answered once: same leg, next CSeq, ACK with the same credentials', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet, { credentials }));
    time.advance(0);
    const first = puppet.last('INVITE');
    expect(first.headers.has('Authorization')).toBe(false);
    puppet.reply(first, 401, { rows: challenge('n1') });
    time.advance(0);
    const second = puppet.last('INVITE');
    expect([second.callId, second.from.tag, second.headers.get('CSeq')]).toEqual([
      first.callId,
      first.from.tag,
      '2 INVITE',
    ]);
    expect(second.headers.get('Authorization')).toContain('nc=00000001');
    expect(second.to.tag).toBeUndefined();
    puppet.reply(second, 200, { rows: [['Contact', puppet.contact]], body: 'answer' });
    time.advance(0);
    call.dialog!.ack();
    time.advance(0);
    expect(puppet.last('ACK').headers.get('Authorization')).toBe(second.headers.get('Authorization'));
    call.dialog!.request('INFO', {}, () => {});
    time.advance(0);
    expect(puppet.last('INFO').headers.get('Authorization')).toMatch(/nonce="n1".*nc=00000002/);
    puppet.reply(puppet.last('INFO'), 200);
    expect([call.finals, call.sent.length]).toEqual([1, 2]);
    call.dialog!.bye();
    time.advance(0);
    expect(puppet.last('BYE').headers.get('Authorization')).toContain('nc=00000003');
    puppet.reply(puppet.last('BYE'), 401, { rows: challenge('n2') });
    time.advance(0);
    expect(puppet.last('BYE').headers.get('Authorization')).toMatch(/nonce="n2".*nc=00000001/);
    expect(puppet.last('BYE').headers.get('CSeq')).toBe('5 BYE');
    puppet.reply(puppet.last('BYE'), 200);
    expectQuiet(time, agent);
  });

  it('refused twice is given up to the call layer', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet, { credentials }));
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 407, { rows: [['Proxy-Authenticate', 'Digest realm="p", nonce="1"']] });
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 407, { rows: [['Proxy-Authenticate', 'Digest realm="p", nonce="2"']] });
    time.advance(0);
    expect(call.rejection!.status).toBe(407);
    expect(puppet.methods).toEqual(['INVITE', 'ACK', 'INVITE', 'ACK']);
    expectQuiet(time, agent);
  });

  it('that the nonce was stale is answered once more', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet, { credentials }));
    time.advance(0);
    for (const rows of [challenge('1'), challenge('2', ', stale=true'), challenge('3', ', stale=true')]) {
      puppet.reply(puppet.last('INVITE'), 401, { rows });
      time.advance(0);
    }
    expect(puppet.methods.filter((method) => method === 'INVITE')).toHaveLength(3);
    expect(call.rejection!.status).toBe(401);
    expectQuiet(time, agent);
  });

  it.each([
    ['without credentials', {}],
    ['of another realm', { credentials: { ...credentials, realm: 'elsewhere' } }],
  ])('%s goes to the call layer', (_name, facts) => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet, facts));
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 401, { rows: challenge('1') });
    time.advance(0);
    expect(call.rejection!.status).toBe(401);
    expectQuiet(time, agent);
  });

  it('after CANCEL is not answered', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const call = agent.call(orderTo(puppet, { credentials }));
    time.advance(0);
    call.leg.cancel();
    puppet.reply(puppet.last('INVITE'), 401, { rows: challenge('1') });
    time.advance(0);
    expect(call.rejection!.status).toBe(401);
    expectQuiet(time, agent);
  });
});

describe('a challenge inside a dialog', () => {
  it('by a host that the peer’s Contact points to is not answered for a new realm', () => {
    const { time, agent, puppet, network } = agentAndPuppet();
    const call = agent.call(orderTo(puppet, { credentials }));
    time.advance(0);
    puppet.reply(puppet.last('INVITE'), 200, { rows: [['Contact', '<sip:trap@203.0.113.5>']], body: 'answer' });
    time.advance(0);
    call.dialog!.ack();
    const trap = new Puppet(network.host('203.0.113.5'));
    const outcomes: number[] = [];
    call.dialog!.request('INFO', {}, (outcome) => outcomes.push('status' in outcome ? outcome.status : 0));
    time.advance(0);
    trap.reply(trap.last('INFO'), 401, { rows: challenge('1', '', 'trap') });
    time.advance(0);
    expect(trap.requests.some(({ headers }) => headers.has('Authorization'))).toBe(false);
    expect(outcomes).toEqual([401]);
  });
});

describe('a REGISTER of ours', () => {
  it('is answered, continues its Call-ID and CSeq, and leaves nothing behind', () => {
    const { time, agent, puppet } = agentAndPuppet();
    const outcomes: number[] = [];
    const order = {
      method: 'REGISTER',
      requestUri: 'sip:carrier.example',
      nextHop: { host: '192.0.2.2' },
      from: '<sip:trunk-7@carrier.example>',
      to: '<sip:trunk-7@carrier.example>',
      headers: [
        ['Contact', '<sip:trunk-7@192.0.2.1>'],
        ['Expires', '300'],
      ] as [string, string][],
      credentials,
      connectTimeoutMs: 2000,
      callId: 'reg-1',
      sequence: 7,
    };
    agent.core.request(order, (outcome) => outcomes.push('status' in outcome ? outcome.status : 0));
    time.advance(0);
    puppet.reply(puppet.last('REGISTER'), 401, { rows: challenge('1') });
    time.advance(0);
    const register = puppet.last('REGISTER');
    expect([register.callId, register.headers.get('CSeq'), register.contacts.length]).toEqual([
      'reg-1',
      '8 REGISTER',
      1,
    ]);
    expect(register.headers.get('Authorization')).toContain('uri="sip:carrier.example"');
    puppet.reply(register, 200);
    time.advance(0);
    expect(outcomes).toEqual([200]);
    expectQuiet(time, agent);
  });

  it('without an answer ends at its deadline, or after 64×T1', () => {
    const { time, agent } = agentAndPuppet();
    const outcomes: [string, number][] = [];
    const order = {
      method: 'OPTIONS',
      requestUri: 'sip:x@192.0.2.9',
      nextHop: { host: '192.0.2.9' },
      from: '<sip:a@b>',
      to: '<sip:x@y>',
      headers: [],
      connectTimeoutMs: 2000,
    };
    for (const timeoutMs of [3000, undefined]) {
      agent.core.request({ ...order, ...(timeoutMs ? { timeoutMs } : {}) }, (outcome) =>
        outcomes.push(['code' in outcome ? outcome.code : '', time.nowMs()]),
      );
    }
    time.advance(40_000);
    expect(outcomes).toEqual([
      ['sip.timeout', 3000],
      ['sip.timeout', 32_000],
    ]);
    expectQuiet(time, agent);
  });

  it('tries the next target after 503 or a refused connection', () => {
    const { time, agent, puppet, network } = agentAndPuppet();
    network.host('192.0.2.3').down = true;
    agent.host.names.set('carrier', [
      { transport: 'tcp', address: '192.0.2.3', port: 5060 },
      { transport: 'udp', address: '192.0.2.2', port: 5060 },
      { transport: 'udp', address: '192.0.2.2', port: 5060 },
    ]);
    const outcomes: number[] = [];
    const order = {
      method: 'OPTIONS',
      requestUri: 'sip:carrier',
      nextHop: { host: 'carrier' },
      from: '<sip:a@b>',
      to: '<sip:x@y>',
      headers: [],
      connectTimeoutMs: 2000,
    };
    agent.core.request(order, (outcome) => outcomes.push('status' in outcome ? outcome.status : 0));
    time.advance(0);
    puppet.reply(puppet.last('OPTIONS'), 503);
    time.advance(0);
    puppet.reply(puppet.last('OPTIONS'), 200);
    time.advance(0);
    expect(puppet.methods).toEqual(['OPTIONS', 'OPTIONS']);
    expect(outcomes).toEqual([200]);
    expectQuiet(time, agent);
  });
});

describe('two cores, one asking for credentials', () => {
  const guarded = (password: string) => {
    const scene = callPair();
    const { time, alice, bob } = scene;
    const verifier = new DigestVerifier({
      nonces: new Nonces(time, new SeededRandom(9), Buffer.alloc(32, 7)),
      bans: new Bans(time),
      counters: new Counters(),
      algorithms: ['SHA-256', 'MD5'],
      dummySecret: 'secret',
    });
    const users = { 'trunk-7': storedDigests('trunk-7', 'bob', 'correct horse') } as Record<
      string,
      ReturnType<typeof storedDigests>
    >;
    const admit = (request: InboundRequest, go: () => void): void => {
      const source = request.flow.remote.address;
      const outcome = verifier.verify({
        request: request.request,
        source,
        realm: 'bob',
        role: 'server',
        lookup: (name) => users[name],
      });
      bob.log.push(outcome.state);
      if (outcome.state === 'valid') go();
      else request.respond(401, { headers: verifier.challenge(source, 'bob', 'server', outcome.state === 'stale') });
    };
    const plain: SignalingHandler = bob;
    bob.core.handler = {
      onInvite: (leg) => admit(leg, () => plain.onInvite(leg)),
      onRequest: (request) => admit(request, () => request.respond(200)),
    };
    const call = alice.call(orderTo(bob, { credentials: { username: 'trunk-7', password } }));
    time.advance(10);
    return { ...scene, call };
  };

  it('let the right password in', () => {
    const { time, alice, bob, call } = guarded('correct horse');
    expect(bob.log).toEqual(['none', 'valid', 'invite']);
    bob.legs[0]!.accept({ body: body('answer') });
    time.advance(10);
    call.dialog!.ack();
    call.dialog!.bye();
    time.advance(10);
    expect(bob.log.slice(3)).toEqual(['ack', 'bye']);
    expectQuiet(time, alice, bob);
  });

  it('keep a wrong one out', () => {
    const { time, alice, bob, call } = guarded('wrong');
    expect(bob.log).toEqual(['none', 'invalid']);
    expect(call.rejection!.status).toBe(401);
    expectQuiet(time, alice, bob);
  });
});
