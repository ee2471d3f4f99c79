import { describe, expect, it } from 'vitest';
import {
  CARRIER_ADDRESS,
  CONNECTOR,
  carrier,
  connector,
  FAR_NUMBER,
  OUR_NUMBER,
  startGateway,
} from '../../support/gateway.js';
import { eventually, needs, pause } from '../../support/program.js';
import { runCaller } from '../../support/sipp.js';
import { startWithApi } from './api-client.js';
import { FarEnd } from './far-end.js';
import { type Asked, authorization, nonceOf, ScriptedPhone } from './scripted-phone.js';

/** What the policy answers, or does not, to peers that SIPp's scenarios cannot play. */

const HOST = `${CONNECTOR}.voiceconnector.localhost`;
const REALM = 'voiceconnector.localhost';
/** Not E.164: an admitted caller is answered 484, and no call is placed. */
const INCOMPLETE: Asked = { called: '5550122', host: HOST };

describe('digest', () => {
  const guarded = (nonceSeconds: number) =>
    startGateway({
      sip: { authentication: { algorithms: ['MD5'], nonceSeconds } },
      carriers: [carrier([9])],
      voiceConnectors: [connector({ termination: { credentials: [{ username: 'pbx', password: 'right' }] } })],
    });
  const answering = (nonce: string, nc: number) => {
    const line = authorization(INCOMPLETE, REALM, { username: 'pbx', password: 'right', nonce, nc });
    return { ...INCOMPLETE, headers: [line] };
  };

  it('a nonce count used before is challenged anew, and not as stale', async () => {
    const gateway = await guarded(300);
    const phone = await ScriptedPhone.start(gateway.sipPort);
    const challenge = await phone.invite(INCOMPLETE);
    expect(challenge.status).toBe(401);
    const nonce = nonceOf(challenge);
    expect((await phone.invite(answering(nonce, 1))).status).toBe(484);
    const replayed = await phone.invite(answering(nonce, 1));
    expect(replayed.status).toBe(401);
    expect(replayed.text).not.toMatch(/stale=true/i);
    expect((await phone.invite(answering(nonceOf(replayed), 1))).status).toBe(484);
  });

  it('a nonce that is too old is challenged with stale=true, and the new one is taken', {
    timeout: 60_000,
  }, async () => {
    const gateway = await guarded(10);
    const phone = await ScriptedPhone.start(gateway.sipPort);
    const nonce = nonceOf(await phone.invite(INCOMPLETE));
    let nc = 0;
    const stale = await eventually(
      'the nonce to grow old',
      async () => {
        const answer = await phone.invite(answering(nonce, ++nc));
        if (answer.status !== 484) return answer;
        await pause(500);
        return false;
      },
      40_000,
    );
    expect(nc).toBeGreaterThan(1);
    expect(stale.status).toBe(401);
    expect(stale.text).toMatch(/stale=true/i);
    expect(nonceOf(stale)).not.toBe(nonce);
    expect((await phone.invite(answering(nonceOf(stale), 1))).status).toBe(484);
  });
});

describe('silence, where unknown sources are dropped', () => {
  it('is all that strangers hear, and customers at a connector that is not theirs', async () => {
    const other = 'other00000000000000001';
    const gateway = await startGateway({
      sip: { unknownSource: 'drop' },
      carriers: [carrier([9])],
      voiceConnectors: [
        connector(),
        {
          ...connector({ id: other, name: 'Other', phoneNumbers: [] }),
          termination: { cidrAllowedList: ['127.0.0.7/32'] },
        },
      ],
    });
    const stranger = await ScriptedPhone.start(gateway.sipPort, '127.0.0.66');
    const customer = await ScriptedPhone.start(gateway.sipPort, '127.0.0.1');
    stranger.send(INCOMPLETE);
    const denied = customer.send({ ...INCOMPLETE, host: `${other}.voiceconnector.localhost` });
    stranger.send({ ...INCOMPLETE, host: '127.0.0.1' });
    // Answered after those: they have been looked at by then.
    expect((await customer.invite(INCOMPLETE)).status).toBe(484);
    expect((await customer.invite(INCOMPLETE)).status).toBe(484);
    expect(customer.finals(denied)).toEqual([]);
    expect(stranger.heard).toBe(0);
  });
});

