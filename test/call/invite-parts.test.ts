import { describe, expect, it } from 'vitest';
import { identityFor } from '../../src/call/invite-parts.js';
import type { PlannedAttempt } from '../../src/routing/index.js';
import { NameAddress, parseDatagram, SipRequest } from '../../src/sip/index.js';

function invite(from: string, ...rows: string[]): SipRequest {
  const head = [
    'INVITE sip:+12065550100@gw.example SIP/2.0',
    'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1',
    `From: ${from};tag=1`,
    'To: <sip:+12065550100@gw.example>',
    'Call-ID: 1',
    'CSeq: 1 INVITE',
    ...rows,
  ];
  const outcome = parseDatagram(Buffer.from(`${head.join('\r\n')}\r\n\r\n`));
  if (outcome.kind !== 'message' || !(outcome.message instanceof SipRequest)) throw new Error('no request');
  return outcome.message;
}

const planned = (kind: 'carrier' | 'route', callerIdIn: readonly string[] = ['From', 'P-Asserted-Identity']) =>
  ({
    kind,
    host: '192.0.2.9',
    protocol: 'UDP',
    calledNumber: '+12065550100',
    callingNumber: '+12025550122',
    callerIdIn,
    headers: [],
    removeHeaders: [],
  }) as unknown as PlannedAttempt;

const presented = (kind: 'carrier' | 'route', request: SipRequest, callerIdIn?: readonly string[]) => {
  const { from, headers } = identityFor(planned(kind, callerIdIn), request, 'vc.example');
  const all = (name: string) => headers.filter(([each]) => each === name).map(([, value]) => value);
  return { from, asserted: all('P-Asserted-Identity'), privacy: all('Privacy') };
};

const CALLER = '"Ann" <sip:+12025550122@vc.example>';
const ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>';
const SHOWN = '"Ann" <sip:+12025550122@c.example>';

describe('what a caller calls himself', () => {
  it.each([
    ['a>;tag=2,<sip:b', 'a%3E%3Btag%3D2%2C%3Csip%3Ab'.replace('%3D', '=')],
    ['a@evil.example', 'a%40evil.example'],
    ['"Ann" \\', '%22Ann%22%20%5C'],
    ['*67#', '*67%23'],
    ['+12025550122', '+12025550122'],
  ])('stays the user of one URI: %s', (callingNumber, user) => {
    const target = { ...planned('carrier'), callingNumber } as PlannedAttempt;
    const { from, headers } = identityFor(target, invite('<sip:x@c.example>'), 'vc.example');
    const asserted = headers.find(([name]) => name === 'P-Asserted-Identity')?.[1];
    expect(from).toBe(`<sip:${user}@vc.example>`);
    expect(asserted).toBe(from);
    const address = NameAddress.parse(from);
    expect(address.params.size).toBe(0);
    expect(address.sipUri).toMatchObject({ unescapedUser: callingNumber, host: 'vc.example' });
  });
});

describe('the caller as a customer sees him', () => {
  it('is named where nothing is withheld', () => {
    expect(presented('route', invite(SHOWN))).toEqual({ from: CALLER, asserted: [CALLER], privacy: [] });
    const none = presented('route', invite(SHOWN, 'Privacy: none'));
    expect(none).toEqual({ from: CALLER, asserted: [CALLER], privacy: ['none'] });
  });

  it.each([
    ['id', SHOWN],
    ['user;critical', SHOWN],
    ['header; id', ANONYMOUS],
  ])('is unknown under Privacy: %s', (privacy, from) => {
    const request = invite(from, `Privacy: ${privacy}`, 'P-Asserted-Identity: <sip:+12025550122@c.example>');
    expect(presented('route', request)).toEqual({ from: ANONYMOUS, asserted: [], privacy: [privacy] });
  });

  it('is unknown where he shows himself as anonymous', () => {
    const request = invite(ANONYMOUS, 'P-Asserted-Identity: <sip:+12025550122@c.example>');
    expect(presented('route', request)).toEqual({ from: ANONYMOUS, asserted: [], privacy: [] });
  });
});

describe('the caller as a carrier sees him', () => {
  it('is asserted with what he withholds from others', () => {
    const asked = presented('carrier', invite(SHOWN, 'Privacy: id'));
    expect(asked).toEqual({ from: CALLER, asserted: [CALLER], privacy: ['id'] });
    const { asserted, privacy, from } = presented('carrier', invite(ANONYMOUS));
    expect({ from, privacy }).toEqual({ from: ANONYMOUS, privacy: ['id'] });
    expect(asserted).toEqual(['"Anonymous" <sip:+12025550122@vc.example>']);
  });

  it('is asserted alone where the carrier wants no From, and nothing is withheld', () => {
    const only = presented('carrier', invite(SHOWN), ['P-Asserted-Identity']);
    expect(only).toEqual({ from: ANONYMOUS, asserted: [CALLER], privacy: [] });
  });
});
