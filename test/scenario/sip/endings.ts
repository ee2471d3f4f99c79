import { expect } from 'vitest';
import { header } from '../../peers/sip/message-log.js';
import { completed, failed, type Scenario } from './scenario.js';
import { AUDIO, audio, type Script } from './script.js';

/** How calls end, and requests that cross each other. */

const cancelled = { Status: 'Failed', Trunkline: { Code: 'call.cancelled', SipStatus: 487, HangupSide: 'customer' } };

/** The caller gives up and is told so. */
const givesUp = (call: Script): Script => call.cancel().expect(200).expect(487).ackRefusal();
/** The answerer is told, and confirms. */
const isTold = (call: Script): Script => call.on('CANCEL').reply(200).reply(487, { to: 'INVITE' }).on('ACK');

const cancelBeforeRinging: Scenario = {
  name: 'CANCEL before 180',
  caller: (call) => void givesUp(call.invite({ sdp: AUDIO }).pause(1000)),
  answerer: (call) => void isTold(call.on('INVITE').reply(100)),
  record: cancelled,
};

const cancelWhileRinging: Scenario = {
  name: 'CANCEL after 180',
  caller: (call) => void givesUp(call.invite({ sdp: AUDIO }).expect(180).pause(200)),
  answerer: (call) => void isTold(call.on('INVITE').reply(180)),
  record: cancelled,
  check: ({ answerer }) => expect(header(answerer.received('CANCEL')[0]!, 'Reason')).toContain('Q.850;cause=16'),
};

/** What a forking proxy says to the phones that did not answer, so that they show no missed call. */
const ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"';

const cancelWithReason: Scenario = {
  name: 'the Reason of a CANCEL goes on',
  caller: (call) => {
    call
      .invite({ sdp: AUDIO })
      .expect(180)
      .pause(200)
      .cancel({ headers: [`Reason: ${ELSEWHERE}`] });
    call.expect(200).expect(487).ackRefusal();
  },
  answerer: (call) => void isTold(call.on('INVITE').reply(180)),
  record: cancelled,
  check: ({ answerer }) => expect(header(answerer.received('CANCEL')[0]!, 'Reason')).toBe(ELSEWHERE),
};

const refusedWithReason: Scenario = {
  name: 'a refusal goes on with its Reason and X- fields',
  caller: (call) => void call.invite({ sdp: AUDIO }).expect(480).ackRefusal(),
  answerer: (call) => {
    call
      .on('INVITE')
      .reply(480, { headers: ['Reason: Q.850;cause=20;text="Subscriber absent"', 'X-Why: off'] })
      .on('ACK');
  },
  record: { Status: 'Failed', Trunkline: { SipStatus: 480, Q850Cause: 20 } },
  check: ({ caller }) => {
    expect(header(caller.received(480)[0]!, 'Reason')).toContain('cause=20');
    expect(header(caller.received(480)[0]!, 'X-Why')).toBe('off');
  },
};

/** The pause leaves time to connect: a call given up before that never reaches the answerer. */
const cancelBeforeAnyResponse: Scenario = {
  name: 'CANCEL waits for the first response of the answerer',
  caller: (call) => void givesUp(call.invite({ sdp: AUDIO }).pause(500)),
  answerer: (call) => void isTold(call.on('INVITE').pause(1500).reply(180)),
  record: cancelled,
};

const cancelCrossesAnswer: Scenario = {
  name: 'CANCEL crosses the 200 of the answerer: ACK and BYE',
  caller: (call) => void givesUp(call.invite({ sdp: AUDIO }).expect(180).pause(100)),
  answerer: (call) => {
    call.on('INVITE').reply(180).on('CANCEL').reply(200).reply(200, { to: 'INVITE', sdp: AUDIO });
    call.on('ACK').on('BYE').reply(200);
  },
  record: cancelled,
};

const cancelTooLate: Scenario = {
  name: 'CANCEL after the 200 changes nothing',
  caller: (call) => {
    call.invite({ sdp: AUDIO }).expect(200).cancel().expect(200).ack().pause(300).request('BYE').expect(200);
  },
  answerer: (call) => void call.on('INVITE').reply(200, { sdp: AUDIO }).on('ACK').on('BYE').reply(200),
  record: completed('customer'),
};

const ringsTooLong: Scenario = {
  name: 'ring limit: CANCEL to the answerer, 480 to the caller',
  caller: (call) => void call.invite({ sdp: AUDIO }).expect(180).expect(480).ackRefusal(),
  answerer: (call) => void isTold(call.on('INVITE').reply(180)),
  carrier: { ringTimeoutSeconds: 1 },
  record: failed('call.ring-timeout', 480),
};

const byeOfAnswerer: Scenario = {
  name: 'BYE of the answerer, its Reason passed on',
  caller: (call) => void call.invite({ sdp: AUDIO }).expect(200).ack().on('BYE').reply(200),
  answerer: (call) => {
    call.on('INVITE').reply(200, { sdp: AUDIO }).on('ACK').pause(200);
    call.request('BYE', { headers: ['Reason: Q.850;cause=31;text="Normal, unspecified"'] }).expect(200);
  },
  record: completed('remote'),
  check: ({ caller }) => expect(header(caller.received('BYE')[0]!, 'Reason')).toContain('Q.850;cause=31'),
};

