import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer as createPlainServer, type Server, type Socket } from 'node:net';
import { type ConnectionOptions, connect, createServer, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SipTransportsOptions } from '../../../src/sip/transport/index.js';
import { alternativeNames, namesOf } from '../../../src/sip/transport/tls-identity.js';
import { type Authority, hasOpenssl, makeCertificates, removeCertificates } from './certificates.js';
import { markOf, options, peerOf, startNode, stopAll, tcpPeer } from './support.js';

let ours: Authority;
let other: Authority;
const servers: Server[] = [];

beforeAll(() => {
  if (!hasOpenssl) return;
  ours = makeCertificates('trunk.example');
  other = makeCertificates('other.example', '--ip', '192.0.2.1');
}, 30_000);
afterAll(removeCertificates);
afterEach(async () => {
  await stopAll();
  for (const server of servers.splice(0)) server.close();
});

const tlsOptions = (authority: Authority, more: object = {}): Pick<SipTransportsOptions, 'tls'> => ({
  tls: { certificates: [{ certificate: authority.certificate, key: authority.key }], ca: authority.ca, ...more },
});

async function client(port: number, more: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({
    host: '127.0.0.1',
    port,
    ca: readFileSync(ours.ca),
    servername: 'abc.trunk.example',
    ...more,
  });
  await once(socket, 'secureConnect');
  return socket;
}

async function tlsServer(
  authority: Authority,
  more: object = {},
): Promise<{ port: number; names: (string | false)[] }> {
  const names: (string | false)[] = [];
  const server = createServer(
    { cert: readFileSync(authority.certificate), key: readFileSync(authority.key), ...more },
    (socket) => {
      names.push(socket.servername as string | false);
      socket.on('error', () => {});
      socket.on('data', (bytes: Buffer) => socket.write(bytes));
    },
  );
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, names };
}

