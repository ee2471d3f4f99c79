import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

const TRIES = 200;

/** `preferred`, or the next port above it that nothing holds on `address`, for UDP and TCP alike. */
export async function freePort(preferred: number, address: string): Promise<number> {
  for (let port = preferred; port < preferred + TRIES; port++) {
    if ((await udpIsFree(port, address)) && (await tcpIsFree(port, address))) return port;
  }
  throw new Error(`no free port from ${preferred} to ${preferred + TRIES} on ${address}`);
}

function udpIsFree(port: number, address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => socket.close(() => resolve(false)));
    socket.bind({ port, address, exclusive: true }, () => socket.close(() => resolve(true)));
  });
}

function tcpIsFree(port: number, address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: address, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
