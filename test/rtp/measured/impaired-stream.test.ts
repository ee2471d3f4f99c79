import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SeededRandom, silentLogger, systemScheduler } from '../../../src/core/index.js';
import { type LegFigures, LegReader, type SessionFigures, TypescriptEngine } from '../../../src/rtp/index.js';
import { decodeRtp, RtpView } from '../../../src/rtp/packet/index.js';
import { clearRecord, LEG_WORDS } from '../../../src/rtp/relay/layout.js';
import { PayloadTable, Reception } from '../../../src/rtp/stream/index.js';
import { freePorts } from '../../support/ports.js';
import { type Impairment, ImpairmentRelay } from '../../tools/impairment-relay.js';
import { type CapturedDatagram, readPcap } from '../../tools/pcap.js';
import { analyseRtp, type StreamAnalysis } from '../../tools/rtp-analysis.js';
import { rtpPacket, udpPeer } from '../../tools/udp-peer.js';

const PACKETS = 600;
const SPACING_MS = 10;
/** Close under the wrap, so that each run crosses it. */
const FIRST_SEQUENCE = 65_500;

interface Outcome {
  /** As the engine measured it while it came. */
  readonly figures: SessionFigures;
  /** As the engine's statistics find it on the times of the capture. */
  readonly replayed: LegFigures;
  readonly analysis: StreamAnalysis;
  /** How many numbers the packet that came last is below the highest. */
  readonly lastBelowHighest: number;
  readonly tshark: {
    readonly packets: number;
    readonly lost: number;
    readonly meanJitterMs: number;
    readonly maxJitterMs: number;
  };
}

/** Sends a stream through a bad network into the engine, and has it measured three times over. */
async function measure(impairment: Impairment, seed: number): Promise<Outcome> {
  const first = await freePorts(20);
  const engine = new TypescriptEngine({
    listen: ['127.0.0.1'],
    ports: { first: first + 4, last: first + 19 },
    scheduler: systemScheduler,
    random: new SeededRandom(seed),
    logger: silentLogger,
  });
  await engine.start();
  const session = await engine.open({ id: 'measured', timeoutSeconds: 60, onEvent: () => {} });
  const far = { address: '127.0.0.1', rtpPort: session.customer.rtpPort, rtcpPort: session.customer.rtcpPort };
  const network = await ImpairmentRelay.open(first, { seed, far, toFar: impairment });
  const [sender, receiver] = [await udpPeer(), await udpPeer()];
  const audio = { direction: 'sendrecv' as const, formats: [{ payloadType: 0, encoding: 'PCMU', clockRateHz: 8000 }] };
  session.describe('customer', { address: '127.0.0.1', rtpPort: network.farRtpPort, ...audio });
  session.describe('remote', { address: '127.0.0.1', rtpPort: receiver.port, ...audio });
  await new Promise((resolve) => setTimeout(resolve, 50));
  await speak(sender.send, network.rtpPort);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const figures = await session.close();
  const directory = mkdtempSync(join(tmpdir(), 'impaired-'));
  try {
    const file = join(directory, 'stream.pcap');
    network.writeCapture(file);
    const capture = readPcap(file);
    const port = session.customer.rtpPort;
    const [analysis] = analyseRtp(capture, port, 8000);
    const lastBelowHighest = belowHighest(capture, port);
    const tshark = tsharkStreams(file, port);
    return { figures, replayed: replay(capture, port), analysis: analysis!, lastBelowHighest, tshark };
  } finally {
    rmSync(directory, { recursive: true });
    await Promise.all([network.close(), sender.close(), receiver.close(), engine.stop()]);
  }
}

/** Paces packets by the clock, so that a late timer does not shift those behind it. */
async function speak(send: (data: Buffer, port: number) => void, port: number): Promise<void> {
  const startMs = performance.now();
  for (let index = 0; index < PACKETS; index++) {
    const waitMs = startMs + index * SPACING_MS - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    send(rtpPacket({ sequence: FIRST_SEQUENCE + index, timestamp: 0xfffff000 + index * SPACING_MS * 8 }), port);
  }
}

