import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { header } from '../../peers/sip/message-log.js';
import { completed, failed, type Scenario } from './scenario.js';
import { AUDIO, audio } from './script.js';

/** What carriers may answer before a call stands. */

const redirect: Scenario = {
  name: '302 to a place the plan does not know is a failure of the route',
  caller: (call) => void call.invite({ sdp: AUDIO }).expect(503).ackRefusal(),
  answerer: (call) => {
    call
      .on('INVITE')
      .reply(302, { headers: ['Contact: <sip:+12025550199@192.0.2.1>'] })
      .on('ACK');
  },
  record: {
    ...failed('attempt.redirected', 503),
    Trunkline: { Attempts: [{ SipStatus: 302, Code: 'attempt.redirected' }] },
  },
};

const refusal = (status: number, reason: string): Scenario => ({
  name: `${status} goes back to the caller`,
  caller: (call) => void call.invite({ sdp: AUDIO }).expect(180).expect(status).ackRefusal(),
  answerer: (call) => void call.on('INVITE').reply(180).reply(status, { reason }).on('ACK'),
  record: failed('attempt.rejected', status),
  check: ({ caller }) => expect(caller.received(status)[0]).toMatch(new RegExp(`^SIP/2.0 ${status} ${reason}\r\n`)),
});

const CREDENTIALS = { username: 'trunk', password: 'open sesame' };
const NONCE = 'c2FsdGVkLW5vbmNl';

const challengeOf = (algorithm: string): string =>
  `Digest realm="carrier.example.net", nonce="${NONCE}", qop="auth", algorithm=${algorithm}, opaque="o"`;

/** The digest that the credentials in this message must hold (RFC 7616 §3.4). */
function expectedDigest(message: string, credentials: string, algorithm: 'md5' | 'sha256'): string {
  const hash = (text: string) => createHash(algorithm).update(text).digest('hex');
  const field = (name: string) => new RegExp(`\\b${name}="?([^",]+)`).exec(credentials)![1]!;
  const secret = hash(`${CREDENTIALS.username}:carrier.example.net:${CREDENTIALS.password}`);
  const request = hash(`${message.split(' ', 1)[0]}:${field('uri')}`);
  return hash(`${secret}:${NONCE}:${field('nc')}:${field('cnonce')}:auth:${request}`);
}

const challenge = (status: 401 | 407, algorithm: 'MD5' | 'SHA-256'): Scenario => {
  const [asks, answers] =
    status === 401 ? ['WWW-Authenticate', 'Authorization'] : ['Proxy-Authenticate', 'Proxy-Authorization'];
  return {
    name: `${status} of a carrier is answered with credentials (${algorithm})`,
    caller: (call) => void call.invite({ sdp: AUDIO }).expect(200).ack().pause(200).request('BYE').expect(200),
    answerer: (call) => {
      call
        .on('INVITE')
        .reply(status, { headers: [`${asks}: ${challengeOf(algorithm)}`] })
        .on('ACK');
      call.on('INVITE', 'INVITE2').reply(200, { sdp: AUDIO }).on('ACK').on('BYE').reply(200);
    },
    carrier: { credentials: CREDENTIALS },
    record: completed('customer'),
    check: ({ caller, answerer }) => {
      const [first, second] = answerer.received('INVITE');
      expect(header(first!, answers!)).toBeUndefined();
      const credentials = header(second!, answers!)!;
      expect(credentials).toContain(`username="${CREDENTIALS.username}"`);
      const digest = expectedDigest(second!, credentials, algorithm === 'MD5' ? 'md5' : 'sha256');
      expect(credentials).toContain(`response="${digest}"`);
      expect(header(second!, 'Call-ID')).toBe(header(first!, 'Call-ID'));
      expect(Number.parseInt(header(second!, 'CSeq')!, 10)).toBe(Number.parseInt(header(first!, 'CSeq')!, 10) + 1);
      expect(caller.received(status), 'the caller hears nothing of it').toEqual([]);
    },
  };
};

const challengeInside: Scenario = {
  name: '407 to BYE and re-INVITE inside the call',
  caller: (call) => {
    call.invite({ sdp: AUDIO }).expect(200).ack().pause(200);
    call
      .request('INVITE', { sdp: audio('sendonly', 2) })
      .expect(200)
      .ack()
      .pause(200)
      .request('BYE')
      .expect(200);
  },
  answerer: (call) => {
    const headers = [`Proxy-Authenticate: ${challengeOf('MD5')}`];
    call.on('INVITE').reply(200, { sdp: AUDIO }).on('ACK').on('INVITE', 're').reply(407, { headers }).on('ACK');
    call
      .on('INVITE', 're2')
      .reply(200, { sdp: audio('recvonly', 2) })
      .on('ACK');
    call.on('BYE').reply(200);
  },
  carrier: { credentials: CREDENTIALS },
  record: completed('customer'),
  check: ({ answerer }) => {
    const [, , again] = answerer.received('INVITE');
    const bye = answerer.received('BYE')[0]!;
    for (const request of [again!, bye]) {
      const credentials = header(request, 'Proxy-Authorization')!;
      expect(credentials).toContain(`response="${expectedDigest(request, credentials, 'md5')}"`);
    }
    const counts = [again!, bye].map((request) => /nc=(\w+)/.exec(header(request, 'Proxy-Authorization')!)![1]);
    expect(counts, 'each use of the nonce counts on').toEqual(['00000001', '00000002']);
  },
};

