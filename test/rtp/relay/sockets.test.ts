import { afterEach, describe, expect, it } from 'vitest';
import { udpBinding } from '../../../src/core/index.js';
import { type BoundSocket, bindDgramSocket, bindUdpSocket } from '../../../src/rtp/relay/sockets.js';

const open: BoundSocket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
});

/** A free port, above those that other tests take. */
let nextPort = 47_000 + (process.pid % 900) * 2;

describe.each([
  ['node:dgram', bindDgramSocket],
  ['the handle beneath it, where Node has it', bindUdpSocket],
])('sockets of %s', (_name, bind) => {
  async function bound(address: string) {
    const got: { text: string; address: string; port: number }[] = [];
    const port = nextPort++;
    const socket = await bind(address, port, {
      receive: (datagram, from, fromPort) => got.push({ text: String(datagram), address: from, port: fromPort }),
    });
    open.push(socket);
    return { socket, port, got };
  }

  it.each(['127.0.0.1', '::1'])('carry datagrams both ways and tell who sent them, on %s', async (address) => {
    const [one, other] = [await bound(address), await bound(address)];
    one.socket.send(Buffer.from('there'), other.port, address);
    other.socket.send(Buffer.from('and back'), one.port, address);
    one.socket.send(Buffer.alloc(0), other.port, address);
    await expect.poll(() => other.got.length).toBe(2);
    expect(other.got[0]).toEqual({ text: 'there', address, port: one.port });
    expect(other.got[1]!.text).toBe('');
    await expect.poll(() => one.got).toEqual([{ text: 'and back', address, port: other.port }]);
  });

  it('do not bind a port that is taken, and leave it to whoever has it', async () => {
    const first = await bound('127.0.0.1');
    await expect(bind('127.0.0.1', first.port, { receive: () => {} })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    first.socket.send(Buffer.from('to itself'), first.port, '127.0.0.1');
    await expect.poll(() => first.got.length).toBe(1);
  });

  it('bind a port again that was closed', async () => {
    const first = await bound('127.0.0.1');
    open.splice(open.indexOf(first.socket), 1);
    first.socket.close();
    open.push(await bind('127.0.0.1', first.port, { receive: () => {} }));
  });

  it('outlive peers whose port is closed', async () => {
    const [one, other] = [await bound('127.0.0.1'), await bound('127.0.0.1')];
    for (let times = 0; times < 3; times++) one.socket.send(Buffer.from('nobody'), nextPort + 1, '127.0.0.1');
    one.socket.send(Buffer.from('somebody'), other.port, '127.0.0.1');
    await expect.poll(() => other.got.map(({ text }) => text)).toEqual(['somebody']);
  });
});

it('the handle is found in this version of Node', () => {
  expect(udpBinding()).toBeDefined();
});