const byeGlare: Scenario = {
  name: 'BYE glare: each is answered 200',
  caller: (call) => {
    call.invite({ sdp: AUDIO }).expect(200).ack().on('BYE').request('BYE').expect(200).reply(200, { to: 'BYE' });
  },
  answerer: (call) => {
    call.on('INVITE').reply(200, { sdp: AUDIO }).on('ACK').pause(200).request('BYE').expect(200);
  },
  record: completed('remote'),
};

const reinviteGlare: Scenario = {
  name: 're-INVITE glare: 491 both ways, then one after the other',
  caller: (call) => {
    call.invite({ sdp: AUDIO }).expect(200).ack().pause(200);
    call
      .request('INVITE', { sdp: audio('sendonly', 2) })
      .expect(200)
      .ack();
    call
      .on('INVITE', 're')
      .reply(200, { sdp: audio('sendrecv', 3) })
      .on('ACK')
      .pause(200)
      .request('BYE')
      .expect(200);
  },
  answerer: (call) => {
    call.on('INVITE').reply(200, { sdp: AUDIO }).on('ACK').on('INVITE', 're');
    call
      .request('INVITE', { sdp: audio('sendrecv', 2) })
      .expect(491)
      .ackRefusal();
    call
      .reply(491, { to: 're' })
      .on('ACK')
      .on('INVITE', 're2')
      .reply(200, { sdp: audio('recvonly', 3) })
      .on('ACK');
    call
      .pause(200)
      .request('INVITE', { sdp: audio('sendrecv', 4) })
      .expect(200)
      .ack()
      .on('BYE')
      .reply(200);
  },
  record: completed('customer'),
};

const lostDialog: Scenario = {
  name: '481 to a request inside the dialog ends the call',
  caller: (call) => {
    call.invite({ sdp: AUDIO }).expect(200).ack().pause(200);
    call
      .request('INFO', { headers: ['Info-Package: test'] })
      .expect(481)
      .on('BYE')
      .reply(200);
  },
  answerer: (call) => {
    call.on('INVITE').reply(200, { sdp: AUDIO }).on('ACK').on('INFO').reply(481).on('BYE').reply(481);
  },
  record: completed('remote', 'sip.dialog-lost'),
};

const cancelledReinvite: Scenario = {
  name: 'CANCEL of a re-INVITE ends the change, not the call',
  caller: (call) => {
    call.invite({ sdp: AUDIO }).expect(200).ack().pause(200);
    call
      .request('INVITE', { sdp: audio('sendonly', 2) })
      .pause(200)
      .cancel();
    call.expect(200).expect(487).ackRefusal().pause(300).request('BYE').expect(200);
  },
  answerer: (call) => {
    call.on('INVITE').reply(200, { sdp: AUDIO }).on('ACK').on('INVITE', 're').reply(180);
    call.on('CANCEL', 'STOP').reply(200).reply(487, { to: 're' }).on('ACK').on('BYE').reply(200);
  },
  record: completed('customer'),
};

export const endings: readonly Scenario[] = [
  cancelBeforeRinging,
  cancelWhileRinging,
  cancelWithReason,
  refusedWithReason,
  cancelBeforeAnyResponse,
  cancelCrossesAnswer,
  cancelTooLate,
  ringsTooLong,
  byeOfAnswerer,
  byeGlare,
  reinviteGlare,
  lostDialog,
  cancelledReinvite,
];

/** After 1, 3, 7, 15, 31 and 63 T1; SIPp knows them for repetitions over UDP only. */
const sixTimesMore = (call: Script): Script => {
  for (let times = 0; times < 6; times++) call.expect(200, { optional: true });
  return call;
};

const noAck: Scenario = {
  name: '200 without ACK: BYE to both sides after 64×T1',
  caller: (call) =>
    void sixTimesMore(call.invite({ sdp: AUDIO }).expect(200))
      .on('BYE')
      .reply(200),
  answerer: (call) => void call.on('INVITE').reply(200, { sdp: AUDIO }).on('ACK').on('BYE').reply(200),
  record: completed('gateway', 'call.no-ack'),
  check: ({ caller, answerer }) => {
    for (const side of [caller, answerer]) expect(header(side.received('BYE')[0]!, 'Reason')).toContain('cause=102');
    expect(caller.received(200, 'INVITE').length, 'the 200 was repeated').toBeGreaterThan(3);
  },
};

const noAckAgain: Scenario = {
  name: '200 to a re-INVITE without ACK: BYE to both sides after 64×T1',
  caller: (call) => {
    call.invite({ sdp: AUDIO }).expect(200).ack().pause(100);
    call
      .request('INVITE', { sdp: audio('sendonly', 2) })
      .expect(200)
      .on('BYE')
      .reply(200);
  },
  answerer: (call) => {
    call.on('INVITE').reply(200, { sdp: AUDIO }).on('ACK');
    call
      .on('INVITE', 're')
      .reply(200, { sdp: audio('recvonly', 2) })
      .on('ACK')
      .on('BYE')
      .reply(200);
  },
  record: completed('customer', 'sip.no-ack'),
};

/** For a gateway with a small T1. */
export const unacknowledged: readonly Scenario[] = [noAck, noAckAgain];
