import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/**
 * Free ports for tests, from below the range the kernel hands out by itself. Each is free for UDP and TCP on every
 * local address when given, and is given once per process; a random start keeps processes side by side apart.
 */

const LOW = 18_000;
const HIGH = 32_000;
let next = LOW + 2 * Math.floor((Math.random() * (HIGH - LOW)) / 2);

/** `count` neighbouring free ports, the first one even. */
export async function freePorts(count = 1): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    if (next + count > HIGH) next = LOW;
    const first = next;
    next += count + (count % 2);
    if (await allFree(first, count)) return first;
  }
  throw new Error(`no ${count} neighbouring free ports between ${LOW} and ${HIGH}`);
}

/** One free port. */
export const freePort = (): Promise<number> => freePorts(1);

async function allFree(first: number, count: number): Promise<boolean> {
  for (let port = first; port < first + count; port++) {
    if (!(await udpIsFree(port)) || !(await tcpIsFree(port))) return false;
  }
  return true;
}

/** Whether nothing holds the UDP port (`address` empty: on any address). */
export function udpIsFree(port: number, address = '0.0.0.0'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => {
      socket.close();
      resolve(false);
    });
    socket.bind({ port, address, exclusive: true }, () => socket.close(() => resolve(true)));
  });
}

/** Whether nothing listens on the TCP port. */
export function tcpIsFree(port: number, address = '0.0.0.0'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: address, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
