import { beforeEach, describe, expect, it } from 'vitest';
import { speechLike } from '../../../src/demo/speech.js';
import { type Phone, startPhone } from '../../support/baresip.js';
import { level, likeness } from '../../support/correlate.js';
import { carrier, connector, FAR_NUMBER, OUR_NUMBER, startGateway } from '../../support/gateway.js';
import { needs, pause } from '../../support/program.js';
import { audioKey, PACKETS_PER_SECOND } from '../../support/scene.js';
import { startAnswerer } from '../../support/sipp.js';

/** baresip with mandatory SRTP, through the gateway to peers with and without it: the audio arrives. */

const customerSpeech = { rateHz: 8000, samples: speechLike(31, 20) };
const farSpeech = { rateHz: 8000, samples: speechLike(32, 20) };
const TALK_MS = 4000;

beforeEach((context) => needs(context, 'baresip'));

function expectHeard(phone: Phone, said: Int16Array): void {
  const { samples } = phone.heard();
  expect(samples.length).toBeGreaterThan(((TALK_MS - 1500) * 8000) / 1000);
  expect(level(samples)).toBeGreaterThan(300);
  expect(likeness(said, samples).correlation).toBeGreaterThan(0.95);
}

/** Phones of both sides, through a gateway to a carrier with this encryption. */
async function talk(customerSecure: boolean, farSecure: boolean, engine: 'typescript' | 'auto', encryption: string) {
  const secure = (on: boolean) => (on ? { mediaEncryption: 'srtp-mand' as const } : {});
  const far = await startPhone({ user: FAR_NUMBER, speech: farSpeech, autoAnswer: true, ...secure(farSecure) });
  const gateway = await startGateway({
    media: { engine },
    carriers: [carrier([far.port], { encryption })],
    voiceConnectors: [connector()],
  });
  const customer = await startPhone({ user: OUR_NUMBER, speech: customerSpeech, ...secure(customerSecure) });
  customer.dial(`sip:${FAR_NUMBER}@127.0.0.1:${gateway.sipPort}`);
  await customer.event('CALL_ESTABLISHED');
  await far.event('CALL_ESTABLISHED');
  await pause(TALK_MS);
  customer.hangUp();
  await far.event('CALL_CLOSED');
  expectHeard(customer, farSpeech.samples);
  expectHeard(far, customerSpeech.samples);
  const [record] = await gateway.recordsOnceThere(1);
  const { cust2vc, rem2vc } = record!.Trunkline.Quality!.Paths;
  for (const path of [cust2vc, rem2vc]) {
    expect(path).toMatchObject({ packetsLost: 0, duplicates: 0 });
    expect(path.rtpPackets).toBeGreaterThan((TALK_MS / 1000) * PACKETS_PER_SECOND * 0.8);
  }
  expect((await gateway.metrics()).by('trunkline_media_dropped_total', 'reason')).not.toHaveProperty('srtp-auth');
  return (record!.Trunkline as unknown as { Encryption: unknown }).Encryption;
}

describe.each(['typescript', 'auto'] as const)('baresip with SRTP alone, engine %s', (engine) => {
  it('to a baresip in clear', async () => {
    expect(await talk(true, false, engine, 'off')).toEqual({ customer: expect.stringMatching(/^A/), remote: 'none' });
  });

  it('as a carrier with encryption required, called by a PBX in clear', async () => {
    expect(await talk(false, true, engine, 'required')).toEqual({
      customer: 'none',
      remote: expect.stringMatching(/^A/),
    });
  });

  it('on both sides, each with keys of its own', async () => {
    expect(await talk(true, true, engine, 'required')).toEqual({
      customer: expect.stringMatching(/^A/),
      remote: expect.stringMatching(/^A/),
    });
  });
});

it('baresip with SRTP alone hears what a SIPp carrier in clear says', async (context) => {
  needs(context, 'sipp');
  const answerer = await startAnswerer({ scenario: 'uas-audio', keys: { audio: audioKey(8, 33) } });
  const gateway = await startGateway({ carriers: [carrier([answerer.port])], voiceConnectors: [connector()] });
  const customer = await startPhone({ user: OUR_NUMBER, speech: customerSpeech, mediaEncryption: 'srtp-mand' });
  customer.dial(`sip:${FAR_NUMBER}@127.0.0.1:${gateway.sipPort}`);
  await customer.event('CALL_ESTABLISHED');
  await pause(TALK_MS);
  customer.hangUp();
  const [record] = await gateway.recordsOnceThere(1);
  expect(likeness(speechLike(33, 8), customer.heard().samples).correlation).toBeGreaterThan(0.95);
  expect(record!.Trunkline.Quality!.Paths.cust2vc.packetsLost).toBe(0);
});
