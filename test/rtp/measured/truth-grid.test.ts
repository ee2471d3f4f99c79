import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SeededRandom, silentLogger, systemScheduler } from '../../../src/core/index.js';
import {
  estimateMos,
  LegReader,
  type MediaEngine,
  type MediaSession,
  TypescriptEngine,
} from '../../../src/rtp/index.js';
import { loadNative, NativeEngine } from '../../../src/rtp/native/index.js';
import { decodeRtp, encodeReceiverReport, encodeSenderReport, RtpView } from '../../../src/rtp/packet/index.js';
import { clearRecord, LEG_WORDS } from '../../../src/rtp/relay/layout.js';
import { RtpengineEngine } from '../../../src/rtp/rtpengine/index.js';
import { PayloadTable, Reception } from '../../../src/rtp/stream/index.js';
import { freePorts } from '../../support/ports.js';
import { hasCommand, pause } from '../../support/program.js';
import { startRtpengine } from '../../support/rtpengine.js';
import { type Impairment, ImpairmentRelay } from '../../tools/impairment-relay.js';
import { type CapturedDatagram, readPcap } from '../../tools/pcap.js';
import { analyseRtp, type StreamAnalysis } from '../../tools/rtp-analysis.js';
import { rtpPacket, type UdpPeer, udpPeer } from '../../tools/udp-peer.js';

/**
 * Many streams at once through bad networks into an engine and on into rtpengine; each engine's figures beside an
 * analysis of what left the network.
 *
 *     sender ──► impairment relay ──capture──► our engine ──► rtpengine ──► sink
 */

const SPACING_MS = 20;
const PACKETS = 600;

interface Cell {
  readonly name: string;
  readonly impairment: Impairment;
  /** Speech and silence by turns of so many packets, numbers going on without a gap. */
  readonly dtx?: number;
  /** Packets after which the source changes. */
  readonly newSource?: number;
  readonly seed?: number;
}

/**
 * The first packets of the new source come, in order. A source counts from two packets in sequence (RFC 3550 A.1): what
 * is lost among its first ones was never expected.
 */
const SEED_OF_A_CLEAN_CHANGE = 3;

const LOSS = [0, 0.01, 0.05, 0.1, 0.2];
const JITTER_MS = [0, 20, 40, 80];

const CELLS: readonly Cell[] = [
  ...LOSS.flatMap((loss) =>
    JITTER_MS.map(
      (jitterMs): Cell => ({ name: `loss ${loss * 100} % jitter ${jitterMs} ms`, impairment: { loss, jitterMs } }),
    ),
  ),
  { name: 'bursts', impairment: { loss: 0.02, lossAfterLoss: 0.6, jitterMs: 40 } },
  { name: 'reordering', impairment: { reorder: 0.1, jitterMs: 40 } },
  { name: 'duplicates', impairment: { duplicate: 0.1, jitterMs: 40 } },
  { name: 'everything', impairment: { loss: 0.05, reorder: 0.05, duplicate: 0.05, jitterMs: 80 } },
  { name: 'DTX', impairment: { loss: 0.05, jitterMs: 40 }, dtx: 50 },
  { name: 'source change', impairment: { loss: 0.05, jitterMs: 40 }, newSource: 300, seed: SEED_OF_A_CLEAN_CHANGE },
];

const FORMATS = [{ payloadType: 0, encoding: 'PCMU', clockRateHz: 8000 }];
const AUDIO = { address: '127.0.0.1', direction: 'sendrecv' as const, formats: FORMATS };

interface Stream {
  readonly cell: Cell;
  readonly session: MediaSession;
  readonly network: ImpairmentRelay;
  readonly sender: UdpPeer;
  readonly sink: UdpPeer;
  readonly beside: MediaSession | undefined;
}

async function openStream(cell: Cell, index: number, engine: MediaEngine, rtpengine?: MediaEngine): Promise<Stream> {
  const order = { id: cell.name, timeoutSeconds: 600, onEvent: () => {} };
  const session = await engine.open(order);
  const beside = await rtpengine?.open({ ...order, id: `beside-${index}` });
  const far = { address: '127.0.0.1', rtpPort: session.customer.rtpPort, rtcpPort: session.customer.rtcpPort };
  const network = await ImpairmentRelay.open(await freePorts(4), {
    seed: cell.seed ?? 100 + index,
    far,
    toFar: cell.impairment,
  });
  const [sender, sink] = [await udpPeer(), await udpPeer()];
  session.describe('customer', { ...AUDIO, rtpPort: network.farRtpPort });
  session.describe('remote', { ...AUDIO, rtpPort: beside?.customer.rtpPort ?? sink.port });
  beside?.describe('customer', { ...AUDIO, rtpPort: session.remote.rtpPort });
  beside?.describe('remote', { ...AUDIO, rtpPort: sink.port });
  return { cell, session, network, sender, sink, beside };
}

