import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { Counters, silentLogger, VirtualTime } from '../../../src/core/index.js';
import { GuardedReceiver } from '../../../src/sip/transport/guarded-receiver.js';
import { DEFAULT_TRANSPORT_LIMITS, SourceGuard } from '../../../src/sip/transport/index.js';
import { StreamFlow } from '../../../src/sip/transport/stream-flow.js';
import { markOf, options, peerOf, Recorder, startNode, stopAll, tcpPeer } from './support.js';

const servers: { server: Server; sockets: Socket[] }[] = [];

async function tcpServer(): Promise<{ port: number; sockets: Socket[]; close(): void }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
  });
  servers.push({ server, sockets });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return { port: typeof address === 'object' && address ? address.port : 0, sockets, close: () => server.close() };
}

afterEach(async () => {
  await stopAll();
  for (const { server, sockets } of servers.splice(0)) {
    server.close();
    for (const socket of sockets) socket.destroy();
  }
});

describe('TCP, accepting', () => {
  it('frames messages torn into single bytes and messages sent in one piece', async () => {
    const node = await startNode(['tcp://127.0.0.1:0']);
    const peer = await tcpPeer(node.at('tcp').port);
    peer.socket.setNoDelay(true);
    for (const byte of options('torn', 5)) peer.socket.write(Buffer.of(byte));
    await node.recorder.messages(1);
    peer.socket.write(Buffer.concat([options('p1', 3), options('p2'), options('p3', 900)]));
    await node.recorder.messages(4);
    expect(node.recorder.marks).toEqual(['torn', 'p1', 'p2', 'p3']);
    expect(node.recorder.received[3]!.bytes).toEqual(options('p3', 900));
    expect(new Set(node.recorder.received.map(({ flow }) => flow)).size).toBe(1);
    expect(node.recorder.received[0]!.flow).toMatchObject({ transport: 'tcp', reliable: true, inbound: true });
  });

  it('answers on the connection the request came on', async () => {
    const node = await startNode(['tcp://127.0.0.1:0']);
    node.recorder.onMessage = (_bytes, flow) => flow.send(options('answer'));
    const peer = await tcpPeer(node.at('tcp').port);
    peer.socket.write(options('ask'));
    expect(markOf(Buffer.from(await peer.until((text) => text.length > 0)))).toBe('answer');
  });

  it('works over IPv6, accepting and connecting', async ({ skip }) => {
    const node = await startNode(['tcp://[::1]:0']).catch(() => skip('no IPv6 loopback here'));
    const { port } = node.at('tcp');
    const peer = await tcpPeer(port, '::1');
    peer.socket.write(options('six'));
    const [{ flow } = expect.fail()] = await node.recorder.messages(1);
    expect(flow.remote.address).toBe('::1');
    expect(node.transports.sentBy(flow)).toEqual({ address: '::1', port });
    (await node.open({ transport: 'tcp', address: '::1', port })).send(options('self'));
    await node.recorder.messages(2);
    expect(node.recorder.marks).toEqual(['six', 'self']);
  });

  it('answers CRLFCRLF with CRLF, between messages too', async () => {
    const node = await startNode(['tcp://127.0.0.1:0']);
    const peer = await tcpPeer(node.at('tcp').port);
    peer.socket.write(Buffer.concat([Buffer.from('\r\n\r\n'), options('m'), Buffer.from('\r\n\r\n')]));
    expect(await peer.until((text) => text.length >= 4)).toBe('\r\n\r\n');
    expect(node.recorder.marks).toEqual(['m']);
  });

  it('gives what cannot be framed to be answered, then closes and says the flow failed', async () => {
    const node = await startNode(['tcp://127.0.0.1:0']);
    node.recorder.onMalformed = (flow) => flow.send(Buffer.from('SIP/2.0 400 no\r\n\r\n'));
    const peer = await tcpPeer(node.at('tcp').port);
    peer.socket.write(options('bad').toString().replace('Content-Length: 0', 'Content-Length: many'));
    await peer.closed();
    expect(peer.text()).toBe('SIP/2.0 400 no\r\n\r\n');
    expect(node.recorder.malformedStreams[0]).toMatchObject({ error: { code: 'parse.content-length', status: 400 } });
    expect(node.recorder.malformedStreams[0]!.error.message?.headers.get('call-id')).toBe('bad');
    expect(node.recorder.failed.map(({ error }) => error.code)).toEqual(['transport.framing']);
    expect(node.counters.get('sip_messages_dropped', 'framing')).toBe(1);
  });

  it('refuses connections of one source beyond the cap and takes new ones when old ones go', async () => {
    const node = await startNode(['tcp://127.0.0.1:0'], { limits: { connectionsPerSource: 2 } });
    const first = await tcpPeer(node.at('tcp').port);
    const second = await tcpPeer(node.at('tcp').port);
    const third = await tcpPeer(node.at('tcp').port);
    await third.closed();
    expect(node.counters.get('sip_connections_refused', 'too-many-of-source')).toBe(1);
    second.socket.write(options('kept'));
    await node.recorder.messages(1);
    first.socket.destroy();
    await node.recorder.until(() => node.transports.debugView().acceptedSockets === 1, 'the first to leave');
    const fourth = await tcpPeer(node.at('tcp').port);
    fourth.socket.write(options('fourth'));
    await node.recorder.messages(2);
    expect(node.recorder.marks).toEqual(['kept', 'fourth']);
  });

  it('closes a connection that sends no message in time, pings or not', async () => {
    const scheduler = new VirtualTime();
    const node = await startNode(['tcp://127.0.0.1:0'], { scheduler, limits: { firstMessageMs: 15_000 } });
    const peer = await tcpPeer(node.at('tcp').port);
    scheduler.advance(10_000);
    peer.socket.write('\r\n\r\n');
    await peer.until((text) => text === '\r\n');
    scheduler.advance(4_999);
    expect(node.transports.debugView().connections).toBe(1);
    scheduler.advance(1);
    await peer.closed();
    expect(node.recorder.failed[0]!.error.code).toBe('transport.silent');
  });

  it('closes a connection whose message trickles in too slowly, and leaves a lone CRLF alone', async () => {
    const scheduler = new VirtualTime();
    const node = await startNode(['tcp://127.0.0.1:0'], { scheduler, limits: { messageMs: 10_000 } });
    const peer = await tcpPeer(node.at('tcp').port);
    peer.socket.write(Buffer.concat([options('ok'), Buffer.from('\r\n')]));
    await node.recorder.messages(1);
    await new Promise((resolve) => setTimeout(resolve, 30));
    scheduler.advance(20_000);
    expect(node.transports.debugView().connections).toBe(1);
    peer.socket.write(Buffer.concat([options('also'), options('slow').subarray(0, 60)]));
    await node.recorder.messages(2);
    await new Promise((resolve) => setTimeout(resolve, 30));
    scheduler.advance(9_999);
    peer.socket.write('x');
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(node.recorder.failed).toEqual([]);
    scheduler.advance(1);
    expect(node.recorder.failed[0]!.error.code).toBe('transport.slow');
    await peer.closed();
  });

  it('closes an idle connection; sending and receiving keep it', async () => {
    const scheduler = new VirtualTime();
    const node = await startNode(['tcp://127.0.0.1:0'], { scheduler, limits: { idleMs: 60_000 } });
    const peer = await tcpPeer(node.at('tcp').port);
    peer.socket.write(options('one'));
    const [{ flow } = expect.fail()] = await node.recorder.messages(1);
    scheduler.advance(50_000);
    flow.send(options('out'));
    scheduler.advance(50_000);
    expect(flow.closed).toBe(false);
    scheduler.advance(10_000);
    expect(flow.closed).toBe(true);
    expect(node.recorder.failed[0]).toMatchObject({ flow, error: { code: 'transport.idle' } });
    expect(scheduler.pending).toBe(0);
  });

  it('keeps an idle connection that a dialog lives on, until it is over', async () => {
    const scheduler = new VirtualTime();
    const node = await startNode(['tcp://127.0.0.1:0'], { scheduler, limits: { idleMs: 60_000 } });
    const peer = await tcpPeer(node.at('tcp').port);
    peer.socket.write(options('one'));
    const [{ flow } = expect.fail()] = await node.recorder.messages(1);
    node.recorder.inUse = (asked) => asked === flow;
    scheduler.advance(600_000);
    expect(flow.closed).toBe(false);
    node.recorder.inUse = () => false;
    scheduler.advance(60_000);
    expect(flow.closed).toBe(true);
  });

  it('closes a connection whose peer does not read', async () => {
    const node = await startNode(['tcp://127.0.0.1:0'], { limits: { writeQueueBytes: 256 * 1024 } });
    const peer = await tcpPeer(node.at('tcp').port);
    peer.socket.pause();
    peer.socket.write(options('ask'));
    const [{ flow } = expect.fail()] = await node.recorder.messages(1);
    for (let sent = 0; sent < 400 && !flow.closed; sent++) {
      flow.send(options('much', 60_000));
      if (sent % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await node.recorder.failures(1);
    expect(node.recorder.failed[0]).toMatchObject({ flow, error: { code: 'transport.overflow' } });
  });

  it('lets few answers wait for a peer that pings and does not read', () => {
    const counters = new Counters();
    const scheduler = new VirtualTime();
    const guard = new SourceGuard({ admits: () => 'allow', scheduler, counters });
    const receiver = new GuardedReceiver(new Recorder(), silentLogger, counters);
    const limits = DEFAULT_TRANSPORT_LIMITS;
    const context = {
      limits,
      guard,
      receiver,
      scheduler,
      logger: silentLogger,
      counters,
      connections: new Set<never>(),
    };
    const socket = new DeafSocket();
    const flow = new StreamFlow(socket as unknown as Socket, 'tcp', true, undefined, context);
    socket.emit('data', Buffer.from('\r\n\r\n'.repeat(10_000)));
    expect(counters.get('sip_keepalives', 'tcp')).toBe(10_000);
    expect(socket.writableLength).toBe(64 * 2);
    flow.close();
  });

  it('tells a reset, once, and a send after it', async () => {
    const node = await startNode(['tcp://127.0.0.1:0']);
    const peer = await tcpPeer(node.at('tcp').port);
    peer.socket.write(options('one'));
    const [{ flow } = expect.fail()] = await node.recorder.messages(1);
    peer.socket.resetAndDestroy();
    await node.recorder.failures(1);
    expect(node.recorder.failed[0]).toMatchObject({ flow, error: { code: 'transport.reset', origin: 'remote' } });
    flow.send(options('late'));
    expect(node.recorder.failed).toHaveLength(1);
    await node.recorder.failures(2);
    expect(node.recorder.failed[1]!.error.code).toBe('transport.closed');
  });

  it('writes what is queued before close takes effect, and tells nobody', async () => {
    const node = await startNode(['tcp://127.0.0.1:0']);
    node.recorder.onMessage = (_bytes, flow) => {
      flow.send(options('last', 50_000));
      flow.close();
    };
    const peer = await tcpPeer(node.at('tcp').port);
    peer.socket.write(options('one'));
    await peer.closed();
    expect(peer.text()).toBe(options('last', 50_000).toString());
    expect(node.recorder.failed).toEqual([]);
  });
});

describe('TCP, connecting', () => {
  it('opens one connection for requests to one target, also while it is being opened', async () => {
    const node = await startNode(['tcp://127.0.0.1:0']);
    const server = await tcpServer();
    const target = { transport: 'tcp', address: '127.0.0.1', port: server.port } as const;
    const [one, two] = await Promise.all([node.open(target), node.open(target)]);
    expect(two).toBe(one);
    expect(await node.open(target)).toBe(one);
    expect(one).toMatchObject({ inbound: false, remote: { address: '127.0.0.1', port: server.port } });
    one!.send(options('out'));
    await node.recorder.until(() => server.sockets.length > 0, 'the connection');
    const peer = peerOf(server.sockets[0]!);
    await peer.until((text) => text.includes('Call-ID: out'));
    server.sockets[0]!.write(options('back'));
    const [{ flow } = expect.fail()] = await node.recorder.messages(1);
    expect(flow).toBe(one);
    expect(server.sockets).toHaveLength(1);
  });

  it('opens a new connection when the old one is closed', async () => {
    const node = await startNode(['tcp://127.0.0.1:0']);
    const server = await tcpServer();
    const target = { transport: 'tcp', address: '127.0.0.1', port: server.port } as const;
    const old = await node.open(target);
    await node.recorder.until(() => server.sockets.length === 1, 'the connection');
    server.sockets[0]!.end();
    await node.recorder.failures(1);
    expect(node.recorder.failed[0]).toMatchObject({ flow: old, error: { code: 'transport.closed' } });
    const fresh = await node.open(target);
    expect(fresh).not.toBe(old);
    expect(fresh.closed).toBe(false);
  });

  it('never takes a connection a peer opened for a request of its own', async () => {
    const node = await startNode(['tcp://127.0.0.1:0']);
    const peer = await tcpPeer(node.at('tcp').port);
    peer.socket.write(options('in'));
    const [{ flow } = expect.fail()] = await node.recorder.messages(1);
    const opening = node.open({ transport: 'tcp', address: flow.remote.address, port: flow.remote.port });
    await expect(opening).rejects.toMatchObject({ code: 'transport.refused' });
  });

  it('says refused, timeout and unavailable', async () => {
    const scheduler = new VirtualTime();
    const node = await startNode(['tcp://127.0.0.1:0'], { scheduler });
    const gone = await tcpServer();
    gone.close();
    await expect(node.open({ transport: 'tcp', address: '127.0.0.1', port: gone.port })).rejects.toMatchObject({
      code: 'transport.refused',
    });
    await expect(node.open({ transport: 'udp', address: '127.0.0.1', port: 5060 })).rejects.toMatchObject({
      code: 'transport.unavailable',
    });
    await expect(node.open({ transport: 'tcp', address: '::1', port: 5060 })).rejects.toMatchObject({
      code: 'transport.unavailable',
    });
    await expect(node.open({ transport: 'tcp', address: '127.0.0.1', port: 70_000 })).rejects.toMatchObject({
      code: 'transport.unavailable',
    });
    const server = await tcpServer();
    const waiting = node.open({ transport: 'tcp', address: '127.0.0.1', port: server.port }, 2000);
    scheduler.advance(2000);
    await expect(waiting).rejects.toMatchObject({ code: 'transport.timeout' });
    expect(node.counters.get('sip_connect_failures', 'timeout')).toBe(1);
    expect(node.transports.debugView().outgoingConnections).toBe(0);
  });

  it('gives each waiter its own patience', async () => {
    const scheduler = new VirtualTime();
    const node = await startNode(['tcp://127.0.0.1:0'], { scheduler });
    const server = await tcpServer();
    const target = { transport: 'tcp', address: '127.0.0.1', port: server.port } as const;
    const hasty = node.open(target, 100);
    const patient = node.open(target, 5000);
    scheduler.advance(100);
    await expect(hasty).rejects.toMatchObject({ code: 'transport.timeout' });
    expect((await patient).closed).toBe(false);
  });
});

describe('starting and stopping', () => {
  it('binds all or nothing', async () => {
    const node = await startNode(['tcp://127.0.0.1:0']);
    const taken = `tcp://127.0.0.1:${node.at('tcp').port}`;
    await expect(startNode(['udp://127.0.0.1:0', taken])).rejects.toMatchObject({ code: 'transport.bind' });
  });

  it('writes what is queued to open connections before it stops', async () => {
    const node = await startNode(['tcp://127.0.0.1:0']);
    const peer = await tcpPeer(node.at('tcp').port);
    peer.socket.write(options('one'));
    const [{ flow } = expect.fail()] = await node.recorder.messages(1);
    flow.send(options('bye', 60_000));
    await stopAll();
    await peer.closed();
    expect(peer.text()).toBe(options('bye', 60_000).toString());
    expect(node.recorder.failed).toEqual([]);
  });
});

/** A socket whose peer takes nothing of what is written. */
class DeafSocket extends Duplex {
  readonly remoteAddress = '192.0.2.1';
  readonly remotePort = 5060;
  override _read(): void {}
  override _write(): void {}
  setNoDelay(): void {}
  setKeepAlive(): void {}
}
