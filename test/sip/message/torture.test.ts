import { describe, expect, it } from 'vitest';
import {
  NameAddress,
  parseDatagram,
  SipRequest,
  SipResponse,
  SipUri,
  serialize,
} from '../../../src/sip/message/index.js';
import { refusalOf } from '../engine/checked.js';
import { expectError, expectMessage, parsedRequest, parsedResponse } from './support.js';
import { tortureBytes, tortureCases } from './torture.js';

const cases = tortureCases();

/** Status that the parser or the core's first checks answer the message with; undefined where the core goes on. */
function statusOf(bytes: Buffer): number | undefined {
  const outcome = parseDatagram(bytes);
  if (outcome.kind === 'error') return outcome.error.status;
  if (outcome.kind !== 'message' || !(outcome.message instanceof SipRequest)) return undefined;
  return refusalOf(outcome.message)?.status;
}

describe('torture messages (RFC 4475, RFC 5118)', () => {
  it('are all there', () => {
    expect(cases.filter(({ rfc }) => rfc === 'RFC 4475')).toHaveLength(50);
    expect(cases.filter(({ rfc }) => rfc === 'RFC 5118')).toHaveLength(12);
  });

  it.each(cases)('$file ($rfc §$rfcSection) is parsed or refused as expected', ({ file, parse, type }) => {
    const outcome = parseDatagram(tortureBytes(file));
    if (parse === 'ok') expect(outcome.kind).toBe('message');
    if (parse === 'reject') expect(outcome.kind).toBe('error');
    const message =
      outcome.kind === 'message' ? outcome.message : outcome.kind === 'error' ? outcome.error.message : undefined;
    expect(message).toBeInstanceOf(type === 'request' ? SipRequest : SipResponse);
  });

  it.each(cases.filter(({ type }) => type === 'request'))(
    '$file is answered as expected',
    ({ file, parse, acceptStatus }) => {
      const status = statusOf(tortureBytes(file));
      if (status !== undefined) expect(acceptStatus).toContain(status);
      else expect(parse).not.toBe('reject');
    },
  );

  it('answers in the parser or in the first checks where the outcome is one status', () => {
    const one = cases.filter(
      ({ acceptStatus, parse }) => acceptStatus.length === 1 && typeof acceptStatus !== 'string' && parse !== 'ok',
    );
    // RFC 4475 §3.1.2.12 would rather have a bad Date passed over.
    for (const { file, acceptStatus } of one.filter((each) => each.file !== 'baddate.dat'))
      expect([file, statusOf(tortureBytes(file))]).toEqual([file, acceptStatus[0]]);
    expect(statusOf(tortureBytes('baddate.dat'))).toBeUndefined();
    const byCheck = {
      'unkscm.dat': 416,
      'novelsc.dat': 416,
      'bext01.dat': 420,
      'invut.dat': 415,
      'sdp01.dat': 406,
    };
    for (const [file, status] of Object.entries(byCheck))
      expect([file, statusOf(tortureBytes(file))]).toEqual([file, status]);
  });

  it.each(cases.filter(({ parse }) => parse === 'ok'))(
    '$file survives parse and serialise byte for byte',
    ({ file, check }) => {
      const bytes = tortureBytes(file);
      const { message, length } = expectMessage(parseDatagram(bytes));
      expect(serialize(message)).toEqual(bytes.subarray(0, length));
      if (file !== 'dblreq.dat') expect(message.body.length).toBe(check.bodyBytes);
    },
  );
});

