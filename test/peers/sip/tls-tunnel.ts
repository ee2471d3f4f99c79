import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer as createTcpServer, type Server, type Socket, connect as tcpConnect } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls';
import { scratchDirectory } from '../../support/scratch.js';

/**
 * SIPp as Debian builds it speaks no TLS. For calls over TLS it speaks TCP to one of these tunnels, which carry every
 * connection on over TLS, byte for byte:
 *
 *     SIPp caller ── TCP ──► tunnel ══ TLS ══► gateway ══ TLS ══► tunnel ── TCP ──► SIPp answerer
 */

export interface Certificates {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

/** Files of a fresh authority and a certificate for 127.0.0.1, made by `npm run certs`; gone with the process. */
export function makeCertificates(): Certificates {
  const directory = scratchDirectory(true);
  execFileSync(process.execPath, ['scripts/certs.mjs', '--out', join(directory, 'certs')]);
  const file = (name: string) => join(directory, 'certs', name);
  return { ca: file('ca.pem'), certificate: file('cert.pem'), key: file('key.pem') };
}

export interface Tunnel {
  close(): void;
}

/** Listens for TCP on `port` of loopback and goes on over TLS to `target`, which must show a certificate of the authority. */
export function tunnelIntoTls(port: number, target: number, { ca }: Certificates): Promise<Tunnel> {
  const authority = readFileSync(ca);
  const server = createTcpServer((near) =>
    joined(near, tlsConnect({ port: target, host: '127.0.0.1', ca: authority, servername: '' })),
  );
  return listening(server, port);
}

/** Listens for TLS on `port` of loopback and goes on over TCP to `target`. */
export function tunnelOutOfTls(port: number, target: number, { certificate, key }: Certificates): Promise<Tunnel> {
  const server = createTlsServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (near) =>
    joined(near, tcpConnect(target, '127.0.0.1')),
  );
  return listening(server, port);
}

function joined(near: Socket, far: Socket): void {
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    from.pipe(to);
    // One end gone, for whatever reason, ends the other.
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
  }
}

function listening(server: Server, port: number): Promise<Tunnel> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  const close = (): void => {
    server.close();
    for (const socket of open) socket.destroy();
  };
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve({ close }));
  });
}
