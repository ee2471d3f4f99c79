import { describe, expect, it } from 'vitest';
import { q850Of } from '../../src/call/release.js';
import {
  MultipartBody,
  NameAddress,
  parseDatagram,
  type SipRequest,
  SipResponse,
  SipUri,
  StreamFramer,
  serialize,
  Via,
} from '../../src/sip/message/index.js';
import {
  answerInPlaces,
  formatsOf,
  offeredStreams,
  parseSdp,
  rewriteForLeg,
  SdpError,
  serializeSdp,
} from '../../src/sip/sdp/index.js';
import { refusalOf } from '../sip/engine/checked.js';

/** Shapes made to take quadratic time, near the size limits. Each must be dealt with well within 50 ms. */

const LIMIT_MS = 50;

function fastestMs(run: () => void): number {
  let fastest = Number.POSITIVE_INFINITY;
  for (let repeat = 0; repeat < 5 && fastest > LIMIT_MS / 10; repeat++) {
    const started = performance.now();
    run();
    fastest = Math.min(fastest, performance.now() - started);
  }
  return fastest;
}

const quietly = (run: () => unknown): void => {
  try {
    run();
  } catch {
    // A refusal is an answer; only its time counts here.
  }
};

const MANDATORY =
  'Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: sip:a@b;tag=1\r\nTo: sip:b@c\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n';

const ROWS: Readonly<Record<string, string>> = {
  'blanks before a fold': `X: a${' '.repeat(30_000)}b\r\n c\r\n`,
  'empty folded lines': `X: a${'\r\n '.repeat(10_000)}\r\n`,
  'folded From': `From: ${'\r\n '.repeat(8000)}sip:a@b\r\n`,
  commas: `Contact: ${','.repeat(30_000)}\r\n`,
  quotes: `Contact: ${'"'.repeat(30_000)}\r\n`,
  backslashes: `Contact: "${'\\'.repeat(30_000)}\r\n`,
  contacts: `Contact: ${'<sip:a@b>,'.repeat(3000)}<sip:a@b>\r\n`,
  parameters: `Contact: <sip:a@b>${Array.from({ length: 4000 }, (_, at) => `;p${at}`).join('')}\r\n`,
  semicolons: `Contact: <sip:a@b>${';'.repeat(30_000)}\r\n`,
  'open brackets': `Contact: ${'<'.repeat(30_000)}\r\n`,
  colons: `${':'.repeat(30_000)}\r\n`,
  'bare line feeds': '\n'.repeat(30_000),
  'rows that end in LF': 'Via: x\n'.repeat(4500),
  'rows that end in CR': 'Via: x\r'.repeat(4500),
  'carriage returns': `${'\r'.repeat(30_000)}\r\n`,
  'rows beyond the limit': 'a:\r\n'.repeat(8000),
  'rows that are none': 'a\r\n'.repeat(10_000),
  routes: `Record-Route: ${'<sip:a@b;lr>,'.repeat(20)}<sip:a@b;lr>\r\n`.repeat(100),
  'option tags': `Require: ${'a,'.repeat(15_000)}b\r\n`,
  'disposition blanks': `Content-Disposition: ;${' '.repeat(31_000)}\r\n`,
  'disposition semicolons': `Content-Disposition: ${'; '.repeat(15_000)}\r\n`,
  'accepted types': `Accept: ${'a/b,'.repeat(7000)}x\r\n`,
};

