import { createSocket } from 'node:dgram';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { markOf, options, startNode, stopAll, tcpPeer } from './support.js';

afterEach(stopAll);

/** Cuts `bytes` at the given places, taken modulo its length. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % bytes.length))].sort((a, b) => a - b);
  return [0, ...at].map((start, index) => bytes.subarray(start, at[index] ?? bytes.length));
}

describe('what peers send', () => {
  it('gives the same messages however a stream of them is cut', async () => {
    const node = await startNode(['tcp://127.0.0.1:0']);
    const sizes = fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 8 });
    const places = fc.array(fc.nat(20_000), { maxLength: 12 });
    const pings = fc.boolean();
    await fc.assert(
      fc.asyncProperty(sizes, places, pings, async (bodies, cuts, pinging) => {
        node.recorder.received.length = 0;
        const messages = bodies.map((size, index) => options(`m${index}`, size));
        const between = pinging ? [Buffer.from('\r\n\r\n')] : [];
        const peer = await tcpPeer(node.at('tcp').port);
        peer.socket.setNoDelay(true);
        for (const piece of cut(Buffer.concat(messages.flatMap((one) => [one, ...between])), cuts)) {
          peer.socket.write(piece);
          await new Promise((resolve) => setImmediate(resolve));
        }
        const received = await node.recorder.messages(messages.length);
        expect(received.map(({ bytes }) => bytes)).toEqual(messages);
        if (pinging) await peer.until((text) => text === '\r\n'.repeat(messages.length));
        peer.socket.destroy();
      }),
      { numRuns: 40, seed: 11 },
    );
    expect(node.recorder.malformedStreams).toEqual([]);
  });

  it('survives any bytes on any transport, and serves the next peer', async () => {
    const node = await startNode(['udp://127.0.0.1:0', 'tcp://127.0.0.1:0', 'ws://127.0.0.1:0']);
    const udp = createSocket('udp4');
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 400 }),
        fc.constantFrom('', 'OPTIONS sip:a SIP/2.0\r\n', 'GET / HTTP/1.1\r\nUpgrade: websocket\r\n'),
        async (noise, start) => {
          const bytes = Buffer.concat([Buffer.from(start), noise]);
          udp.send(bytes, node.at('udp').port, '127.0.0.1');
          for (const transport of ['tcp', 'ws'] as const) {
            const peer = await tcpPeer(node.at(transport).port);
            peer.socket.end(bytes);
          }
        },
      ),
      { numRuns: 60, seed: 12 },
    );
    await node.recorder.until(() => node.transports.debugView().acceptedSockets === 0, 'the sockets to go');
    udp.close();
    const peer = await tcpPeer(node.at('tcp').port);
    peer.socket.write(options('after'));
    await node.recorder.until(() => node.recorder.marks.at(-1) === 'after', 'the good message');
  });

  it('loses nothing but itself when it breaks the core', async () => {
    const node = await startNode(['tcp://127.0.0.1:0']);
    node.recorder.onMessage = (bytes) => {
      if (markOf(bytes) === 'poison') throw new Error('broken invariant');
    };
    const peer = await tcpPeer(node.at('tcp').port);
    peer.socket.write(Buffer.concat([options('poison'), options('next')]));
    await node.recorder.messages(2);
    expect(node.recorder.marks).toEqual(['poison', 'next']);
    expect(node.counters.get('sip_receiver_faults')).toBe(1);
  });
});
