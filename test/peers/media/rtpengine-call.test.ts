import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { speechLike } from '../../../src/demo/speech.js';
import { startPhone } from '../../support/baresip.js';
import { likeness } from '../../support/correlate.js';
import { carrier, connector, FAR_NUMBER, OUR_NUMBER, startGateway } from '../../support/gateway.js';
import { needs, pause } from '../../support/program.js';
import { startRtpengine } from '../../support/rtpengine.js';
import { audioKey, outboundKeys, PACKETS_PER_SECOND } from '../../support/scene.js';
import { runCaller, startAnswerer } from '../../support/sipp.js';

/** Calls through the gateway whose media an rtpengine daemon carries. */

beforeEach((context) => needs(context, 'rtpengine'));

const gatewayWith = async (carrierPort: number, carrierSettings: Record<string, unknown> = {}) => {
  const daemon = await startRtpengine();
  onTestFinished(() => daemon.kill());
  return startGateway({
    media: { engine: 'rtpengine', rtpengine: [`udp://127.0.0.1:${daemon.port}`] },
    carriers: [carrier([carrierPort], carrierSettings)],
    voiceConnectors: [connector()],
  });
};

it('counts every packet of 10 SIPp calls with audio', async (context) => {
  needs(context, 'sipp');
  const keys = { ...outboundKeys, audio: audioKey(2) };
  const answerer = await startAnswerer({ scenario: 'uas-audio', keys });
  const gateway = await gatewayWith(answerer.port);
  const target = `127.0.0.1:${gateway.sipPort}`;
  const call = { scenario: 'uac-audio', target, keys, calls: 10, callsPerSecond: 5, pauseMs: 5000 };
  const caller = await runCaller(call);
  expect(caller, caller.errors + gateway.tail()).toMatchObject({ status: 0, successful: 10 });
  for (const record of await gateway.recordsOnceThere(10)) {
    const { Paths, Mos } = record.Trunkline.Quality!;
    const packets = 2 * PACKETS_PER_SECOND;
    for (const path of Object.values(Paths)) expect(path.rtpPackets).toBe(packets);
    // Not measured there, so not told.
    expect(Paths.cust2vc.packetsLost).toBeNull();
    expect(Mos.customer.Mean).toBeNull();
  }
});

it('takes a SIPp call in clear to a baresip with SRTP alone, and what each says arrives', async (context) => {
  needs(context, 'sipp', 'baresip');
  const farSpeech = { rateHz: 8000, samples: speechLike(53, 20) };
  const far = await startPhone({
    ...{ user: FAR_NUMBER, speech: farSpeech, autoAnswer: true },
    mediaEncryption: 'srtp-mand',
  });
  const gateway = await gatewayWith(far.port, { encryption: 'required' });
  const target = `127.0.0.1:${gateway.sipPort}`;
  const keys = { ...outboundKeys, audio: audioKey(3, 54) };
  const caller = await runCaller({ scenario: 'uac-audio', target, keys, calls: 1, callsPerSecond: 1, pauseMs: 4000 });
  expect(caller, caller.errors + gateway.tail()).toMatchObject({ status: 0, successful: 1 });
  const [record] = await gateway.recordsOnceThere(1);
  const { Encryption, Quality } = record!.Trunkline as unknown as {
    Encryption: unknown;
    Quality: { Paths: Record<string, { rtpPackets: number }> };
  };
  expect(Encryption).toEqual({ customer: 'none', remote: expect.stringMatching(/^A/) });
  expect(Quality.Paths.cust2vc!.rtpPackets).toBe(3 * PACKETS_PER_SECOND);
  expect(Quality.Paths.vc2rem!.rtpPackets).toBe(3 * PACKETS_PER_SECOND);
  expect(Quality.Paths.rem2vc!.rtpPackets).toBeGreaterThan(2 * PACKETS_PER_SECOND);
  expect(likeness(speechLike(54, 3), far.heard().samples).correlation).toBeGreaterThan(0.95);
  expect((await gateway.metrics()).by('trunkline_media_dropped_total', 'reason')).toEqual({});
});

it('keys two baresips with SRTP alone apart from each other', async (context) => {
  needs(context, 'baresip');
  const [near, distant] = [speechLike(55, 20), speechLike(56, 20)];
  const secure = { mediaEncryption: 'srtp-mand' as const };
  const far = await startPhone({
    ...{ user: FAR_NUMBER, speech: { rateHz: 8000, samples: distant }, autoAnswer: true },
    ...secure,
  });
  const gateway = await gatewayWith(far.port, { encryption: 'required' });
  const customer = await startPhone({ user: OUR_NUMBER, speech: { rateHz: 8000, samples: near }, ...secure });
  customer.dial(`sip:${FAR_NUMBER}@127.0.0.1:${gateway.sipPort}`);
  await customer.event('CALL_ESTABLISHED');
  await pause(4000);
  customer.hangUp();
  await far.event('CALL_CLOSED');
  expect(likeness(distant, customer.heard().samples).correlation).toBeGreaterThan(0.95);
  expect(likeness(near, far.heard().samples).correlation).toBeGreaterThan(0.95);
});

it('carries audio both ways between two baresips', async (context) => {
  needs(context, 'baresip');
  const [near, distant] = [speechLike(51, 20), speechLike(52, 20)];
  const far = await startPhone({ user: FAR_NUMBER, speech: { rateHz: 8000, samples: distant }, autoAnswer: true });
  const gateway = await gatewayWith(far.port);
  const customer = await startPhone({ user: OUR_NUMBER, speech: { rateHz: 8000, samples: near } });
  customer.dial(`sip:${FAR_NUMBER}@127.0.0.1:${gateway.sipPort}`);
  await customer.event('CALL_ESTABLISHED');
  await pause(4000);
  customer.hangUp();
  await far.event('CALL_CLOSED');
  expect(likeness(distant, customer.heard().samples).correlation).toBeGreaterThan(0.95);
  expect(likeness(near, far.heard().samples).correlation).toBeGreaterThan(0.95);
  const [record] = await gateway.recordsOnceThere(1);
  expect(record).toMatchObject({ Status: 'Completed' });
});
