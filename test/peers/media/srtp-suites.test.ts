import { describe, expect, it } from 'vitest';
import { type SrtpSuite, SUITES } from '../../../src/rtp/index.js';
import {
  carrier,
  connector,
  FAR_NUMBER,
  type GatewayUnderTest,
  OUR_NUMBER,
  startGateway,
} from '../../support/gateway.js';
import { freePorts } from '../../support/ports.js';
import { eventually, pause } from '../../support/program.js';
import { makeCertificates } from '../sip/tls-tunnel.js';
import { openScriptPhone, type ScriptPhone } from './script-phone.js';
import { cryptoValue, describeVoice, mediaPort, newKeys, openVoice, readCrypto, type Voice } from './voice.js';

/** Scripted peers negotiate SRTP with the gateway, suite by suite, and the gateway refuses what may not be. */

const PACKETS = 60;

interface Side {
  readonly phone: ScriptPhone;
  readonly voice: Voice;
}

async function side(user: string, firstSequence?: number): Promise<Side> {
  return { phone: await openScriptPhone({ user }), voice: await openVoice(firstSequence) };
}

/** The far side answers with `suite` out of what it is offered; keys of its own. */
function answerWithSuite({ phone, voice }: Side, suite: SrtpSuite): void {
  const own = newKeys(suite);
  phone.answerWith = (offer) => {
    const line = readCrypto(offer).find(({ keys }) => keys.suite === suite);
    if (!line) return '';
    voice.target = mediaPort(offer);
    voice.secure({ send: own, receive: line.keys });
    return describeVoice({ port: voice.port, crypto: [cryptoValue(line.tag, own)] });
  };
}

function answerInClear({ phone, voice }: Side): void {
  phone.answerWith = (offer) => {
    voice.target = mediaPort(offer);
    return describeVoice({ port: voice.port });
  };
}

/** The customer calls, offering one suite; its voice is keyed by the answer. */
async function callWithSuite(gateway: GatewayUnderTest, { phone, voice }: Side, suite: SrtpSuite): Promise<void> {
  const own = newKeys(suite);
  const offer = describeVoice({ port: voice.port, crypto: [cryptoValue(1, own)] });
  const response = await phone.call(gateway.sipPort, FAR_NUMBER, `127.0.0.1:${gateway.sipPort}`, offer);
  expect(response.status, gateway.tail()).toBe(200);
  const [answer] = readCrypto(response.body);
  expect(answer).toMatchObject({ tag: 1, keys: { suite } });
  voice.target = mediaPort(response.body);
  voice.secure({ send: own, receive: answer!.keys });
}

const gatewayTo = (far: Side, encryption: string, more: Record<string, unknown> = {}) =>
  startGateway({ carriers: [carrier([far.phone.port], { encryption })], voiceConnectors: [connector()], ...more });

/** Everything that one side said since `from` has reached the other, in clear the same. */
async function expectHeard(said: Voice, by: Voice, from = 0): Promise<void> {
  const wanted = said.said.slice(from);
  await eventually('all packets', () => by.heard().length >= said.said.length).catch(() => {});
  expect(by.unreadable).toBe(0);
  expect(
    by
      .heard()
      .slice(from)
      .map((packet) => packet.toString('hex')),
  ).toEqual(wanted.map((packet) => packet.toString('hex')));
}

describe('each suite, on both sides of one call', () => {
  it.each(Object.keys(SUITES) as SrtpSuite[])('%s', async (suite) => {
    const [customer, far] = [await side(OUR_NUMBER), await side(FAR_NUMBER)];
    answerWithSuite(far, suite);
    const gateway = await gatewayTo(far, 'required');
    await callWithSuite(gateway, customer, suite);
    expect(readCrypto(customer.phone.description)[0]!.keys.key).not.toEqual(
      readCrypto(far.phone.description)[0]!.keys.key,
    );
    await Promise.all([customer.voice.say(PACKETS), far.voice.say(PACKETS)]);
    await expectHeard(customer.voice, far.voice);
    await expectHeard(far.voice, customer.voice);
    await customer.phone.bye();
    const [record] = await gateway.recordsOnceThere(1);
    expect(record!.Trunkline).toMatchObject({ Encryption: { customer: suite, remote: suite } });
    const { cust2vc, rem2vc } = record!.Trunkline.Quality!.Paths;
    // The tags are no part of what is counted.
    expect(cust2vc).toMatchObject({ rtpPackets: PACKETS, rtpBytes: PACKETS * 172, packetsLost: 0 });
    expect(rem2vc).toMatchObject({ rtpPackets: PACKETS, rtpBytes: PACKETS * 172, packetsLost: 0 });
  });
});