function replay(capture: readonly CapturedDatagram[], port: number): LegFigures {
  const record = new Float64Array(LEG_WORDS);
  clearRecord(record);
  const reception = new Reception(record);
  const view = new RtpView();
  const types = new PayloadTable([{ payloadType: 0, encoding: 'PCMU', clockRateHz: 8000 }]);
  for (const { data, atMs, targetPort } of capture) {
    if (targetPort !== port) continue;
    expect(decodeRtp(data, view)).toBeUndefined();
    reception.onPacket(view, data.length, atMs, types);
  }
  reception.finish();
  return new LegReader(record).read(false);
}

function belowHighest(capture: readonly CapturedDatagram[], port: number): number {
  const ours = capture.filter(({ targetPort }) => targetPort === port);
  const places = ours.map(({ data }) => (data.readUInt16BE(2) - FIRST_SEQUENCE) & 0xffff);
  return Math.max(...places) - places.at(-1)!;
}

/** Wireshark's own analysis of the one stream in the file. */
function tsharkStreams(file: string, port: number): Outcome['tshark'] {
  const text = execFileSync('tshark', ['-r', file, '-d', `udp.port==${port},rtp`, '-q', '-z', 'rtp,streams'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const line = text.split('\n').find((row) => row.includes(' 0x'))!;
  const fields = /0x[0-9A-F]+\s+\S+(?:\s\S+)*?\s+(\d+)\s+(-?\d+) \([^)]*\)\s+(.*)$/.exec(line)!;
  const rest = fields[3]!.trim().split(/\s+/).map(Number);
  // min, mean, max delta, then min, mean, max jitter
  return { packets: Number(fields[1]), lost: Number(fields[2]), meanJitterMs: rest[4]!, maxJitterMs: rest[5]! };
}

const hasTshark = (() => {
  try {
    execFileSync('tshark', ['-v'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

const within = (percent: number, value: number, of: number): void => {
  expect(Math.abs(value - of)).toBeLessThanOrEqual((of * percent) / 100);
};

describe.skipIf(!hasTshark)('a stream through a bad network is measured as an analysis of its capture finds it', () => {
  test.each<[string, Impairment, number]>([
    ['random loss', { loss: 0.03, delayMs: 10, jitterMs: 60 }, 1],
    ['bursts of loss', { loss: 0.01, lossAfterLoss: 0.6, delayMs: 5, jitterMs: 80 }, 2],
    ['reordering and duplicates', { loss: 0.02, delayMs: 5, jitterMs: 60, reorder: 0.05, duplicate: 0.05 }, 3],
  ])('%s', { retry: 2 }, async (_, impairment, seed) => {
    const { figures, analysis, replayed, lastBelowHighest, tshark } = await measure(impairment, seed);
    expect(analysis.missing).toBeGreaterThan(0);
    for (const { received } of [figures.customer, replayed]) {
      expect(received).toMatchObject({
        packets: analysis.packets,
        lost: Math.max(0, analysis.lost),
        reordered: analysis.reordered,
        duplicates: analysis.duplicates,
        intervalExpected: analysis.expected,
        intervalLost: analysis.missing,
      });
      expect(received.meanLossRun).toBeCloseTo(analysis.missing / analysis.lossRuns.length, 9);
    }
    // On the capture's own times the two computations agree to rounding; live, the machine's delays come in between.
    within(0.001, replayed.received.jitterMeanUs!, analysis.jitterMeanUs);
    within(0.001, replayed.received.jitterMaxUs!, analysis.jitterMaxUs);
    within(2, figures.customer.received.jitterMeanUs!, analysis.jitterMeanUs);
    within(2, figures.customer.received.jitterMaxUs!, analysis.jitterMaxUs);
    expect(tshark.packets).toBe(analysis.packets);
    // It counts up to the packet that came last, and may take reordering across the wrap for a whole cycle.
    expect(Math.abs(tshark.lost + lastBelowHighest - analysis.lost) % 65_536).toBe(0);
    within(0.1, tshark.meanJitterMs * 1000, analysis.jitterMeanUs);
    within(0.1, tshark.maxJitterMs * 1000, analysis.jitterMaxUs);
  });
});
