import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { Counters, systemScheduler } from '../../../src/core/index.js';
import { type Flow, SourceGuard, type Verdict } from '../../../src/sip/transport/index.js';
import { openDgramSocket, openUdpSocket } from '../../../src/sip/transport/udp-socket.js';
import { markOf, options, startNode, stopAll } from './support.js';

const sockets: Socket[] = [];

async function udpPeer(address = '127.0.0.1'): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  sockets.push(socket);
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  return socket;
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.close();
  await stopAll();
});

describe('UDP', () => {
  it('gives each datagram with a flow on which an answer goes back', async () => {
    const node = await startNode(['udp://127.0.0.1:0']);
    const peer = await udpPeer();
    node.recorder.onMessage = (_bytes, flow) => flow.send(Buffer.from('answer'));
    peer.send(options('one'), node.at('udp').port, '127.0.0.1');
    const [answer] = await once(peer, 'message');
    expect(String(answer)).toBe('answer');
    const { flow } = node.recorder.received[0]!;
    expect(flow).toMatchObject({ transport: 'udp', reliable: false, inbound: true, closed: false });
    expect(flow.remote).toEqual({ address: '127.0.0.1', port: peer.address().port });
    expect(flow.local).toEqual({ address: '127.0.0.1', port: node.at('udp').port });
  });

  it('knows the same peer by the same flow, whoever speaks first', async () => {
    const node = await startNode(['udp://127.0.0.1:0']);
    const peer = await udpPeer();
    const opened = await node.open({ transport: 'udp', address: '127.0.0.1', port: peer.address().port });
    peer.send(options('a'), node.at('udp').port, '127.0.0.1');
    peer.send(options('b'), node.at('udp').port, '127.0.0.1');
    const received = await node.recorder.messages(2);
    expect(received.map(({ flow }) => flow === opened)).toEqual([true, true]);
  });

  it('forgets the peer unused longest beyond its bound, and still sends on a flow it forgot', async () => {
    const node = await startNode(['udp://127.0.0.1:0'], { limits: { udpFlows: 2 } });
    const peer = await udpPeer();
    const open = (port: number): Promise<Flow> => node.open({ transport: 'udp', address: '127.0.0.1', port });
    const first = await open(peer.address().port);
    await open(1001);
    await open(1002);
    expect(await open(peer.address().port)).not.toBe(first);
    first.send(options('late'));
    const [bytes] = await once(peer, 'message');
    expect(markOf(bytes)).toBe('late');
  });

  it('passes keep-alives and what is too large by', async () => {
    const node = await startNode(['udp://127.0.0.1:0'], {
      limits: { message: { maxHeaderBytes: 500, maxBodyBytes: 500, maxHeaderFields: 128 } },
    });
    const peer = await udpPeer();
    for (const bytes of ['\r\n\r\n', '\0', '', options('big', 1000), options('fits')]) {
      peer.send(bytes, node.at('udp').port, '127.0.0.1');
    }
    await node.recorder.messages(1);
    expect(node.recorder.marks).toEqual(['fits']);
    expect(node.counters.get('sip_keepalives', 'udp')).toBe(3);
    expect(node.counters.get('sip_messages_dropped', 'too-large')).toBe(1);
  });

  it('sends a message far above the path MTU, since a response has no other way', async () => {
    const node = await startNode(['udp://127.0.0.1:0']);
    const peer = await udpPeer();
    const flow = await node.open({ transport: 'udp', address: '127.0.0.1', port: peer.address().port });
    flow.send(options('large', 40_000));
    const [bytes] = await once(peer, 'message');
    expect(bytes.length).toBe(options('large', 40_000).length);
  });

  it('tells a send that the system refuses, and one after the socket is closed', async () => {
    const node = await startNode(['udp://127.0.0.1:0']);
    const flow = await node.open({ transport: 'udp', address: '127.0.0.1', port: 5060 });
    flow.send(Buffer.alloc(66_000));
    const [refused] = await node.recorder.failures(1);
    expect(refused).toMatchObject({ flow, error: { code: 'transport.send' } });
    await stopAll();
    expect(flow.closed).toBe(true);
    flow.send(options('x'));
    await node.recorder.failures(2);
    expect(node.counters.get('sip_send_failures', 'udp')).toBe(2);
  });

  it('works over IPv6', async ({ skip }) => {
    const node = await startNode(['udp://[::1]:0']).catch(() => skip('no IPv6 loopback here'));
    const peer = await udpPeer('::1');
    peer.send(options('six'), node.at('udp').port, '::1');
    const [{ flow } = expect.fail()] = await node.recorder.messages(1);
    expect(flow.remote.address).toBe('::1');
    flow.send(options('back'));
    const [bytes] = await once(peer, 'message');
    expect(markOf(bytes)).toBe('back');
  });

  it('loses nothing of a batch to a peer at port 0, which a forged datagram may come from', async () => {
    for (const open of [openDgramSocket, openUdpSocket]) {
      const peer = await udpPeer();
      const socket = await open('127.0.0.1', 0, { receive: () => {} }, () => {});
      const failed = new Promise<string>((resolve) => socket.send(Buffer.from('x'), 0, '127.0.0.1', resolve));
      socket.send(Buffer.from('next'), peer.address().port, '127.0.0.1', () => {});
      const [bytes] = await once(peer, 'message');
      expect(String(bytes)).toBe('next');
      expect(await failed).not.toBe('');
      await socket.close();
    }
  });

  it('takes up to 50 messages a second from a denied source, and sends it no more than that', async () => {
    const counters = new Counters();
    let verdict: Verdict = 'deny';
    const guard = new SourceGuard({ admits: () => verdict, scheduler: systemScheduler, counters });
    const node = await startNode(['udp://127.0.0.1:0'], { guard, counters });
    const peer = await udpPeer();
    // Each is answered three times, as a 403 that is never acknowledged would be.
    node.recorder.onMessage = (_bytes, flow) => {
      for (let copy = 0; copy < 3; copy++) flow.send(options('no'));
    };
    for (let count = 0; count < 300; count++) peer.send(options('flood'), node.at('udp').port, '127.0.0.1');
    await node.recorder.until(() => counters.get('sip_messages_dropped', 'denied') >= 200, 'drops');
    expect(node.recorder.received.length).toBeLessThan(100);
    expect(counters.get('sip_messages_sent', 'udp')).toBeLessThan(100);
    expect(counters.get('sip_answers_suppressed')).toBeGreaterThan(0);
    verdict = 'allow';
    peer.send(options('welcome'), node.at('udp').port, '127.0.0.1');
    await node.recorder.until(() => node.recorder.marks.at(-1) === 'welcome', 'the allowed message');
  });
});