/** Listens on TCP without TLS; gives the port. */
async function plainServer(accept: (socket: Socket) => void): Promise<number> {
  const server = createPlainServer(accept);
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

describe.skipIf(!hasOpenssl)('TLS, accepting', () => {
  it('takes SIP over 1.2 and 1.3 and tells the server name asked for', async () => {
    const node = await startNode(['tls://127.0.0.1:0'], tlsOptions(ours));
    node.recorder.onMessage = (_bytes, flow) => flow.send(options('answer'));
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await client(node.at('tls').port, { minVersion: version, maxVersion: version });
      socket.write(options(version));
      const peer = peerOf(socket);
      expect(markOf(Buffer.from(await peer.until((text) => text.length > 0)))).toBe('answer');
      expect(socket.getProtocol()).toBe(version);
      socket.destroy();
    }
    expect(node.recorder.marks).toEqual(['TLSv1.2', 'TLSv1.3']);
    expect(node.recorder.received[0]!.flow).toMatchObject({
      transport: 'tls',
      reliable: true,
      inbound: true,
      tls: { serverName: 'abc.trunk.example', peerNames: [] },
    });
    await node.recorder.until(() => node.transports.debugView().acceptedSockets === 0, 'the sockets to go');
  });

  it('refuses versions below the least', async () => {
    const node = await startNode(['tls://127.0.0.1:0'], tlsOptions(ours, { minVersion: 'TLSv1.3' }));
    await expect(client(node.at('tls').port, { maxVersion: 'TLSv1.2' })).rejects.toThrow();
    await node.recorder.until(() => node.counters.get('sip_tls_failures', 'in') === 1, 'the failure');
  });

  it('shows the certificate of the server name: exact, wildcard, else the first', async () => {
    const exact = makeCertificates('abc.trunk.example');
    const node = await startNode(['tls://127.0.0.1:0'], {
      tls: { certificates: [other, ours, exact].map(({ certificate, key }) => ({ certificate, key })) },
    });
    const shown = async (servername: string): Promise<string | undefined> => {
      const socket = await client(node.at('tls').port, { servername, rejectUnauthorized: false });
      const name = socket.getPeerCertificate().subject.CN;
      socket.destroy();
      return String(name);
    };
    expect(await shown('xyz.trunk.example')).toBe('trunk.example');
    expect(await shown('ABC.trunk.example')).toBe('abc.trunk.example');
    expect(await shown('www.other.example')).toBe('other.example');
    expect(await shown('unknown.example')).toBe('other.example');
    expect(node.transports.certificates().map(({ names }) => names[0])).toEqual([
      'other.example',
      'trunk.example',
      'abc.trunk.example',
    ]);
    expect(node.transports.certificates()[0]!.notAfterMs).toBeGreaterThan(Date.UTC(2025, 0, 1));
  });

  it.each<[mode: 'none' | 'request' | 'require', shows: 'none' | 'trusted' | 'foreign', names: string[] | 'refused']>([
    ['none', 'trusted', []],
    ['request', 'none', []],
    ['request', 'foreign', []],
    ['request', 'trusted', ['trunk.example', '*.trunk.example', 'sip:trunk.example']],
    ['require', 'none', 'refused'],
    ['require', 'foreign', 'refused'],
    ['require', 'trusted', ['trunk.example', '*.trunk.example', 'sip:trunk.example']],
  ])('client certificate %s, the peer shows %s', async (clientCertificate, shows, names) => {
    const node = await startNode(['tls://127.0.0.1:0'], tlsOptions(ours, { clientCertificate }));
    const pair = { none: undefined, trusted: ours, foreign: other }[shows];
    const credentials = pair && { cert: readFileSync(pair.certificate), key: readFileSync(pair.key) };
    const socket = await client(node.at('tls').port, { ...credentials, maxVersion: 'TLSv1.2' }).catch(() => undefined);
    if (names === 'refused') {
      expect(socket).toBeUndefined();
      await node.recorder.until(() => node.counters.get('sip_tls_failures', 'in') === 1, 'the failure');
      return;
    }
    socket!.write(options('hello'));
    const [message] = await node.recorder.messages(1);
    expect(message!.flow.tls!.peerNames).toEqual(names);
    socket!.destroy();
  });

  it('shows a reloaded certificate to new connections and keeps the open ones', async () => {
    const node = await startNode(['tls://127.0.0.1:0'], tlsOptions(ours));
    node.recorder.onMessage = (_bytes, flow) => flow.send(options('still here'));
    const old = await client(node.at('tls').port);
    const before = old.getPeerCertificate().serialNumber;
    const renewed = makeCertificates('trunk.example');
    copyFileSync(renewed.certificate, ours.certificate);
    copyFileSync(renewed.key, ours.key);
    node.transports.reloadTls();
    const fresh = await client(node.at('tls').port, { ca: readFileSync(renewed.ca) });
    expect(fresh.getPeerCertificate().serialNumber).not.toBe(before);
    const plain = await client(node.at('tls').port, {
      ca: readFileSync(renewed.ca),
      servername: '',
      checkServerIdentity: () => undefined,
    });
    expect(plain.getPeerCertificate().serialNumber).toBe(fresh.getPeerCertificate().serialNumber);
    old.write(options('old'));
    expect(await peerOf(old).until((text) => text.length > 0)).toContain('still here');

    writeFileSync(ours.certificate, 'not a certificate');
    expect(() => node.transports.reloadTls()).toThrow(expect.objectContaining({ code: 'config.tls' }));
    const unharmed = await client(node.at('tls').port, { ca: readFileSync(renewed.ca) });
    expect(unharmed.getPeerCertificate().serialNumber).toBe(fresh.getPeerCertificate().serialNumber);
    for (const socket of [old, fresh, plain, unharmed]) socket.destroy();
    ours = makeCertificates('trunk.example');
  });

  it('asks new peers for their certificates once a reload says so', async () => {
    const node = await startNode(['tls://127.0.0.1:0'], tlsOptions(ours));
    const anybody = await client(node.at('tls').port, { maxVersion: 'TLSv1.2' });
    node.transports.reloadTls(tlsOptions(ours, { clientCertificate: 'require' }).tls);
    const stranger = await client(node.at('tls').port, { maxVersion: 'TLSv1.2' }).catch(() => undefined);
    expect(stranger).toBeUndefined();
    const credentials = { cert: readFileSync(ours.certificate), key: readFileSync(ours.key) };
    const known = await client(node.at('tls').port, { ...credentials, maxVersion: 'TLSv1.2' });
    expect(anybody.destroyed).toBe(false);
    for (const socket of [anybody, known]) socket.destroy();
  });

  it('does not wait for a handshake for ever, nor fall over bytes that are none', async () => {
    const node = await startNode(['tls://127.0.0.1:0'], { ...tlsOptions(ours), limits: { handshakeMs: 100 } });
    const silent = await tcpPeer(node.at('tls').port);
    const babbling = await tcpPeer(node.at('tls').port);
    babbling.socket.write(options('clear text'));
    await Promise.all([silent.closed(), babbling.closed()]);
    expect(node.counters.get('sip_tls_failures', 'in')).toBe(2);
    await node.recorder.until(() => node.transports.debugView().acceptedSockets === 0, 'the sockets to go');
  });

  it('counts its connections under the cap of their source', async () => {
    const node = await startNode(['tls://127.0.0.1:0'], { ...tlsOptions(ours), limits: { connectionsPerSource: 1 } });
    const first = await client(node.at('tls').port);
    await expect(client(node.at('tls').port)).rejects.toThrow();
    first.destroy();
    await node.recorder.until(() => node.transports.debugView().acceptedSockets === 0, 'the first to leave');
    (await client(node.at('tls').port)).destroy();
  });

  it('does not start without a certificate, or with a broken one', async () => {
    await expect(startNode(['tls://127.0.0.1:0'])).rejects.toMatchObject({ code: 'config.tls' });
    const broken = { tls: { certificates: [{ certificate: ours.certificate, key: other.key }] } };
    await expect(startNode(['tls://127.0.0.1:0'], broken)).rejects.toMatchObject({ code: 'config.tls' });
  });
});