/** All streams speak by one clock, each a little after the one before. */
async function speak(streams: readonly Stream[]): Promise<void> {
  const startMs = performance.now();
  for (let index = 0; index < PACKETS; index++) {
    for (const [place, { cell, sender, network }] of streams.entries()) {
      const dueMs = startMs + index * SPACING_MS + (place * SPACING_MS) / streams.length;
      if (dueMs - performance.now() > 1) await pause(dueMs - performance.now());
      const silent = cell.dtx !== undefined && Math.floor(index / cell.dtx) % 2 === 1;
      if (silent) continue;
      const spoken =
        cell.dtx === undefined ? index : Math.floor(index / (2 * cell.dtx)) * cell.dtx + (index % cell.dtx);
      const changed = cell.newSource !== undefined && index >= cell.newSource;
      const packet = { sequence: 65_400 + spoken + (changed ? 9000 : 0), timestamp: index * SPACING_MS * 8 };
      sender.send(rtpPacket({ ...packet, ssrc: changed ? 2 : 1 }), network.rtpPort);
    }
  }
}

/** Simplified E-model (Cole and Rosenbluth 2001) with ITU-T G.107 §7.5 and Annex B: not the gateway's own chain. */
function mosOf(lossFraction: number, meanRun: number, bpl: number, delayMs: number): number {
  const percent = lossFraction * 100;
  const bursts = Math.max(1, meanRun * (1 - lossFraction));
  const r = 93.2 - 0.024 * delayMs - (95 * percent) / (percent / bursts + bpl);
  return Math.max(1, Math.min(4.4, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6));
}

const sum = (streams: readonly StreamAnalysis[], value: (one: StreamAnalysis) => number): number =>
  streams.reduce((total, one) => total + value(one), 0);

/** Mean jitter as our statistics find it in the capture. */
function replayedJitterUs(capture: readonly CapturedDatagram[], port: number): number {
  const record = new Float64Array(LEG_WORDS);
  clearRecord(record);
  const reception = new Reception(record);
  const view = new RtpView();
  const types = new PayloadTable(FORMATS);
  for (const { data, atMs, targetPort } of capture) {
    if (targetPort === port && decodeRtp(data, view) === undefined) reception.onPacket(view, data.length, atMs, types);
  }
  reception.finish();
  return new LegReader(record).read(false).received.jitterMeanUs!;
}

const within = (percent: number, value: number, of: number): void => {
  expect(Math.abs(value - of)).toBeLessThanOrEqual((of * percent) / 100);
};

async function judge({ cell, session, network, beside }: Stream): Promise<string[]> {
  const { received } = (await session.close()).customer;
  const rtpengine = await beside?.close();
  const directory = mkdtempSync(join(tmpdir(), 'grid-'));
  network.writeCapture(join(directory, 'stream.pcap'));
  const capture = readPcap(join(directory, 'stream.pcap'));
  const found = analyseRtp(capture, session.customer.rtpPort, 8000);
  rmSync(directory, { recursive: true });
  const missing = sum(found, (one) => one.missing);
  const expected = sum(found, (one) => one.expected);
  expect(received, cell.name).toMatchObject({
    packets: sum(found, (one) => one.packets),
    lost: Math.max(
      0,
      sum(found, (one) => one.lost),
    ),
    reordered: sum(found, (one) => one.reordered),
    duplicates: sum(found, (one) => one.duplicates),
    intervalExpected: expected,
    intervalLost: missing,
  });
  const jitterUs = sum(found, (one) => one.jitterMeanUs * (one.packets - 1)) / sum(found, (one) => one.packets - 1);
  const off = Math.abs(received.jitterMeanUs! - jitterUs);
  const estimate = estimateMos({
    encoding: 'PCMU',
    rttUs: null,
    jitterUs: received.jitterMeanUs,
    expected: received.intervalExpected,
    lost: received.intervalLost,
    meanLossRun: received.meanLossRun,
  })!;
  const runs = found.flatMap(({ lossRuns }) => lossRuns);
  const meanRun = runs.length === 0 ? 0 : missing / runs.length;
  const mos = mosOf(missing / expected, meanRun, estimate.inputs.bpl!, 20 + Math.max(20, (2 * jitterUs) / 1000));
  const row = [cell.name, `${missing}/${expected}`, `${received.intervalLost}/${received.intervalExpected}`];
  row.push(
    (jitterUs / 1000).toFixed(3),
    (received.jitterMeanUs! / 1000).toFixed(3),
    `${((100 * off) / jitterUs).toFixed(2)} %`,
  );
  row.push(mos.toFixed(3), estimate.mos.toFixed(3));
  const theirs = rtpengine?.customer.received;
  row.push(
    theirs ? `${theirs.packets} of ${received.packets}, lost ${theirs.lost}, jitter ${theirs.jitterMeanUs}` : '–',
  );
  // On the capture's own times the two computations agree. Live, the machine's own delays, which the capture does not
  // see, come in between: half a millisecond of them is let pass, with so many streams on one machine.
  within(0.1, replayedJitterUs(capture, session.customer.rtpPort), jitterUs);
  expect.soft(off, `${row.join(' | ')}: jitter`).toBeLessThanOrEqual(Math.max(jitterUs * 0.02, 500));
  expect.soft(Math.abs(estimate.mos - mos), `${row.join(' | ')}: MOS`).toBeLessThanOrEqual(0.05);
  return row;
}

