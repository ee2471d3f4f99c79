import { describe, expect, it } from 'vitest';
import { MediaBridge } from '../../src/call/media-bridge.js';
import type { EncryptionMode } from '../../src/call/media-crypto.js';
import { SeededRandom } from '../../src/core/index.js';
import type { MessageBody } from '../../src/sip/index.js';
import { FakeMedia } from '../support/fake-media.js';

/** T.38 between the sides of a call of which one, or both, must be encrypted. */

function sdp(...media: string[]): MessageBody {
  const head = ['v=0', 'o=- 1 1 IN IP4 192.0.2.9', 's=-', 'c=IN IP4 192.0.2.9', 't=0 0'];
  return { contentType: 'application/sdp', bytes: Buffer.from(`${[...head, ...media].join('\r\n')}\r\n`) };
}

const FAX = ['m=image 4000 udptl t38', 'a=T38FaxVersion:0'];
const KEY = Buffer.alloc(30, 7).toString('base64');
const SEALED = ['m=audio 4000 RTP/SAVP 0', `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${KEY}`];

async function bridgeOf(customer: EncryptionMode, remote: EncryptionMode) {
  const engine = new FakeMedia();
  const bridge = await MediaBridge.open(
    engine,
    { id: 'x', timeoutSeconds: 60, onEvent: () => {} },
    new SeededRandom(4),
  );
  const open = { mediaSources: undefined, allowedSources: undefined };
  bridge.bound('customer', { ...open, encryption: customer });
  bridge.bound('remote', { ...open, encryption: remote });
  return { engine, bridge };
}

const refused = expect.objectContaining({ code: 'media.t38-unencrypted', sipStatus: 488 });

describe('an offer of T.38', () => {
  it.each([
    ['required', 'off'],
    ['off', 'required'],
    ['required', 'required'],
  ] as const)(
    'is refused with the customer’s encryption %s and the remote’s %s, whoever offers',
    async (customer, remote) => {
      const { engine, bridge } = await bridgeOf(customer, remote);
      for (const from of ['customer', 'remote'] as const) {
        for (const apply of [true, false])
          expect(() => bridge.translate(from, 'offer', sdp(...FAX), apply)).toThrow(refused);
      }
      expect(engine.described).toEqual([]);
    },
  );

  it('passes where neither side must be encrypted', async () => {
    const { bridge } = await bridgeOf('off', 'offered');
    const offer = bridge.translate('customer', 'offer', sdp(...FAX)).bytes.toString();
    expect(offer).toMatch(/^m=image [1-9]\d* udptl t38\r$/m);
  });

  it.each(['off', 'offered'] as const)('is refused once SRTP was agreed on, with encryption %s', async (mode) => {
    const { engine, bridge } = await bridgeOf(mode, 'off');
    bridge.translate('customer', 'offer', sdp(...SEALED));
    bridge.translate('remote', 'answer', sdp('m=audio 4002 RTP/AVP 0'));
    const told = engine.described.length;
    for (const from of ['customer', 'remote'] as const) {
      expect(() => bridge.translate(from, 'offer', sdp(...FAX), false)).toThrow(refused);
    }
    expect(engine.described).toHaveLength(told);
    expect(bridge.encryption('customer')).toBe('AES_CM_128_HMAC_SHA1_80');
  });

  it('beside audio under SRTP is refused in its place, and the audio passes', async () => {
    const { bridge } = await bridgeOf('required', 'off');
    const offer = bridge.translate('customer', 'offer', sdp(...SEALED, ...FAX)).bytes.toString();
    expect(offer).toMatch(/^m=audio [1-9]\d* RTP\/AVP 0\r$/m);
    expect(offer).toMatch(/^m=image 0 udptl t38\r$/m);
  });
});

it('an answer that gives the audio up for T.38 is refused where media must be encrypted', async () => {
  const { bridge } = await bridgeOf('required', 'off');
  bridge.translate('customer', 'offer', sdp(...SEALED));
  expect(() => bridge.translate('remote', 'answer', sdp('m=audio 0 RTP/AVP 0', ...FAX))).toThrow(refused);
});
