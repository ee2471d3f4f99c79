import { describe, expect, it } from 'vitest';
import {
  askRows,
  minimumSe,
  refusedMinimum,
  type SessionTerms,
  sessionExpires,
  settleAsUac,
  settleAsUas,
} from '../../../src/sip/dialog/index.js';
import { SipRequest, SipResponse } from '../../../src/sip/message/index.js';

const filled = <Message extends SipRequest | SipResponse>(message: Message, rows: Record<string, string>): Message => {
  for (const [name, value] of Object.entries(rows)) message.headers.append(name, value);
  return message;
};
const request = (rows: Record<string, string>) => filled(SipRequest.create('INVITE', 'sip:x'), rows);
const response = (rows: Record<string, string>) => filled(SipResponse.create(200), rows);

describe('Session-Expires', () => {
  it.each([
    ['1800', { seconds: 1800, refresher: undefined }],
    ['1800;refresher=uac', { seconds: 1800, refresher: 'uac' }],
    ['1800 ; Refresher = UAS;x=y', { seconds: 1800, refresher: 'uas' }],
    ['soon', undefined],
    ['-5', undefined],
    ['99999999999', undefined],
  ])('%s', (value, expected) => {
    expect(sessionExpires(request({ 'Session-Expires': value }))).toEqual(expected);
  });

  it('has a minimum of 90 whatever Min-SE says', () => {
    expect([
      minimumSe(request({})),
      minimumSe(request({ 'Min-SE': '30' })),
      minimumSe(request({ 'Min-SE': '200' })),
    ]).toEqual([90, 90, 200]);
  });

  it('is refused below the minimum only to those who understand', () => {
    expect(refusedMinimum(request({ 'Session-Expires': '60', Supported: 'timer' }), 90)).toBe(90);
    expect(refusedMinimum(request({ 'Session-Expires': '60' }), 90)).toBeUndefined();
    expect(refusedMinimum(request({ 'Session-Expires': '90', Supported: 'timer' }), 90)).toBeUndefined();
    expect(refusedMinimum(request({ Supported: 'timer' }), 90)).toBeUndefined();
  });
});

describe('the terms of a session', () => {
  const us: SessionTerms = { intervalSeconds: 600, refresher: 'us' };
  const them: SessionTerms = { intervalSeconds: 600, refresher: 'them' };

  it('as UAS keep the refresher of the session unless the request names one', () => {
    const refresh = request({ 'Session-Expires': '600', Supported: 'timer' });
    expect(settleAsUas(refresh, 1800, us)!.terms.refresher).toBe('us');
    expect(settleAsUas(refresh, 1800, them)!.terms.refresher).toBe('them');
    expect(settleAsUas(refresh, 1800, undefined)!.terms.refresher).toBe('them');
    const named = request({ 'Session-Expires': '600;refresher=uas', Supported: 'timer' });
    expect(settleAsUas(named, 1800, them)!.terms.refresher).toBe('us');
  });

  it('as UAC are what the 2xx says', () => {
    expect(settleAsUac(response({ 'Session-Expires': '600;refresher=uas' }))).toEqual(them);
    expect(settleAsUac(response({ 'Session-Expires': '600;refresher=uac' }))).toEqual(us);
    expect(settleAsUac(response({ 'Session-Expires': '600' }))).toEqual(us);
    expect(settleAsUac(response({}))).toBeUndefined();
  });

  it('are asked for again with the roles of the request', () => {
    expect(askRows(600, 90, undefined)).toEqual([
      ['Session-Expires', '600'],
      ['Min-SE', '90'],
    ]);
    expect(askRows(600, 900, us)).toEqual([
      ['Session-Expires', '900;refresher=uac'],
      ['Min-SE', '900'],
    ]);
    expect(askRows(600, 90, them)[0]).toEqual(['Session-Expires', '600;refresher=uas']);
  });
});
