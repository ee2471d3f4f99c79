import { execFileSync } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { datagramStream, HandleSocket, udpBinding } from '../../src/core/index.js';

const ADDRESS = '127.0.0.1';

async function peer(port = 0): Promise<dgram.Socket & { got: string[] }> {
  const socket = Object.assign(dgram.createSocket('udp4'), { got: [] as string[] });
  socket.on('message', (datagram) => socket.got.push(String(datagram)));
  socket.bind(port, ADDRESS);
  await once(socket, 'listening');
  return socket;
}

/** A socket connected to a peer, as a stream reads it: what came, and how to end it. */
function connected(to: dgram.Socket) {
  const first = new HandleSocket(udpBinding()!, ADDRESS, 0, { receive: () => {} });
  const handle = first.join(ADDRESS, to.address().port)!;
  const stream = datagramStream(handle.fd)!;
  const got: string[] = [];
  expect(stream.start({ onDatagram: (datagram) => got.push(String(datagram)) })).toBe(true);
  const close = (): void => {
    stream.stop(() => handle.close());
    first.close();
  };
  return { stream, descriptor: handle.fd, port: first.port, got, close };
}

describe.skipIf(process.platform !== 'linux')('a stream on a connected UDP socket', () => {
  it('gives each datagram by itself, and sends each as one', async () => {
    const far = await peer();
    onTestFinished(() => void far.close());
    const { stream, port, got, close } = connected(far);
    onTestFinished(close);
    for (const text of ['one', 'two', 'x'.repeat(60_000)]) far.send(text, port, ADDRESS);
    await expect.poll(() => got.length).toBe(3);
    expect(got).toEqual(['one', 'two', 'x'.repeat(60_000)]);
    for (const text of ['three', 'four']) expect(stream.send(Buffer.from(text))).toBe(true);
    await expect.poll(() => far.got).toEqual(['three', 'four']);
  });

  it('takes an empty datagram as one, not as an end', async () => {
    const far = await peer();
    onTestFinished(() => void far.close());
    const { port, got, close } = connected(far);
    onTestFinished(close);
    for (const text of ['a', '', '', 'b', '', 'c']) far.send(text, port, ADDRESS);
    await expect.poll(() => got).toEqual(['a', '', '', 'b', '', 'c']);
  });

  it('outlives a peer whose port was closed', async () => {
    const far = await peer();
    const { stream, port, got, close } = connected(far);
    onTestFinished(close);
    const place = far.address().port;
    far.close();
    const results = [];
    for (let times = 0; times < 6; times++) {
      results.push(stream.send(Buffer.from('nobody')));
      await pause(5);
    }
    // The refusal that came back stands in the way of one send, or is read.
    expect(results).toContain(true);
    const back = await peer(place);
    onTestFinished(() => void back.close());
    back.send('here again', port, ADDRESS);
    await expect.poll(() => got).toEqual(['here again']);
    await pause(5);
    expect(stream.send(Buffer.from('good'))).toBe(true);
    await expect.poll(() => back.got).toEqual(['good']);
  });

  it('is there again for the next socket that gets its descriptor, and reads nothing of the old one', async () => {
    const [far, next] = [await peer(), await peer()];
    onTestFinished(() => void far.close());
    onTestFinished(() => void next.close());
    const before = connected(far);
    before.close();
    const after = connected(next);
    onTestFinished(after.close);
    expect([after.descriptor, after.stream]).toEqual([before.descriptor, before.stream]);
    next.send('to the new one', after.port, ADDRESS);
    far.send('too late', after.port, ADDRESS);
    await expect.poll(() => after.got).toEqual(['to the new one']);
    expect(before.got).toEqual([]);
  });

  it('keeps what waits, in order, and lets go of the descriptor when nothing does', async () => {
    // A pipe is full where a socket on loopback never is.
    const directory = mkdtempSync(join(tmpdir(), 'stream-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    execFileSync('mkfifo', [join(directory, 'pipe')]);
    const descriptor = openSync(join(directory, 'pipe'), constants.O_RDWR | constants.O_NONBLOCK);
    const stream = datagramStream(descriptor)!;
    // Opened, but not read: what is written would come back.
    stream.start({ onDatagram: () => {} });
    stream.stop(() => {});
    let sent = 0;
    const send = (): boolean | undefined => stream.send(Buffer.alloc(4096, ++sent));
    while (send()) expect(sent).toBeLessThan(1000);
    expect([send(), send()]).toEqual([false, false]);
    let idle = false;
    stream.stop(() => {
      idle = true;
    });
    await pause(20);
    expect(idle).toBe(false);
    const read: number[] = [];
    const room = Buffer.alloc(4096);
    while (read.length < sent) {
      expect(readSync(descriptor, room)).toBe(4096);
      read.push(room[0]!);
      await pause(1);
    }
    await expect.poll(() => idle).toBe(true);
    expect(read).toEqual(Array.from({ length: sent }, (_, at) => at + 1));
    closeSync(descriptor);
  });
});