describe('a key', () => {
  it('and its rollover counter are kept over a re-INVITE that repeats it', async () => {
    const suite = 'AES_CM_128_HMAC_SHA1_80';
    const [customer, far] = [await side(OUR_NUMBER, 65_500), await side(FAR_NUMBER, 65_500)];
    answerInClear(far);
    const gateway = await gatewayTo(far, 'off');
    await callWithSuite(gateway, customer, suite);
    const [ours] = readCrypto(customer.phone.description);
    await Promise.all([customer.voice.say(80), far.voice.say(80)]);
    await expectHeard(customer.voice, far.voice);
    await expectHeard(far.voice, customer.voice);
    const repeated = /a=crypto:(.*)\r\n/.exec(customer.phone.lastSent)![1]!;
    const response = await customer.phone.reinvite(
      describeVoice({ port: customer.voice.port, version: 2, crypto: [repeated] }),
    );
    expect(response.status).toBe(200);
    expect(readCrypto(response.body)[0]!.keys.key).toEqual(ours!.keys.key);
    // Both ways the rollover counter is 1 by now: a context that began anew would open nothing.
    await Promise.all([customer.voice.say(40), far.voice.say(40)]);
    await expectHeard(customer.voice, far.voice);
    await expectHeard(far.voice, customer.voice);
    await customer.phone.bye();
  });

  it('changed by a re-INVITE holds at once, and the old one no longer', async () => {
    const [customer, far] = [await side(OUR_NUMBER), await side(FAR_NUMBER)];
    answerInClear(far);
    const gateway = await gatewayTo(far, 'off');
    await callWithSuite(gateway, customer, 'AES_CM_128_HMAC_SHA1_80');
    await customer.voice.say(20);
    await expectHeard(customer.voice, far.voice);
    const stale = Array.from({ length: 10 }, () => customer.voice.next());
    customer.voice.said.splice(-10);

    const fresh = newKeys('AEAD_AES_256_GCM');
    const response = await customer.phone.reinvite(
      describeVoice({ port: customer.voice.port, version: 2, crypto: [cryptoValue(1, fresh)] }),
    );
    expect(response.status).toBe(200);
    const [answer] = readCrypto(response.body);
    expect(answer!.keys.suite).toBe('AEAD_AES_256_GCM');
    customer.voice.secure({ send: fresh, receive: answer!.keys });
    for (const packet of stale) customer.voice.rtp.send(packet, customer.voice.target);
    await Promise.all([customer.voice.say(40), far.voice.say(40)]);
    await expectHeard(customer.voice, far.voice);
    await expectHeard(far.voice, customer.voice);
    expect((await gateway.metrics()).by('trunkline_media_dropped_total', 'reason')['srtp-auth']).toBe(10);
    await customer.phone.bye();
  });
});

describe('an offer with nothing usable', () => {
  it.each([
    ['an unknown suite', '1 NULL_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'],
    ['an MKI', '1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:4'],
    ['unencrypted SRTP', '1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj UNENCRYPTED_SRTP'],
  ])('gets 488: %s', async (_, crypto) => {
    const [customer, far] = [await side(OUR_NUMBER), await side(FAR_NUMBER)];
    answerInClear(far);
    const gateway = await gatewayTo(far, 'off');
    const offer = describeVoice({ port: customer.voice.port, crypto: [crypto] });
    const response = await customer.phone.call(gateway.sipPort, FAR_NUMBER, `127.0.0.1:${gateway.sipPort}`, offer);
    expect(response.status).toBe(488);
    expect(far.phone.got).toEqual([]);
  });
});

