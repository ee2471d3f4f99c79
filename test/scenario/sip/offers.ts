import { expect } from 'vitest';
import { bodyOf, header } from '../../peers/sip/message-log.js';
import { completed, type Scenario } from './scenario.js';
import { AUDIO, audio, FAX, type Script } from './script.js';

/** Offers and answers between the legs: provisional, early, late, again and again. */

const RELIABLE = ['Supported: 100rel'];
const reliably = (rseq: number): string[] => ['Require: 100rel', `RSeq: ${rseq}`];
const WITH_UPDATE = ['Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, INFO, MESSAGE, REFER, NOTIFY'];
const WITHOUT_UPDATE = ['Allow: INVITE, ACK, CANCEL, BYE'];

const hangUp = (call: Script): Script => call.pause(200).request('BYE').expect(200);
const hungUp = (call: Script): Script => call.on('BYE').reply(200);

/** Direction of the description in a message. */
const direction = (message: string | undefined): string | undefined =>
  /^a=(sendrecv|sendonly|recvonly|inactive)\r$/m.exec(bodyOf(message ?? ''))?.[1];

const prackBoth: Scenario = {
  name: 'PRACK on both sides',
  caller: (call) => {
    call.invite({ headers: RELIABLE, sdp: AUDIO }).expect(183, { reliable: true }).prack().expect(200);
    hangUp(call.expect(200).ack());
  },
  answerer: (call) => {
    call
      .on('INVITE')
      .reply(183, { headers: reliably(4711), sdp: AUDIO })
      .on('PRACK')
      .reply(200)
      .pause(300);
    hungUp(call.reply(200, { to: 'INVITE' }).on('ACK'));
  },
  record: completed('customer'),
  check: ({ caller, answerer }) => {
    expect(header(answerer.received('PRACK')[0]!, 'RAck')).toBe('4711 1 INVITE');
    expect(header(caller.received(183)[0]!, 'Require')).toBe('100rel');
    expect(direction(caller.received(183)[0])).toBe('sendrecv');
  },
};

const prackAnswerer: Scenario = {
  name: 'PRACK on the answering side only',
  caller: (call) => {
    hangUp(call.invite({ sdp: AUDIO }).expect(183).expect(200).ack());
  },
  answerer: (call) => {
    call
      .on('INVITE')
      .reply(183, { headers: reliably(1), sdp: AUDIO })
      .on('PRACK')
      .reply(200)
      .pause(300);
    hungUp(call.reply(200, { to: 'INVITE' }).on('ACK'));
  },
  record: completed('customer'),
  check: ({ caller }) => {
    expect(header(caller.received(183)[0]!, 'Require')).toBeUndefined();
    expect(header(caller.received(183)[0]!, 'RSeq')).toBeUndefined();
    expect(direction(caller.received(183)[0])).toBe('sendrecv');
  },
};

const prackCaller: Scenario = {
  name: 'PRACK on the calling side only, which requires it',
  caller: (call) => {
    call
      .invite({ headers: ['Require: 100rel'], sdp: AUDIO })
      .expect(180, { reliable: true })
      .prack()
      .expect(200);
    hangUp(call.expect(200).ack());
  },
  answerer: (call) => {
    hungUp(call.on('INVITE').reply(180).pause(400).reply(200, { sdp: AUDIO }).on('ACK'));
  },
  record: completed('customer'),
  check: ({ answerer }) => expect(answerer.received('PRACK')).toEqual([]),
};

const update: Scenario = {
  name: 'UPDATE with a new offer',
  caller: (call) => {
    call.invite({ headers: WITH_UPDATE, sdp: AUDIO }).expect(200).ack().pause(200);
    hangUp(call.request('UPDATE', { sdp: audio('sendonly', 2) }).expect(200));
  },
  answerer: (call) => {
    call.on('INVITE').reply(200, { headers: WITH_UPDATE, sdp: AUDIO }).on('ACK');
    hungUp(call.on('UPDATE').reply(200, { sdp: audio('recvonly', 2) }));
  },
  record: completed('customer'),
  check: ({ caller, answerer }) => {
    expect(direction(answerer.received('UPDATE')[0])).toBe('sendonly');
    expect(direction(caller.received(200, 'UPDATE')[0])).toBe('recvonly');
  },
};

const updateAsReinvite: Scenario = {
  name: 'UPDATE to a side that lacks it becomes a re-INVITE',
  caller: (call) => {
    call.invite({ headers: WITH_UPDATE, sdp: AUDIO }).expect(200).ack().pause(200);
    hangUp(call.request('UPDATE', { sdp: audio('sendonly', 2) }).expect(200));
  },
  answerer: (call) => {
    call.on('INVITE').reply(200, { headers: WITHOUT_UPDATE, sdp: AUDIO }).on('ACK');
    hungUp(
      call
        .on('INVITE', 're')
        .reply(200, { sdp: audio('recvonly', 2) })
        .on('ACK'),
    );
  },
  record: completed('customer'),
  check: ({ caller, answerer }) => {
    expect(direction(answerer.received('INVITE')[1])).toBe('sendonly');
    expect(direction(caller.received(200, 'UPDATE')[0])).toBe('recvonly');
  },
};