const binding = loadNative();

it.each(['typescript', ...(binding ? ['native'] : [])])(
  '%s: loss exact, jitter within 2 %, MOS within 0.05',
  {
    timeout: 90_000,
    retry: 1,
  },
  async (name) => {
    const pairs = 2 * CELLS.length + 4;
    const first = await freePorts(2 * pairs);
    const options = {
      listen: ['127.0.0.1'],
      ports: { first, last: first + 2 * pairs - 1 },
      scheduler: systemScheduler,
      random: new SeededRandom(5),
      logger: silentLogger,
    };
    const engine =
      name === 'native' ? new NativeEngine({ ...options, binding: binding! }) : new TypescriptEngine(options);
    await engine.start();
    const daemon = hasCommand('rtpengine') ? await startRtpengine(4 * CELLS.length) : undefined;
    const rtpengine =
      daemon && new RtpengineEngine({ ...options, daemons: [{ host: '127.0.0.1', port: daemon.port }] });
    await rtpengine?.start();
    const streams: Stream[] = [];
    for (const [index, cell] of CELLS.entries()) streams.push(await openStream(cell, index, engine, rtpengine));
    await pause(200);
    await speak(streams);
    await pause(400);
    const rows = [];
    for (const stream of streams) rows.push(await judge(stream));
    const head =
      'stream | lost, capture | lost, ours | jitter ms | ours | off | MOS | ours | rtpengine: packets, lost, jitter';
    console.info([`${name}:`, head, ...rows.map((row) => row.join(' | '))].join('\n'));
    await Promise.all(streams.flatMap(({ network, sender, sink }) => [network.close(), sender.close(), sink.close()]));
    await Promise.all([engine.stop(), rtpengine?.stop()]);
    await daemon?.kill();
  },
);

it.each([5, 20, 60])(
  'a delay of %d ms each way is found as the round trip, within 1 ms and 5 percent',
  { retry: 2 },
  async (delayMs) => {
    const first = await freePorts(12);
    const options = {
      listen: ['127.0.0.1'],
      ports: { first: first + 4, last: first + 11 },
      scheduler: systemScheduler,
    };
    const engine = new TypescriptEngine({ ...options, random: new SeededRandom(6), logger: silentLogger });
    await engine.start();
    const session = await engine.open({ id: 'delay', timeoutSeconds: 60, onEvent: () => {} });
    const far = { address: '127.0.0.1', rtpPort: session.customer.rtpPort, rtcpPort: session.customer.rtcpPort };
    const network = await ImpairmentRelay.open(first, { seed: 1, far, toFar: { delayMs }, toNear: { delayMs } });
    const [near, remote] = [await udpPeer(), await udpPeer()];
    session.describe('customer', { ...AUDIO, rtpPort: network.farRtpPort, rtcpPort: network.farRtcpPort });
    session.describe('remote', { ...AUDIO, rtpPort: remote.port, rtcpPort: remote.port });
    await pause(50);
    near.send(encodeReceiverReport({ type: 'rr', ssrc: 7, blocks: [] }), network.rtcpPort);
    await remote.received(1);
    const found: number[] = [];
    for (let round = 0; round < 8; round++) {
      const ntp = { ntpSeconds: 0xe8d2a1b0 + round, ntpFraction: 0x12340000 };
      const report = { type: 'sr' as const, ssrc: 9, ...ntp, rtpTimestamp: 1, packets: 1, octets: 160, blocks: [] };
      remote.send(encodeSenderReport(report), session.remote.rtcpPort);
      await near.received(round + 1);
      const lastSr = (((ntp.ntpSeconds & 0xffff) << 16) | 0x1234) >>> 0;
      const block = {
        ssrc: 9,
        fractionLost: 0,
        cumulativeLost: 0,
        extendedHighest: 1,
        jitterTs: 0,
        lastSr,
        delaySinceLastSr: 0,
      };
      near.send(encodeReceiverReport({ type: 'rr', ssrc: 7, blocks: [block] }), network.rtcpPort);
      await remote.received(round + 2);
      found.push((await session.read(true)).customer.rttUs! / 1000);
    }
    // The relay's timers and the machine only ever add.
    const rttMs = Math.min(...found);
    console.info(`put in ${2 * delayMs} ms, found ${found.map((ms) => ms.toFixed(2)).join(' ')}`);
    expect(Math.abs(rttMs - 2 * delayMs)).toBeLessThanOrEqual(1 + 0.05 * 2 * delayMs);
    await Promise.all([network.close(), near.close(), remote.close(), engine.stop()]);
  },
);
