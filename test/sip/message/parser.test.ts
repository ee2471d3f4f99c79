import { describe, expect, it } from 'vitest';
import { isAnswerable, parseDatagram, SipRequest, SipResponse } from '../../../src/sip/message/index.js';
import { HeaderScan } from '../../../src/sip/message/scan.js';
import { expectError, expectMessage, inviteBytes, parsedRequest, parsedResponse } from './support.js';

const refusal = (rows: Record<string, string>, body?: string, startLine?: string) =>
  expectError(parseDatagram(inviteBytes(rows, body, startLine)));

const scan = new HeaderScan();

describe('parseDatagram', () => {
  it('reads a request with its typed views', () => {
    const request = parsedRequest(inviteBytes({ 'Content-Type': 'Application/SDP ; charset=utf-8' }, 'v=0\r\n'));
    expect(request).toMatchObject({ method: 'INVITE', requestUri: 'sip:bob@example.com', maxForwards: 70 });
    expect(request.uri.user).toBe('bob');
    expect(request.topVia.rport).toBe(true);
    expect(request.from).toMatchObject({ displayName: 'Alice', tag: '1928301774' });
    expect(request.to.tag).toBeUndefined();
    expect(request.callId).toBe('a84b4c76e66710@pc33.example.com');
    expect(request.cseq).toEqual({ sequence: 314159, method: 'INVITE' });
    expect(request.contentType).toBe('application/sdp');
    expect(request.body.toString()).toBe('v=0\r\n');
    expect(request.contact).toBeUndefined();
  });

  it('reads a response', () => {
    const response = parsedResponse(inviteBytes({ Contact: '<sip:b@192.0.2.4>' }, '', 'SIP/2.0 180 Ringing'));
    expect(response).toMatchObject({ status: 180, reason: 'Ringing' });
    expect(response.contact?.uri).toBe('sip:b@192.0.2.4');
    expect(parsedResponse(inviteBytes({}, '', 'SIP/2.0 200')).reason).toBe('');
  });

  it('passes over line ends before the start line and tells how many bytes it took', () => {
    const bytes = Buffer.concat([Buffer.from('\r\n\r\n'), inviteBytes({}, 'ab'), Buffer.from('extra')]);
    const { message, length } = expectMessage(parseDatagram(bytes));
    expect(length).toBe(bytes.length - 5);
    expect(message.body.toString()).toBe('ab');
  });

  it('takes the rest of the datagram as body without Content-Length', () => {
    expect(parsedRequest(inviteBytes({ 'Content-Length': '' }, 'all of it')).body.toString()).toBe('all of it');
  });

  it('reads mandatory fields that are folded', () => {
    const request = parsedRequest(
      inviteBytes({
        Via: 'SIP/2.0/UDP\r\n 192.0.2.1;branch\r\n =z9hG4bKf',
        From: 'Alice\r\n <sip:a@example.com>\r\n ;tag=7',
        CSeq: '1\r\n INVITE',
        'Max-Forwards': '\r\n 8',
        'Call-ID': '\r\n id',
      }),
    );
    expect(request.topVia.branch).toBe('z9hG4bKf');
    expect([request.from.tag, request.cseq.sequence, request.maxForwards, request.callId]).toEqual(['7', 1, 8, 'id']);
  });

  it('reads a value whose last folded line is blank without its line end', () => {
    const request = parsedRequest(inviteBytes({ To: 'sip:b@example.com\r\n  \r\n\t', Subject: '\r\n \r\n ' }));
    expect(request.headers.get('To')).toBe('sip:b@example.com');
    expect(request.to.uri).toBe('sip:b@example.com');
    expect(request.headers.get('Subject')).toBe('');
  });

  it('keeps views until the headers change, then reads them anew', () => {
    const request = parsedRequest(inviteBytes());
    expect(request.to).toBe(request.to);
    request.headers.set('To', 'sip:carol@example.com;tag=9');
    expect(request.to.tag).toBe('9');
    expect(request.topVia.host).toBe('pc33.example.com');
  });

  it('leaves a wildcard out of contacts', () => {
    const request = parsedRequest(
      inviteBytes({ CSeq: '1 REGISTER', Contact: '*' }, '', 'REGISTER sip:example.com SIP/2.0'),
    );
    expect(request.contacts).toEqual([]);
    expect(request.headers.get('Contact')).toBe('*');
  });

  it.each([
    ['parse.header-missing', { Via: '' }],
    ['parse.header-missing', { From: '' }],
    ['parse.header-missing', { To: '' }],
    ['parse.header-missing', { 'Call-ID': '' }],
    ['parse.header-missing', { CSeq: '' }],
    ['parse.header-duplicate', { f: 'sip:x@example.com' }],
    ['parse.header-duplicate', { 'call-id': 'x' }],
    ['parse.header-duplicate', { 'max-forwards': '1' }],
    ['parse.header-duplicate', { l: '0' }],
    ['parse.header-value', { Via: 'SIP/2.0/UDP' }],
    ['parse.header-value', { From: 'no address' }],
    ['parse.header-value', { To: '<sip:b@example.com>, <sip:c@example.com>' }],
    ['parse.header-value', { 'Call-ID': ' ' }],
    ['parse.header-value', { CSeq: 'INVITE' }],
    ['parse.header-value', { CSeq: '1' }],
    ['parse.header-value', { CSeq: '-1 INVITE' }],
    ['parse.header-value', { CSeq: '1e3 INVITE' }],
    ['parse.header-value', { CSeq: '2147483648 INVITE' }],
    ['parse.header-value', { CSeq: '1 INVITE x' }],
    ['parse.header-value', { 'Max-Forwards': 'many' }],
    ['parse.header-value', { 'Max-Forwards': '' + ' ' }],
    ['parse.cseq-mismatch', { CSeq: '1 ACK' }],
    ['parse.cseq-mismatch', { CSeq: '1 invite' }],
    ['parse.content-length', { 'Content-Length': '-1' }],
    ['parse.content-length', { 'Content-Length': '1' }],
    ['parse.content-length', { 'Content-Length': 'x' }],
    ['parse.content-length', { 'Content-Length': '99999999999999999999' }],
    ['parse.header-line', { 'Bad Name': 'x' }],
    ['parse.header-line', { 'Bad(Name)': 'x' }],
    ['parse.header-line', { X: 'a\nInjected: 1' }],
    ['parse.header-line', { X: 'a\rInjected: 1' }],
  ])('answers %s to %j with 400', (code, rows) => {
    const error = refusal(rows);
    expect([error.code, error.status]).toEqual([code, 400]);
  });

  it('accepts the largest sequence number', () => {
    expect(parsedRequest(inviteBytes({ CSeq: '2147483647 INVITE' })).cseq.sequence).toBe(2147483647);
  });

  it.each([
    ['INVITE sip:bob@example.com SIP/3.0', 'parse.version', 505],
    ['INVITE sip:bob@example.com HTTP/1.1', 'parse.start-line', 400],
    ['INVITE sip:bob@example.com', 'parse.start-line', 400],
    ['INVITE  sip:bob@example.com SIP/2.0', 'parse.start-line', 400],
    ['INVITE sip:bob@example.com  SIP/2.0', 'parse.start-line', 400],
    ['INV@TE sip:bob@example.com SIP/2.0', 'parse.start-line', 400],
    ['INVITE bob SIP/2.0', 'parse.request-uri', 400],
    ['INVITE sip:@ SIP/2.0', 'parse.request-uri', 400],
    ['SIP/2.0 99 Low', 'parse.status-code', 400],
    ['SIP/2.0 700 High', 'parse.status-code', 400],
    ['SIP/2.0 2000 Long', 'parse.status-code', 400],
    ['SIP/3.0 200 OK', 'parse.version', 505],
    ['SIP/2.0', 'parse.start-line', 400],
    ['nonsense', 'parse.start-line', 400],
  ])('refuses the start line %j', (startLine, code, status) => {
    const error = refusal({}, '', startLine);
    expect([error.code, error.status]).toEqual([code, status]);
  });

  it.each([
    ['', 'parse.empty'],
    ['\r\n\r\n', 'parse.empty'],
    ['\0', 'parse.start-line'],
    ['INVITE sip:a@example.com SIP/2.0', 'parse.start-line'],
    ['INVITE sip:a@example.com SIP/2.0\n\n', 'parse.start-line'],
    ['INVITE sip:a@example.com SIP/2.0\r\nVia: x', 'parse.truncated'],
    ['INVITE sip:a@example.com SIP/2.0\r\nVia: x\r\n', 'parse.truncated'],
  ])('refuses the fragment %j', (text, code) => {
    expect(expectError(parseDatagram(Buffer.from(text))).code).toBe(code);
  });

  it('keeps to its limits', () => {
    const limits = { maxHeaderBytes: 400, maxBodyBytes: 10, maxHeaderFields: 8 };
    const codeOf = (bytes: Buffer) => {
      const outcome = parseDatagram(bytes, limits);
      return outcome.kind === 'error' ? [outcome.error.code, outcome.error.status] : outcome.kind;
    };
    expect(codeOf(inviteBytes({}, '0123456789'))).toBe('message');
    expect(codeOf(inviteBytes({}, '01234567890'))).toEqual(['parse.body-too-large', 413]);
    expect(codeOf(inviteBytes({ 'Content-Length': '' }, '01234567890'))).toEqual(['parse.body-too-large', 413]);
    expect(codeOf(inviteBytes({ X: 'x'.repeat(200) }))).toEqual(['parse.headers-too-large', 400]);
    expect(codeOf(inviteBytes({ A1: 'x', A2: 'x', A3: 'x' }))).toEqual(['parse.too-many-headers', 400]);
  });

  it('counts the rows that it leaves out: reading ends at the limit whatever they are', () => {
    const limits = { maxHeaderBytes: 32_768, maxBodyBytes: 10, maxHeaderFields: 8 };
    for (const row of ['Via: x\n', 'no name\r\n']) {
      const bytes = Buffer.from(`INVITE sip:a@b SIP/2.0\r\n${row.repeat(1000)}`);
      scan.run(bytes, limits);
      expect(scan.fault?.code).toBe('parse.header-line');
      expect(scan.bodyStart).toBe(24 + 8 * row.length);
    }
  });

  it('gives errors with what was understood, and says whether that can be answered', () => {
    const mismatch = refusal({ CSeq: '1 ACK' });
    expect(mismatch.message).toBeInstanceOf(SipRequest);
    expect(isAnswerable(mismatch.message)).toBe(true);
    expect(isAnswerable(refusal({ From: '' }).message)).toBe(false);
    expect(isAnswerable(refusal({ Via: 'x' }).message)).toBe(false);
    expect(isAnswerable(refusal({ CSeq: '1' }, '', 'ACK sip:b@example.com SIP/2.0').message)).toBe(false);
    const response = refusal({ CSeq: '1' }, '', 'SIP/2.0 200 OK').message;
    expect(response).toBeInstanceOf(SipResponse);
    expect(isAnswerable(response)).toBe(false);
  });

  it('gives offsets into the bytes', () => {
    const bytes = inviteBytes({ CSeq: 'x INVITE' });
    const { offset } = expectError(parseDatagram(bytes));
    expect(bytes.toString('latin1', offset, offset + 8)).toBe('x INVITE');
  });

  it('never repeats text from the wire in a reason', () => {
    expect(refusal({ From: '<sip:secret@' }).reason).not.toContain('secret');
    expect(refusal({}, '', 'INVITE sip:se%cret@[::: SIP/2.0').reason).not.toContain('cret');
  });
});