describe('hostile messages', () => {
  it.each(Object.entries(ROWS))('%s', (_, rows) => {
    const bytes = Buffer.from(`INVITE sip:a@b SIP/2.0\r\n${MANDATORY}${rows}Content-Length: 0\r\n\r\n`, 'latin1');
    const spent = fastestMs(() => {
      const outcome = parseDatagram(bytes);
      if (outcome.kind !== 'message') return;
      refusalOf(outcome.message as SipRequest);
      serialize(outcome.message);
      for (const _row of outcome.message.headers.entries());
      quietly(() => outcome.message.contacts);
    });
    expect(spent).toBeLessThan(LIMIT_MS);
  });

  it.each([
    ['protocols', ';Q.850'.repeat(5000)],
    ['commas and protocols', ',Q.850;'.repeat(4500)],
    ['semicolons', `Q.850${'; '.repeat(15_000)}`],
    ['blanks', `Q.850;cause=${' '.repeat(30_000)}x`],
  ])('a Reason of %s', (_, row) => {
    const response = SipResponse.create(486);
    response.headers.append('Reason', row);
    expect(fastestMs(() => q850Of(response))).toBeLessThan(LIMIT_MS);
  });

  it('a header part that grows byte by byte', () => {
    const bytes = Buffer.from(`INVITE sip:a SIP/2.0\r\nX: ${'\r'.repeat(31_000)}`);
    let slowest = 0;
    const framer = new StreamFramer();
    for (let at = 0; at < bytes.length; at += 1) {
      const started = performance.now();
      framer.push(bytes.subarray(at, at + 1));
      framer.next();
      slowest = Math.max(slowest, performance.now() - started);
    }
    expect(slowest).toBeLessThan(LIMIT_MS);
    expect(framer.pendingBytes).toBe(bytes.length);
  });

  it.each([
    ['a long host', `sip:${'a'.repeat(30_000)}`],
    ['at signs', `sip:${'@'.repeat(30_000)}`],
    ['escapes', `sip:${'%41'.repeat(10_000)}@b`],
    ['URI headers', `sip:a?${'%41&'.repeat(8000)}`],
    ['escaped parameters', `sip:a${Array.from({ length: 64 }, (_, at) => `;%41${at}${'%41'.repeat(100)}`).join('')}`],
    ['a long IPv6 address', `sip:[${':1'.repeat(10_000)}]`],
    ['a Via of blanks', `SIP ${' '.repeat(30_000)}/ 2.0`],
  ])('%s', (_, text) => {
    const spent = fastestMs(() => {
      quietly(() => SipUri.parse(text).equals(SipUri.parse(text)));
      quietly(() => NameAddress.parse(text));
      quietly(() => Via.parse(text));
    });
    expect(spent).toBeLessThan(LIMIT_MS);
  });

  it.each([
    ['boundaries', '--b\r\n'.repeat(13_000)],
    ['near boundaries', '--bx'.repeat(16_000)],
    ['nested boundaries', '\r\n--b--x'.repeat(8000)],
  ])('%s', (_, text) => {
    const bytes = Buffer.from(text);
    expect(fastestMs(() => quietly(() => MultipartBody.parse(bytes, 'multipart/mixed;boundary=b')))).toBeLessThan(
      LIMIT_MS,
    );
  });
});

const SESSION = 'v=0\r\no=a 1 1 IN IP4 host.example\r\nc=IN IP4 1.1.1.1\r\nt=0 0\r\nm=audio 1 RTP/AVP 0\r\n';

describe('hostile descriptions', () => {
  it.each([
    ['dots', `${SESSION}a=x:${'1.'.repeat(30_000)}`],
    ['colons', `${SESSION}a=x:${'1234:'.repeat(12_000)}`],
    ['hosts', `${SESSION}a=x:${'host.example '.repeat(4000)}`],
    ['a long rtpmap', `${SESSION}a=rtpmap:0 ${'x'.repeat(60_000)}`],
    ['blanks in an rtpmap', `${SESSION}a=rtpmap:0${' '.repeat(60_000)}`],
    ['attributes', `${SESSION}${'a=x:y\r\n'.repeat(1900)}`],
    ['formats', `${SESSION}m=audio 1 RTP/AVP${' 0'.repeat(30_000)}\r\n`],
    ['formats and maps', `${SESSION}m=audio 1 RTP/AVP${' 0'.repeat(256)}\r\n${'a=rtpmap:0 x/8000\r\n'.repeat(1900)}`],
    ['media sections', `${SESSION}${`m=audio 1 RTP/AVP${' 0'.repeat(250)}\r\n`.repeat(63)}`],
    ['a long origin', `v=0\r\no=${'a '.repeat(30_000)}`],
    ['empty lines', `v=0\r\n${'\r\n'.repeat(30_000)}`],
  ])('%s', (_, text) => {
    const spent = fastestMs(() => {
      const description = parseSdp(text);
      if (description instanceof SdpError) return;
      for (const media of description.media) formatsOf(media);
      answerInPlaces(offeredStreams(description).slice(1), description);
      const order = { address: '192.0.2.1', rtpPort: 2, rtcpPort: 3, sessionId: 1, version: 1, username: '-' };
      serializeSdp(rewriteForLeg(description, order).description);
    });
    expect(spent).toBeLessThan(LIMIT_MS);
  });
});
