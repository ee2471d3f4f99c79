import { describe, expect, it } from 'vitest';
import {
  carrier,
  connector,
  FAR_NUMBER,
  type GatewayUnderTest,
  OUR_NUMBER,
  startGateway,
} from '../../support/gateway.js';
import { eventually } from '../../support/program.js';
import { openScriptPhone, type ScriptPhone } from './script-phone.js';
import { cryptoValue, describeVoice, mediaPort, newKeys, openVoice, readCrypto, type Voice } from './voice.js';

/** Fax by T.38 (UDPTL): it passes and is counted in clear, and is refused on a leg whose media must be encrypted. */

const fax = (port: number): string =>
  ['v=0', 'o=- 77 2 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', `m=image ${port} udptl t38`]
    .concat('a=T38FaxVersion:0', 'a=T38MaxBitRate:14400', 'a=T38FaxUdpEC:t38UDPRedundancy', '')
    .join('\r\n');

const imagePort = (description: string): number => Number(/^m=image (\d+) udptl t38/m.exec(description)![1]);

interface Side {
  readonly phone: ScriptPhone;
  readonly voice: Voice;
}

const side = async (user: string): Promise<Side> => ({
  phone: await openScriptPhone({ user }),
  voice: await openVoice(),
});

/** The far phone answers audio, under SRTP where it is offered, and T.38 with T.38. */
function answerAnything({ phone, voice }: Side): void {
  const suite = 'AES_CM_128_HMAC_SHA1_80';
  const own = newKeys(suite);
  phone.answerWith = (offer) => {
    if (/^m=image/m.test(offer)) {
      voice.target = imagePort(offer);
      return fax(voice.port);
    }
    voice.target = mediaPort(offer);
    const line = readCrypto(offer).find(({ keys }) => keys.suite === suite);
    if (line) voice.secure({ send: own, receive: line.keys });
    return describeVoice({ port: voice.port, crypto: line ? [cryptoValue(line.tag, own)] : [] });
  };
}

async function callThrough(gateway: GatewayUnderTest, { phone, voice }: Side): Promise<void> {
  const host = `127.0.0.1:${gateway.sipPort}`;
  const response = await phone.call(gateway.sipPort, FAR_NUMBER, host, describeVoice({ port: voice.port }));
  expect(response.status, gateway.tail()).toBe(200);
  voice.target = mediaPort(response.body);
}

async function expectAudio(customer: Side, far: Side, packets: number): Promise<void> {
  for (const [{ voice: said }, { voice: by }] of [
    [customer, far],
    [far, customer],
  ] as const) {
    const before = by.heard().length;
    await said.say(packets);
    await eventually('the audio', () => by.heard().length >= before + packets);
    const hex = (all: readonly Buffer[]) => all.slice(-packets).map((packet) => packet.toString('hex'));
    expect(hex(by.heard())).toEqual(hex(said.said));
  }
}

const refusals = async (gateway: GatewayUnderTest) =>
  (await gateway.metrics()).by('voice_connector_media_refused_total', 'code');

describe('a carrier whose media must be encrypted', () => {
  async function secureCall() {
    const [customer, far] = [await side(OUR_NUMBER), await side(FAR_NUMBER)];
    answerAnything(far);
    const gateway = await startGateway({
      carriers: [carrier([far.phone.port], { encryption: 'required' })],
      voiceConnectors: [connector()],
    });
    return { gateway, customer, far };
  }

  it.each(['customer', 'far'] as const)(
    'a change to T.38 asked for by the %s side gets 488 and Warning 304',
    async (by) => {
      const { gateway, ...sides } = await secureCall();
      const { customer, far } = sides;
      await callThrough(gateway, customer);
      await expectAudio(customer, far, 10);
      const other = by === 'customer' ? far : customer;
      const before = other.phone.got.length;
      const response = await sides[by].phone.reinvite(fax(sides[by].voice.port));
      expect(response.status).toBe(488);
      expect(response.header('warning')).toMatch(/^304 \S+ "T\.38 [^"]+"$/);
      // The other side hears nothing of it, and the call goes on as it was.
      expect(other.phone.got).toHaveLength(before);
      await expectAudio(customer, far, 10);
      expect(await refusals(gateway)).toEqual({ 'media.t38-unencrypted': 1 });
      await customer.phone.bye();
      const [record] = await gateway.recordsOnceThere(1);
      expect(record).toMatchObject({ Status: 'Completed' });
    },
  );

  it('a call of T.38 alone is refused with 488 and Warning 304 before the carrier hears of it', async () => {
    const { gateway, customer, far } = await secureCall();
    const host = `127.0.0.1:${gateway.sipPort}`;
    const response = await customer.phone.call(gateway.sipPort, FAR_NUMBER, host, fax(customer.voice.port));
    expect(response.status).toBe(488);
    expect(response.header('warning')).toMatch(/^304 \S+ "T\.38 [^"]+"$/);
    expect(far.phone.got).toEqual([]);
    const [record] = await gateway.recordsOnceThere(1);
    expect(record!.Trunkline).toMatchObject({ Code: 'media.t38-unencrypted', SipStatus: 488 });
  });
});

describe.each(['native', 'typescript'])('in clear, engine %s', (engine) => {
  it('a call changes to T.38: datagrams pass both ways as they are, and are counted', async () => {
    const [customer, far] = [await side(OUR_NUMBER), await side(FAR_NUMBER)];
    answerAnything(far);
    const gateway = await startGateway({
      media: { engine },
      carriers: [carrier([far.phone.port])],
      voiceConnectors: [connector()],
    });
    await callThrough(gateway, customer);
    await expectAudio(customer, far, 10);
    const response = await customer.phone.reinvite(fax(customer.voice.port));
    expect(response.status, gateway.tail()).toBe(200);
    customer.voice.target = imagePort(response.body);
    const ifp = (sequence: number) => Buffer.from([0, sequence, 1, 6, 0, 0]);
    for (const [{ voice: from }, { voice: to }] of [
      [customer, far],
      [far, customer],
    ] as const) {
      const before = to.rtp.got.length;
      for (let sequence = 0; sequence < 25; sequence++) from.rtp.send(ifp(sequence), from.target);
      await eventually('the datagrams', () => to.rtp.got.length >= before + 25);
      const got = to.rtp.got.slice(before).map(({ data }) => data.toString('hex'));
      expect(got).toEqual(Array.from({ length: 25 }, (_, sequence) => ifp(sequence).toString('hex')));
    }
    await customer.phone.bye();
    const [record] = await gateway.recordsOnceThere(1);
    const { cust2vc, rem2vc, vc2cust, vc2rem } = record!.Trunkline.Quality!.Paths;
    const counted = { rtpPackets: 35, rtpBytes: 10 * 172 + 25 * 6 };
    for (const path of [cust2vc, rem2vc, vc2cust, vc2rem]) expect(path).toMatchObject(counted);
    expect(await refusals(gateway)).toEqual({});
  });
});
