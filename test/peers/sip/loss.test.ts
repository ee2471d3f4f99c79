import { describe, expect, it } from 'vitest';
import { AUDIO, Script } from '../../scenario/sip/script.js';
import { CONNECTOR, carrier, connector, FAR_NUMBER, OUR_NUMBER, startGateway } from '../../support/gateway.js';
import { freePort } from '../../support/ports.js';
import { eventually, needs } from '../../support/program.js';
import { runCaller, startAnswerer } from '../../support/sipp.js';
import { LossRelay } from './loss-relay.js';

/**
 * Calls over UDP while both legs lose one datagram in twenty, each way. The carrier has two hosts, as carriers do: in
 * 2.5 s an INVITE goes out three times, and one in 8,000 is lost three times.
 */

const CALLS = 1000;
const LOSS = 0.05;
/** All, but one in a thousand. */
const SET_UP = Math.ceil(CALLS * 0.999);
const SEED = 7;

function countEach(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

describe('5 % loss both ways on both legs', () => {
  it(`sets up at least ${SET_UP} of ${CALLS} calls`, async (context) => {
    needs(context, 'sipp');
    const callerPort = await freePort();
    const callerRelayPort = await freePort();
    const answererPort = await freePort();
    const carrierPorts = [await freePort(), await freePort()] as const;
    const gateway = await startGateway(
      {
        media: { quarantineSeconds: 0 },
        carriers: [carrier(carrierPorts)],
        voiceConnectors: [connector()],
      },
      { mediaPorts: 2400 },
    );
    const path = { gatewayPort: gateway.sipPort, loss: LOSS };
    const relays = [
      await LossRelay.start({ ...path, port: callerRelayPort, peerPort: callerPort, seed: SEED }),
      await LossRelay.start({ ...path, port: carrierPorts[0], peerPort: answererPort, seed: SEED + 1 }),
      await LossRelay.start({ ...path, port: carrierPorts[1], peerPort: answererPort, seed: SEED + 2 }),
    ];
    const place = {
      via: 'UDP',
      host: `${CONNECTOR}.voiceconnector.localhost`,
      called: FAR_NUMBER,
      caller: OUR_NUMBER,
    } as const;
    const caller = new Script({ ...place, role: 'caller', contact: `127.0.0.1:${callerRelayPort}` });
    caller.invite({ sdp: AUDIO }).expect(180, { optional: true }).expect(200).ack().pause(500);
    caller.request('BYE').expect(200);
    const answerer = new Script({ ...place, role: 'answerer', contact: `127.0.0.1:${carrierPorts[0]}` });
    // It rings past the first repetition of an INVITE: SIPp does not answer one that comes again after its 200. After its
    // 200 to BYE it stays a while, to answer a BYE that comes again.
    answerer.on('INVITE').reply(100).reply(180).pause(600).reply(200, { sdp: AUDIO }).on('ACK');
    answerer.on('BYE').reply(200).linger(5000);

    const answering = await startAnswerer({
      scenario: { xml: answerer.xml('answerer') },
      port: answererPort,
    });
    const result = await runCaller({
      scenario: { xml: caller.xml('caller') },
      port: callerPort,
      target: `127.0.0.1:${callerRelayPort}`,
      calls: CALLS,
      callsPerSecond: 25,
      limitMs: 100_000,
    });
    const codes = gateway.records().map(({ Trunkline: { Code, SipStatus } }) => `${Code} ${SipStatus}`);
    const told = `${result.failed} failed; records: ${JSON.stringify(countEach(codes))}\n${result.errors.slice(0, 3000)}`;
    expect(result.successful, told).toBeGreaterThanOrEqual(SET_UP);
    expect(result.retransmissions, 'the network did lose').toBeGreaterThan(CALLS * LOSS);
    const lost = relays.reduce((sum, relay) => sum + relay.lost, 0);
    const passed = relays.reduce((sum, relay) => sum + relay.passed, 0);
    expect(lost / (lost + passed)).toBeCloseTo(LOSS, 1);

    const records = await gateway.recordsOnceThere(CALLS, 70_000);
    expect(records, 'each call leaves one record').toHaveLength(CALLS);
    const completed = records.filter(({ Status }) => Status === 'Completed');
    expect(completed.length).toBeGreaterThanOrEqual(SET_UP);
    await eventually('no call left', async () => (await gateway.metrics()).sum('trunkline_calls_active') === 0, 40_000);
    await answering.stop();
    for (const relay of relays) relay.close();
  });
});