const earlyUpdate: Scenario = {
  name: 'UPDATE in an early dialog',
  caller: (call) => {
    const headers = [...RELIABLE, ...WITH_UPDATE];
    call.invite({ headers, sdp: AUDIO }).expect(183, { reliable: true }).prack().expect(200).pause(200);
    call.request('UPDATE', { sdp: audio('sendrecv', 2, '8') }).expect(200);
    hangUp(call.expect(200).ack());
  },
  answerer: (call) => {
    const headers = [...reliably(7), ...WITH_UPDATE];
    call.on('INVITE').reply(183, { headers, sdp: AUDIO }).on('PRACK').reply(200);
    call
      .on('UPDATE')
      .reply(200, { sdp: audio('sendrecv', 2, '8') })
      .pause(300);
    hungUp(call.reply(200, { to: 'INVITE' }).on('ACK'));
  },
  record: completed('customer'),
  check: ({ caller }) => expect(bodyOf(caller.received(200, 'UPDATE')[0]!)).toContain('PCMA'),
};

const earlyUpdateOfAnswerer: Scenario = {
  name: 'UPDATE of the answerer in an early dialog',
  caller: (call) => {
    const headers = [...RELIABLE, ...WITH_UPDATE];
    call.invite({ headers, sdp: AUDIO }).expect(183, { reliable: true }).prack().expect(200);
    call.on('UPDATE').reply(200, { sdp: audio('sendrecv', 2, '8') });
    hangUp(call.expect(200).ack());
  },
  answerer: (call) => {
    const headers = [...reliably(7), ...WITH_UPDATE];
    call.on('INVITE').reply(183, { headers, sdp: AUDIO }).on('PRACK').reply(200).pause(200);
    call
      .request('UPDATE', { sdp: audio('sendrecv', 2, '8') })
      .expect(200)
      .pause(200);
    hungUp(call.reply(200, { to: 'INVITE' }).on('ACK'));
  },
  record: completed('customer'),
  check: ({ caller, answerer }) => {
    expect(bodyOf(caller.received('UPDATE')[0]!)).toContain('PCMA');
    expect(bodyOf(answerer.received(200, 'UPDATE')[0]!)).toContain('PCMA');
  },
};

const reinviteAtOnce: Scenario = {
  name: 're-INVITE of the answerer right behind its ACK',
  caller: (call) => {
    call.invite({ sdp: AUDIO }).expect(200).ack();
    hangUp(
      call
        .on('INVITE', 're')
        .reply(200, { sdp: audio('sendrecv', 2, '8') })
        .on('ACK'),
    );
  },
  answerer: (call) => {
    call.on('INVITE').reply(200, { sdp: AUDIO }).on('ACK');
    hungUp(
      call
        .request('INVITE', { sdp: audio('sendrecv', 2, '8') })
        .expect(200)
        .ack(),
    );
  },
  record: completed('customer'),
};

const oldHold: Scenario = {
  name: 'hold the old way, with c=0.0.0.0',
  caller: (call) => {
    call.invite({ sdp: AUDIO }).expect(200).ack().pause(200);
    const held = AUDIO.replace('IN IP[media_ip_type] [media_ip]\nt=', 'IN IP4 0.0.0.0\nt=').replace('1 1 IN', '1 2 IN');
    hangUp(call.request('INVITE', { sdp: held }).expect(200).ack());
  },
  answerer: (call) => {
    call.on('INVITE').reply(200, { sdp: AUDIO }).on('ACK');
    hungUp(
      call
        .on('INVITE', 're')
        .reply(200, { sdp: audio('recvonly', 2) })
        .on('ACK'),
    );
  },
  record: completed('customer'),
  check: ({ answerer }) => {
    const offer = answerer.received('INVITE')[1]!;
    expect(['sendonly', 'inactive']).toContain(direction(offer));
    expect(bodyOf(offer)).not.toContain('0.0.0.0');
  },
};

/** Hold and resume, asked for by `holder` in re-INVITEs. */
const hold = (holder: 'caller' | 'answerer'): Scenario => {
  const asks = (call: Script): Script =>
    call
      .pause(200)
      .request('INVITE', { sdp: audio('sendonly', 2) })
      .expect(200)
      .ack()
      .pause(300)
      .request('INVITE', { sdp: audio('sendrecv', 3) })
      .expect(200)
      .ack();
  const follows = (call: Script): Script =>
    call
      .on('INVITE', 're')
      .reply(200, { sdp: audio('recvonly', 2) })
      .on('ACK')
      .on('INVITE', 're2')
      .reply(200, { sdp: audio('sendrecv', 3) })
      .on('ACK');
  const turn = (side: 'caller' | 'answerer') => (side === holder ? asks : follows);
  return {
    name: `hold and resume by the ${holder}`,
    caller: (call) => void hangUp(turn('caller')(call.invite({ sdp: AUDIO }).expect(200).ack())),
    answerer: (call) => void hungUp(turn('answerer')(call.on('INVITE').reply(200, { sdp: AUDIO }).on('ACK'))),
    record: completed('customer'),
    check: (seen) => {
      const other = holder === 'caller' ? seen.answerer : seen.caller;
      const offers = other.received('INVITE').slice(holder === 'caller' ? 1 : 0);
      expect(offers.map(direction)).toEqual(['sendonly', 'sendrecv']);
      const versions = offers.map((offer) => /^o=\S+ \d+ (\d+) /m.exec(bodyOf(offer))?.[1]);
      expect(Number(versions[1]) - Number(versions[0]), 'each changed description has the next version').toBe(1);
    },
  };
};