describe('limits of strength', () => {
  const limits = { media: { srtpMinimumKeyBits: 256, srtpShortTags: false } };
  const STRONG: readonly SrtpSuite[] = ['AEAD_AES_256_GCM', 'AES_256_CM_HMAC_SHA1_80'];

  it('leave a carrier the strong suites alone, and take the first strong line of a caller', async () => {
    const [customer, far] = [await side(OUR_NUMBER), await side(FAR_NUMBER)];
    answerWithSuite(far, STRONG[1]!);
    const gateway = await gatewayTo(far, 'required', limits);
    const suites = ['AEAD_AES_128_GCM', 'AES_256_CM_HMAC_SHA1_32', STRONG[1]!, STRONG[0]!] as const;
    const offered = suites.map((suite) => newKeys(suite));
    const crypto = offered.map((keys, index) => cryptoValue(index + 1, keys));
    const offer = describeVoice({ port: customer.voice.port, crypto });
    const response = await customer.phone.call(gateway.sipPort, FAR_NUMBER, `127.0.0.1:${gateway.sipPort}`, offer);
    expect(response.status, gateway.tail()).toBe(200);
    const [answer] = readCrypto(response.body);
    expect([answer!.tag, answer!.keys.suite]).toEqual([3, STRONG[1]]);
    const invite = far.phone.got.find(({ method }) => method === 'INVITE')!;
    expect(readCrypto(invite.body).map(({ keys }) => keys.suite)).toEqual(STRONG);
    customer.voice.target = mediaPort(response.body);
    customer.voice.secure({ send: offered[2]!, receive: answer!.keys });
    await customer.voice.say(10);
    await expectHeard(customer.voice, far.voice);
    await customer.phone.bye();
  });

  it.each(['AES_CM_128_HMAC_SHA1_80', 'AES_192_CM_HMAC_SHA1_80', 'AES_256_CM_HMAC_SHA1_32'] as const)(
    'refuse %s alone with 488 and Warning 304',
    async (suite) => {
      const [customer, far] = [await side(OUR_NUMBER), await side(FAR_NUMBER)];
      answerInClear(far);
      const gateway = await gatewayTo(far, 'off', limits);
      const offer = describeVoice({ port: customer.voice.port, crypto: [cryptoValue(1, newKeys(suite))] });
      const response = await customer.phone.call(gateway.sipPort, FAR_NUMBER, `127.0.0.1:${gateway.sipPort}`, offer);
      expect(response.status, gateway.tail()).toBe(488);
      expect(response.header('warning')).toMatch(/^304 /);
      expect(far.phone.got).toEqual([]);
    },
  );
});

describe('a carrier with encryption required', () => {
  /** Answers with every stream rejected, as linphone 5.1 does where it has no SRTP. */
  function rejectAll(far: Side): void {
    far.phone.answerWith = () => describeVoice({ port: 0 }).replace('RTP/AVP', 'RTP/SAVP');
  }

  const methodsAt = ({ phone }: Side) => phone.got.map(({ method, status }) => method || String(status));

  it.each([
    ['rejects every stream', 'media.streams-rejected', rejectAll],
    ['answers in clear', 'media.srtp-required', answerInClear],
  ] as const)(
    'that %s: its leg ends with ACK and BYE, the caller gets 488 and Warning 304',
    async (_, code, answer) => {
      const [customer, far] = [await side(OUR_NUMBER), await side(FAR_NUMBER)];
      answer(far);
      const gateway = await gatewayTo(far, 'required');
      const offer = describeVoice({ port: customer.voice.port });
      const response = await customer.phone.call(gateway.sipPort, FAR_NUMBER, `127.0.0.1:${gateway.sipPort}`, offer);
      expect(response.status, gateway.tail()).toBe(488);
      expect(response.header('warning')).toMatch(/^304 \S+ "[^"]+"$/);
      await eventually('the BYE', () => methodsAt(far).includes('BYE'));
      expect(methodsAt(far)).toEqual(['INVITE', 'ACK', 'BYE']);
      const [record] = await gateway.recordsOnceThere(1);
      expect(record).toMatchObject({ Status: 'Failed', BillableDurationSeconds: 0 });
      expect(record!.Trunkline).toMatchObject({
        SipStatus: 488,
        Code: code,
        Attempts: [{ SipStatus: 488, Code: code }],
      });
      expect((await gateway.metrics()).sum('trunkline_calls_active')).toBe(0);
    },
  );

  it('that rejects every stream is left for the next one where 488 is among its codes', async () => {
    const [customer, far, next] = [await side(OUR_NUMBER), await side(FAR_NUMBER), await side(FAR_NUMBER)];
    rejectAll(far);
    answerWithSuite(next, 'AES_CM_128_HMAC_SHA1_80');
    const hosts = [far, next].map(({ phone }, index) => ({ host: '127.0.0.1', port: phone.port, priority: index + 1 }));
    const gateway = await startGateway({
      carriers: [carrier([], { encryption: 'required', hosts, failover: { statuses: [488, 503] } })],
      voiceConnectors: [connector()],
    });
    const offer = describeVoice({ port: customer.voice.port });
    const response = await customer.phone.call(gateway.sipPort, FAR_NUMBER, `127.0.0.1:${gateway.sipPort}`, offer);
    expect(response.status, gateway.tail()).toBe(200);
    customer.voice.target = mediaPort(response.body);
    await Promise.all([customer.voice.say(20), next.voice.say(20)]);
    await expectHeard(customer.voice, next.voice);
    await expectHeard(next.voice, customer.voice);
    await customer.phone.bye();
    expect(methodsAt(far)).toEqual(['INVITE', 'ACK', 'BYE']);
    const [record] = await gateway.recordsOnceThere(1);
    expect(record).toMatchObject({ Status: 'Completed' });
    expect(record!.Trunkline).toMatchObject({
      Attempts: [{ SipStatus: 488, Code: 'media.streams-rejected' }, {}],
      Encryption: { remote: 'AES_CM_128_HMAC_SHA1_80' },
    });
  });
});

