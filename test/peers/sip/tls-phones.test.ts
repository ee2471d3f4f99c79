import { beforeEach, describe, expect, it } from 'vitest';
import { speechLike } from '../../../src/demo/speech.js';
import { startPhone } from '../../support/baresip.js';
import {
  CARRIER_ADDRESS,
  type CallRecord,
  carrier,
  connector,
  FAR_NUMBER,
  OUR_NUMBER,
  startGateway,
} from '../../support/gateway.js';
import { freePort } from '../../support/ports.js';
import { needs, pause } from '../../support/program.js';
import { audioKey, inboundKeys, PACKETS_PER_SECOND } from '../../support/scene.js';
import { runCaller, startAnswerer } from '../../support/sipp.js';
import { type Certificates, makeCertificates } from './tls-tunnel.js';

/** baresip over TLS on the customer's side, SIPp over UDP on the carrier's. */

beforeEach((context) => needs(context, 'baresip', 'sipp', 'openssl'));

const SECONDS = 2;
const PACKETS = SECONDS * PACKETS_PER_SECOND;
const speech = { rateHz: 8000, samples: speechLike(31, 20) };
const far = { called: FAR_NUMBER, caller: OUR_NUMBER };

/** A gateway that listens for UDP and TLS with the certificates. */
async function secureGateway(
  certificates: Certificates,
  settings: { carrierPorts: number[]; connector?: Record<string, unknown> },
) {
  const sipPort = await freePort();
  const tlsPort = await freePort();
  const gateway = await startGateway({
    sip: {
      listen: [`udp://127.0.0.1:${sipPort}`, `tls://127.0.0.1:${tlsPort}`],
      tls: certificates,
    },
    carriers: [carrier(settings.carrierPorts)],
    voiceConnectors: [connector(settings.connector)],
  });
  return { gateway, sipPort, tlsPort };
}

function expectAudio({ Trunkline: { Quality } }: CallRecord): void {
  const { Paths } = Quality!;
  expect(Paths.rem2vc.rtpPackets, 'SIPp said').toBe(PACKETS);
  expect(Paths.vc2cust.rtpPackets, 'the phone was sent').toBe(PACKETS);
  expect(Paths.cust2vc.rtpPackets, 'the phone said').toBeGreaterThan(PACKETS * 0.8);
  expect(Paths.vc2rem.rtpPackets, 'all of it went on').toBe(Paths.cust2vc.rtpPackets);
}

describe('a phone over TLS and a carrier over UDP', () => {
  it.each([
    { media: 'RTP', encryption: {} },
    { media: 'SRTP', encryption: { mediaEncryption: 'srtp-mand' } },
  ] as const)('talk, the phone calling ($media on its side)', async ({ media, encryption }) => {
    const answerer = await startAnswerer({ scenario: 'uas-audio', keys: { ...far, audio: audioKey(SECONDS) } });
    const requireEncryption = media === 'SRTP';
    const certificates = makeCertificates();
    const { gateway, tlsPort } = await secureGateway(certificates, {
      carrierPorts: [answerer.port],
      connector: { requireEncryption },
    });
    const phone = await startPhone({ user: OUR_NUMBER, speech, transport: 'tls', certificates, ...encryption });
    // It adds `;transport=tls` by itself.
    phone.dial(`sip:${FAR_NUMBER}@127.0.0.1:${tlsPort}`);
    await phone.event('CALL_ESTABLISHED');
    await pause(SECONDS * 1000 + 700);
    phone.hangUp();
    const [record] = await gateway.recordsOnceThere(1);
    expect(record).toMatchObject({
      Status: 'Completed',
      Trunkline: { Code: 'call.hangup', HangupSide: 'customer', Transport: 'tls' },
    });
    expectAudio(record!);
    expect(await answerer.stop()).toMatchObject({ successful: 1, failed: 0 });
  });

  it('talk, the carrier calling (SRTP on the side of the phone)', async () => {
    const certificates = makeCertificates();
    const phone = await startPhone({
      user: OUR_NUMBER,
      speech,
      transport: 'tls',
      autoAnswer: true,
      mediaEncryption: 'srtp-mand',
      certificates,
    });
    // A route's protocol is TLS where the connector requires encryption; baresip takes TLS on the port above its own.
    const route = { host: '127.0.0.1', port: phone.port + 1 };
    const { gateway, sipPort } = await secureGateway(certificates, {
      carrierPorts: [9],
      connector: { requireEncryption: true, origination: { routes: [route] } },
    });
    const caller = await runCaller({
      scenario: 'uac-audio',
      address: CARRIER_ADDRESS,
      target: `127.0.0.1:${sipPort}`,
      keys: { ...inboundKeys, audio: audioKey(SECONDS) },
      pauseMs: SECONDS * 1000 + 700,
      calls: 1,
      callsPerSecond: 1,
    });
    expect(caller, caller.errors + gateway.tail()).toMatchObject({ successful: 1, failed: 0 });
    await phone.event('CALL_CLOSED');
    const [record] = await gateway.recordsOnceThere(1);
    expect(record).toMatchObject({ Status: 'Completed', Direction: 'Inbound', Trunkline: { HangupSide: 'remote' } });
    expectAudio(record!);
  });
});
