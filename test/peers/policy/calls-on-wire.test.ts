import { describe, expect, it } from 'vitest';
import { CONNECTOR, carrier, connector, FAR_NUMBER, OUR_NUMBER, startGateway } from '../../support/gateway.js';
import { FarEnd } from './far-end.js';
import { type Asked, ScriptedPhone } from './scripted-phone.js';

/** What a carrier hears of calls that the policy lets through: numbers, callers, emergencies. */

const HOST = `${CONNECTOR}.voiceconnector.localhost`;
const SECOND_NUMBER = '+12065550101';

/** A gateway whose carrier declines every call, and a customer's phone. */
async function scene(termination: object, more: object = {}) {
  const farEnd = await FarEnd.start({ status: 486 });
  const gateway = await startGateway({
    carriers: [carrier([farEnd.port])],
    voiceConnectors: [connector({ termination, phoneNumbers: [OUR_NUMBER, SECOND_NUMBER], ...more })],
  });
  const phone = await ScriptedPhone.start(gateway.sipPort);
  /** Places a call; gives its final status, and the carrier's INVITE where one came. */
  const call = async (asked: Omit<Asked, 'host'>) => {
    const before = farEnd.inviteTexts.length;
    const { status } = await phone.invite({ host: HOST, ...asked });
    return { status, invite: farEnd.inviteTexts[before] ?? '' };
  };
  return { gateway, farEnd, call };
}

const called = (invite: string) => /^INVITE sip:([^@;]+)@/.exec(invite)?.[1];
const caller = (invite: string) => /^From:.*?sip:([^@;>]+)@/m.exec(invite)?.[1];
const asserted = (invite: string) => /^P-Asserted-Identity:.*?sip:([^@;>]+)@/m.exec(invite)?.[1];

describe('numbers', () => {
  it('lose their visual separators; national ones are completed where the connector says so', async () => {
    const { call } = await scene({ nationalNumbersOf: 'US' });
    for (const written of [
      FAR_NUMBER,
      '+1-202-555-0122',
      '+1.(202)555.0122',
      '2025550122',
      '202-555-0122',
      '12025550122',
    ]) {
      const { status, invite } = await call({ called: written });
      expect([written, status, called(invite)]).toEqual([written, 486, FAR_NUMBER]);
    }
    expect((await call({ called: '5550122' })).status).toBe(484);
  });
});

describe('caller IDs', () => {
  const identity = (number: string) => [`P-Asserted-Identity: <sip:${number}@127.0.0.1>`];

  it('P-Asserted-Identity goes before From', async () => {
    const { call } = await scene({});
    const { status, invite } = await call({ called: FAR_NUMBER, caller: OUR_NUMBER, headers: identity(SECOND_NUMBER) });
    expect([status, caller(invite), asserted(invite)]).toEqual([486, SECOND_NUMBER, SECOND_NUMBER]);
    const foreign = await call({ called: FAR_NUMBER, caller: OUR_NUMBER, headers: identity('+12065559999') });
    expect(foreign).toEqual({ status: 403, invite: '' });
  });

  it('the default number takes the place of one that is not the connector’s', async () => {
    const { call } = await scene({ defaultPhoneNumber: SECOND_NUMBER });
    for (const foreign of ['+12065559999', '100']) {
      const { status, invite } = await call({ called: FAR_NUMBER, caller: foreign });
      expect([foreign, status, caller(invite)]).toEqual([foreign, 486, SECOND_NUMBER]);
      expect(invite).not.toContain('2065559999');
    }
    // Who withholds himself stays anonymous in From; the carrier is told the number beside it.
    const withheld = await call({ called: FAR_NUMBER, caller: 'anonymous' });
    expect([withheld.status, caller(withheld.invite), asserted(withheld.invite)]).toEqual([
      486,
      'anonymous',
      SECOND_NUMBER,
    ]);
  });
});

describe('emergency calls', () => {
  const LOCATION = [
    'Content-Type: application/pidf+xml',
    'Content-ID: <where@phone.example>',
    '',
    '<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="pres:a@b"><tuple id="1"/></presence>',
  ].join('\r\n');
  const GEOLOCATION = 'Geolocation: <cid:where@phone.example>';
  const origination = { routes: [{ host: '127.0.0.1', port: 9 }] };
  const dnis = [{ emergencyPhoneNumber: '+12065550911', testPhoneNumber: '+12065550933', callingCountry: 'US' }];

  it('pass every limit, with their location as it came', async () => {
    const limits = { callingRegions: [], cpsLimit: 1, maxCalls: 1 };
    const { gateway, farEnd, call } = await scene(limits, { emergency: { dnis }, origination });
    const urgent = { called: '911', caller: '+12065559999', headers: [GEOLOCATION], parts: [LOCATION] };
    for (const { status, invite } of await Promise.all([call(urgent), call(urgent), call(urgent)]))
      expect([status, invite.length > 0]).toEqual([486, true]);
    expect(farEnd.invites).toBe(3);
    for (const invite of farEnd.inviteTexts) {
      expect([called(invite), caller(invite)]).toEqual(['+12065550911', '+12065559999']);
      expect(invite).toContain(`${GEOLOCATION}\r\n`);
      expect(invite).toContain(LOCATION);
    }
    const test = await call({ called: '933' });
    expect([test.status, called(test.invite)]).toEqual([486, '+12065550933']);
    // An ordinary call is judged by those limits still.
    expect((await call({ called: FAR_NUMBER })).status).toBe(403);
    const records = await gateway.recordsOnceThere(5);
    const codes = records.flatMap(({ Trunkline }) => Trunkline.Trace.flatMap(({ code }) => code ?? []));
    expect(codes.filter((code) => code === 'emergency.call')).toHaveLength(3);
    expect(codes.filter((code) => code === 'emergency.test-call')).toHaveLength(1);
  });
});
