import { beforeEach, describe, expect, it } from 'vitest';
import { speechLike } from '../../../src/demo/speech.js';
import { startPhone } from '../../support/baresip.js';
import { carrier, connector, FAR_NUMBER, OUR_NUMBER, startGateway } from '../../support/gateway.js';
import { eventually, needs, pause } from '../../support/program.js';
import { audioKey, outboundKeys } from '../../support/scene.js';
import { runCaller, startAnswerer } from '../../support/sipp.js';

/** Digits between two programs that were not written here: baresip with telephone-events, SIPp with SIP INFO. */

const speech = { rateHz: 8000, samples: speechLike(61, 30) };

beforeEach((context) => needs(context, 'baresip', 'sipp'));

describe.each(['native', 'typescript'])('engine %s', (engine) => {
  const gatewayTo = (port: number) =>
    startGateway({ media: { engine }, carriers: [carrier([port])], voiceConnectors: [connector()] });

  it('a caller’s INFO is a digit that baresip hears as telephone-event', async () => {
    const far = await startPhone({ user: FAR_NUMBER, speech, autoAnswer: true });
    const gateway = await gatewayTo(far.port);
    const target = `127.0.0.1:${gateway.sipPort}`;
    const keys = { ...outboundKeys, audio: audioKey(8) };
    const caller = await runCaller({ scenario: 'uac-info', target, keys, calls: 1, callsPerSecond: 1, pauseMs: 500 });
    expect(caller, caller.errors + gateway.tail()).toMatchObject({ status: 0, successful: 1 });
    await far.event('CALL_CLOSED');
    expect(far.told('CALL_DTMF_START')).toEqual(['5', '#']);
    const metrics = await gateway.metrics();
    expect(metrics.by('voice_connector_dtmf_digits_total', 'way')).toMatchObject({ info: 2 });
    expect(metrics.by('voice_connector_dtmf_refused_total', 'code')).toEqual({});
  });

  it.each([
    ['in the call', 'uas-info'],
    ['before the answer, for early media', 'uas-info-early'],
  ])('baresip’s digit reaches an answering side in INFO: %s', async (_, scenario) => {
    const answerer = await startAnswerer({ scenario, keys: { ...outboundKeys, audio: audioKey(8) } });
    const gateway = await gatewayTo(answerer.port);
    const customer = await startPhone({ user: OUR_NUMBER, speech });
    customer.dial(`sip:${FAR_NUMBER}@127.0.0.1:${gateway.sipPort}`);
    await customer.event(scenario === 'uas-info' ? 'CALL_ESTABLISHED' : 'CALL_PROGRESS');
    await pause(1000);
    customer.key('7');
    // Early, the answer is that the INFO came as it should.
    await customer.event('CALL_ESTABLISHED');
    const told = async () => (await gateway.metrics()).by('voice_connector_dtmf_digits_total', 'way');
    await eventually('the digit', async () => (await told()).rtp === 1);
    await pause(500);
    customer.hangUp();
    await customer.event('CALL_CLOSED');
    const [record] = await gateway.recordsOnceThere(1);
    expect(record).toMatchObject({ Status: 'Completed' });
    expect((await gateway.metrics()).by('voice_connector_dtmf_refused_total', 'code')).toEqual({});
    // Its scenario waits for that digit, and for nothing else.
    expect(await answerer.stop()).toMatchObject({ successful: 1, failed: 0 });
  });
});
