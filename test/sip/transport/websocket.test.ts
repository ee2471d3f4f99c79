import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { VirtualTime } from '../../../src/core/index.js';
import { type Authority, hasOpenssl, makeCertificates, removeCertificates } from './certificates.js';
import { markOf, options, startNode, stopAll, tcpPeer } from './support.js';

const clients: { terminate(): void }[] = [];
let ours: Authority;
beforeAll(() => {
  if (hasOpenssl) ours = makeCertificates('trunk.example');
}, 30_000);
afterAll(removeCertificates);
afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate();
  await stopAll();
});

async function browser(url: string, protocols: string[] = ['sip'], more: object = {}): Promise<WebSocket> {
  const client = new WebSocket(url, protocols, more);
  clients.push(client);
  client.on('error', () => {});
  await once(client, 'open');
  return client;
}

const nextMessage = async (client: WebSocket): Promise<{ text: string; binary: boolean }> => {
  const [data, binary] = (await once(client, 'message')) as [Buffer, boolean];
  return { text: data.toString('latin1'), binary };
};

const tlsOptions = () => ({ tls: { certificates: [{ certificate: ours.certificate, key: ours.key }], ca: ours.ca } });

describe('SIP over WebSocket (RFC 7118)', () => {
  it('takes a message in one frame, text or binary, and answers on the same connection', async () => {
    const node = await startNode(['ws://127.0.0.1:0']);
    node.recorder.onMessage = (_bytes, flow) => flow.send(options('answer'));
    const client = await browser(`ws://127.0.0.1:${node.at('ws').port}`, ['other', 'sip']);
    expect(client.protocol).toBe('sip');
    client.send(options('text').toString());
    expect(markOf(Buffer.from((await nextMessage(client)).text))).toBe('answer');
    client.send(options('binary'));
    expect((await nextMessage(client)).binary).toBe(false);
    expect(node.recorder.marks).toEqual(['text', 'binary']);
    expect(node.recorder.received[0]!.flow).toMatchObject({ transport: 'ws', reliable: true, inbound: true });
    expect(node.recorder.received[1]!.flow).toBe(node.recorder.received[0]!.flow);
  });

  it('sends what is not UTF-8 in a binary frame, which a browser takes', async () => {
    const node = await startNode(['ws://127.0.0.1:0']);
    const latin = Buffer.concat([options('x'), Buffer.of(0xe9)]);
    node.recorder.onMessage = (_bytes, flow) => flow.send(latin);
    const client = await browser(`ws://127.0.0.1:${node.at('ws').port}`);
    client.send(options('ask'));
    expect(await nextMessage(client)).toEqual({ text: latin.toString('latin1'), binary: true });
  });

  it('lets in the pages that are named, and whoever is no browser', async () => {
    const node = await startNode(['ws://127.0.0.1:0'], { webSocketOrigins: ['https://phone.example'] });
    const url = `ws://127.0.0.1:${node.at('ws').port}`;
    const from = (origin: string) => browser(url, ['sip'], { origin });
    await from('https://phone.example');
    await browser(url);
    for (const origin of ['https://evil.example', 'http://phone.example', 'https://phone.example:8443', 'null'])
      await expect(from(origin)).rejects.toThrow('403');
    expect(node.counters.get('sip_connections_refused', 'origin')).toBe(4);
    expect(node.transports.debugView().connections).toBe(2);
  });

  it('answers CRLFCRLF with CRLF', async () => {
    const node = await startNode(['ws://127.0.0.1:0']);
    const client = await browser(`ws://127.0.0.1:${node.at('ws').port}`);
    client.send('\r\n\r\n');
    expect((await nextMessage(client)).text).toBe('\r\n');
    expect(node.recorder.received).toEqual([]);
    expect(node.counters.get('sip_keepalives', 'ws')).toBe(1);
  });

  it('refuses other subprotocols, plain HTTP and connections that never upgrade', async () => {
    const scheduler = new VirtualTime();
    const node = await startNode(['ws://127.0.0.1:0'], { scheduler });
    const url = `ws://127.0.0.1:${node.at('ws').port}`;
    await expect(browser(url, ['xmpp'])).rejects.toThrow('400');
    await expect(browser(url, [])).rejects.toThrow('400');
    expect(node.counters.get('sip_connections_refused', 'subprotocol')).toBe(2);
    const [response] = await once(request(`http://127.0.0.1:${node.at('ws').port}/`).end(), 'response');
    expect(response.statusCode).toBe(426);
    response.resume();
    const silent = await tcpPeer(node.at('ws').port);
    silent.socket.write('GET / HTTP/1.1\r\n');
    await node.recorder.until(() => node.transports.debugView().acceptedSockets > 0, 'the socket');
    scheduler.advance(10_000);
    await silent.closed();
    await node.recorder.until(() => node.transports.debugView().acceptedSockets === 0, 'the sockets to go');
    expect(node.transports.debugView().connections).toBe(0);
  });

  it('closes on a message beyond the limit, and tells the flow failed', async () => {
    const node = await startNode(['ws://127.0.0.1:0']);
    const client = await browser(`ws://127.0.0.1:${node.at('ws').port}`);
    client.send(options('big', 100_000));
    const [code] = await once(client, 'close');
    expect(code).toBe(1009);
    await node.recorder.failures(1);
    expect(node.recorder.received).toEqual([]);
  });

  it('closes a connection whose peer does not answer pings, and keeps one that does', async () => {
    const scheduler = new VirtualTime();
    const node = await startNode(['ws://127.0.0.1:0'], {
      scheduler,
      limits: { webSocketPingMs: 30_000, firstMessageMs: 1e9 },
    });
    const url = `ws://127.0.0.1:${node.at('ws').port}`;
    const alive = await browser(url);
    await browser(url, ['sip'], { autoPong: false });
    await node.recorder.until(() => node.transports.debugView().connections === 2, 'both');
    for (let ping = 0; ping < 3; ping++) {
      const pinged = once(alive, 'ping');
      scheduler.advance(30_000);
      if (ping < 2) await pinged;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await node.recorder.failures(1);
    expect(node.transports.debugView().connections).toBe(1);
    expect(alive.readyState).toBe(WebSocket.OPEN);
  });

  it('tells a client that went away', async () => {
    const node = await startNode(['ws://127.0.0.1:0']);
    const client = await browser(`ws://127.0.0.1:${node.at('ws').port}`);
    client.send(options('one'));
    await node.recorder.messages(1);
    client.terminate();
    const [failure] = await node.recorder.failures(1);
    expect(failure!.flow).toBe(node.recorder.received[0]!.flow);
    expect(node.transports.debugView().connections).toBe(0);
  });

  it('connects as a client, once for each target', async () => {
    const node = await startNode(['ws://127.0.0.1:0']);
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'sip' });
    await once(server, 'listening');
    clients.push({ terminate: () => server.close() });
    server.on('connection', (ws) => {
      clients.push(ws);
      ws.on('message', (bytes) => ws.send(bytes));
    });
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const target = { transport: 'ws', address: '127.0.0.1', port } as const;
    const flow = await node.open(target);
    expect(await node.open(target)).toBe(flow);
    flow.send(options('out'));
    const [message] = await node.recorder.messages(1);
    expect(message!.flow).toBe(flow);
    expect(server.clients.size).toBe(1);
    await expect(node.open({ ...target, port: 1 })).rejects.toMatchObject({ code: 'transport.refused' });
    const deaf = await startNode(['tcp://127.0.0.1:0']);
    const opening = node.open({ ...target, port: deaf.at('tcp').port }, 100);
    await expect(opening).rejects.toMatchObject({ code: expect.stringMatching(/^transport\.(timeout|refused)$/) });
  });

  it.skipIf(!hasOpenssl)('works over TLS, both ways, and verifies the server', async () => {
    const node = await startNode(['wss://127.0.0.1:0'], tlsOptions());
    node.recorder.onMessage = (_bytes, flow) => flow.send(options('answer'));
    const { port } = node.at('wss');
    const client = await browser(`wss://127.0.0.1:${port}`, ['sip'], {
      ca: readFileSync(ours.ca),
      servername: 'abc.trunk.example',
    });
    client.send(options('secure').toString());
    expect(markOf(Buffer.from((await nextMessage(client)).text))).toBe('answer');
    expect(node.recorder.received[0]!.flow).toMatchObject({
      transport: 'wss',
      tls: { serverName: 'abc.trunk.example', peerNames: [] },
    });

    const caller = await startNode(['wss://127.0.0.1:0'], tlsOptions());
    const target = { transport: 'wss', address: '127.0.0.1', port } as const;
    const flow = await caller.open({ ...target, serverName: 'xyz.trunk.example' });
    expect(flow.tls!.peerNames).toContain('*.trunk.example');
    flow.send(options('caller'));
    const [answer] = await caller.recorder.messages(1);
    expect(markOf(answer!.bytes)).toBe('answer');
    await expect(caller.open({ ...target, serverName: 'www.other.example' })).rejects.toMatchObject({
      code: 'transport.tls',
    });
  });
});
