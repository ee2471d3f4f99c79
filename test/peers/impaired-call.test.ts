import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { carrier, connector, startGateway } from '../support/gateway.js';
import { openMediaDetour } from '../support/media-detour.js';
import { needs } from '../support/program.js';
import { audioKey, outboundKeys, PACKETS_PER_SECOND } from '../support/scene.js';
import { scratchDirectory } from '../support/scratch.js';
import { runCaller, startAnswerer } from '../support/sipp.js';
import { leastDisturbed } from '../support/stolen-time.js';
import { readPcap } from '../tools/pcap.js';
import { analyseRtp } from '../tools/rtp-analysis.js';

/** What the gateway reports of a call over a bad network, held against the capture of what reached it. */

const SECONDS = 20;

const within = (percent: number, value: number | null | undefined, of: number, what: string): void => {
  expect(typeof value, what).toBe('number');
  expect(Math.abs(value! - of), `${what}: ${value}, capture ${of}`).toBeLessThanOrEqual((Math.abs(of) * percent) / 100);
};

/** Packet-loss robustness of G.711 with concealment (G.113 Appendix I). */
const BPL_PCMU = 25.1;

/** Simplified E-model (Cole and Rosenbluth 2001) with ITU-T G.107 §7.5 and Annex B: not the gateway's own chain. */
function mosOf(lossFraction: number, meanRun: number, delayMs: number): number {
  const percent = lossFraction * 100;
  const burstRatio = Math.max(1, meanRun * (1 - lossFraction));
  const r = 93.2 - 0.024 * delayMs - (95 * percent) / (percent / burstRatio + BPL_PCMU);
  return 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6;
}

/** Packets and lost packets of the stream to that port, as Wireshark counts them; and its mean jitter, ms. */
function wireshark(file: string, port: number) {
  const args = ['-r', file, '-d', `udp.port==${port},rtp`, '-Y', `udp.dstport==${port}`, '-q', '-z', 'rtp,streams'];
  const text = execFileSync('tshark', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const row = text.split('\n').find((line) => line.includes(` ${port} 0x`))!;
  const fields = /0x[0-9A-F]+\s+\S+(?:\s\S+)*?\s+(\d+)\s+(-?\d+) \([^)]*\)\s+(.*)$/.exec(row)!;
  const rest = fields[3]!.trim().split(/\s+/).map(Number);
  return { packets: Number(fields[1]), lost: Number(fields[2]), meanJitterMs: rest[4]! };
}

/** One call whose caller's audio comes over the bad network: what the gateway said of it, and the capture. */
async function impairedCall() {
  const keys = { ...outboundKeys, audio: audioKey(SECONDS) };
  const answerer = await startAnswerer({ scenario: 'uas-audio', keys });
  const gateway = await startGateway({ carriers: [carrier([answerer.port])], voiceConnectors: [connector()] });
  const impairment = { loss: 0.05, delayMs: 20, jitterMs: 40, reorder: 0.02, duplicate: 0.01 };
  const detour = await openMediaDetour(gateway.sipPort, 20260101, impairment);

  const caller = await runCaller({
    scenario: 'uac-audio',
    target: `127.0.0.1:${detour.port}`,
    keys: { ...keys, host: `127.0.0.1:${gateway.sipPort}` },
    calls: 1,
    callsPerSecond: 1,
    pauseMs: (SECONDS + 1) * 1000,
  });
  expect(caller, caller.errors + gateway.tail()).toMatchObject({ status: 0, successful: 1 });

  const file = join(scratchDirectory(), 'call.pcap');
  (await detour.relay).writeCapture(file);
  const port = detour.gatewayMediaPort;
  const [analysis] = analyseRtp(readPcap(file), port, 8000);
  const [record] = await gateway.recordsOnceThere(1);
  const quality = record!.Trunkline.Quality!;
  return { gateway, file, port, analysis, quality };
}

it('reports loss, jitter and MOS of an impaired call as the capture has them', async (context) => {
  needs(context, 'sipp', 'tshark');
  const { gateway, file, port, analysis, quality } = await leastDisturbed(impairedCall);
  const { cust2vc, vc2rem, rem2vc } = quality.Paths;

  expect(analysis!.missing).toBeGreaterThan(SECONDS * PACKETS_PER_SECOND * 0.03);
  expect(cust2vc.rtpPackets).toBe(analysis!.packets);
  expect(cust2vc.packetsLost).toBe(Math.max(0, analysis!.lost));
  expect(cust2vc.reordered).toBe(analysis!.reordered);
  expect(cust2vc.duplicates).toBe(analysis!.duplicates);
  within(2, quality.JitterUs.cust2vc, analysis!.jitterMeanUs, 'jitter');
  // SIPp sends no RTCP, so that no round trip is known: a frame of 20 ms and the buffer that twice the jitter asks for.
  const delayMs = 20 + Math.max(20, (2 * analysis!.jitterMeanUs) / 1000);
  const meanRun = analysis!.missing / analysis!.lossRuns.length;
  const mos = mosOf(analysis!.missing / analysis!.expected, meanRun, delayMs);
  expect(
    Math.abs(quality.Mos.customer.Mean! - mos),
    `MOS ${quality.Mos.customer.Mean}, capture ${mos}`,
  ).toBeLessThanOrEqual(Math.min(0.05, 0.02 * mos));

  const seen = wireshark(file, port);
  expect(seen.packets).toBe(cust2vc.rtpPackets);
  expect(seen.lost).toBe(cust2vc.packetsLost);
  within(2, quality.JitterUs.cust2vc, seen.meanJitterMs * 1000, 'jitter by Wireshark');

  // The good way is told apart from the bad one, and what came is what went on.
  expect(vc2rem.rtpPackets).toBe(cust2vc.rtpPackets);
  expect(rem2vc).toMatchObject({ packetsLost: 0, reordered: 0, duplicates: 0 });
  expect(quality.Mos.remote.Mean).toBeGreaterThan(4.3);

  const line = gateway.mediaLog().at(-1)!;
  expect(line.cust2vc_packets_lost).toBe(cust2vc.packetsLost);
  expect(line.mos_btwn_vc_and_cust).toBe(quality.Mos.customer.Mean);
  const metrics = await gateway.metrics();
  expect(metrics.sum('voice_connector_rtp_packets_lost_total', { path: 'cust2vc' })).toBe(cust2vc.packetsLost);
});