describe('what torture messages mean', () => {
  it('wsinv: folded lines, odd spacing and case', () => {
    const request = parsedRequest(tortureBytes('wsinv.dat'));
    expect(request.maxForwards).toBe(68);
    expect(request.cseq).toEqual({ sequence: 9, method: 'INVITE' });
    expect(request.to.tag).toBe('1918181833n');
    expect(request.from.tag).toBe('98asjd8');
    expect(request.from.displayName).toBe('J Rosenberg \\"');
    expect(request.headers.list('Via')).toHaveLength(3);
    expect(request.topVia.transport).toBe('UDP');
    expect(request.topVia.host).toBe('192.0.2.2');
    expect(request.topVia.branch).toBe('390skdjuw');
    expect(request.headers.get('subject')).toBe('');
    expect(request.headers.get('NewFangledHeader')).toBe('newfangled value continued newfangled value');
    expect(request.headers.get('UnknownHeaderWithUnusualValue')).toBe(';;,,;;,;');
    expect(request.contact?.params.get('q')).toBe('0.33');
    expect(request.routes).toEqual(['<sip:services.example.com;lr;unknownwith=value;unknown-no-value>']);
  });

  it('intmeth: every character class', () => {
    const request = parsedRequest(tortureBytes('intmeth.dat'));
    expect(request.method).toBe("!interesting-Method0123456789_*+`.%indeed'~");
    expect(request.uri.user).toBe("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
    expect(request.uri.password).toBe("&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
    expect(request.to.displayName).toBe('BEL:\u0007 NUL:\u0000 DEL:\u007f');
    expect(request.callId).toBe('intmeth.word%ZK-!.*_+\'@word`~)(><:\\/"][?}{');
    expect(request.from.tag).toBe("_token~1'+`*%!-.");
    expect(request.topVia.branch).toBe("z9hG4bK-.!%66*_+`'~");
  });

  it('esc01: escapes are resolved once and users are not read again', () => {
    const request = parsedRequest(tortureBytes('esc01.dat'));
    expect(request.uri.unescapedUser).toBe('sips:user@example.com');
    expect(request.uri.host).toBe('example.net');
    expect(request.to.sipUri.equals(SipUri.parse('sip:user@example.com'))).toBe(true);
    const contact = request.contact!.sipUri;
    expect(contact.unescapedUser).toBe('caller');
    expect(contact.params.has('lr')).toBe(true);
    expect(contact.params.get('name')).toBe('value%41');
  });

  it('esc02: a percent sign in a method or token is no escape', () => {
    const request = parsedRequest(tortureBytes('esc02.dat'));
    expect(request.method).toBe('RE%47IST%45R');
    expect(request.to.displayName).toBe('%Z%45');
    expect(request.contacts.map(({ sipUri }) => sipUri.user)).toEqual(['alias1', 'alias3']);
  });

  it('escnull: escaped NULs differ by their number', () => {
    const [one, two] = parsedRequest(tortureBytes('escnull.dat')).contacts;
    expect(one!.sipUri.unescapedUser).toBe('\0');
    expect(two!.sipUri.unescapedUser).toBe('\0\0');
    expect(one!.sipUri.equals(two!.sipUri)).toBe(false);
  });

  it('lwsdisp: a display name right before its bracket', () => {
    expect(parsedRequest(tortureBytes('lwsdisp.dat')).from.displayName).toBe('caller');
  });

  it('longreq: 34 Vias stay in order', () => {
    const request = parsedRequest(tortureBytes('longreq.dat'));
    const hosts = request.headers.list('Via').map((via) => /sip\d+|host/.exec(via)![0]);
    expect(hosts).toHaveLength(34);
    expect(hosts.slice(0, 3)).toEqual(['sip33', 'sip32', 'sip31']);
    expect(hosts[33]).toBe('host');
  });

  it('dblreq: what follows the message is not part of it', () => {
    const bytes = tortureBytes('dblreq.dat');
    const { message, length } = expectMessage(parseDatagram(bytes));
    expect(message.body.length).toBe(0);
    expect(bytes.subarray(length).toString()).toMatch(/^\r\nINVITE/);
  });

  it('semiuri: a semicolon in the user', () => {
    const { uri } = parsedRequest(tortureBytes('semiuri.dat'));
    expect(uri.unescapedUser).toBe('user;par=u@example.net');
    expect(uri.host).toBe('example.com');
    expect(uri.params.size).toBe(0);
  });

  it('transports: all five Vias are there', () => {
    const vias = parsedRequest(tortureBytes('transports.dat')).headers.all('Via');
    expect(vias.map((via) => via.split(/[/ ]/)[2])).toEqual(['UDP', 'SCTP', 'TLS', 'UNKNOWN', 'TCP']);
  });

  it('unreason and noreason: reason phrases of any bytes, and none', () => {
    expect(parsedResponse(tortureBytes('unreason.dat')).reason).toMatch(/^= 2\*\*3 \* 5\*\*2 /);
    const empty = parsedResponse(tortureBytes('noreason.dat'));
    expect([empty.status, empty.reason]).toEqual([100, '']);
  });

  it('cparam01 and cparam02: a parameter belongs to the field without brackets, to the URI within', () => {
    const outside = parsedRequest(tortureBytes('cparam01.dat')).contact!;
    expect(outside.params.has('unknownparam')).toBe(true);
    expect(outside.sipUri.params.has('unknownparam')).toBe(false);
    const inside = parsedRequest(tortureBytes('cparam02.dat')).contact!;
    expect(inside.params.size).toBe(0);
    expect(inside.sipUri.params.has('unknownparam')).toBe(true);
  });

  it('regescrt: headers stay part of a bracketed contact; regbadct: they have no place without brackets', () => {
    const contact = parsedRequest(tortureBytes('regescrt.dat')).contact!;
    expect(contact.sipUri.headers).toBe('Route=%3Csip:sip.example.com%3E');
    expect(() => parsedRequest(tortureBytes('regbadct.dat')).contact).toThrow('angle brackets');
  });

  it('unksm2: addresses of foreign schemes', () => {
    const request = parsedRequest(tortureBytes('unksm2.dat'));
    expect(request.to.sipUri.scheme).toBe('isbn');
    expect(request.from.sipUri.opaque).toBe('//www.example.com');
    expect(request.contact!.uri).toBe('name:John_Smith');
  });

  it('inv2543: a request of RFC 2543 parses, and its body reaches to the end of the datagram', () => {
    const request = parsedRequest(tortureBytes('inv2543.dat'));
    expect(request.maxForwards).toBeUndefined();
    expect(request.topVia.branch).toBeUndefined();
    expect(request.from.tag).toBeUndefined();
    expect(request.body.length).toBe(105);
    expect(refusalOf(request)).toBeUndefined();
  });

  it('badvers: carries enough to be answered 505', () => {
    const error = expectError(parseDatagram(tortureBytes('badvers.dat')));
    expect(error.status).toBe(505);
    expect(error.message?.topVia.host).toBe('c.example.com');
    expect(error.message?.headers.get('Call-ID')).toBe('badvers.31417@c.example.com');
  });

  it('bext01: lists what is not supported', () => {
    const rows = refusalOf(parsedRequest(tortureBytes('bext01.dat')))?.order.headers;
    expect(rows?.[0]?.[0]).toBe('Unsupported');
    expect(rows?.[0]?.[1]).toContain('nothingSupportsThis, nothingSupportsThisEither');
  });

  it('IPv6: addresses, ports and the old three colons', () => {
    const hostPort = (file: string) => {
      const { host, port } = parsedRequest(tortureBytes(file)).uri;
      return [host, port];
    };
    expect(hostPort('v6-ipv6-good.dat')).toEqual(['2001:db8::10', undefined]);
    expect(hostPort('v6-port-ambiguous.dat')).toEqual(['2001:db8::10:5070', undefined]);
    expect(hostPort('v6-port-unambiguous.dat')).toEqual(['2001:db8::10', 5070]);
    expect(hostPort('v6-ipv6-bug-abnf-3-colons.dat')).toEqual(hostPort('v6-ipv6-correct-abnf-2-colons.dat'));
  });

  it('IPv6: received with and without brackets', () => {
    expect(parsedRequest(tortureBytes('v6-via-received-param-with-delim.dat')).topVia.received).toBe('2001:db8::9:255');
    const without = parsedRequest(tortureBytes('v6-via-received-param-no-delim.dat')).topVia;
    expect([without.received, without.branch]).toEqual(['2001:db8::9:255', 'z9hG4bKas3']);
  });

  it('IPv6: every address of the mapped-address message is read', () => {
    const request = parsedRequest(tortureBytes('v6-ipv4-mapped-ipv6.dat'));
    expect(request.topVia.port).toBe(19823);
    expect(NameAddress.parse(request.headers.get('Contact')!).sipUri.host).toBe('::ffff:192.0.2.2');
  });
});
