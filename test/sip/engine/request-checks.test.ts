import { describe, expect, it } from 'vitest';
import { inviteBytes, parsedRequest } from '../message/support.js';
import { refusalOf } from './checked.js';

const sdp = { 'Content-Type': 'application/sdp' };

const refusal = (rows: Record<string, string>, body = '', startLine?: string) =>
  refusalOf(parsedRequest(inviteBytes(rows, body, startLine)));

const request = (method: string, uri = 'sip:bob@example.com') => `${method} ${uri} SIP/2.0`;

describe('the checks of a new request', () => {
  it('let good requests pass', () => {
    expect(refusal(sdp, 'v=0')).toBeUndefined();
    expect(refusal({ Accept: 'text/plain, application/SDP;level=1' })).toBeUndefined();
    expect(refusal({ Accept: '*/*' })).toBeUndefined();
    expect(refusal({ Date: 'Sat, 13 Nov 2010 23:29:00 GMT' })).toBeUndefined();
    expect(refusal({}, '', request('INVITE', 'tel:+12065550100'))).toBeUndefined();
    expect(refusal({ 'Content-Type': 'multipart/mixed;boundary=x' }, 'x')).toBeUndefined();
  });

  it('answer methods that are not served: 405 where registered, else 501 with Allow', () => {
    expect(refusal({ CSeq: '1 REGISTER' }, '', request('REGISTER'))?.status).toBe(405);
    expect(refusal({ CSeq: '1 invite' }, '', request('invite'))).toMatchObject({
      status: 501,
      order: { headers: [['Allow', expect.stringContaining('INVITE, ACK')]] },
    });
  });

  it.each([
    ['a repeated single field', { 'Content-Type': 'application/sdp', c: 'text/plain' }],
    ['two Session-Expires', { 'Session-Expires': '90', x: '90' }],
    ['Max-Forwards beyond 255', { 'Max-Forwards': '256' }],
    ['a branch that is only the cookie', { Via: 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK' }],
    ['a From URI that cannot be read', { From: '<sip:@example.com>;tag=1' }],
    ['a To URI that cannot be read', { To: 'sip:b@example.com:port' }],
    ['a Contact that cannot be read', { Contact: '"Joe" <sip:joe@example.org>;;;;' }],
    ['a Record-Route that cannot be read', { 'Record-Route': '<sip:' }],
    ['a Route that cannot be read', { Route: '<sip:a@example.com>, x' }],
  ])('answer 400 to %s', (_, rows) => {
    expect(refusal(rows)?.status).toBe(400);
  });

  it('take no notice of a Date that is none (RFC 4475 §3.1.2.12)', () => {
    expect(refusal({ Date: 'Fri, 01 Jan 2010 16:00:00 EST' })).toBeUndefined();
  });

  it('answer 416 to a scheme that is not served, and 400 to headers in the Request-URI', () => {
    expect(refusal({}, '', request('INVITE', 'mailto:bob@example.com'))?.status).toBe(416);
    expect(refusal({}, '', request('INVITE', 'sip:b@example.com?Route=x'))?.status).toBe(400);
  });

  it('answer 483 where no hop is left, but not to what ends here', () => {
    const none = { 'Max-Forwards': '0' };
    expect(refusal(none)?.status).toBe(483);
    expect(refusal({ ...none, CSeq: '1 OPTIONS' }, '', request('OPTIONS'))).toBeUndefined();
    expect(refusal({ ...none, To: '<sip:b@example.com>;tag=1' })).toBeUndefined();
  });

  it('answer 420 with what is not supported', () => {
    expect(refusal({ Require: '100REL, foo', 'Proxy-Require': 'bar' })).toMatchObject({
      status: 420,
      order: { headers: [['Unsupported', 'foo, bar']] },
    });
    expect(refusal({ Require: '100rel' })).toBeUndefined();
  });

  it('answer 406 where SDP is not accepted', () => {
    expect(refusal({ Accept: 'text/nobodyKnowsThis' })?.status).toBe(406);
    expect(refusal({ Accept: '' + ' ' })?.status).toBe(406);
    expect(refusal({ Accept: 'text/plain', CSeq: '1 OPTIONS' }, '', request('OPTIONS'))).toBeUndefined();
  });

  it('answer 415 to content it cannot read, saying what it can', () => {
    expect(refusal({ 'Content-Type': 'application/unknownformat' }, 'x')).toMatchObject({
      status: 415,
      order: { headers: [['Accept', expect.stringContaining('application/sdp')]] },
    });
    expect(refusal({ ...sdp, 'Content-Encoding': 'gzip' }, 'x')).toMatchObject({
      status: 415,
      order: { headers: [['Accept-Encoding', 'identity']] },
    });
    expect(refusal({ ...sdp, 'Content-Encoding': 'identity' }, 'x')).toBeUndefined();
    expect(
      refusal({ 'Content-Type': 'application/isup', 'Content-Disposition': 'signal; handling=optional' }, 'x'),
    ).toBeUndefined();
    expect(refusal({ 'Content-Type': 'text/plain', CSeq: '1 MESSAGE' }, 'x', request('MESSAGE'))).toBeUndefined();
    expect(refusal({}, 'x')?.status).toBe(400);
    expect(refusal({ 'Content-Type': 'sdp' }, 'x')?.status).toBe(415);
  });
});
