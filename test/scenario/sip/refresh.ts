import { expect } from 'vitest';
import { header } from '../../peers/sip/message-log.js';
import { completed, type Scenario } from './scenario.js';
import { AUDIO, type Script } from './script.js';

/** Session timers (RFC 4028). */

const TIMER = 'Supported: timer';
const METHODS = 'INVITE, ACK, CANCEL, BYE';
const WITH_UPDATE = `Allow: ${METHODS}, UPDATE`;
const WITHOUT_UPDATE = `Allow: ${METHODS}`;

/** An answering side may settle on less than RFC 4028 lets us ask for; it is followed down to 10 s. */
const SHORT_SECONDS = 10;

const hangUp = (call: Script): Script => call.pause(200).request('BYE').expect(200);
const hungUp = (call: Script): Script => call.on('BYE').reply(200);
const answers = (call: Script): Script => call.on('INVITE').reply(200, { sdp: AUDIO }).on('ACK');

const settles = (refresher: 'uac' | 'uas', allow = WITH_UPDATE): string[] => [
  `Session-Expires: ${SHORT_SECONDS};refresher=${refresher}`,
  'Require: timer',
  TIMER,
  allow,
];

const byCaller: Scenario = {
  name: 'refreshed by the caller, with UPDATE and re-INVITE',
  caller: (call) => {
    const asks = [TIMER, 'Session-Expires: 90;refresher=uac', 'Min-SE: 90', WITH_UPDATE];
    call.invite({ headers: asks, sdp: AUDIO }).expect(200).ack().pause(200);
    call.request('UPDATE', { headers: asks }).expect(200);
    hangUp(call.request('INVITE', { headers: asks, sdp: AUDIO }).expect(200).ack());
  },
  answerer: (call) => {
    answers(call).on('INVITE', 're').reply(200, { sdp: AUDIO }).on('ACK');
    hungUp(call);
  },
  record: completed('customer'),
  check: ({ caller, answerer }) => {
    const finals = [...caller.received(200, 'INVITE'), ...caller.received(200, 'UPDATE')];
    expect(finals).toHaveLength(3);
    for (const final of finals) {
      expect(header(final, 'Session-Expires')).toMatch(/^90\s*;\s*refresher=uac$/);
      expect(header(final, 'Require')).toBe('timer');
    }
    expect(answerer.received('UPDATE'), 'a refresh is between us and one side').toEqual([]);
  },
};

const byAnswerer: Scenario = {
  name: 'refreshed by the answerer',
  caller: (call) => void hangUp(call.invite({ sdp: AUDIO }).expect(200).ack().pause(9000)),
  answerer: (call) => {
    call
      .on('INVITE')
      .reply(200, { headers: settles('uas'), sdp: AUDIO })
      .on('ACK')
      .pause(4500);
    const headers = [`Session-Expires: 90;refresher=uac`, TIMER, WITH_UPDATE];
    hungUp(call.request('UPDATE', { headers }).expect(200));
  },
  record: completed('customer'),
};

const byUs = (method: 'UPDATE' | 'INVITE'): Scenario => ({
  name: `refreshed by the gateway towards the answerer, with ${method === 'INVITE' ? 're-INVITE' : 'UPDATE'}`,
  caller: (call) => void hangUp(call.invite({ sdp: AUDIO }).expect(200).ack().pause(6000)),
  answerer: (call) => {
    const headers = settles('uac', method === 'UPDATE' ? WITH_UPDATE : WITHOUT_UPDATE);
    call.on('INVITE').reply(200, { headers, sdp: AUDIO }).on('ACK');
    if (method === 'UPDATE') call.on('UPDATE').reply(200, { headers });
    else call.on('INVITE', 're').reply(200, { headers, sdp: AUDIO }).on('ACK');
    hungUp(call);
  },
  record: completed('customer'),
  check: ({ caller, answerer }) => {
    const refresh = answerer.received(method).at(-1)!;
    expect(header(refresh, 'Session-Expires')).toMatch(/;refresher=uac$/);
    expect(caller.received('UPDATE'), 'the caller hears nothing of it').toEqual([]);
    expect(caller.received('INVITE')).toEqual([]);
  },
});

const expires: Scenario = {
  name: 'a side that does not refresh as it promised loses the call',
  caller: (call) => void call.invite({ sdp: AUDIO }).expect(200).ack().on('BYE').reply(200),
  answerer: (call) => {
    call
      .on('INVITE')
      .reply(200, { headers: settles('uas'), sdp: AUDIO })
      .on('ACK');
    hungUp(call);
  },
  record: completed('remote', 'call.session-expired'),
};

const tooShortHere: Scenario = {
  name: '422 to a caller whose interval is too short',
  caller: (call) => {
    const asks = (seconds: number) => [TIMER, `Session-Expires: ${seconds}`];
    call
      .invite({ headers: asks(60), sdp: AUDIO })
      .expect(422)
      .ackRefusal();
    hangUp(
      call
        .invite({ headers: asks(90), sdp: AUDIO })
        .expect(200)
        .ack(),
    );
  },
  answerer: (call) => void hungUp(answers(call)),
  record: completed('customer'),
  check: ({ caller }) => expect(header(caller.received(422)[0]!, 'Min-SE')).toBe('90'),
};

const tooShortThere: Scenario = {
  name: '422 of the answerer is followed',
  caller: (call) => void hangUp(call.invite({ sdp: AUDIO }).expect(200).ack()),
  answerer: (call) => {
    call
      .on('INVITE')
      .reply(422, { headers: ['Min-SE: 3600'] })
      .on('ACK');
    hungUp(call.on('INVITE', 'INVITE2').reply(200, { sdp: AUDIO }).on('ACK'));
  },
  record: completed('customer'),
  check: ({ caller, answerer }) => {
    const [first, second] = answerer.received('INVITE');
    expect(header(first!, 'Session-Expires')).toBe('1800');
    expect(header(second!, 'Session-Expires')).toBe('3600');
    expect(header(second!, 'Min-SE')).toBe('3600');
    expect(caller.received(422)).toEqual([]);
  },
};

/** Half of the shortest interval that may be asked for: 45 s. */
const byUsTowardsCaller: Scenario = {
  name: 'refreshed by the gateway towards the caller',
  transports: ['UDP'],
  limitMs: 70_000,
  caller: (call) => {
    const asks = [TIMER, 'Session-Expires: 90;refresher=uas', WITH_UPDATE];
    call.invite({ headers: asks, sdp: AUDIO }).expect(200).ack();
    hangUp(call.on('UPDATE').reply(200, { headers: ['Session-Expires: 90;refresher=uac', 'Require: timer'] }));
  },
  answerer: (call) => void hungUp(answers(call)),
  record: completed('customer'),
  check: ({ caller }) => expect(header(caller.received('UPDATE')[0]!, 'Session-Expires')).toBe('90;refresher=uac'),
};

/** The long one first, so that the others run beside it. */
export const refreshes: readonly Scenario[] = [
  byUsTowardsCaller,
  byCaller,
  byAnswerer,
  byUs('UPDATE'),
  byUs('INVITE'),
  expires,
  tooShortHere,
  tooShortThere,
];
