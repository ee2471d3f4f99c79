import { expect, it } from 'vitest';
import { carrier, connector, FAR_NUMBER, OUR_NUMBER, PATH_NAMES, startGateway } from '../support/gateway.js';
import { eventually, needs } from '../support/program.js';
import { audioKey, outboundKeys, PACKETS_PER_SECOND } from '../support/scene.js';
import { runCaller, startAnswerer } from '../support/sipp.js';

/** 200 calls at 20 a second, SIPp to SIPp through the gateway, with audio both ways: every count must agree. */

const CALLS = 200;
const AUDIO_SECONDS = 2;
const PACKETS = CALLS * AUDIO_SECONDS * PACKETS_PER_SECOND;

for (const transport of ['udp', 'tcp'] as const) {
  // Again, should the machine have stalled: the gateway sheds calls then, as it should.
  it(`carries ${CALLS} calls at 20 a second over ${transport.toUpperCase()}, and all figures agree`, {
    retry: 1,
  }, async (context) => {
    needs(context, 'sipp');
    const keys = { ...outboundKeys, audio: audioKey(AUDIO_SECONDS) };
    const answerer = await startAnswerer({ scenario: 'uas-audio', transport, keys });
    const host = { host: '127.0.0.1', port: answerer.port, protocol: transport.toUpperCase() };
    const gateway = await startGateway(
      { carriers: [carrier([], { hosts: [host] })], voiceConnectors: [connector()] },
      { mediaPorts: 4 * CALLS },
    );

    const caller = await runCaller({
      scenario: 'uac-audio',
      target: `127.0.0.1:${gateway.sipPort}`,
      transport,
      keys,
      calls: CALLS,
      callsPerSecond: 20,
      pauseMs: AUDIO_SECONDS * 1000 + 1000,
    });
    const answered = await answerer.stop();
    expect(caller, caller.errors + gateway.tail()).toMatchObject({ status: 0, successful: CALLS, failed: 0 });
    expect(answered, answered.errors).toMatchObject({ successful: CALLS, failed: 0 });

    const records = await gateway.recordsOnceThere(CALLS);
    expect(records).toHaveLength(CALLS);
    expect(new Set(records.map((record) => record.TransactionId)).size).toBe(CALLS);
    expect(new Set(records.map((record) => record.CallId)).size).toBe(CALLS);
    for (const record of records) {
      expect(record).toMatchObject({
        Status: 'Completed',
        Direction: 'Outbound',
        SourcePhoneNumber: OUR_NUMBER,
        DestinationPhoneNumber: FAR_NUMBER,
        BillableDurationSeconds: 6,
        Trunkline: { HangupSide: 'customer', SipStatus: 200 },
      });
      expect(record.Trunkline.TalkTimeMs).toBeGreaterThanOrEqual(AUDIO_SECONDS * 1000 + 900);
      expect(record.Trunkline.TalkTimeMs).toBeLessThan(AUDIO_SECONDS * 1000 + 4000);
    }

    const log = await eventually('a media log line for each call', () => {
      const lines = gateway.mediaLog();
      return lines.length >= CALLS && lines;
    });
    const metrics = await gateway.metrics();
    for (const record of records) {
      const lines = log.filter((line) => line.call_id === record.TransactionId);
      for (const path of PATH_NAMES) {
        const { rtpPackets, rtpBytes } = record.Trunkline.Quality!.Paths[path];
        expect(lines.reduce((sum, line) => sum + Number(line[`${path}_rtp_packets`]), 0)).toBe(rtpPackets);
        expect(lines.reduce((sum, line) => sum + Number(line[`${path}_rtp_bytes`]), 0)).toBe(rtpBytes);
      }
    }
    for (const path of PATH_NAMES) {
      const recorded = records.reduce((sum, record) => sum + record.Trunkline.Quality!.Paths[path].rtpPackets, 0);
      expect(recorded, path).toBe(PACKETS);
      expect(metrics.sum('voice_connector_rtp_packets_total', { path }), path).toBe(PACKETS);
    }
    expect(metrics.sum('voice_connector_outbound_call_attempts_total')).toBe(CALLS);
    expect(metrics.sum('voice_connector_outbound_calls_answered_total')).toBe(CALLS);
    expect(metrics.sum('voice_connector_outbound_call_failures_total')).toBe(0);
    expect(metrics.sum('voice_connector_outbound_calls_active')).toBe(0);
    expect(metrics.sum('trunkline_calls_active')).toBe(0);
  });
}