describe.skipIf(!hasOpenssl)('TLS, connecting', () => {
  it('verifies the name, wildcards included, and sends it as SNI', async () => {
    const node = await startNode(['tls://127.0.0.1:0'], tlsOptions(ours));
    const server = await tlsServer(ours);
    const target = { transport: 'tls', address: '127.0.0.1', port: server.port } as const;
    const flow = await node.open({ ...target, serverName: 'xyz.trunk.example' });
    expect(flow.tls!.peerNames).toContain('*.trunk.example');
    flow.send(options('echo'));
    const [message] = await node.recorder.messages(1);
    expect(message!.flow).toBe(flow);
    expect(server.names).toEqual(['xyz.trunk.example']);
    // A connection made for one name does not serve another.
    await expect(node.open({ ...target, serverName: 'www.other.example' })).rejects.toMatchObject({
      code: 'transport.tls',
    });
    await expect(node.open({ ...target, serverName: 'a.b.trunk.example' })).rejects.toMatchObject({
      code: 'transport.tls',
    });
    // Without a name the address must be in the certificate.
    expect((await node.open(target)).closed).toBe(false);
    await node.recorder.until(() => server.names.at(-1) === false, 'a handshake without a name');
  });

  it('refuses an authority that is not ours, an address not in the certificate, a peer that hangs up', async () => {
    const node = await startNode(['tls://127.0.0.1:0'], tlsOptions(ours));
    const foreign = await tlsServer(other);
    const target = { transport: 'tls', address: '127.0.0.1' } as const;
    await expect(node.open({ ...target, port: foreign.port, serverName: 'a.other.example' })).rejects.toMatchObject({
      code: 'transport.tls',
    });
    await stopAll();
    const trusting = await startNode(['tls://127.0.0.1:0'], tlsOptions(ours, { ca: other.ca }));
    await expect(trusting.open({ ...target, port: foreign.port })).rejects.toMatchObject({ code: 'transport.tls' });
    await expect(trusting.open({ ...target, port: 1 })).rejects.toMatchObject({ code: 'transport.refused' });
    const clear = await plainServer((socket) => socket.end('SIP/2.0 400 Bad Request\r\n\r\n'));
    await expect(trusting.open({ ...target, port: clear })).rejects.toMatchObject({
      code: 'transport.tls',
    });
    expect(trusting.counters.get('sip_connect_failures', 'tls')).toBe(2);
  });

  it('shows its own certificate where one is asked for', async () => {
    const node = await startNode(['tls://127.0.0.1:0'], tlsOptions(ours));
    const peer = await startNode(['tls://127.0.0.1:0'], tlsOptions(ours, { clientCertificate: 'require' }));
    const target = {
      transport: 'tls',
      address: '127.0.0.1',
      port: peer.at('tls').port,
      serverName: 'trunk.example',
    } as const;
    (await node.open(target)).send(options('mutual'));
    const [message] = await peer.recorder.messages(1);
    expect(message!.flow.tls).toMatchObject({
      serverName: 'trunk.example',
      peerNames: expect.arrayContaining(['trunk.example']),
    });
  });

  it('gives up a handshake that the peer never answers', async () => {
    const node = await startNode(['tls://127.0.0.1:0'], tlsOptions(ours));
    const port = await plainServer(() => {});
    const opening = node.open({ transport: 'tls', address: '127.0.0.1', port }, 150);
    await expect(opening).rejects.toMatchObject({ code: 'transport.timeout' });
  });
});

describe('names in certificates', () => {
  it('reads alternative names, quoted ones as what they say', () => {
    const text =
      'DNS:a.example, URI:sip:b.example, IP Address:192.0.2.1, DNS:"evil, DNS:good.example", othername:<unsupported>';
    expect(alternativeNames(text)).toEqual([
      { kind: 'DNS', value: 'a.example' },
      { kind: 'URI', value: 'sip:b.example' },
      { kind: 'IP Address', value: '192.0.2.1' },
      { kind: 'DNS', value: 'evil, DNS:good.example' },
      { kind: 'othername', value: '<unsupported>' },
    ]);
    expect(alternativeNames(undefined)).toEqual([]);
  });

  it('takes the common name only without alternative names', () => {
    const subject = { CN: 'common.example' } as never;
    expect(namesOf({ subject })).toEqual(['common.example']);
    expect(namesOf({ subject, subjectaltname: 'IP Address:192.0.2.1' })).toEqual([]);
    expect(namesOf({ subject, subjectaltname: 'DNS:a.example, URI:sip:a.example' })).toEqual([
      'a.example',
      'sip:a.example',
    ]);
  });
});
