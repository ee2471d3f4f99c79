import { describe, expect, it } from 'vitest';
import { type ValidationPolicy, validateRequest } from '../../../src/sip/message/index.js';
import { inviteBytes, parsedRequest } from './support.js';

const sdp = { 'Content-Type': 'application/sdp' };

function refusal(rows: Record<string, string>, body = '', startLine?: string, policy?: ValidationPolicy) {
  return validateRequest(parsedRequest(inviteBytes(rows, body, startLine)), policy);
}

const request = (method: string, uri = 'sip:bob@example.com') => `${method} ${uri} SIP/2.0`;

describe('validateRequest', () => {
  it('lets good requests pass', () => {
    expect(refusal(sdp, 'v=0')).toBeUndefined();
    expect(refusal({ Accept: 'text/plain, application/SDP;level=1' })).toBeUndefined();
    expect(refusal({ Accept: '*/*' })).toBeUndefined();
    expect(refusal({ Date: 'Sat, 13 Nov 2010 23:29:00 GMT' })).toBeUndefined();
    expect(refusal({}, '', request('INVITE', 'tel:+12065550100'))).toBeUndefined();
    expect(refusal({ 'Content-Type': 'multipart/mixed;boundary=x' }, 'x')).toBeUndefined();
  });

  it('answers methods that are not served: 405 with Allow where registered, else 501', () => {
    const policy = { methods: ['INVITE', 'ACK'] };
    expect(refusal({ CSeq: '1 REGISTER' }, '', request('REGISTER'), policy)).toMatchObject({
      status: 405,
      headers: [['Allow', 'INVITE, ACK']],
    });
    expect(refusal({ CSeq: '1 invite' }, '', request('invite'), policy)?.status).toBe(501);
    expect(refusal({ CSeq: '1 REGISTER' }, '', request('REGISTER'))).toBeUndefined();
  });

  it.each([
    ['a repeated single field', { 'Content-Type': 'application/sdp', c: 'text/plain' }],
    ['two Session-Expires', { 'Session-Expires': '90', x: '90' }],
    ['Max-Forwards beyond 255', { 'Max-Forwards': '256' }],
    ['a branch that is only the cookie', { Via: 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK' }],
    ['a Date not in GMT', { Date: 'Fri, 01 Jan 2010 16:00:00 EST' }],
    ['a From URI that cannot be read', { From: '<sip:@example.com>;tag=1' }],
    ['a To URI that cannot be read', { To: 'sip:b@example.com:port' }],
    ['a Contact that cannot be read', { Contact: '"Joe" <sip:joe@example.org>;;;;' }],
    ['a Record-Route that cannot be read', { 'Record-Route': '<sip:' }],
    ['a Route that cannot be read', { Route: '<sip:a@example.com>, x' }],
  ])('answers 400 to %s', (_, rows) => {
    expect(refusal(rows)?.status).toBe(400);
  });

  it('ignores a bad Date where told to', () => {
    expect(refusal({ Date: 'now' }, '', undefined, { dates: 'ignore' })).toBeUndefined();
  });

  it('answers 416 to a scheme that is not served, and 400 to headers in the Request-URI', () => {
    expect(refusal({}, '', request('INVITE', 'mailto:bob@example.com'))?.status).toBe(416);
    expect(refusal({}, '', request('INVITE', 'tel:+1'), { schemes: ['sip'] })?.status).toBe(416);
    expect(refusal({}, '', request('INVITE', 'sip:b@example.com?Route=x'))?.status).toBe(400);
  });

  it('answers 483 where no hop is left, but not to what ends here', () => {
    const none = { 'Max-Forwards': '0' };
    expect(refusal(none)?.status).toBe(483);
    expect(refusal({ ...none, CSeq: '1 BYE' }, '', request('BYE'))).toBeUndefined();
    expect(refusal({ ...none, To: '<sip:b@example.com>;tag=1' })).toBeUndefined();
  });

  it('answers 420 with what is not supported, but not to ACK or CANCEL', () => {
    const policy = { supportedOptions: ['100rel'] };
    const rows = { Require: '100REL, foo', 'Proxy-Require': 'bar' };
    expect(refusal(rows, '', undefined, policy)).toEqual({
      status: 420,
      reason: 'Bad Extension',
      headers: [['Unsupported', 'foo, bar']],
    });
    expect(refusal(rows)).toBeUndefined();
    expect(refusal({ ...rows, CSeq: '1 CANCEL' }, '', request('CANCEL'), policy)).toBeUndefined();
    expect(refusal({ Require: '100rel' }, '', undefined, policy)).toBeUndefined();
  });

  it('answers 406 where SDP is not accepted', () => {
    expect(refusal({ Accept: 'text/nobodyKnowsThis' })?.status).toBe(406);
    expect(refusal({ Accept: '' + ' ' })?.status).toBe(406);
    expect(refusal({ Accept: 'text/plain', CSeq: '1 OPTIONS' }, '', request('OPTIONS'))).toBeUndefined();
  });

  it('answers 415 to content it cannot read, saying what it can', () => {
    expect(refusal({ 'Content-Type': 'application/unknownformat' }, 'x')).toMatchObject({
      status: 415,
      headers: [['Accept', expect.stringContaining('application/sdp')]],
    });
    expect(refusal({ ...sdp, 'Content-Encoding': 'gzip' }, 'x')).toMatchObject({
      status: 415,
      headers: [['Accept-Encoding', 'identity']],
    });
    expect(refusal({ ...sdp, 'Content-Encoding': 'identity' }, 'x')).toBeUndefined();
    expect(
      refusal({ 'Content-Type': 'application/isup', 'Content-Disposition': 'signal; handling=optional' }, 'x'),
    ).toBeUndefined();
    expect(
      refusal({ 'Content-Type': 'application/isup' }, 'x', undefined, { bodyTypes: ['application/isup'] }),
    ).toBeUndefined();
    expect(refusal({ 'Content-Type': 'text/plain', CSeq: '1 MESSAGE' }, 'x', request('MESSAGE'))).toBeUndefined();
    expect(refusal({}, 'x')?.status).toBe(400);
    expect(refusal({ 'Content-Type': 'sdp' }, 'x')?.status).toBe(400);
  });
});
