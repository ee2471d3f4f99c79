import fc from 'fast-check';
import sdpTransform from 'sdp-transform';
import { describe, expect, it } from 'vitest';
import {
  BodyPart,
  MultipartBody,
  NameAddress,
  Params,
  quote,
  SipRequest,
  SipUri,
  StreamFramer,
  serialize,
  unquote,
  Via,
} from '../../src/sip/message/index.js';
import { formatsOf, mediaAddress, parseSdp, SdpError, serializeSdp } from '../../src/sip/sdp/index.js';
import { parsedRequest } from '../sip/message/support.js';

/** What must hold for everything well-formed: reading what was written gives the same back. */

const SEEDED = { seed: 3261, numRuns: 300 };
const characters = (from: string, minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...from), minLength, maxLength });

const ALPHANUM = 'abcXYZ019';
const token = characters(`${ALPHANUM}-.!%*_+\`'~`, 1, 12);
const wireText = fc
  .string({ unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 20 })
  .map((text) => text.replace(/[\r\n]/g, ' '));
const label = characters('abc019', 1, 8);
const hostName = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));
const host = fc.oneof(
  hostName,
  fc.ipV4(),
  fc.ipV6().map((address) => `[${address}]`),
);
const port = fc.integer({ min: 1, max: 65535 });
const hostPort = fc
  .tuple(host, fc.option(port))
  .map(([name, number]) => (number === null ? name : `${name}:${number}`));
const paramValue = fc.oneof(token, wireText.map(quote));
const params = fc
  .uniqueArray(fc.tuple(token, fc.option(paramValue)), { selector: ([name]) => name.toLowerCase(), maxLength: 4 })
  .map((list) => list.map(([name, value]) => (value === null ? `;${name}` : `;${name}=${value}`)).join(''));
const uriParams = fc
  .uniqueArray(fc.tuple(characters('abcXYZ019-_.', 1, 8), fc.option(characters('abcXYZ019[]/:&+$', 1, 8))), {
    selector: ([name]) => name.toLowerCase(),
    maxLength: 3,
  })
  .map((list) => list.map(([name, value]) => (value === null ? `;${name}` : `;${name}=${value}`)).join(''));
const user = characters(`${ALPHANUM}-_.!~*'()&=+$,;?/`, 1, 12);
const uri = fc
  .tuple(fc.constantFrom('sip', 'sips'), fc.option(user), hostPort, uriParams, fc.option(characters('abc=&%', 1, 8)))
  .map(
    ([scheme, name, at, rest, headers]) =>
      `${scheme}:${name === null ? '' : `${name}@`}${at}${rest}${headers === null ? '' : `?${headers}`}`,
  );
const blanks = characters(' \t', 0, 3);

