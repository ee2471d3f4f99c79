import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { systemScheduler } from '../../../src/core/index.js';
import { QueueProbe } from '../../../src/sip/transport/queue-probe.js';

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('queue probe', () => {
  it('times its own datagrams and leaves those of others alone', async () => {
    const listener = createSocket('udp4');
    listener.bind(0, '127.0.0.1');
    await once(listener, 'listening');
    const probe = new QueueProbe({ address: '127.0.0.1', port: listener.address().port }, systemScheduler);
    let taken = 0;
    let foreign = 0;
    listener.on('message', (bytes, { address, port }) => {
      if (probe.taken(bytes, '192.0.2.1', port)) foreign++;
      if (probe.taken(bytes, address, port)) taken++;
    });
    await probe.start();
    await wait(350);
    expect(taken).toBeGreaterThan(0);
    expect(foreign).toBe(0);
    expect(probe.delayMs).toBeLessThan(100);
    expect(probe.taken(Buffer.from('\0q\0\0', 'latin1'), '127.0.0.1', 9)).toBe(false);
    probe.stop();
    listener.close();
  });

  it('counts a datagram that never comes as late as it is', async () => {
    const listener = createSocket('udp4');
    listener.bind(0, '127.0.0.1');
    await once(listener, 'listening');
    const probe = new QueueProbe({ address: '127.0.0.1', port: listener.address().port }, systemScheduler);
    await probe.start();
    await wait(450);
    expect(probe.delayMs).toBeGreaterThan(200);
    probe.stop();
    listener.close();
  });
});
