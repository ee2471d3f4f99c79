import { describe, expect, it } from 'vitest';
import { parseDatagram, reasonPhrase, SipRequest, SipResponse, serialize } from '../../../src/sip/message/index.js';
import { expectMessage, inviteBytes, parsedRequest, parsedResponse } from './support.js';

function built(): SipRequest {
  const request = SipRequest.create('OPTIONS', 'sip:example.com');
  for (const [name, value] of parsedRequest(
    inviteBytes({ CSeq: '1 OPTIONS' }, '', 'OPTIONS sip:x SIP/2.0'),
  ).headers.entries()) {
    if (name !== 'Content-Length') request.headers.append(name, value);
  }
  return request;
}

describe('serialize', () => {
  it('copies what was not changed', () => {
    const bytes = inviteBytes({ 'x-ODD ': ' \u00ff ' }, 'body');
    expect(serialize(parsedRequest(bytes))).toEqual(bytes);
  });

  it('gives bytes that do not share memory with what was received', () => {
    const bytes = inviteBytes();
    const written = serialize(parsedRequest(bytes));
    bytes.fill(0);
    expect(written.toString()).toMatch(/^INVITE /);
  });

  it('writes messages of ours, with Content-Length', () => {
    const request = built();
    request.body = Buffer.from([0, 13, 10, 255]);
    const { message } = expectMessage(parseDatagram(serialize(request)));
    expect(message.headers.get('Content-Length')).toBe('4');
    expect(message.body).toEqual(request.body);
    const response = SipResponse.create(404);
    expect(serialize(response).toString()).toBe('SIP/2.0 404 Not Found\r\nContent-Length: 0\r\n\r\n');
  });

  it('writes a changed start line, and makes Content-Length true when the body changes', () => {
    const request = parsedRequest(inviteBytes({}, 'old body'));
    request.requestUri = 'sip:carol@example.net';
    request.body = Buffer.from('new');
    const text = serialize(request).toString();
    expect(text).toMatch(/^INVITE sip:carol@example\.net SIP\/2\.0\r\n/);
    expect(text).toMatch(/Content-Length: 3\r\n\r\nnew$/);
    expect(request.uri.host).toBe('example.net');
    const response = parsedResponse(inviteBytes({}, '', 'SIP/2.0 180 Ringing'));
    response.reason = 'R\r\nEvil: 1';
    expect(serialize(response).toString()).toMatch(/^SIP\/2\.0 180 R Evil: 1\r\nVia/);
  });

  it('adds Content-Length where it was missing and corrects one that was set wrong', () => {
    const request = parsedRequest(inviteBytes({ 'Content-Length': '' }, 'abc'));
    expect(serialize(request).toString()).toMatch(/Content-Length: 3\r\n\r\nabc$/);
    const padded = inviteBytes({ 'Content-Length': '0003' }, 'abc');
    expect(serialize(parsedRequest(padded))).toEqual(padded);
    request.headers.set('Content-Length', '99');
    expect(serialize(request).toString()).toMatch(/Content-Length: 3\r\n\r\nabc$/);
  });

  it('writes messages larger than a slab piece, one after the other', () => {
    const written = Array.from({ length: 40 }, (_, at) => {
      const request = built();
      request.body = Buffer.alloc(at * 500, at);
      return serialize(request);
    });
    for (const [at, bytes] of written.entries()) {
      expect(expectMessage(parseDatagram(bytes)).message.body).toEqual(Buffer.alloc(at * 500, at));
    }
  });
});

describe('reasonPhrase', () => {
  it('gives registered phrases, and that of the class for others', () => {
    expect(reasonPhrase(487)).toBe('Request Terminated');
    expect(reasonPhrase(499)).toBe('Request Failure');
    expect(reasonPhrase(999)).toBe('');
  });
});