describe('everything well-formed', () => {
  it('URIs are read and written back', () => {
    fc.assert(
      fc.property(uri, (text) => {
        const parsed = SipUri.parse(text);
        expect(parsed.toString().toLowerCase()).toBe(text.toLowerCase());
        expect(SipUri.parse(parsed.toString()).equals(parsed)).toBe(true);
      }),
      SEEDED,
    );
  });

  it('parameters are read and written back, blanks or not', () => {
    fc.assert(
      fc.property(params, blanks, (text, blank) => {
        expect(Params.parse(text).toString()).toBe(text);
        expect(Params.parse(`${blank}${text}${blank}`).toString()).toBe(text);
      }),
      SEEDED,
    );
  });

  it('addresses keep name, URI and parameters', () => {
    fc.assert(
      fc.property(wireText, uri, params, blanks, (name, address, rest, blank) => {
        const parsed = NameAddress.parse(`${blank}${quote(name)}${blank}<${address}>${blank}${rest}${blank}`);
        expect([parsed.displayName, parsed.uri, parsed.params.toString()]).toEqual([name, address, rest]);
        const again = NameAddress.parse(parsed.toString());
        expect([again.displayName, again.uri, again.params.toString()]).toEqual([name, address, rest]);
      }),
      SEEDED,
    );
  });

  it('Vias keep transport, sent-by and parameters', () => {
    fc.assert(
      fc.property(token, hostPort, params, (transport, at, rest) => {
        const text = `SIP/2.0/${transport} ${at}${rest}`;
        expect(Via.parse(text).toString()).toBe(`SIP/2.0/${transport.toUpperCase()} ${at.toLowerCase()}${rest}`);
        expect(Via.parse(text.replace('/', ' / ').replace(' ', '\t ')).toString()).toBe(Via.parse(text).toString());
      }),
      SEEDED,
    );
  });

  it('quoting is undone by unquoting', () => {
    fc.assert(
      fc.property(wireText, (text) => {
        expect(unquote(quote(text))).toBe(text);
      }),
      SEEDED,
    );
  });

  const row = fc.tuple(
    token.filter((name) => name.length > 2).map((name) => `X-${name}`),
    wireText.map((value) => value.replace(/^[ \t]+|[ \t]+$/g, '')),
  );
  const message = fc
    .tuple(token, uri, fc.array(row, { maxLength: 6 }), fc.uint8Array({ maxLength: 300 }))
    .map(([method, target, rows, body]) => {
      const request = SipRequest.create(method, target);
      request.headers.append('Via', 'SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKx');
      request.headers.append('From', '<sip:a@example.com>;tag=1');
      request.headers.append('To', '<sip:b@example.com>');
      request.headers.append('Call-ID', 'id');
      request.headers.append('CSeq', `1 ${method}`);
      for (const [name, value] of rows) request.headers.append(name, value);
      request.body = Buffer.from(body);
      return request;
    });

  it('messages keep every field and byte', () => {
    fc.assert(
      fc.property(message, (request) => {
        const parsed = parsedRequest(serialize(request));
        expect([parsed.method, parsed.requestUri]).toEqual([request.method, request.requestUri]);
        expect([...parsed.headers.entries()]).toEqual([...request.headers.entries()]);
        expect(parsed.body).toEqual(request.body);
        expect(serialize(parsed)).toEqual(serialize(request));
      }),
      SEEDED,
    );
  });

  it('streams give the messages that went in, however they are cut', () => {
    fc.assert(
      fc.property(
        fc.array(message, { minLength: 1, maxLength: 4 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 200 })),
        (requests, sizes) => {
          const written = requests.map(serialize);
          const stream = Buffer.concat(written);
          const framer = new StreamFramer();
          const seen: Buffer[] = [];
          for (let at = 0; at < stream.length; ) {
            const size = sizes.next().value as number;
            framer.push(stream.subarray(at, at + size));
            at += size;
            for (let outcome = framer.next(); outcome.kind === 'message'; outcome = framer.next())
              seen.push(Buffer.from(outcome.bytes));
          }
          expect(seen).toEqual(written);
        },
      ),
      { ...SEEDED, numRuns: 100 },
    );
  });

  it('multipart bodies keep every byte of every part', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(token, fc.uint8Array({ maxLength: 200 })), { minLength: 1, maxLength: 5 }),
        (contents) => {
          const multipart = new MultipartBody('=_boundary?of(this):test');
          for (const [type, bytes] of contents)
            multipart.parts.push(BodyPart.create(`application/${type}`, Buffer.from(bytes)));
          const written = multipart.serialize();
          const read = MultipartBody.parse(written, 'multipart/mixed; boundary="=_boundary?of(this):test"');
          expect(read.parts.map((part) => part.body)).toEqual(contents.map(([, bytes]) => Buffer.from(bytes)));
          expect(read.serialize()).toEqual(written);
        },
      ),
      SEEDED,
    );
  });

  const format = fc.tuple(
    fc.integer({ min: 96, max: 127 }),
    characters('abcXYZ019-.', 1, 10).map((name) => `G${name}`),
    fc.constantFrom(8000, 16000, 48000),
    fc.option(characters('abc=;019', 1, 10)),
  );
  const section = fc.tuple(
    port,
    fc.constantFrom('RTP/AVP', 'RTP/SAVP', 'RTP/SAVPF'),
    fc.uniqueArray(format, { selector: ([type]) => type, minLength: 1, maxLength: 4 }),
    fc.option(fc.ipV4()),
  );

  it('descriptions mean to us what they mean to sdp-transform', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.array(section, { minLength: 1, maxLength: 3 }), (address, sections) => {
        const lines = ['v=0', `o=- 1 2 IN IP4 ${address}`, 's=-', `c=IN IP4 ${address}`, 't=0 0'];
        for (const [at, protocol, formats, own] of sections) {
          lines.push(`m=audio ${at} ${protocol} ${formats.map(([type]) => type).join(' ')}`);
          if (own !== null) lines.push(`c=IN IP4 ${own}`);
          for (const [type, name, rate, fmtp] of formats) {
            lines.push(`a=rtpmap:${type} ${name}/${rate}`);
            if (fmtp !== null) lines.push(`a=fmtp:${type} ${fmtp}`);
          }
        }
        const text = `${lines.join('\r\n')}\r\n`;
        const ours = parseSdp(text);
        if (ours instanceof SdpError) throw ours;
        expect(serializeSdp(ours).toString('latin1')).toBe(text);
        const theirs = sdpTransform.parse(text);
        for (const [at, media] of ours.media.entries()) {
          const other = theirs.media[at]!;
          expect(mediaAddress(ours, media)?.address).toBe(other.connection?.ip ?? address);
          const seen = formatsOf(media).map(({ payloadType, encoding, clockRateHz }) => [
            payloadType,
            encoding,
            clockRateHz,
          ]);
          expect(seen).toEqual(other.rtp.map(({ payload, codec, rate }) => [payload, String(codec), rate]));
        }
      }),
      SEEDED,
    );
  });
});