const lateOffer: Scenario = {
  name: 'late offer: the 200 offers, the ACK answers',
  caller: (call) => {
    hangUp(call.invite().expect(180).expect(200).ack({ sdp: AUDIO }));
  },
  answerer: (call) => {
    hungUp(call.on('INVITE').reply(180).reply(200, { sdp: AUDIO }).on('ACK'));
  },
  record: completed('customer'),
  check: ({ caller, answerer }) => {
    expect(bodyOf(answerer.received('INVITE')[0]!)).toBe('');
    expect(direction(caller.received(200, 'INVITE')[0])).toBe('sendrecv');
    expect(direction(answerer.received('ACK')[0])).toBe('sendrecv');
  },
};

const lateOfferReliable: Scenario = {
  name: 'late offer in a reliable 183, answered in PRACK',
  caller: (call) => {
    call.invite({ headers: RELIABLE }).expect(183, { reliable: true }).prack({ sdp: AUDIO }).expect(200);
    hangUp(call.expect(200).ack());
  },
  answerer: (call) => {
    call
      .on('INVITE')
      .reply(183, { headers: reliably(9), sdp: AUDIO })
      .on('PRACK')
      .reply(200)
      .pause(300);
    hungUp(call.reply(200, { to: 'INVITE' }).on('ACK'));
  },
  record: completed('customer'),
  check: ({ answerer }) => expect(direction(answerer.received('PRACK')[0])).toBe('sendrecv'),
};

const lateOfferAgain: Scenario = {
  name: 're-INVITE without an offer',
  caller: (call) => {
    call.invite({ sdp: AUDIO }).expect(200).ack().pause(200);
    hangUp(
      call
        .request('INVITE')
        .expect(200)
        .ack({ sdp: audio('sendrecv', 2) }),
    );
  },
  answerer: (call) => {
    call.on('INVITE').reply(200, { sdp: AUDIO }).on('ACK');
    hungUp(
      call
        .on('INVITE', 're')
        .reply(200, { sdp: audio('sendrecv', 2) })
        .on('ACK'),
    );
  },
  record: completed('customer'),
  check: ({ caller, answerer }) => {
    expect(bodyOf(answerer.received('INVITE')[1]!)).toBe('');
    expect(direction(caller.received(200, 'INVITE')[1])).toBe('sendrecv');
    expect(direction(answerer.received('ACK')[1])).toBe('sendrecv');
  },
};

const codecChange: Scenario = {
  name: 're-INVITE with another codec, refused with 488, call goes on',
  caller: (call) => {
    call.invite({ sdp: AUDIO }).expect(200).ack().pause(200);
    hangUp(
      call
        .request('INVITE', { sdp: audio('sendrecv', 2, '8') })
        .expect(488)
        .ackRefusal(),
    );
  },
  answerer: (call) => {
    call.on('INVITE').reply(200, { sdp: AUDIO }).on('ACK');
    hungUp(call.on('INVITE', 're').reply(488).on('ACK'));
  },
  record: completed('customer'),
  check: ({ answerer }) => expect(bodyOf(answerer.received('INVITE')[1]!)).toContain('PCMA'),
};

const fax: Scenario = {
  name: 'T.38 by re-INVITE of the answerer',
  caller: (call) => {
    call.invite({ sdp: AUDIO }).expect(200).ack();
    hangUp(call.on('INVITE', 're').reply(200, { sdp: FAX }).on('ACK'));
  },
  answerer: (call) => {
    call.on('INVITE').reply(200, { sdp: AUDIO }).on('ACK').pause(200);
    hungUp(call.request('INVITE', { sdp: FAX }).expect(200).ack());
  },
  record: completed('customer'),
  check: ({ caller, answerer }) => {
    for (const message of [caller.received('INVITE')[0]!, answerer.received(200, 'INVITE')[0]!]) {
      const description = bodyOf(message);
      expect(description).toMatch(/^m=audio 0 /m);
      expect(description).toMatch(/^m=image [1-9]\d* udptl t38\r$/m);
      expect(description).toContain('a=T38FaxUdpEC:t38UDPRedundancy');
    }
  },
};

export const offers: readonly Scenario[] = [
  prackBoth,
  prackAnswerer,
  prackCaller,
  update,
  updateAsReinvite,
  earlyUpdate,
  earlyUpdateOfAnswerer,
  reinviteAtOnce,
  oldHold,
  hold('caller'),
  hold('answerer'),
  lateOffer,
  lateOfferReliable,
  lateOfferAgain,
  codecChange,
  fax,
];
