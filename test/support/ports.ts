import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
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
  const size = count + (count % 2);
  let first = take(size);
  for (let looked = 0; looked < HIGH - LOW; ) {
    const taken = await firstTaken(first, count);
    if (taken === undefined) return first;
    looked += taken + 1 - first;
    next = taken + 1 + ((taken + 1) % 2);
    first = take(size);
  }
  throw new Error(`no ${count} neighbouring free ports between ${LOW} and ${HIGH}`);
}

function take(size: number): number {
  if (next + size > HIGH) next = LOW;
  const first = next;
  next += size;
  return first;
}

/** One free port. */
export const freePort = (): Promise<number> => freePorts(1);

async function firstTaken(first: number, count: number): Promise<number | undefined> {
  for (let port = first; port < first + count; port++) {
    if (!(await udpIsFree(port)) || !(await tcpIsFree(port))) return port;
  }
  return undefined;
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

const LISTENS = '0A';

/** Whether a process holds the UDP port or listens on the TCP port; seen from outside, so that nobody is disturbed. */
export function isHeld(transport: 'udp' | 'tcp', port: number): boolean {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = ['', '6'].flatMap((version) => readFileSync(`/proc/net/${transport}${version}`, 'latin1').split('\n'));
  return rows.some((row) => {
    const [, address, , state] = row.trim().split(/\s+/);
    return address?.endsWith(local) && (transport === 'udp' || state === LISTENS);
  });
}
