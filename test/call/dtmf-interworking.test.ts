import { describe, expect, test } from 'vitest';
import type { Happening } from '../../src/call/call-parts.js';
import { DtmfInterworking } from '../../src/call/dtmf-interworking.js';
import { MediaBridge } from '../../src/call/media-bridge.js';
import { GatewayError, SeededRandom, VirtualTime } from '../../src/core/index.js';
import type { Side } from '../../src/rtp/index.js';
import type { Dialog, InboundRequest, MessageBody, SipRequest, SipResponse } from '../../src/sip/index.js';
import { FakeMedia } from '../support/fake-media.js';

interface AskedInfo {
  readonly text: string;
  readonly answer: (status: number) => void;
  readonly fail: () => void;
}

interface Made {
  /** Methods in Allow of each side; default both list INFO. */
  readonly allow?: Partial<Record<Side, readonly string[]>>;
  readonly dtmf?: 'auto' | 'pass';
}

/** The call's media and digits with dialogs that keep what is asked of them; the customer calls. */
async function call({ allow = {}, dtmf }: Made = {}) {
  const time = new VirtualTime();
  const engine = new FakeMedia();
  const emitted: Happening[] = [];
  const asked: Record<Side, AskedInfo[]> = { customer: [], remote: [] };
  const states: Record<Side, Dialog['state']> = { customer: 'confirmed', remote: 'confirmed' };
  const methods = (side: Side) => allow[side] ?? ['INVITE', 'ACK', 'BYE', 'INFO'];
  const dialogOf = (side: Side): Dialog =>
    ({
      get state() {
        return states[side];
      },
      remoteAllows: new Set(methods(side)),
      request: (method: string, order: { body?: MessageBody }, done: (outcome: SipResponse | GatewayError) => void) => {
        expect(method).toBe('INFO');
        expect(order.body!.contentType).toBe('application/dtmf-relay');
        asked[side].push({
          text: order.body!.bytes.toString(),
          answer: (status) => done({ status } as SipResponse),
          fail: () => done(new GatewayError('sip.timeout', 'no answer', { origin: 'remote' })),
        });
      },
    }) as unknown as Dialog;
  const dialogs = { customer: dialogOf('customer'), remote: dialogOf('remote') };
  const invite = { headers: { list: () => [...methods('customer')] } } as unknown as SipRequest;
  const digits = new DtmfInterworking(
    invite,
    'customer',
    { settings: dtmf ? { dtmf } : {}, scheduler: time },
    (happening) => emitted.push(happening),
  );
  const order = { id: 'call', timeoutSeconds: 60, onEvent: () => {} };
  const bridge = await MediaBridge.open(engine, order, new SeededRandom(3), digits.takesInfo);
  digits.join(bridge, { dialog: (side) => dialogs[side] });
  for (const side of ['customer', 'remote'] as const)
    bridge.bound(side, { mediaSources: undefined, allowedSources: undefined, encryption: 'off' });

  const text = (body: MessageBody) => body.bytes.toString();
  const offer = (from: Side, sdp: MessageBody) => text(bridge.translate(from, 'offer', sdp));
  const answer = (from: Side, sdp: MessageBody) => text(bridge.translate(from, 'answer', sdp));
  /** An INFO of a side; gives the status it was answered with, undefined where it is to pass. */
  const info = (
    side: Side,
    body: string,
    contentType = 'application/dtmf-relay',
    more: Record<string, string> = {},
  ) => {
    const answers: { status: number; reason: string | undefined }[] = [];
    const headers: Record<string, string> = { 'Content-Type': contentType, ...more };
    const bytes = Buffer.from(body);
    const request = { headers: { get: (name: string) => headers[name] }, body: bytes, bodyLength: bytes.length };
    const incoming = {
      request,
      respond: (status: number, extra?: { reason?: string }) => answers.push({ status, reason: extra?.reason }),
    } as unknown as InboundRequest;
    const taken = digits.onInfo(side, incoming);
    expect(answers).toHaveLength(taken ? 1 : 0);
    return answers[0];
  };
  const modes = () => ({ customer: bridge.eventMode('customer'), remote: bridge.eventMode('remote') });
  const told = () => {
    const last = (side: Side) => engine.described.findLast((entry) => entry.side === side)?.description.telephoneEvents;
    return { customer: last('customer'), remote: last('remote') };
  };
  return { time, engine, emitted, asked, states, digits, bridge, offer, answer, info, modes, told };
}

