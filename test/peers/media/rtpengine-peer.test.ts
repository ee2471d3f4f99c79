import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { SeededRandom, systemScheduler } from '../../../src/core/index.js';
import { type SrtpSuite, SUITES } from '../../../src/rtp/index.js';
import { NgClient } from '../../../src/rtp/rtpengine/ng-client.js';
import { carrier, connector, FAR_NUMBER, OUR_NUMBER, startGateway } from '../../support/gateway.js';
import { eventually, needs } from '../../support/program.js';
import { startRtpengine } from '../../support/rtpengine.js';
import { openScriptPhone } from './script-phone.js';
import { describeVoice, mediaPort, openVoice, readCrypto, type Voice } from './voice.js';

/**
 * Each suite with a peer that was not written here: an rtpengine daemon as a PBX's border, which draws its own keys,
 * offers SDES, takes our answer, seals and opens.
 *
 *     PBX voice, clear ◄──► rtpengine ◄── SRTP, one suite ──► gateway (native or typescript) ◄──► carrier voice, clear
 */

const PACKETS = 60;
const FOREIGN = ['F8_128_HMAC_SHA1_80', 'F8_128_HMAC_SHA1_32', 'NULL_HMAC_SHA1_80', 'NULL_HMAC_SHA1_32'];

beforeEach((context) => needs(context, 'rtpengine'));

async function openBorder(suite: SrtpSuite) {
  const daemon = await startRtpengine();
  const client = new NgClient({ host: '127.0.0.1', port: daemon.port }, systemScheduler, new SeededRandom(21));
  client.open();
  onTestFinished(async () => {
    client.close();
    await daemon.kill();
  });
  const others = [...Object.keys(SUITES), ...FOREIGN].filter((one) => one !== suite);
  const call = { 'call-id': 'border', 'from-tag': 'pbx', ICE: 'remove', DTLS: 'off' };
  const told = async (command: string, parts: Record<string, string | string[]>): Promise<string> =>
    (await client.request(command, { ...call, ...parts })).sdp as string;
  return {
    offerFor: (description: string) =>
      told('offer', {
        sdp: description,
        'transport-protocol': 'RTP/SAVP',
        SDES: others.map((one) => `no-${one}`),
      }),
    answered: (description: string) => told('answer', { 'to-tag': 'gateway', sdp: description }),
  };
}

/** All that one said is what the other heard. */
async function expectHeard(said: Voice, by: Voice): Promise<void> {
  await eventually('all packets', () => by.heard().length >= PACKETS);
  const hex = (packets: readonly Buffer[]) => packets.map((packet) => packet.toString('hex'));
  expect(hex(by.heard())).toEqual(hex(said.said));
}

it.each(Object.keys(SUITES) as SrtpSuite[])('%s', async (suite) => {
  const [customer, far] = [await openScriptPhone({ user: OUR_NUMBER }), await openScriptPhone({ user: FAR_NUMBER })];
  const [near, distant] = [await openVoice(), await openVoice(5000)];
  far.answerWith = (offer) => {
    distant.target = mediaPort(offer);
    return describeVoice({ port: distant.port });
  };
  const gateway = await startGateway({ carriers: [carrier([far.port])], voiceConnectors: [connector()] });
  const border = await openBorder(suite);
  const offer = await border.offerFor(describeVoice({ port: near.port }));
  expect(readCrypto(offer).map(({ keys }) => keys.suite)).toEqual([suite]);
  const response = await customer.call(gateway.sipPort, FAR_NUMBER, `127.0.0.1:${gateway.sipPort}`, offer);
  expect(response.status, gateway.tail()).toBe(200);
  near.target = mediaPort(await border.answered(response.body));
  await Promise.all([near.say(PACKETS), distant.say(PACKETS)]);
  await expectHeard(near, distant);
  await expectHeard(distant, near);
  await customer.bye();
  const [record] = await gateway.recordsOnceThere(1);
  expect(record!.Trunkline).toMatchObject({ Encryption: { customer: suite, remote: 'none' } });
  expect(record!.Trunkline.Quality!.Paths.cust2vc).toMatchObject({ rtpPackets: PACKETS, packetsLost: 0 });
});
