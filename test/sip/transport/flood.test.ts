import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { Counters, systemScheduler } from '../../../src/core/index.js';
import { SourceFilter, SourceGuard } from '../../../src/sip/transport/index.js';
import { markOf, options, startNode, stopAll } from './support.js';

afterEach(stopAll);

/** Sends `perSecond` datagrams a second from its own thread and address until told to end; plain JavaScript. */
const FLOODER = `
  const { createSocket } = require('node:dgram');
  const { workerData, parentPort } = require('node:worker_threads');
  const { port, perSecond, bytes } = workerData;
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.66', () => {
    const startMs = performance.now();
    let sent = 0;
    const timer = setInterval(() => {
      const due = ((performance.now() - startMs) / 1000) * perSecond;
      for (; sent < due; sent++) socket.send(bytes, port, '127.0.0.1');
    }, 2);
    parentPort.once('message', () => { clearInterval(timer); socket.close(); parentPort.postMessage(sent); });
    parentPort.postMessage('ready');
  });
`;

async function flood(port: number, perSecond: number): Promise<() => Promise<number>> {
  const worker = new Worker(FLOODER, { eval: true, workerData: { port, perSecond, bytes: options('flood', 900) } });
  await once(worker, 'message');
  return async () => {
    worker.postMessage('end');
    const [sent] = await once(worker, 'message');
    await worker.terminate();
    return sent as number;
  };
}

describe('a flood of 2,000 requests a second from a denied source', () => {
  it('costs almost nothing and does not hold up others', async () => {
    const counters = new Counters();
    const filter = new SourceFilter({ allow: ['127.0.0.1'], deny: ['127.0.0.66'] });
    const guard = new SourceGuard({ admits: filter.admits, scheduler: systemScheduler, counters });
    const node = await startNode(['udp://127.0.0.1:0'], { guard, counters });
    node.recorder.onMessage = (bytes, flow) => flow.send(bytes);
    const { port } = node.at('udp');
    const peer = createSocket('udp4');
    await new Promise<void>((resolve) => peer.bind(0, '127.0.0.1', resolve));

    const end = await flood(port, 2000);
    const before = performance.eventLoopUtilization();
    const roundTripsMs: number[] = [];
    for (let call = 0; call < 50; call++) {
      const startMs = performance.now();
      peer.send(options(`call-${call}`), port, '127.0.0.1');
      const [answer] = await once(peer, 'message');
      expect(markOf(answer)).toBe(`call-${call}`);
      roundTripsMs.push(performance.now() - startMs);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { utilization } = performance.eventLoopUtilization(before);
    const sent = await end();
    peer.close();

    expect(sent).toBeGreaterThan(1500);
    expect(counters.get('sip_messages_dropped', 'denied')).toBeGreaterThan(sent / 2);
    expect(node.recorder.marks.filter((mark) => mark === 'flood').length).toBeLessThan(200);
    roundTripsMs.sort((a, b) => a - b);
    // Generous for a busy machine: with time to itself it is about 0.07 of a core and 0.4 ms.
    expect(utilization).toBeLessThan(0.5);
    expect(roundTripsMs[25]).toBeLessThan(20);
  });
});