/** A description with these payload types; 101 and 96 are telephone-events, of 8 and 48 kHz. */
function sdp(formats: string, direction = 'sendrecv', port = 4000): MessageBody {
  const maps: Record<string, string> = {
    '0': 'PCMU/8000',
    '8': 'PCMA/8000',
    '101': 'telephone-event/8000',
    '99': 'telephone-event/8000',
    '96': 'telephone-event/48000',
    '111': 'opus/48000/2',
  };
  const lines = formats.split(' ').map((format) => `a=rtpmap:${format} ${maps[format]}`);
  if (formats.includes('101')) lines.push('a=fmtp:101 0-16');
  return {
    contentType: 'application/sdp',
    bytes: Buffer.from(
      [
        'v=0',
        'o=- 1 1 IN IP4 192.0.2.9',
        's=-',
        'c=IN IP4 192.0.2.9',
        't=0 0',
        `m=audio ${port} RTP/AVP ${formats}`,
        ...lines,
        `a=${direction}`,
        '',
      ].join('\r\n'),
    ),
  };
}

const formatsIn = (text: string): string => /m=audio \d+ RTP\/AVP (.*)\r\n/.exec(text)![1]!;

describe('what is offered and answered', () => {
  test('an offer without telephone-events, of a caller that takes INFO, is made with them; the answer comes without', async () => {
    const { offer, answer, modes, told } = await call();
    const made = offer('customer', sdp('0 8'));
    expect(formatsIn(made)).toBe('0 8 101');
    expect(made).toContain('a=rtpmap:101 telephone-event/8000\r\n');
    expect(made).toContain('a=fmtp:101 0-15\r\n');
    const answered = answer('remote', sdp('0 101'));
    expect(formatsIn(answered)).toBe('0');
    expect(answered).not.toContain('101');
    expect(modes()).toEqual({ customer: 'drop', remote: 'play' });
    expect(told()).toEqual({ customer: 'drop', remote: 'play' });
  });

  test('not for a caller whose Allow lacks INFO', async () => {
    const { offer, answer, modes } = await call({ allow: { customer: ['INVITE'] } });
    expect(formatsIn(offer('customer', sdp('0')))).toBe('0');
    answer('remote', sdp('0'));
    expect(modes()).toEqual({ customer: undefined, remote: undefined });
  });

  test('an answer without, of a callee that takes INFO, goes out with the event formats offered', async () => {
    const { offer, answer, modes, told } = await call();
    expect(formatsIn(offer('customer', sdp('0 99')))).toBe('0 99');
    const answered = answer('remote', sdp('0'));
    expect(formatsIn(answered)).toBe('0 99');
    expect(answered).toContain('a=rtpmap:99 telephone-event/8000\r\n');
    expect(modes()).toEqual({ customer: 'play', remote: 'drop' });
    expect(told()).toEqual({ customer: 'play', remote: 'drop' });
  });

  test('and stays without where the callee does not take INFO', async () => {
    const { offer, answer, modes } = await call({ allow: { remote: ['INVITE', 'BYE'] } });
    offer('customer', sdp('0 101'));
    expect(formatsIn(answer('remote', sdp('0')))).toBe('0');
    expect(modes()).toEqual({ customer: undefined, remote: undefined });
  });

  test('nothing changes where both have events, where neither has, or by setting', async () => {
    const both = await call();
    both.offer('customer', sdp('0 101'));
    expect(formatsIn(both.answer('remote', sdp('0 101')))).toBe('0 101');
    expect(both.modes()).toEqual({ customer: undefined, remote: undefined });
    const neither = await call();
    neither.offer('customer', sdp('0'));
    expect(formatsIn(neither.answer('remote', sdp('0')))).toBe('0');
    expect(neither.modes()).toEqual({ customer: undefined, remote: undefined });
    const left = await call({ dtmf: 'pass' });
    expect(formatsIn(left.offer('customer', sdp('0')))).toBe('0');
    const answered = await call({ dtmf: 'pass' });
    answered.offer('customer', sdp('0 101'));
    expect(formatsIn(answered.answer('remote', sdp('0')))).toBe('0');
  });

  test('each clock of the offer gets its own format, on a payload type that is free', async () => {
    const { offer } = await call();
    const made = offer('customer', sdp('111 0'));
    expect(formatsIn(made)).toBe('111 0 101 96');
    expect(made).toContain('a=rtpmap:101 telephone-event/48000\r\n');
    expect(made).toContain('a=rtpmap:96 telephone-event/8000\r\n');
  });

  test('a re-INVITE changes who has what, and payload types stay as they were', async () => {
    const { offer, answer, modes, told, info, engine } = await call();
    offer('customer', sdp('0 99'));
    answer('remote', sdp('0'));
    // The callee puts on hold without events: the caller is asked with the type it knows.
    expect(formatsIn(offer('remote', sdp('0', 'sendonly')))).toBe('0 99');
    expect(formatsIn(answer('customer', sdp('0 99', 'recvonly')))).toBe('0');
    expect(modes()).toEqual({ customer: 'play', remote: 'drop' });
    // Then it has events as well: nothing to translate.
    expect(formatsIn(offer('remote', sdp('0 101')))).toBe('0 101');
    expect(formatsIn(answer('customer', sdp('0 101')))).toBe('0 101');
    expect(modes()).toEqual({ customer: undefined, remote: undefined });
    expect(told()).toEqual({ customer: undefined, remote: undefined });
    expect(info('remote', 'Signal=1\r\nDuration=100\r\n')).toBeUndefined();
    expect(engine.played).toEqual([]);
  });

  test('a next attempt begins anew', async () => {
    const { offer, answer, bridge, modes } = await call();
    offer('customer', sdp('0 101'));
    answer('remote', sdp('0'));
    bridge.bound('remote', { mediaSources: undefined, allowedSources: undefined, encryption: 'off' });
    expect(formatsIn(offer('customer', sdp('0 101')))).toBe('0 101');
    expect(formatsIn(answer('remote', sdp('0 101')))).toBe('0 101');
    expect(modes()).toEqual({ customer: undefined, remote: undefined });
  });
});