const wrongCredentials: Scenario = {
  name: '407 again: the caller hears 503, never 407',
  caller: (call) => void call.invite({ sdp: AUDIO }).expect(503).ackRefusal(),
  answerer: (call) => {
    const headers = [`Proxy-Authenticate: ${challengeOf('MD5')}`];
    call.on('INVITE').reply(407, { headers }).on('ACK').on('INVITE', 'INVITE2').reply(407, { headers }).on('ACK');
  },
  carrier: { credentials: CREDENTIALS },
  record: { Status: 'Failed', Trunkline: { SipStatus: 503, Attempts: [{ SipStatus: 407, Code: 'attempt.rejected' }] } },
};

const noCredentials: Scenario = {
  name: '401 without credentials for the carrier: the caller hears 503',
  caller: (call) => void call.invite({ sdp: AUDIO }).expect(503).ackRefusal(),
  answerer: (call) => {
    call
      .on('INVITE')
      .reply(401, { headers: [`WWW-Authenticate: ${challengeOf('MD5')}`] })
      .on('ACK');
  },
  record: { Status: 'Failed', Trunkline: { SipStatus: 503, Attempts: [{ SipStatus: 401 }] } },
};

const tagOf = (message: string): string | undefined => /;tag=(\S+)/.exec(header(message, 'To')!)?.[1];

const forks: Scenario = {
  name: 'forked early dialogs: each is one to the caller, and the call is in the one that answered',
  caller: (call) => {
    call.invite({ sdp: AUDIO }).expect(180).expect(183).expect(180).expect(183).expect(200).ack();
    call.pause(200).request('BYE').expect(200);
  },
  answerer: (call) => {
    call.on('INVITE').reply(180, { tag: 'one' }).pause(50).reply(183, { tag: 'two', sdp: AUDIO }).pause(50);
    call.reply(180, { tag: 'three' }).pause(50).reply(183, { tag: 'four', sdp: AUDIO }).pause(50);
    call.reply(200, { tag: 'two', sdp: AUDIO }).on('ACK').on('BYE').reply(200);
  },
  record: completed('customer'),
  check: ({ caller, answerer }) => {
    const [one, three] = caller.received(180).map(tagOf);
    const [two, four] = caller.received(183).map(tagOf);
    expect(new Set([one, two, three, four]).size, 'the caller sees four').toBe(4);
    expect(caller.received(200, 'INVITE').map(tagOf)).toEqual([two]);
    expect(header(answerer.received('ACK')[0]!, 'To')).toContain(';tag=two');
    expect(header(answerer.received('BYE')[0]!, 'To')).toContain(';tag=two');
  },
};

const forksReliable: Scenario = {
  name: 'forked early dialogs, reliable: each is acknowledged in its own',
  caller: (call) => {
    call.invite({ sdp: AUDIO }).expect(183).expect(183).expect(200).ack().pause(200).request('BYE').expect(200);
  },
  answerer: (call) => {
    // SIPp takes two messages that are alike for a repetition of one.
    const reliably = (rseq: number) => ['Require: 100rel', `RSeq: ${rseq}`, `X-Fork: ${rseq}`];
    call
      .on('INVITE')
      .reply(183, { tag: 'one', headers: reliably(10), sdp: AUDIO })
      .on('PRACK', 'first')
      .reply(200);
    call
      .reply(183, { to: 'INVITE', tag: 'two', headers: reliably(77), sdp: AUDIO })
      .on('PRACK', 'second')
      .reply(200);
    call.pause(200).reply(200, { to: 'INVITE', tag: 'one', sdp: AUDIO }).on('ACK').on('BYE').reply(200);
  },
  record: completed('customer'),
  check: ({ caller, answerer }) => {
    const [first, second] = caller.received(183).map(tagOf);
    expect(first).not.toBe(second);
    expect(caller.received(200, 'INVITE').map(tagOf)).toEqual([first]);
    const pracks = answerer.received('PRACK');
    expect(pracks.map((prack) => header(prack, 'RAck'))).toEqual(['10 1 INVITE', '77 1 INVITE']);
    expect(pracks.map((prack) => /;tag=(\S+)/.exec(header(prack, 'To')!)?.[1])).toEqual(['one', 'two']);
  },
};

export const routes: readonly Scenario[] = [
  redirect,
  refusal(486, 'Busy Here'),
  refusal(603, 'Decline'),
  challenge(407, 'MD5'),
  challenge(401, 'SHA-256'),
  challengeInside,
  wrongCredentials,
  noCredentials,
  forks,
  forksReliable,
];
