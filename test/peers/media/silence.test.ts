import { describe, expect, it } from 'vitest';
import { loadNative } from '../../../src/rtp/native/index.js';
import {
  carrier,
  connector,
  FAR_NUMBER,
  type GatewayUnderTest,
  OUR_NUMBER,
  startGateway,
} from '../../support/gateway.js';
import { eventually, pause } from '../../support/program.js';
import { rtpPacket, udpPeer } from '../../tools/udp-peer.js';
import { openScriptPhone, type ScriptPhone } from './script-phone.js';
import { describeVoice, mediaPort, openVoice, type Voice } from './voice.js';

/** A side that falls silent ends its call, unless it was put on hold; a stranger's word is told and is no sign of life. */

const TIMEOUT_MS = 2000;

interface LiveCall {
  readonly gateway: GatewayUnderTest;
  readonly phone: ScriptPhone;
  readonly farPhone: ScriptPhone;
  readonly customer: Voice;
  readonly far: Voice;
}

async function liveCall(engine: string): Promise<LiveCall> {
  const farPhone = await openScriptPhone({ user: FAR_NUMBER });
  const [customer, far] = [await openVoice(), await openVoice(5000)];
  farPhone.answerWith = (offer) => {
    far.target = mediaPort(offer);
    const held = /^a=(sendonly|inactive)/m.test(offer);
    return describeVoice({ port: far.port, ...(held && { direction: 'inactive' }) });
  };
  const gateway = await startGateway({
    media: { engine, timeoutSeconds: TIMEOUT_MS / 1000 },
    carriers: [carrier([farPhone.port])],
    voiceConnectors: [connector()],
  });
  const phone = await openScriptPhone({ user: OUR_NUMBER });
  const host = `127.0.0.1:${gateway.sipPort}`;
  const response = await phone.call(gateway.sipPort, FAR_NUMBER, host, describeVoice({ port: customer.port }));
  expect(response.status, gateway.tail()).toBe(200);
  customer.target = mediaPort(response.body);
  await Promise.all([customer.say(10), far.say(10)]);
  return { gateway, phone, farPhone, customer, far };
}

const byes = (phone: ScriptPhone): number => phone.got.filter(({ method }) => method === 'BYE').length;

describe.each(loadNative() ? ['native', 'typescript'] : ['typescript'])('engine %s', (engine) => {
  it('a side that falls silent ends the call: BYE to both, and the record says whose silence', async () => {
    const { gateway, phone, farPhone, customer, far } = await liveCall(engine);
    // Nobody but the peer itself is a sign of its life.
    const stranger = await udpPeer('127.0.0.99');
    const startMs = performance.now();
    await eventually('BYE to both', () => {
      customer.rtp.send(customer.next(), customer.target);
      stranger.send(rtpPacket({ sequence: 1, timestamp: 1, ssrc: 9 }), far.target, '127.0.0.1');
      return byes(phone) > 0 && byes(farPhone) > 0;
    });
    expect(performance.now() - startMs).toBeGreaterThan(TIMEOUT_MS - 500);
    await stranger.close();
    const [record] = await gateway.recordsOnceThere(1);
    expect(record).toMatchObject({
      Status: 'Completed',
      Trunkline: { Code: 'media.timeout', RefusedMediaSources: 1, Quality: { Paths: { rem2vc: { rtpPackets: 10 } } } },
    });
    expect(record!.Trunkline.Reason).toContain('remote');
    const events = (await gateway.metrics()).by('trunkline_node_events_total', 'reason');
    expect(events['source-refused']).toBe(1);
    const lines = gateway.tail(200).split('\n');
    const told = lines.filter((line) => line.includes('media source refused')).map((line) => JSON.parse(line));
    expect(told).toEqual([
      expect.objectContaining({ side: 'remote', address: '127.0.0.99', transactionId: record!.TransactionId }),
    ]);
  });

  it('a call on hold is not ended by its silence, and has its whole time again when it is taken back', async () => {
    const { gateway, phone, farPhone, customer, far } = await liveCall(engine);
    const describe = (version: number, direction: 'inactive' | 'sendrecv') =>
      phone.reinvite(describeVoice({ port: customer.port, version, direction }));
    expect((await describe(2, 'inactive')).status).toBe(200);
    await pause(2 * TIMEOUT_MS);
    expect([byes(phone), byes(farPhone), gateway.records().length]).toEqual([0, 0, 0]);
    expect((await describe(3, 'sendrecv')).status).toBe(200);
    await pause(TIMEOUT_MS / 2);
    expect([byes(phone), byes(farPhone)]).toEqual([0, 0]);
    await Promise.all([customer.say(10), far.say(10)]);
    await phone.bye();
    const [record] = await gateway.recordsOnceThere(1);
    expect(record!.Trunkline).toMatchObject({
      Code: 'call.hangup',
      Quality: { Paths: { cust2vc: { rtpPackets: 20 } } },
    });
  });
});