/** The customer has events, the remote side takes INFO. */
async function toInfo(made: Made = {}) {
  const world = await call(made);
  world.offer('customer', sdp('0 101'));
  world.answer('remote', sdp('0'));
  return world;
}

describe('events to INFO', () => {
  test('one INFO for each, one at a time, in order, with the true duration', async () => {
    const { digits, asked, emitted } = await toInfo();
    for (const [event, durationMs] of [
      [1, 100],
      [10, 200],
      [11, 2345],
    ] as const)
      digits.onEvent('customer', { event, durationMs });
    expect(asked.remote.map(({ text }) => text)).toEqual(['Signal=1\r\nDuration=100\r\n']);
    asked.remote[0]!.answer(100);
    expect(asked.remote).toHaveLength(1);
    asked.remote[0]!.answer(200);
    expect(asked.remote[1]!.text).toBe('Signal=*\r\nDuration=200\r\n');
    asked.remote[1]!.answer(200);
    expect(asked.remote[2]!.text).toBe('Signal=#\r\nDuration=2345\r\n');
    asked.remote[2]!.answer(200);
    expect(asked.customer).toEqual([]);
    expect(emitted).toEqual([]);
  });

  test('a failure is told and the next goes on; a side that knows no INFO is asked no more', async () => {
    const { digits, asked, emitted } = await toInfo();
    for (const event of [1, 2, 3]) digits.onEvent('customer', { event, durationMs: 100 });
    asked.remote[0]!.fail();
    asked.remote[1]!.answer(415);
    expect(asked.remote).toHaveLength(2);
    digits.onEvent('customer', { event: 4, durationMs: 100 });
    expect(asked.remote).toHaveLength(2);
    expect(emitted).toEqual([
      { kind: 'dtmf-refused', side: 'remote', code: 'dtmf.info-refused' },
      { kind: 'dtmf-refused', side: 'remote', code: 'dtmf.info-refused', sipStatus: 415 },
      { kind: 'dtmf-refused', side: 'remote', code: 'dtmf.info-refused' },
    ]);
  });

  test('those that wait are bounded', async () => {
    const { digits, asked, emitted } = await toInfo();
    for (let at = 0; at < 40; at++) digits.onEvent('customer', { event: 1, durationMs: 100 });
    expect(emitted).toHaveLength(7);
    expect(emitted[0]).toMatchObject({ code: 'dtmf.too-many' });
    for (let at = 0; at < 33; at++) asked.remote[at]!.answer(200);
    expect(asked.remote).toHaveLength(33);
  });

  test('before the answer a side that lists INFO is told, in its early dialog', async () => {
    const { digits, asked, states, emitted } = await toInfo();
    states.remote = 'early';
    digits.onEvent('customer', { event: 1, durationMs: 100 });
    expect(asked.remote).toHaveLength(1);
    asked.remote[0]!.answer(481);
    expect(emitted).toMatchObject([{ kind: 'dtmf-refused', code: 'dtmf.info-refused', sipStatus: 481 }]);
  });

  test('after the end nothing is asked', async () => {
    const { digits, asked, states, emitted } = await toInfo();
    states.remote = 'terminated';
    digits.onEvent('customer', { event: 1, durationMs: 100 });
    expect(asked.remote).toEqual([]);
    expect(emitted).toMatchObject([{ kind: 'dtmf-refused', code: 'dtmf.unanswered' }]);
  });

  test('events between two sides that have them are nobody else’s matter', async () => {
    const { offer, answer, digits, asked } = await call();
    offer('customer', sdp('0 101'));
    answer('remote', sdp('0 101'));
    digits.onEvent('customer', { event: 1, durationMs: 100 });
    digits.onEvent('remote', { event: 1, durationMs: 100 });
    expect([...asked.remote, ...asked.customer]).toEqual([]);
  });
});

