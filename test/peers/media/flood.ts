import { Worker } from 'node:worker_threads';
import { onTestFinished } from 'vitest';

/** A stranger on an address of its own: sends well-formed RTP or RTCP at a steady rate, and counts what comes back. */

const BODY = `
const { parentPort, workerData } = require('node:worker_threads');
const { createSocket } = require('node:dgram');
const { address, ports, perSecond } = workerData;
const socket = createSocket({ type: 'udp4', sendBufferSize: 1 << 20 });
let sent = 0, received = 0, startMs = 0;
socket.on('message', () => received++);
const rtp = Buffer.alloc(172, 0x5a);
rtp[0] = 0x80; rtp[1] = 0;
rtp.writeUInt32BE(0xbadbad, 8);
const report = Buffer.from('80c80006badbad00e8d2a1b012345678000000010000000100000000', 'hex');
const timer = () => {
  const due = Math.min(sent + perSecond / 10, ((performance.now() - startMs) * perSecond) / 1000);
  for (; sent < due; sent++) {
    const port = ports[sent % ports.length];
    rtp.writeUInt16BE(sent & 0xffff, 2);
    rtp.writeUInt32BE((sent * 160) >>> 0, 4);
    socket.send(Buffer.from(port % 2 ? report : rtp), port, '127.0.0.1');
  }
};
let interval;
socket.bind(0, address, () => { startMs = performance.now(); interval = setInterval(timer, 1); parentPort.postMessage('ready'); });
parentPort.on('message', () => {
  clearInterval(interval);
  setTimeout(() => { parentPort.postMessage({ sent, received }); socket.close(); parentPort.close(); }, 100);
});
`;

export interface Flood {
  /** Ends it; gives what it sent and what was sent to it. */
  stop(): Promise<{ readonly sent: number; readonly received: number }>;
}

/** Sprays `perSecond` packets a second from `address`, shared among `ports` (odd ones get RTCP). */
export async function startFlood(address: string, ports: readonly number[], perSecond: number): Promise<Flood> {
  const worker = new Worker(BODY, { eval: true, workerData: { address, ports, perSecond } });
  const next = (): Promise<unknown> => new Promise((resolve) => worker.once('message', resolve));
  await next();
  onTestFinished(() => worker.terminate().then(() => {}));
  return {
    stop: () => {
      const told = next();
      worker.postMessage('stop');
      return told as Promise<{ sent: number; received: number }>;
    },
  };
}
