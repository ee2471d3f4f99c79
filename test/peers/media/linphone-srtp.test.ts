import { beforeEach, expect, it } from 'vitest';
import { speechLike } from '../../../src/demo/speech.js';
import { startPhone } from '../../support/baresip.js';
import { level, likeness } from '../../support/correlate.js';
import { carrier, connector, FAR_NUMBER, OUR_NUMBER, startGateway } from '../../support/gateway.js';
import { needs, pause } from '../../support/program.js';
import { startLinphone } from './linphone.js';

/** linphone with mandatory SRTP keyed by SDES, through the gateway to a baresip in clear; it has these four suites. */

const linphoneSpeech = { rateHz: 8000, samples: speechLike(41, 30) };
const baresipSpeech = { rateHz: 8000, samples: speechLike(42, 30) };
const TALK_MS = 4000;
/** Its authenticated suite with nothing encrypted, which the gateway never offers. */
const UNENCRYPTED = ['AES_CM_128_HMAC_SHA1_80 UNENCRYPTED_SRTP'];

beforeEach((context) => needs(context, 'linphonec', 'baresip'));

function expectSame(said: Int16Array, heard: Int16Array): void {
  expect(level(heard)).toBeGreaterThan(300);
  // Linphone's own volume control and its resampling are in the sound.
  expect(likeness(said, heard).correlation).toBeGreaterThan(0.9);
}

it.each(['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32', 'AES_256_CM_HMAC_SHA1_80', 'AES_256_CM_HMAC_SHA1_32'])(
  'a linphone carrier that takes %s alone, called by a baresip in clear',
  async (suite) => {
    const far = await startLinphone({ user: FAR_NUMBER, speech: linphoneSpeech, autoAnswer: true, suites: [suite] });
    const gateway = await startGateway({
      carriers: [carrier([far.port], { encryption: 'required' })],
      voiceConnectors: [connector()],
    });
    const customer = await startPhone({ user: OUR_NUMBER, speech: baresipSpeech });
    customer.dial(`sip:${FAR_NUMBER}@127.0.0.1:${gateway.sipPort}`);
    await customer.event('CALL_ESTABLISHED').catch((error: Error) => {
      throw new Error(`${error.message}\n${gateway.tail()}`);
    });
    await pause(TALK_MS);
    customer.hangUp();
    const [record] = await gateway.recordsOnceThere(1);
    await far.quit();
    expect(record!.Trunkline).toMatchObject({ Encryption: { customer: 'none', remote: suite } });
    expectSame(linphoneSpeech.samples, customer.heard().samples);
    expectSame(baresipSpeech.samples, far.heard().samples);
  },
);

it('a linphone caller with SRTP alone', async () => {
  const far = await startPhone({ user: FAR_NUMBER, speech: baresipSpeech, autoAnswer: true });
  const gateway = await startGateway({ carriers: [carrier([far.port])], voiceConnectors: [connector()] });
  const suites = ['AES_CM_128_HMAC_SHA1_80'];
  const customer = await startLinphone({ user: OUR_NUMBER, speech: linphoneSpeech, suites });
  customer.order(`call sip:${FAR_NUMBER}@127.0.0.1:${gateway.sipPort}`);
  await far.event('CALL_ESTABLISHED');
  await pause(TALK_MS);
  far.hangUp();
  const [record] = await gateway.recordsOnceThere(1);
  await customer.quit();
  expect(record!.Trunkline).toMatchObject({ Encryption: { customer: suites[0], remote: 'none' } });
  expectSame(linphoneSpeech.samples, far.heard().samples);
  expectSame(baresipSpeech.samples, customer.heard().samples);
});

it('a linphone carrier with no suite of ours answers with port 0: no call without media comes of it', async () => {
  const far = await startLinphone({ user: FAR_NUMBER, speech: linphoneSpeech, autoAnswer: true, suites: UNENCRYPTED });
  const gateway = await startGateway({
    carriers: [carrier([far.port], { encryption: 'required' })],
    voiceConnectors: [connector()],
  });
  const customer = await startPhone({ user: OUR_NUMBER, speech: baresipSpeech });
  customer.dial(`sip:${FAR_NUMBER}@127.0.0.1:${gateway.sipPort}`);
  const [record] = await gateway.recordsOnceThere(1);
  await far.quit();
  expect(record).toMatchObject({ Status: 'Failed', BillableDurationSeconds: 0 });
  expect(record!.Trunkline).toMatchObject({ SipStatus: 488 });
});