describe('INFO to events', () => {
  test('is answered here and played, and told as a digit', async () => {
    const { info, engine, emitted } = await toInfo();
    expect(info('remote', 'Signal=5\r\nDuration=160\r\n')).toEqual({ status: 200, reason: undefined });
    expect(info('remote', '#', 'application/dtmf')).toMatchObject({ status: 200 });
    expect(engine.played).toEqual([
      { id: 'call', side: 'customer', event: 5, durationMs: 160 },
      { id: 'call', side: 'customer', event: 11, durationMs: 160 },
    ]);
    expect(emitted).toEqual([
      { kind: 'dtmf', side: 'remote', way: 'info', event: 5, durationMs: 160 },
      { kind: 'dtmf', side: 'remote', way: 'info', event: 11, durationMs: 160 },
    ]);
  });

  test('of a bad body is refused with 400, of an encoded one with 415, each with its reason', async () => {
    const { info, engine, emitted } = await toInfo();
    expect(info('remote', 'Signal=X\r\n')).toEqual({ status: 400, reason: 'Signal is no digit' });
    expect(info('remote', '')).toMatchObject({ status: 400 });
    expect(info('remote', 'x', 'application/dtmf', { 'Content-Encoding': 'gzip' })).toMatchObject({ status: 415 });
    expect(engine.played).toEqual([]);
    expect(emitted).toMatchObject([
      { kind: 'dtmf-refused', side: 'remote', code: 'dtmf.malformed', sipStatus: 400 },
      { code: 'dtmf.malformed' },
      { code: 'dtmf.encoded', sipStatus: 415 },
    ]);
  });

  test('of another type passes, and digits pass between sides that have the same', async () => {
    const { info } = await toInfo();
    expect(info('remote', '<x/>', 'application/media_control+xml')).toBeUndefined();
    expect(info('customer', 'Signal=1\r\nDuration=100\r\n')).toBeUndefined();
  });

  test('digits beyond ten seconds of playing are refused until there is room', async () => {
    const { info, time, engine } = await toInfo();
    const long = 'Signal=1\r\nDuration=4000\r\n';
    expect([info('remote', long), info('remote', long), info('remote', long)].map((each) => each!.status)).toEqual([
      200, 200, 486,
    ]);
    time.advance(5000);
    expect(info('remote', long)!.status).toBe(200);
    expect(engine.played).toHaveLength(3);
  });

  test('while the other side is on hold they are refused', async () => {
    const { offer, answer, info, emitted } = await toInfo();
    offer('customer', sdp('0 101', 'inactive'));
    answer('remote', sdp('0', 'inactive'));
    expect(info('remote', 'Signal=1\r\n')).toMatchObject({ status: 488 });
    expect(emitted).toMatchObject([{ code: 'dtmf.held' }]);
  });

  test('a side that sent a digit in INFO takes them from then on, whatever its Allow says', async () => {
    const { offer, answer, info, modes } = await call({ allow: { remote: ['INVITE'] } });
    offer('customer', sdp('0 101'));
    answer('remote', sdp('0'));
    expect(info('remote', 'Signal=1\r\n'), 'nothing negotiated yet: it passes').toBeUndefined();
    offer('customer', sdp('0 101'));
    expect(formatsIn(answer('remote', sdp('0')))).toBe('0 101');
    expect(modes()).toEqual({ customer: 'play', remote: 'drop' });
    expect(info('remote', 'Signal=1\r\n')).toMatchObject({ status: 200 });
  });
});