it('an answer in clear that rejects every stream passes as it is: a call without media is legal', async () => {
  const [customer, far] = [await side(OUR_NUMBER), await side(FAR_NUMBER)];
  far.phone.answerWith = () => describeVoice({ port: 0 });
  const gateway = await gatewayTo(far, 'off');
  const offer = describeVoice({ port: customer.voice.port });
  const response = await customer.phone.call(gateway.sipPort, FAR_NUMBER, `127.0.0.1:${gateway.sipPort}`, offer);
  expect(response.status, gateway.tail()).toBe(200);
  expect(response.body).toMatch(/^m=audio 0 /m);
  await customer.phone.bye();
  const [record] = await gateway.recordsOnceThere(1);
  expect(record).toMatchObject({ Status: 'Completed' });
});

describe('a connector with requireEncryption', () => {
  async function encrypted(far: Side) {
    const certificates = makeCertificates();
    const sipPort = await freePorts(2);
    const { ca, certificate, key } = certificates;
    const gateway = await startGateway({
      sip: {
        listen: [`udp://127.0.0.1:${sipPort}`, `tls://127.0.0.1:${sipPort + 1}`],
        tls: { ca, certificate, key },
      },
      carriers: [carrier([far.phone.port])],
      voiceConnectors: [connector({ requireEncryption: true })],
    });
    return { gateway, sipPort, tls: { port: sipPort + 1, ca } };
  }

  it('refuses an offer on clear transport with 403', async () => {
    const far = await side(FAR_NUMBER);
    const { sipPort } = await encrypted(far);
    const customer = await side(OUR_NUMBER);
    const offer = describeVoice({ port: customer.voice.port, crypto: [cryptoValue(1, newKeys('AEAD_AES_128_GCM'))] });
    const response = await customer.phone.call(sipPort, FAR_NUMBER, `127.0.0.1:${sipPort}`, offer);
    expect(response.status).toBe(403);
    expect(far.phone.got).toEqual([]);
  });

  it('refuses clear media over TLS with 488 and Warning 304', async () => {
    const far = await side(FAR_NUMBER);
    const { sipPort, tls, gateway } = await encrypted(far);
    const [phone, voice] = [await openScriptPhone({ user: OUR_NUMBER, tls }), await openVoice()];
    const offer = describeVoice({ port: voice.port });
    const response = await phone.call(tls.port, FAR_NUMBER, `127.0.0.1:${sipPort}`, offer);
    expect(response.status, gateway.tail()).toBe(488);
    expect(response.header('warning')).toMatch(/^304 /);
    expect(far.phone.got).toEqual([]);
  });

  it('carries SRTP offered over TLS, to a carrier in clear', async () => {
    const far = await side(FAR_NUMBER);
    answerInClear(far);
    const { sipPort, tls, gateway } = await encrypted(far);
    const [phone, voice] = [await openScriptPhone({ user: OUR_NUMBER, tls }), await openVoice()];
    const own = newKeys('AEAD_AES_128_GCM');
    const offer = describeVoice({ port: voice.port, crypto: [cryptoValue(7, own)] });
    const response = await phone.call(tls.port, FAR_NUMBER, `127.0.0.1:${sipPort}`, offer);
    expect(response.status, gateway.tail()).toBe(200);
    const [answer] = readCrypto(response.body);
    expect(answer!.tag).toBe(7);
    voice.target = mediaPort(response.body);
    voice.secure({ send: own, receive: answer!.keys });
    await Promise.all([voice.say(PACKETS), far.voice.say(PACKETS)]);
    await expectHeard(voice, far.voice);
    await expectHeard(far.voice, voice);
    await phone.bye();
    await pause(50);
  });
});
