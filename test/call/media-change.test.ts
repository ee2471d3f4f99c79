import { describe, expect, it } from 'vitest';
import { MediaBridge } from '../../src/call/media-bridge.js';
import { SeededRandom } from '../../src/core/index.js';
import type { MessageBody } from '../../src/sip/index.js';
import { FakeMedia } from '../support/fake-media.js';

/** A change of media within a call whose offer or answer may not be used leaves everything as it was (RFC 3261 §14.1). */

function sdp(...media: string[]): MessageBody {
  const head = ['v=0', 'o=- 1 1 IN IP4 192.0.2.9', 's=-', 'c=IN IP4 192.0.2.9', 't=0 0'];
  return { contentType: 'application/sdp', bytes: Buffer.from(`${[...head, ...media].join('\r\n')}\r\n`) };
}

const line = (fill: number): string =>
  `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${Buffer.alloc(30, fill).toString('base64')}`;
const sealed = (port: number, fill: number): MessageBody => sdp(`m=audio ${port} RTP/SAVP 0`, line(fill));

/** Both sides under SRTP. */
async function call() {
  const engine = new FakeMedia();
  const order = { id: 'x', timeoutSeconds: 60, onEvent: () => {} };
  const bridge = await MediaBridge.open(engine, order, new SeededRandom(4));
  const open = { mediaSources: undefined, allowedSources: undefined };
  bridge.bound('customer', { ...open, encryption: 'required' });
  bridge.bound('remote', { ...open, encryption: 'required' });
  const offer = bridge.translate('customer', 'offer', sealed(4000, 1)).bytes.toString();
  const tag = /a=crypto:(\d+) AES_CM_128_HMAC_SHA1_80/.exec(offer)![1]!;
  const answer = (port: number, fill: number): MessageBody =>
    sdp(`m=audio ${port} RTP/SAVP 0`, line(fill).replace('crypto:1', `crypto:${tag}`));
  bridge.translate('remote', 'answer', answer(5000, 2));
  return { bridge, engine, answer, told: engine.described.length };
}

const refused = expect.objectContaining({ sipStatus: 488 });

describe('a change of media under SRTP', () => {
  it.each([
    ['in clear', sdp('m=audio 4000 RTP/AVP 0')],
    ['with a secure profile and no key', sdp('m=audio 4000 RTP/SAVP 0')],
    ['with MKI', sdp('m=audio 4000 RTP/SAVP 0', `${line(3)}|2^31|1:1`)],
    ['by DTLS', sdp('m=audio 4000 UDP/TLS/RTP/SAVP 0', 'a=fingerprint:sha-256 00')],
  ])('is refused before the other side hears of it: an offer %s', async (_, offer) => {
    const { bridge, engine, told } = await call();
    expect(() => bridge.translate('customer', 'offer', offer, false)).toThrow(refused);
    expect(() => bridge.translate('remote', 'offer', offer, false)).toThrow(refused);
    expect(engine.described).toHaveLength(told);
  });

  it('is not in force on either side where the answer is in clear', async () => {
    const { bridge, engine, told } = await call();
    const offer = sealed(4008, 9);
    bridge.translate('customer', 'offer', offer, false);
    expect(() => bridge.accept('customer', offer, sdp('m=audio 5000 RTP/AVP 0'))).toThrow(refused);
    expect(engine.described).toHaveLength(told);
    expect(bridge.lastReceived('customer')).not.toBe(offer);
  });

  it('is in force on both with a good answer', async () => {
    const { bridge, engine, told, answer } = await call();
    const offer = sealed(4008, 9);
    bridge.translate('customer', 'offer', offer, false);
    expect(bridge.accept('customer', offer, answer(5008, 2)).bytes.toString()).toMatch(/RTP\/SAVP/);
    expect(engine.described.length).toBeGreaterThan(told);
    expect(bridge.lastReceived('customer')).toBe(offer);
  });
});

describe('rtcp-mux', () => {
  const open = { mediaSources: undefined, allowedSources: undefined, encryption: 'off' as const };
  const plain = (...more: string[]): MessageBody => sdp('m=audio 4000 RTP/AVP 0', ...more);
  async function bridgeOf() {
    const engine = new FakeMedia();
    const order = { id: 'x', timeoutSeconds: 60, onEvent: () => {} };
    const bridge = await MediaBridge.open(engine, order, new SeededRandom(4));
    for (const side of ['customer', 'remote'] as const) bridge.bound(side, open);
    const last = (side: string) => engine.described.filter((one) => one.side === side).at(-1)!.description;
    return { bridge, last };
  }

  it('that is offered is accepted, and never offered on', async () => {
    const { bridge, last } = await bridgeOf();
    const offer = bridge.translate('customer', 'offer', plain('a=rtcp-mux')).bytes.toString();
    expect(offer).not.toMatch(/rtcp-mux/);
    expect(bridge.translate('remote', 'answer', plain()).bytes.toString()).toMatch(/^a=rtcp-mux\r$/m);
    expect(last('customer')).toMatchObject({ rtcpMux: true, rtcpPort: 4000 });
    expect(last('remote')).toMatchObject({ rtcpMux: false, rtcpPort: 4001 });
  });

  it('that nobody offered is not taken from an answer', async () => {
    const { bridge, last } = await bridgeOf();
    bridge.translate('customer', 'offer', plain());
    expect(bridge.translate('remote', 'answer', plain('a=rtcp-mux')).bytes.toString()).not.toMatch(/rtcp-mux/);
    expect(last('remote')).toMatchObject({ rtcpMux: false, rtcpPort: 4001 });
  });

  it('ends with the next offer that has none', async () => {
    const { bridge, last } = await bridgeOf();
    bridge.translate('customer', 'offer', plain('a=rtcp-mux'));
    bridge.translate('remote', 'answer', plain());
    bridge.translate('remote', 'offer', plain());
    bridge.translate('customer', 'answer', plain());
    expect(last('customer')).toMatchObject({ rtcpMux: false, rtcpPort: 4001 });
  });
});

describe('an answer that leaves out what it refuses', () => {
  it('has a place for each stream of the offer when it goes on (RFC 3264 §6)', async () => {
    const engine = new FakeMedia();
    const order = { id: 'x', timeoutSeconds: 60, onEvent: () => {} };
    const bridge = await MediaBridge.open(engine, order, new SeededRandom(4));
    bridge.translate('customer', 'offer', sdp('m=video 4002 RTP/AVP 99', 'm=audio 4000 RTP/AVP 0'));
    const answer = bridge.translate('remote', 'answer', sdp('m=audio 5000 RTP/AVP 0')).bytes.toString();
    expect(answer.match(/^m=.*$/gm)).toEqual([
      'm=video 0 RTP/AVP 99',
      expect.stringMatching(/^m=audio [1-9]\d* RTP\/AVP 0$/),
    ]);
    expect(engine.described.at(-1)).toMatchObject({ side: 'remote', description: { rtpPort: 5000 } });
  });
});
