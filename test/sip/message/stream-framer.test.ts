import { describe, expect, it } from 'vitest';
import { below, SeededRandom } from '../../../src/core/index.js';
import { type FramerOutcome, isAnswerable, parseDatagram, StreamFramer } from '../../../src/sip/message/index.js';
import { inviteBytes } from './support.js';
import { tortureBytes } from './torture.js';

function drain(framer: StreamFramer): FramerOutcome[] {
  const outcomes: FramerOutcome[] = [];
  for (let outcome = framer.next(); outcome.kind !== 'more'; outcome = framer.next()) {
    outcomes.push(outcome);
    if (outcome.kind === 'error') break;
  }
  return outcomes;
}

function framed(...chunks: Buffer[]): FramerOutcome[] {
  const framer = new StreamFramer();
  return chunks.flatMap((chunk) => {
    framer.push(chunk);
    return drain(framer);
  });
}

const kinds = (outcomes: FramerOutcome[]) => outcomes.map(({ kind }) => kind);

describe('StreamFramer', () => {
  const first = inviteBytes({}, 'v=0\r\n\r\nINVITE nothing\r\n\r\n');
  const second = inviteBytes({ 'Content-Length': '', l: '  2 ' }, 'ab', 'SIP/2.0 200 OK');

  it('cuts pipelined messages', () => {
    expect(framed(Buffer.concat([first, second, first]))).toEqual([
      { kind: 'message', bytes: first },
      { kind: 'message', bytes: second },
      { kind: 'message', bytes: first },
    ]);
  });

  it('joins a message torn at any byte', () => {
    for (let cut = 0; cut <= first.length; cut++) {
      expect(framed(first.subarray(0, cut), first.subarray(cut))).toEqual([{ kind: 'message', bytes: first }]);
    }
  });

  it('joins messages that come byte by byte', () => {
    const bytes = Buffer.concat([first, second]);
    const outcomes = framed(...Array.from(bytes, (byte) => Buffer.from([byte])));
    expect(outcomes).toEqual([
      { kind: 'message', bytes: first },
      { kind: 'message', bytes: second },
    ]);
  });

  it('gives the same messages however the stream is cut', () => {
    const random = new SeededRandom(7);
    const bytes = Buffer.concat(Array.from({ length: 20 }, (_, at) => (at % 3 === 0 ? second : first)));
    for (let run = 0; run < 50; run++) {
      const chunks: Buffer[] = [];
      for (let at = 0; at < bytes.length; ) {
        const end = at + 1 + below(random, 900);
        chunks.push(bytes.subarray(at, end));
        at = end;
      }
      const outcomes = framed(...chunks);
      expect(
        Buffer.concat(outcomes.map((outcome) => (outcome.kind === 'message' ? outcome.bytes : Buffer.alloc(0)))),
      ).toEqual(bytes);
      expect(outcomes).toHaveLength(20);
    }
  });

  it('tells keep-alives from messages', () => {
    expect(kinds(framed(Buffer.from('\r\n\r\n')))).toEqual(['keepalive-ping']);
    expect(kinds(framed(Buffer.from('\r\n')))).toEqual(['keepalive-pong']);
    expect(kinds(framed(Buffer.from('\r\n'), first))).toEqual(['keepalive-pong', 'message']);
    expect(kinds(framed(Buffer.concat([Buffer.from('\r\n\r\n'), first, Buffer.from('\r\n\r\n')])))).toEqual([
      'keepalive-ping',
      'message',
      'keepalive-ping',
    ]);
  });

  it('as a server, holds a lone CRLF until it is a ping or a message follows', () => {
    const framer = new StreamFramer(undefined, 'server');
    const pushed = (text: string) => {
      framer.push(Buffer.from(text, 'latin1'));
      return kinds(drain(framer));
    };
    expect(pushed('\r')).toEqual([]);
    expect(pushed('\n')).toEqual([]);
    expect(pushed('\r')).toEqual([]);
    expect(pushed('\n')).toEqual(['keepalive-ping']);
    expect(pushed(`\r\n${first.toString('latin1')}`)).toEqual(['message']);
  });

  it('finds the second message of dblreq after the line end between them', () => {
    const outcomes = framed(tortureBytes('dblreq.dat'));
    // Its Content-Length is one line short, so the stream cannot go on after it.
    expect(kinds(outcomes)).toEqual(['message', 'keepalive-pong', 'message', 'error']);
    const invite = outcomes[2];
    if (invite?.kind !== 'message') throw new Error('no second message');
    expect(parseDatagram(invite.bytes)).toMatchObject({ kind: 'message', message: { method: 'INVITE' } });
  });

  it.each([
    ['without Content-Length', inviteBytes({ 'Content-Length': '' }), 400],
    ['with two of them', inviteBytes({ l: '0' }), 400],
    ['with a negative one', tortureBytes('ncl.dat'), 400],
    ['with two different ones', tortureBytes('mcl01.dat'), 400],
    ['with one beyond the body limit', inviteBytes({ 'Content-Length': '70000' }), 413],
  ])('ends the stream at a message %s, which can be answered', (_, bytes, status) => {
    const [outcome] = framed(bytes);
    if (outcome?.kind !== 'error') throw new Error('no error');
    expect(outcome.error.status).toBe(status);
    expect(isAnswerable(outcome.error.message)).toBe(true);
  });

  it('stays failed and holds nothing', () => {
    const framer = new StreamFramer();
    framer.push(tortureBytes('ncl.dat'));
    const error = framer.next();
    framer.push(first);
    expect(framer.next()).toBe(error);
    expect(framer.pendingBytes).toBe(0);
  });

  it('waits for a body that is announced and does not come', () => {
    const framer = new StreamFramer();
    framer.push(tortureBytes('clerr.dat'));
    expect(framer.next().kind).toBe('more');
    expect(framer.pendingBytes).toBe(tortureBytes('clerr.dat').length);
  });

  it('ends a header part that does not end', () => {
    const framer = new StreamFramer({ maxHeaderBytes: 1000, maxBodyBytes: 100, maxHeaderFields: 10 });
    let pushed = 0;
    let outcome = framer.next();
    while (outcome.kind === 'more' && pushed < 5000) {
      framer.push(Buffer.from('X: yyyyyy\r\n'));
      pushed += 11;
      outcome = framer.next();
    }
    expect(outcome).toMatchObject({ kind: 'error', error: { code: 'parse.headers-too-large' } });
    expect(pushed).toBeLessThan(1100);
  });

  it('leaves messages given out untouched by later bytes', () => {
    const framer = new StreamFramer();
    framer.push(first.subarray(0, 10));
    framer.push(Buffer.concat([first.subarray(10), second.subarray(0, 5)]));
    const outcome = framer.next();
    if (outcome.kind !== 'message') throw new Error('no message');
    for (let count = 0; count < 100; count++) framer.push(second.subarray(5, 6));
    expect(outcome.bytes).toEqual(first);
  });
});
