/**
 * Worker thread: sends INVITEs at a steady rate from an address of its own, each a new call, and counts what comes back
 * in each second. Data: { address, target, host, perSecond, seconds }. Posts { sent, answers: [per second] }.
 */
import { createSocket } from 'node:dgram';
import { parentPort, workerData } from 'node:worker_threads';

const { address, target, host, perSecond, seconds } = workerData;
const TICK_MS = 5;
const DRAIN_MS = 500;

const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 21, sendBufferSize: 1 << 21 });
const answers = [];
let sent = 0;
let startMs = 0;

socket.on('message', () => {
  const second = Math.floor((performance.now() - startMs) / 1000);
  answers[second] = (answers[second] ?? 0) + 1;
});

socket.bind(0, address, () => {
  const { port } = socket.address();
  startMs = performance.now();
  const timer = setInterval(() => {
    const elapsedMs = performance.now() - startMs;
    const due = Math.min(seconds, elapsedMs / 1000) * perSecond;
    while (sent < due) socket.send(invite(port, sent++), target, '127.0.0.1');
    if (elapsedMs < seconds * 1000) return;
    clearInterval(timer);
    setTimeout(() => {
      socket.close();
      parentPort.postMessage({ sent, answers: Array.from(answers, (count) => count ?? 0) });
    }, DRAIN_MS);
  }, TICK_MS);
});

function invite(port, number) {
  const body =
    'v=0\r\no=x 1 1 IN IP4 192.0.2.66\r\ns=-\r\nc=IN IP4 192.0.2.66\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n';
  return [
    `INVITE sip:+12025550122@${host} SIP/2.0`,
    `Via: SIP/2.0/UDP ${address}:${port};branch=z9hG4bKflood${number}`,
    `From: <sip:+12065550100@${address}>;tag=f${number}`,
    `To: <sip:+12025550122@${host}>`,
    `Call-ID: flood-${number}@${address}`,
    'CSeq: 1 INVITE',
    `Contact: <sip:flood@${address}:${port}>`,
    'Max-Forwards: 70',
    'Content-Type: application/sdp',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}