describe('a carrier that must encrypt', () => {
  it('gets 488 and Warning 304 for clear media; over SRTP its call is looked at further', async () => {
    const gateway = await startGateway({
      carriers: [carrier([9], { encryption: 'required', sources: [`${CARRIER_ADDRESS}/32`] })],
      voiceConnectors: [connector()],
    });
    const phone = await ScriptedPhone.start(gateway.sipPort, CARRIER_ADDRESS);
    const asked = { called: '+12065559999', caller: FAR_NUMBER, host: '127.0.0.1' };
    const clear = await phone.invite({ ...asked, called: OUR_NUMBER });
    expect(clear).toMatchObject({ status: 488, reason: 'Calls of this carrier require SRTP (RTP/SAVP)' });
    expect(clear.header('Warning')).toMatch(/^304 /);
    expect(await phone.invite({ ...asked, profile: 'RTP/SAVP' })).toMatchObject({
      status: 404,
      reason: 'Called number is not assigned',
    });
  });
});

describe('a node with more calls than it can judge in time', () => {
  it('answers 503 with Retry-After, and takes calls again afterwards', { timeout: 60_000 }, async () => {
    const gateway = await startGateway({ carriers: [carrier([9])], voiceConnectors: [connector()] });
    const phone = await ScriptedPhone.start(gateway.sipPort);
    const shed = await eventually(
      'a 503',
      async () => {
        for (let burst = 0; burst < 400; burst++) phone.send(INCOMPLETE);
        await pause(20);
        return phone.first(503);
      },
      40_000,
    );
    const reasons = async () => (await gateway.metrics()).by('trunkline_decisions_total', 'reason');
    expect((await reasons())['node.overloaded']).toBeGreaterThan(0);
    expect(Number(shed.header('Retry-After'))).toBeGreaterThanOrEqual(1);
    expect(Number(shed.header('Retry-After'))).toBeLessThanOrEqual(5);
    await eventually('room again', async () => (await phone.invite(INCOMPLETE)).status === 484, 40_000);
    expect(gateway.running).toBe(true);
  });
});

describe('two participants of a proxy session', () => {
  const A = '+12025550151';
  const B = '+12025550152';

  it('reach each other by one number, see that number only, and no longer once it has expired', {
    timeout: 60_000,
  }, async (context) => {
    needs(context, 'sipp');
    const farEnd = await FarEnd.start();
    const { gateway, api } = await startWithApi({
      carriers: [carrier([farEnd.port], { sources: [`${CARRIER_ADDRESS}/32`] })],
      voiceConnectors: [connector()],
    });
    const call = (scenario: string, caller: string, fill: Record<string, string> = {}) =>
      runCaller({
        scenario,
        fill,
        target: `127.0.0.1:${gateway.sipPort}`,
        address: CARRIER_ADDRESS,
        keys: { called: OUR_NUMBER, caller, host: `127.0.0.1:${gateway.sipPort}` },
        calls: 1,
        callsPerSecond: 1,
        limitMs: 20_000,
      });
    const open = (expiryMinutes: number) =>
      api.call('POST', '/proxy-sessions', {
        voiceConnectorId: CONNECTOR,
        participants: [{ phoneNumber: A }, { phoneNumber: B }],
        expiryMinutes,
      });
    const session = await open(5);
    expect(session.status).toBe(201);
    for (const [caller, callee] of [
      [A, B],
      [B, A],
    ] as const) {
      const before = farEnd.inviteTexts.length;
      const result = await call('uac-short', caller);
      expect(result, result.errors + gateway.tail()).toMatchObject({ status: 0, successful: 1 });
      const [invite] = farEnd.inviteTexts.slice(before);
      expect(invite).toMatch(new RegExp(`^INVITE sip:\\${callee}@`));
      expect(invite).toMatch(new RegExp(`^From:.*sip:\\${OUR_NUMBER}@`, 'm'));
      expect(invite).not.toContain(caller.slice(1));
    }
    expect((await api.call('DELETE', `/proxy-sessions/${session.body.id}`)).status).toBe(200);
    expect((await open(1 / 60)).status).toBe(201);
    const gone = { status: '404', reason: 'Proxy session has expired' };
    await eventually(
      'the session to expire',
      async () => (await call('uac-refused-reason', A, gone)).status === 0,
      30_000,
    );
    expect(farEnd.inviteTexts.length).toBeGreaterThanOrEqual(2);
  });
});
