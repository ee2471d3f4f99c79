import { describe, expect, it } from 'vitest';
import {
  BodyPart,
  boundaryOf,
  findBody,
  MultipartBody,
  mediaType,
  replaceBody,
  SipSyntaxError,
} from '../../../src/sip/message/index.js';
import { parsedRequest } from './support.js';
import { tortureBytes } from './torture.js';

const type = 'multipart/mixed; boundary="unique-boundary-1"';
const emergency = Buffer.from(
  [
    'preamble to ignore',
    '--unique-boundary-1',
    'Content-Type: application/sdp',
    '',
    'v=0',
    'o=- 1 1 IN IP4 192.0.2.1',
    '',
    '--unique-boundary-1  ',
    'content-type: application/pidf+xml',
    'Content-ID: <target123@example.com>',
    '',
    '<presence>\u00c3\u00a9\u0000\n--unique-boundary\r\n</presence>',
    '--unique-boundary-1--',
    'epilogue',
  ].join('\r\n'),
  'latin1',
);

describe('MultipartBody', () => {
  it('reads parts with their headers and exact bytes', () => {
    const { parts, preamble, epilogue } = MultipartBody.parse(emergency, type);
    expect(parts.map(({ contentType }) => contentType)).toEqual(['application/sdp', 'application/pidf+xml']);
    expect(parts[0]!.body.toString()).toBe('v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n');
    expect(parts[1]!.contentId).toBe('<target123@example.com>');
    expect(parts[1]!.body.toString('latin1')).toBe('<presence>\u00c3\u00a9\u0000\n--unique-boundary\r\n</presence>');
    expect(preamble.toString()).toBe('preamble to ignore\r\n');
    expect(epilogue.toString()).toBe('\r\nepilogue');
  });

  it('writes back byte for byte what was not changed', () => {
    expect(MultipartBody.parse(emergency, type).serialize()).toEqual(emergency);
  });

  it('keeps the other parts exact when one is replaced', () => {
    const replaced = replaceBody(emergency, type, 'application/sdp', Buffer.from('v=0\r\n'));
    const expected = emergency.toString('latin1').replace('o=- 1 1 IN IP4 192.0.2.1\r\n', '');
    expect(replaced.toString('latin1')).toBe(expected);
    expect(replaceBody(emergency, type, 'text/none', Buffer.alloc(0))).toBe(emergency);
    expect(replaceBody(Buffer.from('a'), 'Application/SDP;x=y', 'application/sdp', Buffer.from('b')).toString()).toBe(
      'b',
    );
  });

  it('finds a part inside nested multiparts, down to a depth', () => {
    let body = Buffer.from('v=0\r\n');
    let contentType = 'application/sdp';
    for (let depth = 1; depth <= 4; depth++) {
      const outer = new MultipartBody(`b${depth}`);
      outer.parts.push(BodyPart.create('text/plain', Buffer.from('x')), BodyPart.create(contentType, body));
      body = Buffer.from(outer.serialize());
      contentType = `multipart/mixed;boundary=b${depth}`;
      expect(findBody(body, contentType, 'application/sdp')?.toString()).toBe(depth <= 3 ? 'v=0\r\n' : undefined);
    }
    expect(findBody(Buffer.from('x'), 'application/sdp', 'application/sdp')?.toString()).toBe('x');
    expect(findBody(Buffer.from('x'), undefined, 'application/sdp')).toBeUndefined();
  });

  it('replaces inside a nested multipart and makes a part Content-Length true', () => {
    const inner = new MultipartBody('inner');
    const part = BodyPart.create('application/sdp', Buffer.from('old'));
    part.headers.append('Content-Length', '3');
    inner.parts.push(part);
    const outer = new MultipartBody('outer');
    outer.parts.push(BodyPart.create('multipart/alternative;boundary=inner', inner.serialize()));
    const replaced = replaceBody(
      outer.serialize(),
      'multipart/mixed;boundary=outer',
      'application/sdp',
      Buffer.from('newer'),
    );
    expect(replaced.toString()).toMatch(/Content-Length: 5\r\n\r\nnewer\r\n--inner--/);
  });

  it('keeps the binary part of mpart01 exact', () => {
    const request = parsedRequest(tortureBytes('mpart01.dat'));
    const multipart = MultipartBody.parse(request.body, request.headers.get('Content-Type')!);
    expect(multipart.parts.map(({ contentType }) => contentType)).toEqual(['text/plain', 'application/octet-stream']);
    expect(multipart.parts[0]!.body.toString()).toBe('Hello');
    expect(multipart.parts[1]!.body.length).toBe(342);
    expect(multipart.serialize()).toEqual(request.body);
  });

  it('reads parts without header fields, without a body, and empty ones', () => {
    const bytes = Buffer.from('--b\r\n\r\nplain\r\n--b\r\nContent-Type: a/b\r\n\r\n--b\r\n\r\n--b--');
    const { parts } = MultipartBody.parse(bytes, 'multipart/mixed;boundary=b');
    expect(parts.map(({ contentType, body }) => [contentType, body.toString()])).toEqual([
      ['text/plain', 'plain'],
      ['a/b', ''],
      ['text/plain', ''],
    ]);
    expect(MultipartBody.parse(bytes, 'multipart/mixed;boundary=b').serialize()).toEqual(bytes);
  });

  it.each([
    ['no boundary parameter', 'multipart/mixed', '--b\r\n\r\n--b--'],
    ['an empty boundary', 'multipart/mixed;boundary=""', '--\r\n\r\n----'],
    ['a boundary too long', `multipart/mixed;boundary=${'x'.repeat(71)}`, 'x'],
    ['no boundary line', 'multipart/mixed;boundary=b', 'nothing here'],
    ['no closing boundary', 'multipart/mixed;boundary=b', '--b\r\n\r\nx\r\n--b\r\n'],
    ['only a closing boundary', 'multipart/mixed;boundary=b', '--b--'],
    ['a malformed part header', 'multipart/mixed;boundary=b', '--b\r\nno colon\r\n\r\nx\r\n--b--'],
    ['boundaries that share a line end', 'multipart/mixed;boundary=b', '--b\r\n--b--'],
    ['bare line feeds', 'multipart/mixed;boundary=b', '--b\n\nx\n--b--'],
    ['too many parts', 'multipart/mixed;boundary=b', `${'--b\r\n\r\n\r\n'.repeat(70)}--b--`],
  ])('refuses %s', (_, contentType, body) => {
    expect(() => MultipartBody.parse(Buffer.from(body), contentType)).toThrow(SipSyntaxError);
  });

  it('reads boundaries and media types', () => {
    expect(boundaryOf('multipart/mixed ; charset=x; BOUNDARY="a b"')).toBe('a b');
    expect(mediaType(' Multipart / Mixed ;boundary=x')).toBe('multipart/mixed');
  });
});
