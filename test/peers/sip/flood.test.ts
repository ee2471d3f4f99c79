import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { CONNECTOR, carrier, connector, startGateway } from '../../support/gateway.js';
import { needs, pause } from '../../support/program.js';
import { outboundKeys } from '../../support/scene.js';
import { runCaller, startAnswerer } from '../../support/sipp.js';

/** A flood of INVITEs from an address that may not call, while allowed calls run. */

const SECONDS = 20;
const FLOOD_PER_SECOND = 2000;
const FLOODER = '127.0.0.66';
const MOST_ANSWERS_PER_SECOND = 50;
const CALLS_PER_SECOND = 10;
const PROBE_EVERY_MS = 5;
const P99_LIMIT_MS = 100;
/** How long the same is asked before the flood, to be told beside it. */
const CALM_MS = 2000;

interface FloodResult {
  readonly sent: number;
  /** Messages that came back, by second. */
  readonly answers: readonly number[];
}

async function flood(target: number): Promise<FloodResult> {
  const worker = new Worker(new URL('./flood-sender.mjs', import.meta.url), {
    workerData: {
      address: FLOODER,
      target,
      host: `${CONNECTOR}.voiceconnector.localhost`,
      perSecond: FLOOD_PER_SECOND,
      seconds: SECONDS,
    },
  });
  const [result] = (await once(worker, 'message')) as [FloodResult];
  return result;
}

/** Asks OPTIONS all the while from an allowed address; times of the answers in ms, Infinity for none. */
async function probe(target: number, until: Promise<unknown>): Promise<number[]> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  const sentMs: number[] = [];
  const tookMs: number[] = [];
  socket.on('message', (bytes) => {
    const number = Number(/branch=z9hG4bKprobe(\d+)/.exec(bytes.toString('latin1'))?.[1]);
    tookMs[number] ??= performance.now() - sentMs[number]!;
  });
  const timer = setInterval(() => {
    const number = sentMs.length;
    const request = [
      `OPTIONS sip:127.0.0.1:${target} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bKprobe${number}`,
      `From: <sip:probe@127.0.0.1>;tag=p${number}`,
      `To: <sip:127.0.0.1>`,
      `Call-ID: probe-${number}-${port}`,
      'CSeq: 1 OPTIONS',
      'Max-Forwards: 70',
      'Content-Length: 0',
      '\r\n',
    ].join('\r\n');
    sentMs.push(performance.now());
    socket.send(request, target, '127.0.0.1');
  }, PROBE_EVERY_MS);
  await until;
  clearInterval(timer);
  await new Promise((resolve) => setTimeout(resolve, 500));
  socket.close();
  return sentMs.map((_, number) => tookMs[number] ?? Number.POSITIVE_INFINITY);
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

describe(`${FLOOD_PER_SECOND} INVITEs a second from a denied source for ${SECONDS} s`, () => {
  it('make no call, get few answers, and hold up nobody', async (context) => {
    needs(context, 'sipp');
    const calls = CALLS_PER_SECOND * SECONDS;
    const answerer = await startAnswerer({ scenario: 'uas-short' });
    const gateway = await startGateway(
      { carriers: [carrier([answerer.port])], voiceConnectors: [connector()] },
      { mediaPorts: 4 * calls + 40 },
    );
    const calm = percentile(await probe(gateway.sipPort, pause(CALM_MS)), 0.99);
    const flooded = flood(gateway.sipPort);
    const [attack, tookMs, caller] = await Promise.all([
      flooded,
      probe(gateway.sipPort, flooded),
      runCaller({
        scenario: 'uac-short',
        target: `127.0.0.1:${gateway.sipPort}`,
        keys: outboundKeys,
        calls,
        callsPerSecond: CALLS_PER_SECOND,
        pauseMs: 500,
      }),
    ]);
    const figures = `sent ${attack.sent}, answers ${attack.answers}, p50 ${percentile(tookMs, 0.5)} p99 ${percentile(tookMs, 0.99)} ms of ${tookMs.length}, before it p99 ${calm} ms`;

    expect(attack.sent).toBe(FLOOD_PER_SECOND * SECONDS);
    expect(Math.max(0, ...attack.answers), figures).toBeLessThanOrEqual(MOST_ANSWERS_PER_SECOND);
    expect(percentile(tookMs, 0.99), figures).toBeLessThanOrEqual(P99_LIMIT_MS);
    expect(caller, caller.errors).toMatchObject({ successful: calls, failed: 0 });
    const records = await gateway.recordsOnceThere(calls);
    expect(records, 'records of the allowed calls alone').toHaveLength(calls);
    expect(records.every(({ Status }) => Status === 'Completed')).toBe(true);
    const metrics = await gateway.metrics();
    expect(metrics.sum('voice_connector_outbound_call_attempts_total')).toBe(calls);
    expect(metrics.sum('trunkline_calls_active')).toBe(0);
    expect(gateway.running).toBe(true);
  });
});
